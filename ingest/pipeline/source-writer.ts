/**
 * One source on its way into the store, block by block: parse, leave out what is known, append, say how far
 * it has come. Who calls decides about transactions: `parse` outside, `write` and `settle` inside, then
 * `committed` once the transaction is durable. What is not committed is read again from the checkpoint.
 *
 * The ledger adds up by construction: every line read is counted once, by its one outcome.
 */
import { LINE_OUTCOMES } from '../../src/model/vocabulary.ts';
import type { EventTable } from '../../src/store/schema.ts';
import { EVENT_TABLES } from '../../src/store/schema.ts';
import type { Checkpoint, LineCounts, Sink, SourceIdentity } from '../../src/store/store.ts';
import { TailDigest } from '../source/identity.ts';
import type { LineItem } from '../source/line-blocks.ts';
import type { BlockParser } from './block-parser.ts';
import { Duplicates } from './duplicates.ts';
import { PastLines } from './past-lines.ts';

export interface WriterOptions {
  /** Unparsed lines kept of each source; the ledger counts all. */
  readonly keepUnparsed: number;
  /** False when the store is empty but for this run's only source: nothing can be a duplicate. */
  readonly checkDuplicates: boolean;
  /** The source has no end: its blocks are as large as what happened to be there. */
  readonly goesOn?: boolean;
}

/** Where a block ends and what it stands for, if that is not what its bytes say: a spool's, a journal's. */
export interface Extent {
  readonly end: number;
  /** Bytes as they came over the wire. */
  readonly bytes: number;
  /** Lines sent again that are in the store already. */
  readonly repeats: number;
  /** Where a source that counts no bytes goes on from. */
  readonly cursor?: string;
}

export function noCounts(): LineCounts {
  return { read: 0, parsed: 0, foreign: 0, unsupported: 0, malformed: 0, duplicate: 0, bytes: 0 };
}

export function noEvents(): Record<EventTable, number> {
  return Object.fromEntries(EVENT_TABLES.map((name) => [name, 0])) as Record<EventTable, number>;
}

/** Of a source of which nothing has been read. */
const NO_TAIL = { tailLength: 0, tailDigest: '' };

export class SourceWriter {
  readonly counts: LineCounts = noCounts();
  readonly events = noEvents();
  readonly #identity: SourceIdentity;
  readonly #parser: BlockParser;
  readonly #options: WriterOptions;
  readonly #tail = new TailDigest();
  readonly #hours = new Set<number>();
  #known: Checkpoint | undefined;
  #duplicates: Duplicates | undefined;
  readonly #past = new PastLines();
  #notKept = 0;
  /** What the store keeps, as it was when the transaction began. */
  #kept: Awaited<ReturnType<Sink['keepFrom']>>;
  #pending: LineCounts = noCounts();
  #sourceId = 0;
  #entered = false;
  /** Blocks written since the last commit. */
  #blocks = 0;
  #offset: number;
  #lines: number;
  #cursor: string | null;
  #unparsedKept = 0;
  /** UTC of the line with a stamp that was read last, 0 before the first. */
  #lastTime = 0;

  constructor(
    identity: SourceIdentity,
    known: Checkpoint | undefined,
    parser: BlockParser,
    options: WriterOptions,
  ) {
    this.#identity = identity;
    this.#known = known;
    this.#parser = parser;
    this.#options = options;
    this.#offset = known?.offset ?? 0;
    this.#lines = known?.lines ?? 0;
    this.#cursor = known?.cursor ?? null;
  }

  /** Lines read since the last commit. */
  get pendingLines(): number {
    return this.#pending.read;
  }

  /** How far the source has been taken, committed or not. */
  get offset(): number {
    return this.#offset;
  }

  get lastTime(): number {
    return this.#lastTime;
  }

  /** What is to be said of lines that the store does not keep any more, if there were any. */
  get retentionWarning(): string | undefined {
    if (this.#notKept === 0) return undefined;
    const lines = this.#notKept === 1 ? '1 line' : `${this.#notKept} lines`;
    const were = this.#notKept === 1 ? 'was' : 'were';
    return `${lines} older than the retention (${this.#kept?.day}) ${were} read and not kept`;
  }

  /** As the store knows the source since the last commit. */
  get known(): Checkpoint | undefined {
    return this.#known;
  }

  /** Lines behind a checkpoint that are not read again but were given again: duplicates. */
  countKnown(): void {
    if (this.#known === undefined) return;
    this.#countDuplicates(this.#known.lines);
    this.#pending.bytes += this.#known.offset;
  }

  /** Reads a block into the parser's; `write` must follow before the next. */
  parse(item: LineItem, extent?: Extent): void {
    if (item.kind === 'lines') {
      this.#parser.parse(item.bytes, item.offset);
      this.#tail.update(item.bytes);
    } else {
      this.#parser.parseOverlong(
        item.head,
        item.offset,
        item.why ?? `line of ${item.length} bytes`,
      );
      // The bytes of the line are gone; the head alone would not stand before the offset.
      this.#tail.skip();
    }
    const length = item.kind === 'lines' ? item.bytes.length : item.length;
    const end = extent?.end ?? item.offset + length;
    this.#pending.bytes += extent?.bytes ?? end - this.#offset;
    this.#offset = end;
    if (extent?.cursor !== undefined) this.#cursor = extent.cursor;
    if (extent !== undefined) this.#countDuplicates(extent.repeats);
  }

  /** Appends the block that was parsed last, but for lines other sources have. Inside a transaction. */
  async write(sink: Sink): Promise<void> {
    await this.enter(sink);
    if (this.#kept !== undefined) {
      this.#notKept += this.#past.drop(this.#parser.block, this.#kept.from);
    }
    if (this.#options.checkDuplicates) {
      this.#duplicates ??= new Duplicates(
        (from, to) => sink.linesSeen(this.#sourceId, from, to),
        this.#options.goesOn,
      );
      await this.#duplicates.mark(this.#parser.block);
    }
    this.#blocks += 1;
    this.#count();
    await sink.append(this.#batch());
  }

  /** Makes the source known to the transaction; needed by itself only for a source without lines. */
  async enter(sink: Sink): Promise<void> {
    if (this.#entered) return;
    this.#sourceId = await sink.enter(this.#identity, this.#known);
    // A source may live for months, and rows are dropped every day: asked for in each transaction.
    this.#kept = await sink.keepFrom();
    this.#entered = true;
  }

  /** Appends an event of maillog's own about the source. Inside a transaction. */
  async note(sink: Sink, text: string): Promise<void> {
    await this.enter(sink);
    if (this.#kept !== undefined && this.#lastTime < this.#kept.from) return;
    await sink.append(this.#parser.block.noteBatch(this.#sourceId, this.#lastTime, text));
  }

  /** Says in the transaction how far the source has come. */
  async settle(sink: Sink): Promise<void> {
    const moved = this.#offset > (this.#known?.offset ?? 0);
    const tail = moved ? this.#tail.read() : (this.#known ?? NO_TAIL);
    const { tailLength, tailDigest } = tail;
    const place = {
      offset: this.#offset,
      lines: this.#lines,
      tailLength,
      tailDigest,
      cursor: this.#cursor,
    };
    await sink.advance(this.#sourceId, {
      ...place,
      firstLine: (this.#known?.lines ?? 0) + 1,
      counts: this.#pending,
      hours: [...this.#hours],
    });
    const { headLength, headDigest } = this.#identity;
    const head = this.#known ?? { headLength, headDigest };
    this.#known = {
      sourceId: this.#sourceId,
      headLength: head.headLength,
      headDigest: head.headDigest,
      ...place,
      counts: this.counts,
    };
  }

  /** The transaction is durable. */
  committed(): void {
    this.counts.bytes += this.#pending.bytes;
    this.#pending = noCounts();
    this.#hours.clear();
    this.#entered = false;
    // After a transaction of one block the store knows all occurrences, and other sources may have brought
    // some meanwhile; after one of many, a part of them was seen by its own lookups: go on counting.
    if (this.#blocks === 1) this.#duplicates?.restart();
    this.#blocks = 0;
  }

  #count(): void {
    const { lines } = this.#parser.block;
    let lastHour = Number.NaN;
    for (let line = 0; line < lines.count; line += 1) {
      const time = lines.time[line] ?? Number.NaN;
      if (!Number.isNaN(time)) this.#lastTime = time;
      const hour = lines.past[line] === 1 ? Number.NaN : Math.floor(time / 3600);
      if (hour !== lastHour && !Number.isNaN(hour)) this.#hours.add(hour);
      lastHour = hour;
      const outcome = LINE_OUTCOMES[lines.outcome[line] ?? 0] ?? 'parsed';
      this.#pending[outcome] += 1;
      this.counts[outcome] += 1;
    }
    this.#pending.read += lines.count;
    this.counts.read += lines.count;
  }

  #batch(): ReturnType<BlockParser['block']['toBatch']> {
    const { block } = this.#parser;
    block.firstLine = this.#lines + 1;
    this.#lines += block.lines.count;
    const keep = Math.max(0, this.#options.keepUnparsed - this.#unparsedKept);
    const batch = block.toBatch(this.#sourceId, keep);
    for (const { table, rows } of batch.tables) {
      if (table === 'unparsed_lines') this.#unparsedKept += rows;
    }
    for (const name of EVENT_TABLES) this.events[name] += block.tables[name].rows;
    return batch;
  }

  #countDuplicates(lines: number): void {
    for (const counts of [this.#pending, this.counts]) {
      counts.duplicate += lines;
      counts.read += lines;
    }
  }
}
