/**
 * A stream that goes on until it ends, such as the standard input of `maillog ingest --follow -`. It cannot
 * be read again, so what was handed out stays here until the store has it.
 *
 * Promise: after a commit that failed, `start` begins with the first line the store does not have. Memory is
 * bounded: a stream that is faster than the store is paused. A last line without newline is taken as it is.
 */
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Sink } from '../../src/store/store.ts';
import { explainError } from '../source/byte-reader.ts';
import { BLOCK_SIZE, LineCutter, type LineItem, MAX_LINE } from '../source/line-blocks.ts';
import type { LiveRead, LiveSource, SourceStart } from './live-source.ts';
import { PRIMING_BYTES, wholeLines } from './live-source.ts';

const MOST_WAITING = 4 * 1024 * 1024;
/** What a chunk costs besides its bytes. */
const CHUNK_COST = 256;

const IDLE: LiveRead = { kind: 'idle' };

export class StdinSource implements LiveSource {
  readonly name: string;
  readonly urgent = false;
  readonly #stream: Readable;
  readonly #headDigest = `stdin:${randomUUID()}`;
  readonly #cutter = new LineCutter(0, MAX_LINE);
  /** As they came, not yet cut into lines. */
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  /** Cut and not handed out. */
  #items: LineItem[] = [];
  /** Handed out and not in the store. */
  #given: LineItem[] = [];
  /** The last lines the store has. */
  #before: Buffer = Buffer.alloc(0);
  #isOpened = false;
  #isClosed = false;
  #hasEnded = false;
  #problem: string | undefined;
  #tookRest = false;

  constructor(stream: Readable, name = '-') {
    this.#stream = stream;
    this.name = name;
  }

  get backlog(): number {
    return this.#chunkBytes + sizeOf(this.#items);
  }

  async start(sink: Sink): Promise<SourceStart | undefined> {
    const known = await sink.checkpointOf(this.#headDigest);
    const offset = known?.offset ?? 0;
    this.#items = [...this.#given, ...this.#items];
    this.#given = [];
    // A commit may be durable even though its answer was lost.
    while (this.#items[0] !== undefined && this.#items[0].offset < offset) {
      this.#remember(this.#items.shift());
    }
    this.#open();
    const identity = { name: this.name, headLength: 0, headDigest: this.#headDigest };
    return { identity, known, latest: Date.now() / 1000, before: this.#before };
  }

  async read(): Promise<LiveRead> {
    if (this.#items.length === 0) this.#cut();
    const item = this.#items.shift();
    if (item === undefined) {
      this.#balance();
      return this.#tookRest && this.#given.length === 0 ? this.#end() : IDLE;
    }
    this.#given.push(item);
    this.#balance();
    return { kind: 'block', item };
  }

  committed(): void {
    for (const item of this.#given) this.#remember(item);
    this.#given = [];
    this.#balance();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stream.pause();
    this.#stream.off('data', this.#take);
  }

  #open(): void {
    if (this.#isOpened) return;
    this.#isOpened = true;
    const stream = this.#stream;
    stream.on('data', this.#take);
    stream.on('end', () => this.#over(undefined));
    stream.on('error', (error) => this.#over(explainError(error)));
    stream.on('close', () => this.#over('closed before its end'));
    if (stream.readableEnded) this.#over(undefined);
    else if (stream.destroyed) this.#over('closed before its end');
  }

  readonly #take = (chunk: Buffer | string): void => {
    const bytes = Buffer.from(chunk as Buffer);
    this.#chunks.push(bytes);
    this.#chunkBytes += bytes.length;
    this.#balance();
  };

  #over(problem: string | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#problem = problem;
  }

  /** Reads on only while there is room. */
  #balance(): void {
    const waiting = this.backlog + sizeOf(this.#given) + this.#chunks.length * CHUNK_COST;
    if (waiting > MOST_WAITING) this.#stream.pause();
    else if (this.#isOpened && !this.#isClosed && this.#stream.isPaused()) this.#stream.resume();
  }

  /** The next chunks, up to a block, as lines; at the end of the stream what is left over. */
  #cut(): void {
    let bytes = 0;
    let count = 0;
    while (count < this.#chunks.length && bytes < BLOCK_SIZE) {
      bytes += this.#chunks[count]?.length ?? 0;
      count += 1;
    }
    const chunks = this.#chunks.splice(0, count);
    this.#chunkBytes -= bytes;
    if (bytes > 0) {
      // A buffer of its own: what was cut out of the last one may be asked for again.
      const buffer = Buffer.concat([Buffer.alloc(this.#cutter.held), ...chunks]);
      this.#cutter.carryOver(buffer);
      this.#items.push(...this.#cutter.cut(buffer));
    }
    if (this.#items.length > 0 || this.#chunks.length > 0 || !this.#hasEnded) return;
    if (this.#tookRest) return;
    this.#tookRest = true;
    const rest = this.#cutter.rest();
    if (rest !== undefined) this.#items.push(rest);
  }

  #remember(item: LineItem | undefined): void {
    if (item?.kind !== 'lines') return;
    const lines = Buffer.concat([this.#before, item.bytes]);
    const cut = lines.subarray(-PRIMING_BYTES);
    this.#before = Buffer.from(wholeLines(cut, cut.length === lines.length));
  }

  #end(): LiveRead {
    const problem = this.#problem;
    return problem === undefined ? { kind: 'ended' } : { kind: 'ended', problem };
  }
}

function sizeOf(items: readonly LineItem[]): number {
  let bytes = 0;
  for (const item of items) {
    bytes += item.kind === 'lines' ? item.bytes.length : item.head.length;
  }
  return bytes;
}
