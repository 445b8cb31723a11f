/**
 * A MIME message made fit for a host that takes seven bits only (RFC 6152, 3; RFC 2045, 6): each body part with
 * 8-bit encoding becomes quoted-printable if it is text and base64 if not, inside multiparts and enclosed
 * messages too.
 *
 * Promises: headers and all other parts go through byte for byte but for the Content-Transfer-Encoding of what
 * was encoded; memory is a line and a part's header, both bounded. What cannot be done is told by throwing
 * CannotEncode before anything wrong goes out.
 */

export class CannotEncode extends Error {
  override readonly name = 'CannotEncode';
}

const LONGEST_LINE = 1024 * 1024;
const LONGEST_HEADER = 256 * 1024;
const DEEPEST = 20;
const QP_WIDTH = 75;
/** Bytes that make one full line of base64. */
const BASE64_BYTES = 57;

type BodyMode = 'as-is' | 'quoted-printable' | 'base64';

/** Lines in, lines out, both without their ends. */
export class SevenBitEncoder {
  readonly #boundaries: string[] = [];
  #header: string[] = [];
  #headerSize = 0;
  #isInHeader = true;
  #mode: BodyMode = 'as-is';
  #rest: Buffer = Buffer.alloc(0);
  /** A line end before a boundary belongs to the boundary, so it is encoded with the next line. */
  #isFirstLine = true;

  encode(line: string): readonly string[] {
    if (this.#isInHeader) return this.#headerLine(line);
    const depth = this.#boundaryDepth(line);
    if (depth !== -1) return [...this.flush(), ...this.#boundary(line, depth)];
    if (this.#mode === 'quoted-printable') return quotedPrintable(line);
    if (this.#mode === 'base64') return this.#base64(line);
    return [line];
  }

  /** At the end of a part or of the message. */
  flush(): readonly string[] {
    if (this.#isInHeader) {
      const lines = this.#header;
      this.#header = [];
      return lines;
    }
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return rest.length === 0 ? [] : [rest.toString('base64')];
  }

  #headerLine(line: string): readonly string[] {
    this.#headerSize += line.length;
    if (this.#headerSize > LONGEST_HEADER) throw new CannotEncode('a header is too long');
    if (line !== '') {
      this.#header.push(line);
      return [];
    }
    const lines = this.#header;
    this.#header = [];
    this.#headerSize = 0;
    return [...this.#enterBody(lines), ''];
  }

  #enterBody(lines: readonly string[]): readonly string[] {
    const type = fieldOf(lines, 'content-type').trim().toLowerCase() || 'text/plain';
    const encoding = fieldOf(lines, 'content-transfer-encoding').trim().toLowerCase();
    this.#isInHeader = type.startsWith('message/rfc822');
    this.#mode = 'as-is';
    this.#isFirstLine = true;
    if (this.#isInHeader) return encoding === '' ? lines : withEncoding(lines, '7bit');
    if (type.startsWith('multipart/')) {
      this.#push(boundaryOf(lines));
      return encoding === '' ? lines : withEncoding(lines, '7bit');
    }
    const isEncoded = encoding === 'quoted-printable' || encoding === 'base64';
    if (isEncoded || encoding === '7bit') return lines;
    this.#mode = type.startsWith('text/') ? 'quoted-printable' : 'base64';
    return withEncoding(lines, this.#mode);
  }

  #push(boundary: string): void {
    if (boundary === '') throw new CannotEncode('a multipart without boundary');
    if (this.#boundaries.length >= DEEPEST) throw new CannotEncode('too many parts in parts');
    this.#boundaries.push(boundary);
  }

  #boundaryDepth(line: string): number {
    if (!line.startsWith('--')) return -1;
    const text = line.trimEnd();
    return this.#boundaries.findLastIndex((one) => text === `--${one}` || text === `--${one}--`);
  }

  #boundary(line: string, depth: number): readonly string[] {
    const isLast = line.trimEnd() === `--${this.#boundaries[depth] ?? ''}--`;
    this.#boundaries.length = isLast ? depth : depth + 1;
    this.#isInHeader = !isLast;
    this.#mode = 'as-is';
    return [line];
  }

  #base64(line: string): readonly string[] {
    const text = this.#isFirstLine ? line : `\r\n${line}`;
    this.#isFirstLine = false;
    const bytes = Buffer.concat([this.#rest, Buffer.from(text, 'latin1')]);
    const whole = bytes.length - (bytes.length % BASE64_BYTES);
    this.#rest = bytes.subarray(whole);
    const lines: string[] = [];
    for (let at = 0; at < whole; at += BASE64_BYTES) {
      lines.push(bytes.subarray(at, at + BASE64_BYTES).toString('base64'));
    }
    return lines;
  }
}

/** Field values are unfolded. */
function fieldOf(lines: readonly string[], name: string): string {
  const at = lines.findIndex((line) => line.toLowerCase().startsWith(`${name}:`));
  if (at === -1) return '';
  const end = lines.findIndex((line, index) => index > at && !/^[ \t]/.test(line));
  return lines
    .slice(at, end === -1 ? undefined : end)
    .join(' ')
    .slice(name.length + 1);
}

function boundaryOf(lines: readonly string[]): string {
  const found = /;\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(
    fieldOf(lines, 'content-type'),
  );
  return found?.[1]?.replaceAll(/\\(.)/g, '$1') ?? found?.[2] ?? '';
}

function withEncoding(lines: readonly string[], encoding: string): readonly string[] {
  let isOld = false;
  const kept = lines.filter((line) => {
    if (!/^[ \t]/.test(line)) isOld = /^content-transfer-encoding:/i.test(line);
    return !isOld;
  });
  return [...kept, `Content-Transfer-Encoding: ${encoding}`];
}

/** Blanks at the end of a line are quoted; lines are broken at 75 characters with a soft line end. */
export function quotedPrintable(line: string): readonly string[] {
  const lines: string[] = [];
  let current = '';
  for (let at = 0; at < line.length; at++) {
    const code = line.charCodeAt(at);
    const isBlank = code === 0x20 || code === 0x09;
    const isPlain = isBlank ? at < line.length - 1 : code > 0x20 && code < 0x7f && code !== 0x3d;
    const token = isPlain
      ? line.charAt(at)
      : `=${code.toString(16).toUpperCase().padStart(2, '0')}`;
    if (current.length + token.length > QP_WIDTH) {
      lines.push(`${current}=`);
      current = '';
    }
    current += token;
  }
  return [...lines, current];
}

/** The whole message; a chunk in may be any piece of it. */
export async function* sevenBitChunks(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const encoder = new SevenBitEncoder();
  let rest = '';
  const output = (lines: readonly string[]) =>
    Buffer.from(lines.map((l) => `${l}\n`).join(''), 'latin1');
  for await (const chunk of chunks) {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LONGEST_LINE) throw new CannotEncode('a line is too long');
    yield output(lines.flatMap((line) => encoder.encode(line)));
  }
  yield output([...(rest === '' ? [] : encoder.encode(rest)), ...encoder.flush()]);
}
