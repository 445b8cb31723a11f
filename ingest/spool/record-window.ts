/**
 * The part of a segment that is in memory: read by position into one buffer that is used again and again,
 * and walked from record to record.
 *
 * Promise: the buffer holds every record there can be, so what is incomplete at the end of the file is torn.
 */
import { Buffer } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { DAMAGED, MAX_RECORD_BYTES, measureRecord } from './record.ts';
import type { SegmentSpan } from './segments.ts';
import { segmentPath } from './segments.ts';

/** Bytes asked for at a time, at least. */
const READ_BYTES = 512 * 1024;

export class RecordWindow {
  readonly bytes = Buffer.allocUnsafeSlow(READ_BYTES + MAX_RECORD_BYTES);
  /** Index of the next record in `bytes`. */
  at = 0;
  /** Index behind the last byte that was read. */
  end = 0;
  /** Logical position of the next record. */
  position = 0;
  #handle: FileHandle | undefined;
  #segment: SegmentSpan | undefined;

  get segment(): SegmentSpan | undefined {
    return this.#segment;
  }

  /** Goes on in another segment, at the same position. */
  async open(folder: string, segment: SegmentSpan): Promise<void> {
    await this.close();
    this.#handle = await open(segmentPath(folder, segment.start), 'r');
    this.#segment = segment;
    this.reset(this.position);
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    this.#segment = undefined;
    await handle?.close();
  }

  /** Goes on at another position, of this or another segment. */
  reset(position: number): void {
    this.at = 0;
    this.end = 0;
    this.position = position;
  }

  /** Size of the next record, INCOMPLETE or DAMAGED. */
  measure(): number {
    return measureRecord(this.bytes, this.at, this.end);
  }

  advance(size: number): void {
    this.at += size;
    this.position += size;
  }

  /** Reads on, no further than `limit`; the number of bytes gained, 0 where this segment has no more. */
  async fill(limit: number): Promise<number> {
    const segment = this.#segment;
    if (this.#handle === undefined || segment === undefined) return 0;
    if (this.position < segment.start) return 0;
    if (this.at > 0) {
      this.bytes.copyWithin(0, this.at, this.end);
      this.end -= this.at;
      this.at = 0;
    }
    const from = this.position + this.end;
    const room = Math.min(this.bytes.length - this.end, Math.min(limit, segment.limit) - from);
    if (room <= 0) return 0;
    const place = from - segment.start;
    const { bytesRead } = await this.#handle.read(this.bytes, this.end, room, place);
    this.end += bytesRead;
    return bytesRead;
  }
}

/** How the walk through a segment ended: at its end, in a record whose rest is missing, or at a broken one. */
export type WalkEnd = 'whole' | 'torn' | 'damaged';

/**
 * Walks through a segment from its first record on, up to `limit`. `visit` sees each whole record at
 * `window.at`; afterwards `window.position` is behind the last. Rejects if the file cannot be read.
 */
export async function walkSegment(
  window: RecordWindow,
  limit: number,
  visit: (size: number) => void,
): Promise<WalkEnd> {
  for (;;) {
    let size = window.measure();
    while (size > 0) {
      visit(size);
      window.advance(size);
      size = window.measure();
    }
    if (size === DAMAGED) return 'damaged';
    if ((await window.fill(limit)) === 0) return window.at < window.end ? 'torn' : 'whole';
  }
}
