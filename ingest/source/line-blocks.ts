/**
 * A stream of bytes as blocks of whole lines, for a parser that works on bytes.
 *
 * Promise: the bytes of all items in their order are the stream, nothing added and nothing lost (of an
 * overlong line, its place and its head). A block is valid until the next item is asked for. Memory is two
 * blocks, whatever the length of a line. The next block is read while the caller works on this one.
 */
import type { ByteReader } from './byte-reader.ts';

export type LineItem =
  /** Whole lines, each ending in LF; only the stream's very last line may lack it (`unterminated`). */
  | {
      readonly kind: 'lines';
      readonly bytes: Buffer;
      readonly offset: number;
      readonly unterminated: boolean;
    }
  /** One line longer than the limit; `length` counts its LF, `head` is how it begins. */
  | {
      readonly kind: 'overlong';
      readonly offset: number;
      readonly length: number;
      readonly head: Buffer;
      /** What is wrong with it, where that is not its length. */
      readonly why?: string;
    };

export type SourceItem =
  | LineItem
  /** What could not be read; always the last item. */
  | { readonly kind: 'error'; readonly offset: number; readonly message: string };

/** What the processor's cache holds along with the columns made of it: larger blocks are slower to parse. */
export const BLOCK_SIZE = 1024 * 1024;
export const MAX_LINE = 64 * 1024;
/** How much of an overlong line is kept: this or `maxLine`, whichever is less. */
export const HEAD_LENGTH = 4096;

const LF = 0x0a;

export interface LineBlockOptions {
  /** Position of the reader's first byte in the decompressed stream. */
  readonly offset?: number;
  /** Bytes asked for at a time. */
  readonly blockSize?: number;
  /** The longest line, without its LF, that is handed on whole. */
  readonly maxLine?: number;
  /** Asked once at the end, if a line without LF is left over: is it taken, or left for the next time? */
  readonly takeRest?: () => boolean | Promise<boolean>;
}

export async function* lineBlocks(
  reader: ByteReader,
  options: LineBlockOptions = {},
): AsyncGenerator<SourceItem> {
  const { offset = 0, blockSize = BLOCK_SIZE, maxLine = MAX_LINE } = options;
  const cutter = new LineCutter(offset, maxLine);
  // A rest of up to `maxLine` bytes moves along, so there is always room to read.
  let current = Buffer.allocUnsafeSlow(blockSize + maxLine + 1);
  let other = Buffer.allocUnsafeSlow(current.length);
  let pending = reader.readInto(current, 0);
  try {
    for (;;) {
      const count = await pending;
      if (count === 0) break;
      const items = cutter.cut(current.subarray(0, cutter.held + count));
      cutter.carryOver(other);
      // A live reader is not asked in advance: its answer may never come, and closing would wait for it.
      if (!reader.live) pending = reader.readInto(other, cutter.held);
      yield* items;
      if (reader.live) pending = reader.readInto(other, cutter.held);
      [current, other] = [other, current];
    }
    const rest = cutter.rest();
    if (rest !== undefined && (await options.takeRest?.()) !== false) yield rest;
    const message = reader.failure();
    if (message !== undefined) yield { kind: 'error', offset: cutter.end, message };
  } finally {
    await pending;
  }
}

interface OverlongLine {
  readonly offset: number;
  readonly head: Buffer;
  length: number;
}

/** Cuts buffers into whole lines; knows what is left over between two of them. */
export class LineCutter {
  readonly #maxLine: number;
  readonly #headLength: number;
  #offset: number;
  #rest: Buffer = Buffer.alloc(0);
  #overlong: OverlongLine | undefined;

  constructor(offset: number, maxLine: number) {
    this.#offset = offset;
    this.#maxLine = maxLine;
    this.#headLength = Math.min(HEAD_LENGTH, maxLine);
  }

  /** Length of the line begun, which stands at the front of the next buffer. */
  get held(): number {
    return this.#rest.length;
  }

  /** Position after all bytes seen. */
  get end(): number {
    return this.#offset + this.#rest.length;
  }

  /** Moves the line begun to the front of another buffer. */
  carryOver(buffer: Buffer): void {
    this.#rest.copy(buffer);
    this.#rest = buffer.subarray(0, this.#rest.length);
  }

  /** What is left at the end of the stream. */
  rest(): LineItem | undefined {
    if (this.#overlong !== undefined) return { kind: 'overlong', ...this.#overlong };
    if (this.#rest.length === 0) return undefined;
    return { kind: 'lines', bytes: this.#rest, offset: this.#offset, unterminated: true };
  }

  /** The items of a buffer that begins with the line held. */
  cut(buffer: Buffer): LineItem[] {
    const items: LineItem[] = [];
    const start = this.#endOverlong(buffer, items);
    const end = Math.max(start, buffer.lastIndexOf(LF) + 1);
    this.#cutLines(buffer, { start, end }, items);
    this.#rest = buffer.subarray(end);
    if (this.#rest.length > this.#maxLine) this.#beginOverlong();
    return items;
  }

  /** Where the lines begin in a buffer; after the rest of an overlong line, or nowhere if that goes on. */
  #endOverlong(buffer: Buffer, items: LineItem[]): number {
    const line = this.#overlong;
    if (line === undefined) return 0;
    const lineEnd = buffer.indexOf(LF);
    const count = lineEnd < 0 ? buffer.length : lineEnd + 1;
    line.length += count;
    this.#offset += count;
    if (lineEnd >= 0) {
      items.push({ kind: 'overlong', ...line });
      this.#overlong = undefined;
    }
    return count;
  }

  #beginOverlong(): void {
    const line = this.#rest;
    this.#overlong = {
      offset: this.#offset,
      head: Buffer.from(line.subarray(0, this.#headLength)),
      length: line.length,
    };
    this.#offset += line.length;
    this.#rest = line.subarray(line.length);
  }

  /**
   * Whole lines between `start` and `end`, with the overlong ones apart. Looks for one LF per `maxLine`
   * bytes, backwards: between two that are no further apart no line can be too long.
   */
  #cutLines(buffer: Buffer, { start, end }: Span, items: LineItem[]): void {
    let from = start;
    let lineStart = start;
    while (end - lineStart > this.#maxLine + 1) {
      const near = buffer.lastIndexOf(LF, lineStart + this.#maxLine);
      if (near >= lineStart) {
        lineStart = near + 1;
        continue;
      }
      const next = buffer.indexOf(LF, lineStart + this.#maxLine) + 1;
      this.#pushLines(buffer.subarray(from, lineStart), items);
      const head = Buffer.from(buffer.subarray(lineStart, lineStart + this.#headLength));
      items.push({ kind: 'overlong', offset: this.#offset, length: next - lineStart, head });
      this.#offset += next - lineStart;
      from = next;
      lineStart = next;
    }
    this.#pushLines(buffer.subarray(from, end), items);
  }

  #pushLines(bytes: Buffer, items: LineItem[]): void {
    if (bytes.length === 0) return;
    items.push({ kind: 'lines', bytes, offset: this.#offset, unterminated: false });
    this.#offset += bytes.length;
  }
}

interface Span {
  readonly start: number;
  readonly end: number;
}
