/**
 * A source that ends, from its bytes to the store: read blocks, parse, append, commit every so many lines.
 */
import type { EventTable } from '../../src/store/schema.ts';
import type { Checkpoint, LineCounts, Sink, SourceIdentity } from '../../src/store/store.ts';
import type { SourceItem } from '../source/line-blocks.ts';
import type { BlockParser } from './block-parser.ts';
import type { ClockOptions } from './clock.ts';
import type { WriterOptions } from './source-writer.ts';
import { SourceWriter } from './source-writer.ts';

/** A source opened for reading from where it was left. */
export interface OpenedSource {
  readonly identity: SourceIdentity;
  /** Where the store left it, if it knows it. */
  readonly known: Checkpoint | undefined;
  readonly clock: ClockOptions;
  readonly items: AsyncIterable<SourceItem>;
}

export interface IngestOptions extends WriterOptions {
  /** Lines in one transaction. */
  readonly batchLines: number;
  readonly onProgress?: ((lines: number) => void) | undefined;
}

export interface SourceResult {
  readonly counts: LineCounts;
  readonly events: Readonly<Record<EventTable, number>>;
  /** The source could not be read to its end. */
  readonly damaged: boolean;
  /**
   * What the reader should know: a damaged archive, stamps that contradict their queue ids,
   * lines that the store does not keep any more.
   */
  readonly warnings: readonly string[];
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

class SourceRun {
  readonly #source: OpenedSource;
  readonly #sink: Sink;
  readonly #parser: BlockParser;
  readonly #options: IngestOptions;
  readonly #writer: SourceWriter;
  readonly #warnings: string[] = [];
  #open = false;
  #damaged = false;

  constructor(source: OpenedSource, sink: Sink, parser: BlockParser, options: IngestOptions) {
    this.#source = source;
    this.#sink = sink;
    this.#parser = parser;
    this.#options = options;
    this.#writer = new SourceWriter(source.identity, source.known, parser, options);
  }

  async run(): Promise<SourceResult> {
    this.#parser.startSource(this.#source.clock);
    this.#writer.countKnown();
    try {
      for await (const item of this.#source.items) await this.#take(item);
      await this.#begin();
      await this.#warnOfClock();
      await this.#commit();
    } catch (error) {
      if (this.#open) await this.#sink.rollback();
      throw error;
    }
    const { counts, events, retentionWarning } = this.#writer;
    if (retentionWarning !== undefined) {
      this.#warnings.push(`${this.#source.identity.name}: ${retentionWarning}`);
    }
    return { counts, events, warnings: this.#warnings, damaged: this.#damaged };
  }

  async #begin(): Promise<void> {
    if (this.#open) return;
    await this.#sink.begin();
    this.#open = true;
    await this.#writer.enter(this.#sink);
  }

  async #take(item: SourceItem): Promise<void> {
    if (item.kind === 'error') {
      this.#damaged = true;
      this.#warnings.push(`${this.#source.identity.name}: ${item.message}`);
      return;
    }
    // Parsed before the transaction is begun: others may want the store meanwhile.
    this.#writer.parse(item);
    await this.#begin();
    await this.#writer.write(this.#sink);
    this.#options.onProgress?.(this.#parser.block.lines.count);
    if (this.#writer.pendingLines >= this.#options.batchLines) await this.#commit();
  }

  async #commit(): Promise<void> {
    await this.#writer.settle(this.#sink);
    await this.#sink.commit();
    this.#open = false;
    this.#writer.committed();
  }

  async #warnOfClock(): Promise<void> {
    const text = this.#parser.clock.warning();
    if (text === undefined) return;
    this.#warnings.push(`${this.#source.identity.name}: ${text}`);
    await this.#writer.note(this.#sink, text);
  }
}
