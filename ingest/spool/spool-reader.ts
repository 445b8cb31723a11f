/**
 * The spool's reading side, for another thread than the writer's: gives the records as blocks of lines.
 *
 * Promise: the spans of all blocks in their order are the spool, without a hole: what is missing is a block
 * of its own (`gap`). A block's bytes are good until the next read. No object and no system call is made for
 * a record. One read at a time. Only a system that cannot read a file makes `read` reject; it may be tried again.
 */
import { Buffer } from 'node:buffer';
import {
  DAMAGED,
  HEADER_BYTES,
  INCOMPLETE,
  KIND_CODES,
  kindCode,
  originalLength,
} from './record.ts';
import { RecordWindow, walkSegment } from './record-window.ts';
import type { SegmentSpan } from './segments.ts';
import { listSegments } from './segments.ts';

interface Span {
  readonly start: number;
  /** What the store has committed once it has this block. */
  readonly end: number;
  readonly bytes: Buffer;
  /** Records of lines that the store has already; their bytes are not in the block. */
  readonly repeats: number;
  /** As they came over the wire. */
  readonly wireBytes: number;
}

export type SpoolBlock =
  /** Lines, each with LF; none at all where a span holds only repeats and notes. */
  | (Span & { readonly kind: 'lines'; readonly lines: number })
  /** How one line began, and the length it had. */
  | (Span & { readonly kind: 'overlong' | 'cut'; readonly length: number })
  /** The span is not there: deleted, lost, or damaged. */
  | (Span & { readonly kind: 'gap' });

export interface ReadLimit {
  /** What the writer said is written: never a position within a record. */
  readonly end: number;
  /** Most bytes of lines in a block; a longer line comes alone. */
  readonly maxBytes: number;
}

/** Why the walk through the window stopped. */
type Stop = 'empty' | 'damaged' | 'full' | 'apart';

const LF = 0x0a;
const NOTHING = Buffer.alloc(0);
/** A file that is listed may be deleted before it is opened; so often that cannot be. */
const MOST_TRIES = 100;

export class SpoolReader {
  readonly #folder: string;
  readonly #window = new RecordWindow();
  #out = NOTHING;
  #outLength = 0;
  #lines = 0;
  #repeats = 0;
  #wireBytes = 0;

  static async open(folder: string, position: number): Promise<SpoolReader> {
    // Tells at once if the folder is not there.
    await listSegments(folder);
    return new SpoolReader(folder, position);
  }

  private constructor(folder: string, position: number) {
    this.#folder = folder;
    this.#window.reset(position);
  }

  /** Where the next read begins. */
  get position(): number {
    return this.#window.position;
  }

  /** The next records as a block; undefined where there are none before `limit.end`. */
  async read(limit: ReadLimit): Promise<SpoolBlock | undefined> {
    const window = this.#window;
    const start = window.position;
    this.#beginBlock(limit.maxBytes);
    while (window.position < limit.end) {
      const stop = this.#take(limit.maxBytes);
      if (stop === 'apart') return this.#headBlock(start);
      if (stop === 'full') break;
      if (stop === 'empty' && (await this.#fill(limit.end))) continue;
      if (window.position === start) return this.#gap(limit.end);
      break;
    }
    return window.position === start ? undefined : this.#linesBlock(start);
  }

  /** Reads from another position from now on, which must be the end of a block or the start of one. */
  seek(position: number): void {
    this.#window.reset(position);
  }

  /** The last lines before `position` that are still there, each with LF: whole ones, `maxBytes` at most. */
  async before(position: number, maxBytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let room = maxBytes;
    const segments = (await listSegments(this.#folder)).filter(({ start }) => start < position);
    for (const segment of segments.reverse()) {
      const part = await this.#lastLines(segment, position, room);
      parts.unshift(part.bytes);
      room -= part.bytes.length;
      if (room <= 0 || part.isCut) break;
    }
    return Buffer.concat(parts);
  }

  async close(): Promise<void> {
    await this.#window.close();
  }

  #beginBlock(maxBytes: number): void {
    if (this.#out.length < maxBytes) this.#out = Buffer.allocUnsafeSlow(maxBytes);
    this.#outLength = 0;
    this.#lines = 0;
    this.#repeats = 0;
    this.#wireBytes = 0;
  }

  /** Walks from record to record as long as they are in memory and belong to the block. */
  #take(maxBytes: number): Stop {
    const window = this.#window;
    for (;;) {
      const size = window.measure();
      if (size === INCOMPLETE) return 'empty';
      if (size === DAMAGED) return 'damaged';
      const stop = this.#takeRecord(size, maxBytes);
      if (stop !== undefined) return stop;
      window.advance(size);
    }
  }

  #takeRecord(size: number, maxBytes: number): Stop | undefined {
    const { bytes, at } = this.#window;
    switch (kindCode(bytes, at)) {
      case KIND_CODES.line:
        if (this.#outLength > 0 && this.#outLength + size - HEADER_BYTES >= maxBytes) return 'full';
        this.#addLine(at + HEADER_BYTES, at + size);
        break;
      case KIND_CODES.repeat:
        this.#repeats += 1;
        break;
      case KIND_CODES.overlong:
      case KIND_CODES.cut:
        return this.#lines + this.#repeats > 0 ? 'full' : 'apart';
      default:
        return undefined;
    }
    this.#wireBytes += originalLength(bytes, at);
    return undefined;
  }

  #addLine(start: number, end: number): void {
    const needed = this.#outLength + end - start + 1;
    // Only for a line that is longer than a block and so comes first.
    if (needed > this.#out.length) this.#out = Buffer.allocUnsafeSlow(needed);
    this.#window.bytes.copy(this.#out, this.#outLength, start, end);
    this.#out[needed - 1] = LF;
    this.#outLength = needed;
    this.#lines += 1;
  }

  #linesBlock(start: number): SpoolBlock {
    return {
      kind: 'lines',
      start,
      end: this.#window.position,
      bytes: this.#out.subarray(0, this.#outLength),
      lines: this.#lines,
      repeats: this.#repeats,
      wireBytes: this.#wireBytes,
    };
  }

  /** The record in the window as a block of its own; the notes before it are in its span. */
  #headBlock(start: number): SpoolBlock {
    const window = this.#window;
    const { bytes, at } = window;
    const size = window.measure();
    const length = originalLength(bytes, at);
    const kind = kindCode(bytes, at) === KIND_CODES.cut ? 'cut' : 'overlong';
    const head = bytes.subarray(at + HEADER_BYTES, at + size);
    window.advance(size);
    const end = window.position;
    return { kind, start, end, bytes: head, length, repeats: 0, wireBytes: length };
  }

  /** Goes on where the next segment begins: within a damaged one no place is known to be a record's start. */
  async #gap(limit: number): Promise<SpoolBlock> {
    const start = this.#window.position;
    const next = (await listSegments(this.#folder)).find((segment) => segment.start > start);
    const end = Math.min(next?.start ?? limit, limit);
    this.#window.reset(end);
    return { kind: 'gap', start, end, bytes: NOTHING, repeats: 0, wireBytes: 0 };
  }

  /** Reads on behind what is in the window; false where the bytes are not to be had. */
  async #fill(end: number): Promise<boolean> {
    const window = this.#window;
    if ((await window.fill(end)) > 0) return true;
    if (window.at < window.end) return false;
    return (await this.#openNext()) && (await window.fill(end)) > 0;
  }

  /** Opens the segment the position is in, if that is another one than is open. */
  async #openNext(): Promise<boolean> {
    const { position, segment } = this.#window;
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const all = await listSegments(this.#folder);
      const found = all.findLast(({ start }) => start <= position);
      if (found === undefined || found.start === segment?.start) return false;
      try {
        await this.#window.open(this.#folder, found);
        return true;
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      }
    }
    return false;
  }

  /** Of one segment, in memory of at most twice as much; `isCut` if it had more lines. */
  async #lastLines(
    segment: SegmentSpan,
    position: number,
    maxBytes: number,
  ): Promise<{ readonly bytes: Buffer; readonly isCut: boolean }> {
    const window = new RecordWindow();
    const tail = new TailLines(maxBytes);
    try {
      window.reset(segment.start);
      await window.open(this.#folder, segment);
      await walkSegment(window, position, (size) => {
        const { bytes, at } = window;
        if (kindCode(bytes, at) === KIND_CODES.line) {
          tail.add(bytes, at + HEADER_BYTES, at + size);
        }
      });
    } catch {
      // It was deleted or cannot be read: what came before it is far enough away not to matter.
      return { bytes: NOTHING, isCut: true };
    } finally {
      await window.close();
    }
    return tail.take();
  }
}

/** The last lines of many, in a buffer of two times what is wanted that is moved down when it is full. */
class TailLines {
  readonly #maxBytes: number;
  readonly #bytes: Buffer;
  #length = 0;
  #isCut = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#bytes = Buffer.allocUnsafeSlow(maxBytes * 2);
  }

  add(source: Buffer, start: number, end: number): void {
    const size = end - start + 1;
    if (size > this.#maxBytes) {
      this.#length = 0;
      this.#isCut = true;
      return;
    }
    if (this.#length + size > this.#bytes.length) this.#trim();
    source.copy(this.#bytes, this.#length, start, end);
    this.#length += size;
    this.#bytes[this.#length - 1] = LF;
  }

  take(): { readonly bytes: Buffer; readonly isCut: boolean } {
    this.#trim();
    return { bytes: this.#bytes.subarray(0, this.#length), isCut: this.#isCut };
  }

  #trim(): void {
    if (this.#length <= this.#maxBytes) return;
    const from = this.#bytes.indexOf(LF, this.#length - this.#maxBytes - 1) + 1;
    this.#bytes.copyWithin(0, from, this.#length);
    this.#length -= from;
    this.#isCut = true;
  }
}
