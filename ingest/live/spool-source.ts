/**
 * What listeners took in, read from their spool as one endless source. Its place is the spool's own count
 * of bytes, so it goes on exactly after what the store has, whatever ended the process in between.
 */
import type { Sink } from '../../src/store/store.ts';
import type { Extent } from '../pipeline/source-writer.ts';
import type { SpoolBlock } from '../spool/spool-reader.ts';
import { SpoolReader } from '../spool/spool-reader.ts';
import type { LiveRead, LiveSource, SourceStart } from './live-source.ts';
import { PRIMING_BYTES } from './live-source.ts';

/** Bytes of one block: a transaction of this size delays others little. */
const BLOCK_BYTES = 1024 * 1024;
const SMALL_BYTES = BLOCK_BYTES / 2;
const IDLE: LiveRead = { kind: 'idle' };
const ENDED: LiveRead = { kind: 'ended' };

export interface SpoolSourceOptions {
  /** For people: the listener's address. */
  readonly name: string;
  /** Names this spool among all there ever were. */
  readonly key: string;
  readonly folder: string;
  /** A sender waits for the commit. */
  readonly urgent: boolean;
  readonly onTaken: (position: number) => void;
  readonly onGap: (from: number, to: number) => void;
  /** After `finish`: all that was written is in the store. */
  readonly onDrained?: () => void;
}

export class SpoolSource implements LiveSource {
  readonly name: string;
  readonly urgent: boolean;
  readonly #options: SpoolSourceOptions;
  #reader: SpoolReader | undefined;
  #written = 0;
  #position = 0;
  /** Something was handed out that is not in the store. */
  #isGiven = false;
  #isFinishing = false;

  constructor(options: SpoolSourceOptions) {
    this.name = options.name;
    this.urgent = options.urgent;
    this.#options = options;
  }

  /** The digest by which the store knows a spool. */
  static digestOf(key: string): string {
    return `spool:${key}`;
  }

  get backlog(): number {
    return Math.max(0, this.#written - this.#position);
  }

  /** The writer has come that far. */
  written(end: number): void {
    this.#written = end;
  }

  /** Nothing more is written: it is over once the store has all of it. */
  finish(): void {
    this.#isFinishing = true;
  }

  async start(sink: Sink): Promise<SourceStart | undefined> {
    const { name, key, folder } = this.#options;
    const headDigest = SpoolSource.digestOf(key);
    const known = await sink.checkpointOf(headDigest);
    this.#position = known?.offset ?? 0;
    this.#isGiven = false;
    await this.#reader?.close();
    this.#reader = await SpoolReader.open(folder, this.#position);
    const before = Buffer.from(await this.#reader.before(this.#position, PRIMING_BYTES));
    const identity = { name, headLength: 0, headDigest };
    return { identity, known, latest: Date.now() / 1000, before };
  }

  async read(): Promise<LiveRead> {
    if (this.#written <= this.#position) return this.#atEnd();
    const block = await this.#reader?.read({ end: this.#written, maxBytes: BLOCK_BYTES });
    // Without a block it may still have passed notes on sessions.
    this.#position = block?.end ?? this.#reader?.position ?? this.#position;
    if (block === undefined) return IDLE;
    if (block.kind === 'gap') {
      this.#options.onGap(block.start, block.end);
      return IDLE;
    }
    this.#isGiven = true;
    // A message cut off or too long is a block of its own: a peer can make many of them.
    const isFollowed = this.backlog > 0 && block.end - block.start < SMALL_BYTES;
    return { kind: 'block', item: itemOf(block), extent: extentOf(block), isFollowed };
  }

  committed(): void {
    this.#isGiven = false;
    this.#options.onTaken(this.#position);
  }

  async close(): Promise<void> {
    await this.#reader?.close();
    this.#reader = undefined;
  }

  #atEnd(): LiveRead {
    if (!this.#isFinishing || this.#isGiven) return IDLE;
    this.#options.onDrained?.();
    return ENDED;
  }
}

function extentOf({ end, wireBytes, repeats }: SpoolBlock): Extent {
  return { end, bytes: wireBytes, repeats };
}

function itemOf({ kind, start, end, bytes, wireBytes }: SpoolBlock) {
  if (kind === 'lines') return { kind, bytes, offset: start, unterminated: false } as const;
  const why = kind === 'cut' ? 'message cut off on its way here' : `message of ${wireBytes} bytes`;
  return { kind: 'overlong', offset: start, length: end - start, head: bytes, why } as const;
}
