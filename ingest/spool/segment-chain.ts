/**
 * The segments of a spool as its writer sees them: appends whole records to the last one, begins the next where
 * that is full, and deletes those that are done with.
 *
 * Promise: after a write that failed, the file ends behind the last record that was written whole, and the outcome
 * says how far that is; the same bytes may be tried again from there.
 */
import type { Buffer } from 'node:buffer';
import { unlink } from 'node:fs/promises';
import { sizeAt, wholeRecords } from './record.ts';
import type { Recovered, Segment } from './recovery.ts';
import { segmentPath, syncFolder } from './segments.ts';

/** What is needed of a file; Node's `FileHandle` is one. */
export interface SegmentFile {
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
  truncate(length: number): Promise<void>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a file for writing and makes it where there is none. */
export type OpenSegment = (path: string) => Promise<SegmentFile>;

export interface ChainOptions {
  readonly folder: string;
  readonly segmentBytes: number;
  readonly openSegment: OpenSegment;
}

export interface AppendOutcome {
  /** Bytes of whole records that are in the file now, with a failure too. */
  readonly written: number;
  readonly failure: Error | undefined;
}

export class SegmentChain {
  readonly #options: ChainOptions;
  readonly #segments: Segment[];
  #end: number;
  #mustBegin: boolean;
  #file: SegmentFile | undefined;

  constructor(options: ChainOptions, recovered: Recovered) {
    this.#options = options;
    this.#segments = recovered.segments;
    this.#end = recovered.end;
    this.#mustBegin = !recovered.appendable;
  }

  /** Where the next record is written. */
  get end(): number {
    return this.#end;
  }

  get diskBytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Writes of `records` what one segment takes. */
  async append(records: Buffer): Promise<AppendOutcome> {
    try {
      const { file, segment } = await this.#target(records);
      return await this.#write(file, segment, records.subarray(0, this.#fitting(segment, records)));
    } catch (error) {
      return { written: 0, failure: asError(error) };
    }
  }

  async sync(): Promise<void> {
    await this.#file?.datasync();
  }

  /** Deletes the segments that end at `position` or before it, but never the last; whether there was one. */
  async deleteBefore(position: number): Promise<boolean> {
    let deleted = false;
    while (this.#segments.length > 1) {
      const [first] = this.#segments;
      if (first === undefined || first.start + first.bytes > position) break;
      await removeFile(segmentPath(this.#options.folder, first.start));
      this.#segments.shift();
      deleted = true;
    }
    return deleted;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    try {
      await file?.datasync();
    } finally {
      await file?.close();
    }
  }

  /** The last segment, or the next one where the last has no room for the first of the records. */
  async #target(records: Buffer): Promise<{ file: SegmentFile; segment: Segment }> {
    const last = this.#segments.at(-1);
    if (last === undefined || this.#mustBegin || this.#fitting(last, records) === 0) {
      return this.#begin();
    }
    this.#file ??= await this.#options.openSegment(segmentPath(this.#options.folder, last.start));
    return { file: this.#file, segment: last };
  }

  async #begin(): Promise<{ file: SegmentFile; segment: Segment }> {
    const { folder, openSegment } = this.#options;
    await this.#file?.datasync();
    const file = await openSegment(segmentPath(folder, this.#end));
    const before = this.#file;
    const segment = { start: this.#end, bytes: 0 };
    this.#file = file;
    this.#mustBegin = false;
    this.#segments.push(segment);
    await before?.close();
    await syncFolder(folder);
    return { file, segment };
  }

  /** How many bytes of whole records go into the segment; one goes into an empty one whatever its size. */
  #fitting(segment: Segment, records: Buffer): number {
    const room = this.#options.segmentBytes - segment.bytes;
    if (records.length <= room) return records.length;
    const whole = wholeRecords(records, room);
    return whole === 0 && segment.bytes === 0 ? sizeAt(records, 0) : whole;
  }

  async #write(file: SegmentFile, segment: Segment, records: Buffer): Promise<AppendOutcome> {
    let done = 0;
    let failure: Error | undefined;
    try {
      while (done < records.length) {
        const place = segment.bytes + done;
        const { bytesWritten } = await file.write(records, done, records.length - done, place);
        if (bytesWritten === 0) throw new Error('nothing could be written');
        done += bytesWritten;
      }
    } catch (error) {
      failure = asError(error);
      done = wholeRecords(records, done);
    }
    segment.bytes += done;
    this.#end += done;
    if (failure !== undefined) await truncateTo(file, segment.bytes);
    return { written: done, failure };
  }
}

/** If even that fails, the next attempt writes over the rest, and recovery would cut it. */
async function truncateTo(file: SegmentFile, bytes: number): Promise<void> {
  try {
    await file.truncate(bytes);
  } catch {
    // Told of by the write that failed.
  }
}

async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (asError(error).message.startsWith('ENOENT')) return;
    throw error;
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
