/**
 * The data of one message as it comes in after DATA: dots unstuffed, CR LF made LF, up to the line with one dot.
 *
 * Only CR LF ends a line and only CR LF . CR LF ends a message (RFC 5321 2.3.8, 4.1.1.4). A CR or LF that stands
 * alone makes the message unacceptable, wherever it is: readers that disagree about line ends are how one message
 * is smuggled inside another. The whole of it is still read, so that the reply comes where the client waits for it.
 */

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;

export type DataFault = 'Bare linefeed (LF) not allowed' | 'Bare carriage return (CR) not allowed';
export type FaultPlace = 'header' | 'body' | 'header+body';

interface InspectedLine {
  readonly at: number;
  readonly stop: number;
  /** Ended by CR LF. */
  readonly isWhole: boolean;
  /** Bytes of the message before it. */
  readonly before: number;
}

/** Takes chunks and says where the message ended. */
export class MessageData {
  /** Bytes with LF line ends. */
  size = 0;
  isEnded = false;
  fault: DataFault | null = null;
  /** Bytes before the first character that makes it unacceptable. */
  #sizeBeforeFault = 0;
  #faultInHeader = false;
  #faultInBody = false;
  #isInHeader = true;
  /** The last bytes of an unfinished line are kept for the next chunk. */
  #rest: Buffer | null = null;
  readonly #emit: (bytes: Buffer) => void;
  /** A line longer than this goes on in pieces: only its line end could be mistaken, and that is looked at. */
  #isMidLine = false;

  constructor(emit: (bytes: Buffer) => void) {
    this.#emit = emit;
  }

  /** What sendmail has counted when it stops: all that has come, or what came before the fault. */
  get counted(): number {
    return this.fault === null ? this.size + (this.#rest?.length ?? 0) : this.#sizeBeforeFault;
  }

  get faultPlace(): FaultPlace {
    if (this.#faultInHeader && this.#faultInBody) return 'header+body';
    return this.#faultInHeader ? 'header' : 'body';
  }

  /** What comes after the message, once it has ended; undefined before. */
  take(chunk: Buffer): Buffer | undefined {
    const bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = null;
    const out = Buffer.allocUnsafe(bytes.length);
    let written = 0;
    let at = 0;
    while (at < bytes.length) {
      const end = bytes.indexOf(LF, at);
      if (end < 0) break;
      const isWhole = end > at && bytes[end - 1] === CR;
      const stop = isWhole ? end - 1 : end;
      if (isWhole && !this.#isMidLine && stop === at + 1 && bytes[at] === DOT) {
        this.isEnded = true;
        this.#flush(out, written);
        return bytes.subarray(end + 1);
      }
      this.#inspect(bytes, { at, stop, isWhole, before: this.size + written });
      const from = this.#isMidLine || bytes[at] !== DOT ? at : at + 1;
      written += bytes.copy(out, written, from, stop);
      out[written++] = LF;
      this.#isMidLine = !isWhole;
      at = end + 1;
    }
    if (at < bytes.length) written += this.#keep(bytes, at, out, written);
    this.#flush(out, written);
    return undefined;
  }

  /** An unfinished line waits; of a very long one all but the end goes on. */
  #keep(bytes: Buffer, at: number, out: Buffer, written: number): number {
    const length = bytes.length - at;
    if (length < 8192) {
      this.#rest = Buffer.from(bytes.subarray(at));
      return 0;
    }
    const stop = bytes.length - 1;
    this.#inspect(bytes, { at, stop, isWhole: true, before: this.size + written });
    const from = this.#isMidLine || bytes[at] !== DOT ? at : at + 1;
    this.#isMidLine = true;
    this.#rest = Buffer.from(bytes.subarray(stop));
    return bytes.copy(out, written, from, stop);
  }

  #inspect(bytes: Buffer, line: InspectedLine): void {
    const { at, stop, isWhole, before } = line;
    const cr = bytes.indexOf(CR, at);
    if (cr >= 0 && cr < stop) this.#note('Bare carriage return (CR) not allowed', before + cr - at);
    if (!isWhole) this.#note('Bare linefeed (LF) not allowed', before + stop - at);
    if (stop === at && !this.#isMidLine) this.#isInHeader = false;
  }

  #note(fault: DataFault, size: number): void {
    if (this.fault === null) this.#sizeBeforeFault = size;
    this.fault ??= fault;
    if (this.#isInHeader) this.#faultInHeader = true;
    else this.#faultInBody = true;
  }

  #flush(out: Buffer, written: number): void {
    if (written === 0) return;
    this.size += written;
    this.#emit(out.subarray(0, written));
  }
}
