/**
 * The spool's writing side: takes frames from a network listener into memory at once, and appends them to its files
 * behind the listener's back, one write at a time.
 *
 * Promise: what `onWritten` told of is in the files and survives the end of this process; it is on the disk within
 * about a second (fdatasync), which is what a loss of power may cost, and after `close`. What was put is written
 * once and in order, also when the disk was full for a while. Memory is bounded for whoever heeds `isFull`.
 */

import { Buffer } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';
import { constants, mkdir, open } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Frame, Inlet } from '../listen/inlet.ts';
import { explainError } from '../source/byte-reader.ts';
import { MAX_PAYLOAD_BYTES } from './record.ts';
import { RecordBuffer } from './record-buffer.ts';
import type { EventListener, RecoveredRecord, SpoolEvent } from './recovery.ts';
import { recover } from './recovery.ts';
import type { OpenSegment } from './segment-chain.ts';
import { SegmentChain } from './segment-chain.ts';

const SEGMENT_BYTES = 16 * 1024 * 1024;
const KEEP_BYTES = 1024 * 1024;
/** What may wait in memory before the spool calls itself full. */
const BUFFER_BYTES = 8 * 1024 * 1024;
const SYNC_INTERVAL_MS = 1000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5000;

export interface SpoolOptions {
  readonly folder: string;
  /** What the store has committed. */
  readonly start: number;
  /** How far the spool may be ahead of the store before it is full. */
  readonly limitBytes: number;
  readonly segmentBytes?: number;
  /** What stays in the files although the store has it. */
  readonly keepBytes?: number;
  readonly onRecovered?: (record: RecoveredRecord) => void;
  readonly onEvent?: EventListener;
  /** For tests: how files are opened for writing. */
  readonly openSegment?: OpenSegment;
}

export class SpoolWriter implements Inlet {
  readonly #limitBytes: number;
  readonly #keepBytes: number;
  readonly #onEvent: EventListener;
  readonly #chain: SegmentChain;
  readonly #roomListeners: (() => void)[] = [];
  readonly #committedListeners: ((position: number) => void)[] = [];
  readonly #writtenListeners: ((position: number) => void)[] = [];
  #committed: number;
  #written: number;
  /** Takes what is put; changes places with `#batch`, which is being written. */
  #gather = new RecordBuffer();
  #batch = new RecordBuffer();
  /** What of the batch is not in the file. */
  #rest: Buffer = Buffer.alloc(0);
  /** The loop that writes, while there is something to do. */
  #loop: Promise<void> | undefined;
  #failure: Error | undefined;
  #retryMs = FIRST_RETRY_MS;
  #endPause: (() => void) | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  #syncDue = false;
  /** Reported, and not over yet. */
  readonly #troubles = new Set<SpoolEvent>();
  #deleting: Promise<void> = Promise.resolve();
  #wasFull: boolean;
  #closing: Promise<void> | undefined;

  static async open(options: SpoolOptions): Promise<SpoolWriter> {
    const { folder, start, onRecovered, onEvent = () => undefined } = options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const recovered = await recover({ folder, start, onRecovered, onEvent });
    const { segmentBytes = SEGMENT_BYTES, openSegment = openForWriting } = options;
    const chain = new SegmentChain({ folder, segmentBytes, openSegment }, recovered);
    return new SpoolWriter(options, chain, onEvent);
  }

  private constructor(options: SpoolOptions, chain: SegmentChain, onEvent: EventListener) {
    this.#limitBytes = options.limitBytes;
    this.#keepBytes = options.keepBytes ?? KEEP_BYTES;
    this.#committed = options.start;
    this.#onEvent = onEvent;
    this.#chain = chain;
    this.#written = chain.end;
    this.#wasFull = this.isFull;
  }

  /** The position behind all that was put. */
  get end(): number {
    return this.#written + this.bytesBuffered;
  }

  /** The position up to which a reader may read. */
  get written(): number {
    return this.#written;
  }

  get committedPosition(): number {
    return this.#committed;
  }

  get bytesBuffered(): number {
    return this.#rest.length + this.#gather.length;
  }

  get diskBytes(): number {
    return this.#chain.diskBytes;
  }

  get isFull(): boolean {
    if (this.#failure !== undefined || this.bytesBuffered > BUFFER_BYTES) return true;
    return this.end - this.#committed > this.#limitBytes;
  }

  put(frame: Frame, session: number): number {
    if (this.#closing !== undefined) throw new Error('the spool is closed');
    this.#gather.add(frame.bytes.length > MAX_PAYLOAD_BYTES ? beginningOf(frame) : frame, session);
    return this.#added();
  }

  /** After `close`, when sessions are being ended anyway, notes are no longer taken. */
  opened(session: number, peer: string): void {
    if (this.#closing !== undefined) return;
    const bytes = Buffer.from(peer, 'utf8').subarray(0, MAX_PAYLOAD_BYTES);
    this.#gather.add({ kind: 'opened', bytes, length: 0 }, session);
    this.#added();
  }

  closed(session: number): void {
    if (this.#closing !== undefined) return;
    this.#gather.add({ kind: 'closed', bytes: NOTHING, length: 0 }, session);
    this.#added();
  }

  /** The store has all up to here: listeners are told, and files that nobody needs any more are deleted. */
  committed(position: number): void {
    if (position <= this.#committed) return;
    this.#committed = position;
    for (const listener of this.#committedListeners) listener(position);
    this.#deleting = this.#deleting.then(() => this.#deleteBefore(position - this.#keepBytes));
    this.#tellRoom();
  }

  onRoom(listener: () => void): void {
    this.#roomListeners.push(listener);
  }

  onCommitted(listener: (position: number) => void): void {
    this.#committedListeners.push(listener);
  }

  /** Called with the position up to which a reader may read from now on. */
  onWritten(listener: (position: number) => void): void {
    this.#writtenListeners.push(listener);
  }

  /** Writes all, also to the disk. Rejects if that cannot be done, after one more attempt. */
  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    clearTimeout(this.#syncTimer);
    // The loop's next turn must see that the spool is closing.
    await nextTurn();
    this.#endPause?.();
    await this.#loop;
    await this.#deleting;
    await this.#chain.close();
    if (this.bytesBuffered === 0) return;
    const problem = this.#failure?.message ?? 'it was closed';
    const message = `${this.bytesBuffered} bytes could not be written to the spool: ${problem}`;
    throw new Error(message, { cause: this.#failure });
  }

  #added(): number {
    this.#wake();
    this.#wasFull ||= this.isFull;
    return this.end;
  }

  #wake(): void {
    this.#loop ??= this.#run();
  }

  async #run(): Promise<void> {
    // What comes in this turn goes into one write.
    await nextTurn();
    for (;;) {
      if (this.#syncDue) await this.#sync();
      if (this.#rest.length === 0) this.#nextBatch();
      if (this.#rest.length === 0) break;
      if (!(await this.#writeRest())) break;
    }
    this.#loop = undefined;
  }

  #nextBatch(): void {
    const emptied = this.#batch;
    this.#batch = this.#gather;
    this.#gather = emptied;
    this.#gather.clear();
    this.#rest = this.#batch.bytes;
  }

  /** False: it failed while the spool was closing already, so there is no other attempt. */
  async #writeRest(): Promise<boolean> {
    const { written, failure } = await this.#chain.append(this.#rest);
    // Together, so that the end stays the same.
    this.#written += written;
    this.#rest = this.#rest.subarray(written);
    if (written > 0) {
      this.#planSync();
      for (const listener of this.#writtenListeners) listener(this.written);
    }
    if (failure !== undefined) return this.#waitAfter(failure);
    if (this.#failure !== undefined) {
      this.#failure = undefined;
      this.#retryMs = FIRST_RETRY_MS;
      this.#onEvent('write-recovered', `the spool is written again, up to ${this.written}`);
    }
    this.#tellRoom();
    return true;
  }

  async #waitAfter(failure: Error): Promise<boolean> {
    if (this.#failure === undefined) this.#onEvent('write-failed', failure.message);
    this.#failure = failure;
    this.#wasFull = true;
    if (this.#closing !== undefined) return false;
    const waiting = this.#retryMs;
    this.#retryMs = Math.min(waiting * 2, LAST_RETRY_MS);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waiting);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#endPause = undefined;
    return true;
  }

  #planSync(): void {
    if (this.#syncTimer !== undefined || this.#closing !== undefined) return;
    this.#syncTimer = setTimeout(() => {
      this.#syncTimer = undefined;
      this.#syncDue = true;
      this.#wake();
    }, SYNC_INTERVAL_MS).unref();
  }

  async #sync(): Promise<void> {
    this.#syncDue = false;
    try {
      await this.#chain.sync();
      this.#troubles.delete('sync-failed');
    } catch (error) {
      this.#reportOnce('sync-failed', error);
    }
  }

  async #deleteBefore(position: number): Promise<void> {
    try {
      // Room on the disk may be what the writer waits for.
      if (await this.#chain.deleteBefore(position)) this.#endPause?.();
      this.#troubles.delete('delete-failed');
    } catch (error) {
      this.#reportOnce('delete-failed', error);
    }
  }

  #reportOnce(kind: SpoolEvent, error: unknown): void {
    if (!this.#troubles.has(kind)) this.#onEvent(kind, explainError(error));
    this.#troubles.add(kind);
  }

  #tellRoom(): void {
    const wasFull = this.#wasFull;
    // Before they are told: what they put at once may fill it again.
    this.#wasFull = this.isFull;
    if (wasFull && !this.#wasFull) for (const listener of this.#roomListeners) listener();
  }
}

const NOTHING = new Uint8Array(0);

/** A line too long for any record is kept as how it began. */
function beginningOf(frame: Frame): Frame {
  const bytes = frame.bytes.subarray(0, MAX_PAYLOAD_BYTES);
  return { kind: frame.kind === 'cut' ? 'cut' : 'overlong', bytes, length: frame.length };
}

/** Not with O_APPEND: what a failed write left is written over. */
function openForWriting(path: string): Promise<FileHandle> {
  return open(path, constants.O_WRONLY | constants.O_CREAT, 0o600);
}
