/**
 * From a source to the store: read blocks, parse, leave out what is known, append, commit. The ledger of
 * each source adds up by construction: every line read is counted once, by its one outcome.
 */
import { LINE_OUTCOMES } from '../../src/model/vocabulary.ts';
import type { EventTable } from '../../src/store/schema.ts';
import { EVENT_TABLES } from '../../src/store/schema.ts';
import type { Checkpoint, LineCounts, Sink, SourceIdentity } from '../../src/store/store.ts';
import { TailDigest } from '../source/identity.ts';
import type { SourceItem } from '../source/line-blocks.ts';
import type { BlockParser } from './block-parser.ts';
import type { ClockOptions } from './clock.ts';
import { Duplicates } from './duplicates.ts';

/** A source opened for reading from where it was left. */
export interface OpenedSource {
  readonly identity: SourceIdentity;
  /** Where the store left it, if it knows it. */
  readonly known: Checkpoint | undefined;
  readonly clock: ClockOptions;
  readonly items: AsyncIterable<SourceItem>;
}

export interface IngestOptions {
  /** Lines in one transaction. */
  readonly batchLines: number;
  /** Unparsed lines kept of each source; the ledger counts all. */
  readonly keepUnparsed: number;
  /** False when the store is empty but for this run's only source: nothing can be a duplicate. */
  readonly checkDuplicates: boolean;
  readonly onProgress?: ((lines: number) => void) | undefined;
}

export interface SourceResult {
  readonly counts: LineCounts;
  readonly events: Readonly<Record<EventTable, number>>;
  /** The source could not be read to its end. */
  readonly damaged: boolean;
  /** What the reader should know: a damaged archive, stamps that contradict their queue ids. */
  readonly warnings: readonly string[];
}

export function noCounts(): LineCounts {
  return { read: 0, parsed: 0, foreign: 0, unsupported: 0, malformed: 0, duplicate: 0, bytes: 0 };
}

export function noEvents(): Record<EventTable, number> {
  return Object.fromEntries(EVENT_TABLES.map((name) => [name, 0])) as Record<EventTable, number>;
}

/** Takes one source into the sink. What was known of it before counts as duplicate lines, read again. */
export async function ingestSource(
  source: OpenedSource,
  sink: Sink,
  parser: BlockParser,
  options: IngestOptions,
): Promise<SourceResult> {
  const run = new SourceRun(source, sink, parser, options);
  return run.run();
}

/** Of a source of which nothing has been read. */
const NO_TAIL = { tailLength: 0, tailDigest: '' };

class SourceRun {
  readonly #source: OpenedSource;
  readonly #sink: Sink;
  readonly #parser: BlockParser;
  readonly #options: IngestOptions;
  readonly #total: LineCounts = noCounts();
  readonly #events = noEvents();
  readonly #warnings: string[] = [];
  readonly #duplicates: Duplicates;
  #pending: LineCounts = noCounts();
  #sourceId = 0;
  #open = false;
  #offset: number;
  #lines: number;
  readonly #tail = new TailDigest();
  readonly #hours = new Set<number>();
  #unparsedKept = 0;
  #damaged = false;
  /** Of the line with a stamp that was read last. */
  #lastTime = 0;
  #known: Checkpoint | undefined;

  constructor(source: OpenedSource, sink: Sink, parser: BlockParser, options: IngestOptions) {
    this.#source = source;
    this.#sink = sink;
    this.#parser = parser;
    this.#options = options;
    this.#known = source.known;
    this.#offset = source.known?.offset ?? 0;
    this.#lines = source.known?.lines ?? 0;
    this.#duplicates = new Duplicates((from, to) => sink.linesSeen(this.#sourceId, from, to));
  }

  async run(): Promise<SourceResult> {
    this.#parser.startSource(this.#source.clock);
    this.#countKnown();
    try {
      await this.#begin();
      for await (const item of this.#source.items) await this.#take(item);
      this.#warnOfClock();
      await this.#commit();
    } catch (error) {
      if (this.#open) await this.#sink.rollback();
      throw error;
    }
    return {
      counts: this.#total,
      events: this.#events,
      warnings: this.#warnings,
      damaged: this.#damaged,
    };
  }

  /** Lines behind a checkpoint are not read again but are part of what the user gave: duplicates. */
  #countKnown(): void {
    const known = this.#source.known;
    if (known === undefined) return;
    this.#count('duplicate', known.lines);
    this.#pending.bytes += known.offset;
  }

  async #begin(): Promise<void> {
    this.#sourceId = await this.#sink.begin(this.#source.identity, this.#known);
    this.#open = true;
  }

  async #take(item: SourceItem): Promise<void> {
    if (item.kind === 'error') {
      this.#damaged = true;
      this.#warnings.push(`${this.#source.identity.name}: ${item.message}`);
      return;
    }
    const { block } = this.#parser;
    if (item.kind === 'lines') {
      this.#parser.parse(item.bytes, item.offset);
      this.#advance(item.offset + item.bytes.length);
      this.#tail.update(item.bytes);
    } else {
      this.#parser.parseOverlong(item.head, item.offset, item.length);
      this.#advance(item.offset + item.length);
      // The bytes of the line are gone; the head alone would not stand before the offset.
      this.#tail.skip();
    }
    if (this.#options.checkDuplicates) await this.#duplicates.mark(block);
    this.#appendBlock();
    this.#options.onProgress?.(block.lines.count);
    if (this.#pending.read >= this.#options.batchLines) {
      await this.#commit();
      await this.#begin();
    }
  }

  #advance(offset: number): void {
    this.#pending.bytes += offset - this.#offset;
    this.#offset = offset;
  }

  #appendBlock(): void {
    const { block } = this.#parser;
    const { lines, tables } = block;
    let lastHour = Number.NaN;
    for (let line = 0; line < lines.count; line += 1) {
      const time = lines.time[line] ?? Number.NaN;
      if (!Number.isNaN(time)) this.#lastTime = time;
      const hour = Math.floor(time / 3600);
      if (hour !== lastHour && !Number.isNaN(hour)) this.#hours.add(hour);
      lastHour = hour;
      const outcome = LINE_OUTCOMES[lines.outcome[line] ?? 0] ?? 'parsed';
      this.#pending[outcome] += 1;
      this.#total[outcome] += 1;
    }
    this.#pending.read += lines.count;
    this.#total.read += lines.count;
    const keep = Math.max(0, this.#options.keepUnparsed - this.#unparsedKept);
    block.firstLine = this.#lines + 1;
    this.#lines += lines.count;
    const batch = block.toBatch(this.#sourceId, keep);
    for (const { table, rows } of batch.tables) {
      if (table === 'unparsed_lines') this.#unparsedKept += rows;
    }
    for (const name of EVENT_TABLES) this.#events[name] += tables[name].rows;
    this.#sink.append(batch);
  }

  #count(outcome: 'duplicate', lines: number): void {
    this.#pending[outcome] += lines;
    this.#pending.read += lines;
    this.#total[outcome] += lines;
    this.#total.read += lines;
  }

  async #commit(): Promise<void> {
    this.#total.bytes += this.#pending.bytes;
    const known = this.#known;
    const moved = this.#offset > (known?.offset ?? 0);
    const { tailLength, tailDigest } = moved ? this.#tail.read() : (known ?? NO_TAIL);
    const { identity } = this.#source;
    const place = { offset: this.#offset, lines: this.#lines, tailLength, tailDigest };
    await this.#sink.commit({ ...place, counts: this.#pending, hours: [...this.#hours] });
    this.#hours.clear();
    this.#open = false;
    this.#pending = noCounts();
    this.#known = {
      sourceId: this.#sourceId,
      headLength: identity.headLength,
      headDigest: identity.headDigest,
      ...place,
      counts: this.#total,
    };
  }

  #warnOfClock(): void {
    const { mismatches, largestMismatch } = this.#parser.clock;
    if (mismatches === 0) return;
    const days = Math.round(Math.abs(largestMismatch) / 86400);
    const side = largestMismatch > 0 ? 'after' : 'before';
    const text = `${mismatches} lines bear stamps up to ${days} days ${side} what their queue ids say: the log was edited, or a clock was wrong`;
    this.#warnings.push(`${this.#source.identity.name}: ${text}`);
    this.#sink.append(this.#parser.block.noteBatch(this.#sourceId, this.#lastTime, text));
  }
}
