/**
 * Syslog messages out of a TCP byte stream (RFC 6587): octet-counted (`57 <22>...`) and newline-framed,
 * told for each frame anew, so that both may alternate. NUL ends a newline frame as well.
 *
 * A count is one only if ` <` follows it; a line that begins with the digits of a date is a line.
 * Promise: any bytes in any pieces give the same frames, without an exception, and memory stays within
 * the limit of a line whatever arrives.
 */
import { HEAD_LENGTH } from './listener.ts';

export type StreamFrameKind = 'line' | 'overlong' | 'cut';

/**
 * Takes a frame whose bytes are good during the call only; `length` is that of the whole message.
 * False: no further frame now.
 */
export type TakeFrame = (kind: StreamFrameKind, bytes: Uint8Array, length: number) => boolean;

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const LESS = 0x3c;
const MOST_DIGITS = 9;
const SMALL_PART = 4096;

/** `nul`: where the next NUL of the chunk is, or -1. */
interface Step {
  readonly nul: number;
  readonly take: TakeFrame;
}

type State = 'between' | 'undecided' | 'line' | 'octets';

export class StreamFramer {
  readonly #maxLine: number;
  #state: State = 'between';
  /** Digits and a blank that may be a count; they are the beginning of a line otherwise. */
  readonly #held = Buffer.alloc(MOST_DIGITS + 1);
  #heldLength = 0;
  #part = Buffer.alloc(0);
  #kept = 0;
  /** Bytes of the frame so far, kept or not. */
  #length = 0;
  #lastByte = 0;
  #remaining = 0;
  #frames = 0;
  #goesOn = true;

  constructor(maxLine: number) {
    this.#maxLine = maxLine;
  }

  /** The number of the frame that was begun and has not ended, or 0. */
  get openFrame(): number {
    return this.#state === 'between' ? 0 : this.#frames;
  }

  /** Reads from `from` on; where it stopped: the end, or behind the frame after which `take` said no. */
  push(chunk: Buffer, from: number, take: TakeFrame): number {
    let at = from;
    let nul = chunk.indexOf(0, at);
    this.#goesOn = true;
    while (this.#goesOn && at < chunk.length) {
      if (nul >= 0 && nul < at) nul = chunk.indexOf(0, at);
      at = this.#step(chunk, at, { nul, take });
    }
    return at;
  }

  /** The connection has ended. */
  end(take: TakeFrame): void {
    if (this.#state === 'undecided') this.#beginLine();
    if (this.#state !== 'between' && this.#length > 0) {
      take('cut', this.#part.subarray(0, Math.min(this.#kept, HEAD_LENGTH)), this.#length);
    }
    this.#reset();
  }

  #step(chunk: Buffer, at: number, how: Step): number {
    switch (this.#state) {
      case 'between':
        return this.#begin(chunk, at);
      case 'undecided':
        return this.#decide(chunk, at);
      case 'line':
        return this.#readLine(chunk, at, how);
      case 'octets':
        return this.#readOctets(chunk, at, how.take);
    }
  }

  /** Ends of frames without a frame are skipped. */
  #begin(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length && isFrameEnd(chunk[at] ?? 0)) at += 1;
    if (at === chunk.length) return at;
    this.#frames += 1;
    this.#state = 'undecided';
    return at;
  }

  #decide(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      if (!this.#mayContinueCount(byte)) {
        if (byte === LESS && this.#held[this.#heldLength - 1] === SPACE) this.#beginOctets();
        else this.#beginLine();
        return at;
      }
      this.#held[this.#heldLength] = byte;
      this.#heldLength += 1;
    }
    return chunk.length;
  }

  #mayContinueCount(byte: number): boolean {
    const length = this.#heldLength;
    if (length > 0 && this.#held[length - 1] === SPACE) return false;
    if (byte === SPACE) return length > 0;
    const isDigit = byte >= 0x30 && byte <= 0x39;
    return isDigit && length < MOST_DIGITS && !(byte === 0x30 && length === 0);
  }

  #beginOctets(): void {
    this.#remaining = Number(this.#held.toString('latin1', 0, this.#heldLength - 1));
    this.#heldLength = 0;
    this.#state = 'octets';
  }

  #beginLine(): void {
    this.#state = 'line';
    const length = this.#heldLength;
    this.#heldLength = 0;
    if (length > 0) this.#keep(this.#held, 0, length);
  }

  #readLine(chunk: Buffer, from: number, how: Step): number {
    const lf = chunk.indexOf(LF, from);
    const { nul } = how;
    const end = nul >= 0 && (lf < 0 || nul < lf) ? nul : lf;
    if (end < 0) {
      this.#keep(chunk, from, chunk.length);
      return chunk.length;
    }
    if (this.#length === 0) this.#finish(chunk.subarray(from, end), end - from, how.take);
    else {
      this.#keep(chunk, from, end);
      this.#finish(this.#part.subarray(0, this.#kept), this.#length, how.take);
    }
    return end + 1;
  }

  #readOctets(chunk: Buffer, from: number, take: TakeFrame): number {
    const end = Math.min(from + this.#remaining, chunk.length);
    const isWhole = end - from === this.#remaining;
    this.#remaining -= end - from;
    if (isWhole && this.#length === 0) this.#finish(chunk.subarray(from, end), end - from, take);
    else {
      this.#keep(chunk, from, end);
      if (isWhole) this.#finish(this.#part.subarray(0, this.#kept), this.#length, take);
    }
    return end;
  }

  /** Keeps all of a line that may still be short enough, and the head of one that is not. */
  #keep(chunk: Buffer, from: number, to: number): void {
    if (to === from) return;
    this.#length += to - from;
    this.#lastByte = chunk[to - 1] ?? 0;
    // One byte more than the limit: it may be the CR of a line end.
    const most = this.#length > this.#maxLine + 1 ? HEAD_LENGTH : this.#maxLine + 1;
    const wanted = Math.min(this.#kept + to - from, most);
    if (wanted > this.#kept) {
      this.#makeRoom(wanted);
      chunk.copy(this.#part, this.#kept, from, from + wanted - this.#kept);
    }
    this.#kept = wanted;
  }

  #makeRoom(size: number): void {
    if (this.#part.length >= size) return;
    const part = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.#part.length, 512));
    this.#part.copy(part, 0, 0, this.#kept);
    this.#part = part;
  }

  #finish(bytes: Buffer, length: number, take: TakeFrame): void {
    const last = this.#length === 0 ? bytes[bytes.length - 1] : this.#lastByte;
    const isLine = this.#state === 'line';
    const content = isLine && last === CR && length > 0 ? length - 1 : length;
    // Before `take`: it may throw, and the next frame is to be read all the same.
    const part = this.#part;
    this.#reset();
    if (content === 0) return;
    if (part.length > SMALL_PART) this.#part = Buffer.alloc(0);
    this.#goesOn =
      content > this.#maxLine
        ? take('overlong', bytes.subarray(0, HEAD_LENGTH), length)
        : take('line', bytes.subarray(0, content), length);
  }

  #reset(): void {
    this.#state = 'between';
    this.#length = 0;
    this.#kept = 0;
    this.#lastByte = 0;
    this.#remaining = 0;
    this.#heldLength = 0;
  }
}

function isFrameEnd(byte: number): boolean {
  return byte === LF || byte === CR || byte === 0;
}
