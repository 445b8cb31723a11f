/**
 * A stored message as it goes over the wire (RFC 5321, 4.5.2): lines end in CRLF, a dot at the head of a line is
 * doubled, and a line longer than the mailer allows is broken as sendmail's mailers with L=990 break it, with a
 * `!` at its end and a blank at the head of the rest.
 *
 * Promises: memory is one chunk; what goes out ends with a line end. A CR inside a line goes out as a blank: the
 * next host may take it for a line end, and then the message could end where its sender chose.
 */
import { createReadStream } from 'node:fs';

const CHUNK_SIZE = 64 * 1024;
const [LF, CR, DOT, BANG, BLANK] = [0x0a, 0x0d, 0x2e, 0x21, 0x20];

export interface WireOptions {
  /** Longest line without its end; 0: any. */
  readonly lineLimit: number;
}

export class WireEncoder {
  readonly #lineLimit: number;
  #column = 0;
  /** A byte that waits to see whether the line ends after it. */
  #held = -1;

  constructor({ lineLimit }: WireOptions) {
    this.#lineLimit = lineLimit;
  }

  encode(bytes: Buffer): Buffer {
    // At worst each byte is an LF or a dot, and breaks add four to each 990.
    const output = Buffer.allocUnsafe(bytes.length * 2 + Math.ceil(bytes.length / 200) * 4 + 16);
    let filled = 0;
    for (const byte of bytes) filled = this.#put(output, filled, byte);
    return output.subarray(0, filled);
  }

  /** What ends the last line, if it has no end. */
  end(): Buffer {
    const output = Buffer.allocUnsafe(16);
    const isOpen = this.#column > 0 || this.#held !== -1;
    return output.subarray(0, isOpen ? this.#put(output, 0, LF) : 0);
  }

  #put(output: Buffer, at: number, byte: number): number {
    let filled = at;
    if (this.#held !== -1) {
      if (byte !== LF) filled = this.#breakLine(output, filled);
      output[filled++] = this.#held;
      this.#column++;
      this.#held = -1;
    }
    if (byte === LF) {
      output[filled++] = CR;
      output[filled++] = LF;
      this.#column = 0;
      return filled;
    }
    const safe = byte === CR ? BLANK : byte;
    if (this.#lineLimit > 0 && this.#column >= this.#lineLimit - 1) {
      this.#held = safe;
      return filled;
    }
    if (this.#column === 0 && safe === DOT) output[filled++] = DOT;
    output[filled++] = safe;
    this.#column++;
    return filled;
  }

  #breakLine(output: Buffer, at: number): number {
    output[at] = BANG;
    output[at + 1] = CR;
    output[at + 2] = LF;
    output[at + 3] = BLANK;
    this.#column = 1;
    return at + 4;
  }
}

/** What goes wrong here is our own trouble, which passes, never the recipient's: EIO, whatever it was. */
export async function* messageChunks(path: string): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_SIZE })) {
      yield chunk as Buffer;
    }
  } catch (error) {
    throw Object.assign(new Error('the message cannot be read', { cause: error }), { code: 'EIO' });
  }
}

export async function* wireChunks(
  chunks: AsyncIterable<Buffer>,
  options: WireOptions,
): AsyncGenerator<Buffer> {
  const encoder = new WireEncoder(options);
  for await (const chunk of chunks) yield encoder.encode(chunk);
  yield encoder.end();
}

/** Whether any byte has its eighth bit set, and whether the header says that it is MIME. */
export async function surveyMessage(path: string): Promise<{ has8Bit: boolean; isMime: boolean }> {
  let has8Bit = false;
  let head = '';
  for await (const chunk of messageChunks(path)) {
    if (head.length < CHUNK_SIZE) head += chunk.toString('latin1');
    has8Bit ||= chunk.some((byte) => byte > 0x7f);
    if (has8Bit && head.length >= CHUNK_SIZE) break;
  }
  const [header = ''] = head.split('\n\n', 1);
  return { has8Bit, isMime: /^mime-version[ \t]*:/im.test(header) };
}
