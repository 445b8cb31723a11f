/**
 * RELP frames out of a byte stream: `TXNR SP COMMAND SP DATALEN [SP DATA] LF`, as librelp writes them (the
 * protocol is described in doc/relp.html of librelp).
 *
 * Promise: any bytes in any pieces give frames or one verdict that the stream is broken, never an exception;
 * memory stays within the limit of a message.
 */
import { HEAD_LENGTH } from './listener.ts';

export interface RelpFrame {
  readonly txnr: number;
  readonly command: string;
  /** Good during the call only; the head where the data is longer than the limit. */
  readonly data: Uint8Array;
  /** DATALEN. */
  readonly length: number;
}

/** False: no further frame now. */
export type TakeRelpFrame = (frame: RelpFrame) => boolean;

const LF = 0x0a;
const SPACE = 0x20;
const EMPTY = Buffer.alloc(0);
const LONGEST_HEADER = 9 + 1 + 32 + 1 + 9;
const HEADER = /^([1-9]\d{0,8}) ([A-Za-z0-9_-]{1,32}) (\d{1,9})$/;
/** DATALEN of no message in the world. */
export const ABSURD_LENGTH = 16 * 1024 * 1024;
const SMALL_PART = 4096;

export class RelpFramer {
  readonly #maxData: number;
  readonly #header = Buffer.alloc(LONGEST_HEADER);
  #headerLength = 0;
  /** The header is read; the data is not. */
  #inData = false;
  #isBroken = false;
  #txnr = 0;
  #command = '';
  #length = 0;
  /** How much of the data is kept. */
  #kept = 0;
  #read = 0;
  #part: Buffer = EMPTY;
  #frames = 0;
  #goesOn = true;

  constructor(maxData: number) {
    this.#maxData = maxData;
  }

  /** The number of the frame that was begun and has not ended, or 0. */
  get openFrame(): number {
    return this.#inData || this.#headerLength > 0 ? this.#frames + 1 : 0;
  }

  /** What came was no RELP; nothing more is read. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Reads from `from` on; where it stopped: the end, or behind the frame after which `take` said no. */
  push(chunk: Buffer, from: number, take: TakeRelpFrame): number {
    if (this.#isBroken) return chunk.length;
    let at = from;
    this.#goesOn = true;
    while (this.#goesOn && at < chunk.length) {
      at = this.#inData ? this.#readFrame(chunk, at, take) : this.#readHeader(chunk, at);
      if (this.#isBroken) return chunk.length;
    }
    return at;
  }

  /** The data, as far as it is there, and the LF behind it. */
  #readFrame(chunk: Buffer, from: number, take: TakeRelpFrame): number {
    const whole = this.#read === 0 ? this.#wholeData(chunk, from) : undefined;
    const at = whole === undefined ? this.#readData(chunk, from) : from + this.#length;
    if (this.#read < this.#length || at === chunk.length) return at;
    if (chunk[at] === LF) this.#finish(whole ?? this.#part, take);
    else this.#isBroken = true;
    return at + 1;
  }

  /** Up to the blank before the data, or to the LF where there is none. */
  #readHeader(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      if (byte === LF || (byte === SPACE && this.#countSpaces() === 2)) {
        this.#beginData(byte);
        // The LF ends the frame and is read there.
        return byte === LF ? at : at + 1;
      }
      if (this.#headerLength === LONGEST_HEADER) {
        this.#isBroken = true;
        return at;
      }
      this.#header[this.#headerLength] = byte;
      this.#headerLength += 1;
    }
    return chunk.length;
  }

  #countSpaces(): number {
    let count = 0;
    for (let at = 0; at < this.#headerLength; at += 1) if (this.#header[at] === SPACE) count += 1;
    return count;
  }

  #beginData(end: number): void {
    const [, txnr, command = '', length] =
      HEADER.exec(this.#header.toString('latin1', 0, this.#headerLength)) ?? [];
    this.#txnr = Number(txnr);
    this.#command = command;
    this.#length = Number(length);
    this.#kept = this.#length > this.#maxData ? Math.min(HEAD_LENGTH, this.#length) : this.#length;
    this.#headerLength = 0;
    this.#read = 0;
    this.#inData = true;
    const isFit = txnr !== undefined && this.#length <= ABSURD_LENGTH;
    // Without data there is no blank behind the length, though some write one.
    this.#isBroken = !isFit || (end === LF && this.#length > 0);
  }

  /** The data where it lies, if all of it and the LF are in the chunk. */
  #wholeData(chunk: Buffer, at: number): Buffer | undefined {
    if (chunk.length - at <= this.#length) return undefined;
    this.#read = this.#length;
    return chunk.subarray(at, at + this.#kept);
  }

  #readData(chunk: Buffer, from: number): number {
    const to = Math.min(from + this.#length - this.#read, chunk.length);
    const wanted = Math.min(to - from, this.#kept - this.#read);
    if (wanted > 0) {
      this.#makeRoom(this.#read + wanted);
      chunk.copy(this.#part, this.#read, from, from + wanted);
    }
    this.#read += to - from;
    return to;
  }

  /** Grows with what has come, not with what was announced. */
  #makeRoom(size: number): void {
    if (this.#part.length >= size) return;
    const part = Buffer.allocUnsafeSlow(
      Math.min(this.#kept, Math.max(size, 2 * this.#part.length, 512)),
    );
    this.#part.copy(part);
    this.#part = part;
  }

  #finish(bytes: Buffer, take: TakeRelpFrame): void {
    const data = bytes.subarray(0, this.#kept);
    const frame = { txnr: this.#txnr, command: this.#command, data, length: this.#length };
    this.#inData = false;
    this.#frames += 1;
    if (this.#part.length > SMALL_PART) this.#part = EMPTY;
    this.#goesOn = take(frame);
  }
}
