/**
 * Replies of an SMTP or LMTP server, read out of the bytes it sends (RFC 5321, 4.2).
 *
 * The server is a stranger. Promises, whatever it sends and however it is cut: a line that is no reply is
 * passed over, as sendmail does; a line is kept up to 2048 bytes and a reply up to 128 lines; bytes that never
 * come to a reply are counted, and beyond 256 kB the reader says that it had enough. Memory is bounded by that.
 */

/** As sendmail's MAXLINE: more of a line is not looked at. */
const LONGEST_LINE = 2048;
const MOST_LINES = 128;
const MOST_BYTES = 256 * 1024;
const LF = 0x0a;

export interface RemoteReply {
  readonly code: number;
  /** The first line as it came, without its line end. */
  readonly first: string;
  /** All lines without code and separator. */
  readonly lines: readonly string[];
}

export class ReplyReader {
  #line = '';
  #first = '';
  #lines: string[] = [];
  #bytes = 0;
  #isFlooded = false;

  /** More came than any reply has; nothing is read any more. */
  get isFlooded(): boolean {
    return this.#isFlooded;
  }

  /** Something of a reply has come that is not whole. */
  get hasRest(): boolean {
    return this.#line !== '' || this.#lines.length > 0;
  }

  /** The replies that are whole with these bytes. */
  read(bytes: Buffer): readonly RemoteReply[] {
    const replies: RemoteReply[] = [];
    for (let start = 0; start < bytes.length && !this.#isFlooded; ) {
      const end = bytes.indexOf(LF, start);
      const stop = end === -1 ? bytes.length : end;
      this.#take(bytes, start, stop);
      if (end !== -1) this.#endLine(replies);
      start = stop + 1;
    }
    return replies;
  }

  #take(bytes: Buffer, start: number, stop: number): void {
    this.#bytes += stop - start + 1;
    if (this.#bytes > MOST_BYTES) this.#isFlooded = true;
    const room = LONGEST_LINE - this.#line.length;
    if (room > 0) this.#line += bytes.toString('latin1', start, Math.min(stop, start + room));
  }

  #endLine(replies: RemoteReply[]): void {
    const line = withoutEnd(this.#line);
    this.#line = '';
    if (!/^[0-9]{3}(?:[ -]|$)/.test(line)) return;
    const code = Number(line.slice(0, 3));
    // Codes below 100 are remarks.
    if (code < 100) return;
    if (this.#lines.length === 0) this.#first = line;
    if (this.#lines.length < MOST_LINES) this.#lines.push(line.slice(4));
    if (line[3] === '-') return;
    replies.push({ code, first: this.#first, lines: this.#lines });
    this.#lines = [];
    this.#bytes = 0;
  }
}

/** A line ends at a NUL for every program written in C, the log's readers among them. */
function withoutEnd(line: string): string {
  const nul = line.indexOf('\0');
  const text = nul === -1 ? line : line.slice(0, nul);
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}

const ENHANCED = /^([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: +|$)/;

/** `5.1.1` at the head of a reply's text; empty where there is none. */
export function enhancedCode(text: string): string {
  return ENHANCED.exec(text)?.[1] ?? '';
}

/** The text after the code and, where the server announced such, the enhanced code. */
export function replyText(reply: RemoteReply, hasEnhancedCodes: boolean): string {
  const text = reply.first.slice(4);
  return hasEnhancedCodes ? text.replace(ENHANCED, '') : text;
}
