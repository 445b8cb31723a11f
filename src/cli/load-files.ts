/** From the names a user gives to lines in a store: shared by `ingest`, and by reports straight from files. */
import { stat } from 'node:fs/promises';
import type { BlockParser } from '../../ingest/pipeline/block-parser.ts';
import type { ClockOptions } from '../../ingest/pipeline/clock.ts';
import type { SourceResult } from '../../ingest/pipeline/ingest.ts';
import { ingestSource } from '../../ingest/pipeline/ingest.ts';
import { noCounts, noEvents } from '../../ingest/pipeline/source-writer.ts';
import { expandInputs } from '../../ingest/source/expand-inputs.ts';
import { findCheckpoint, readIdentity } from '../../ingest/source/identity.ts';
import type { Input } from '../../ingest/source/input.ts';
import { openSource } from '../../ingest/source/open-source.ts';
import { maillogError } from '../model/errors.ts';
import type { EventTable } from '../store/schema.ts';
import type { Checkpoint, LineCounts, Sink } from '../store/store.ts';
import { StaleSource, TurnLost } from '../store/store.ts';
import { add, CommittedSink } from './committed-sink.ts';
import type { CommandContext } from './context.ts';
import { readingOf } from './context.ts';
import { complain } from './io.ts';
import type { Meter } from './progress.ts';
import { startProgress } from './progress.ts';
import type { Reading } from './reading.ts';
import { clockOptions, makeParser } from './reading.ts';

export interface LoadResult {
  readonly counts: LineCounts;
  readonly events: Record<EventTable, number>;
  readonly sources: number;
  /** Inputs that could not be read whole. */
  readonly problems: number;
  readonly seconds: number;
}

export interface LoadOptions {
  /** Whether a last line without newline is taken even if more may follow. */
  readonly takeUnterminated: boolean | 'if-quiet';
  /** Others write to the store too: one block is a transaction, and an input may be overtaken. */
  readonly isShared?: boolean;
}

/** A transaction of a shared store is one block, so that others need not wait for long. */
const SHARED_BLOCK = 4 * 1024 * 1024;
/** How often an input is taken again without having come further. */
const MOST_TRIES = 8;

/** Loads all inputs. A problem with one is said on stderr and the others go on. */
export async function loadFiles(
  context: CommandContext,
  sink: Sink,
  names: readonly string[],
  options: LoadOptions,
): Promise<LoadResult> {
  const started = performance.now();
  const { inputs, problems } = await expandInputs(names, () => context.io.stdin);
  for (const { name, message } of problems) await complain(context.io, `${name}: ${message}`);
  if (inputs.length === 0) {
    if (problems.length > 0)
      throw maillogError('E_NOTHING_FOUND', {
        what: 'no input could be read',
        hint: 'check the names',
      });
    throw maillogError('E_NOTHING_FOUND', {
      what: 'no log file there',
      hint: 'name files, folders or - for standard input',
    });
  }
  const load = new Load(context, sink, options);
  let failed = problems.length;
  for (const input of inputs) failed += (await load.take(input)) ? 0 : 1;
  return {
    counts: load.counts,
    events: load.events,
    sources: inputs.length,
    problems: failed,
    seconds: (performance.now() - started) / 1000,
  };
}

class Load {
  readonly counts = noCounts();
  readonly events = noEvents();
  readonly #context: CommandContext;
  readonly #sink: Sink;
  readonly #options: LoadOptions;
  readonly #reading: Reading;
  readonly #parser: BlockParser;

  constructor(context: CommandContext, sink: Sink, options: LoadOptions) {
    this.#context = context;
    this.#sink = sink;
    this.#options = options;
    this.#reading = readingOf(context);
    const clock = clockOptions(this.#reading, context.now.getTime() / 1000);
    this.#parser = makeParser(this.#reading, clock);
  }

  /** True when the input was read whole. */
  async take(input: Input): Promise<boolean> {
    const sink = new CommittedSink(this.#sink);
    let furthest = -1;
    for (let tries = 1; ; tries += 1) {
      const known = await findCheckpoint(input, await sink.checkpoints());
      if ((known?.offset ?? 0) > furthest) tries = 1;
      furthest = Math.max(furthest, known?.offset ?? 0);
      add(this.events, sink.startAgain(known));
      try {
        const result = await this.#attempt(input, sink, known);
        add(this.counts, sink.counts);
        add(this.events, result.events);
        for (const warning of result.warnings) await complain(this.#context.io, warning);
        return !result.damaged;
      } catch (error) {
        const isOvertaken = error instanceof StaleSource || error instanceof TurnLost;
        // A stream cannot be read again; whoever gives it again finds the first part known.
        if (!isOvertaken || input.kind === 'stream' || tries >= MOST_TRIES) throw overtaken(error);
      }
    }
  }

  async #attempt(input: Input, sink: Sink, known: Checkpoint | undefined): Promise<SourceResult> {
    const { io, config } = this.#context;
    const { isShared = false, takeUnterminated } = this.#options;
    const identity = await readIdentity(input);
    const source = openSource(input, {
      offset: known?.offset ?? 0,
      takeUnterminated,
      ...(isShared ? { blockSize: SHARED_BLOCK } : {}),
    });
    const meter = await startProgress(io, {
      label: input.name,
      totalBytes: source.totalBytes ?? null,
    });
    try {
      return await ingestSource(
        { identity, known, clock: await this.#clockOf(input), items: source },
        sink,
        this.#parser,
        {
          batchLines: isShared ? 1 : config.settings.batchLines,
          keepUnparsed: config.settings.unparsedLines,
          // Another source may come into a shared store at any moment.
          checkDuplicates: isShared || (await sink.hasOtherSources(known?.sourceId ?? 0)),
          onProgress: progressOf(meter, () => source.bytesConsumed()),
        },
      );
    } finally {
      meter.stop();
      await source.close();
    }
  }

  /** A file's own time bounds the year of stamps that have none. */
  async #clockOf(input: Input): Promise<ClockOptions> {
    const now = this.#context.now.getTime();
    if (input.kind !== 'file') return clockOptions(this.#reading, now / 1000);
    const modified = await stat(input.path).then(
      ({ mtimeMs }) => mtimeMs,
      () => now,
    );
    return clockOptions(this.#reading, Math.min(now, modified) / 1000);
  }
}

/** For the person, where trying again was of no use. */
function overtaken(error: unknown): unknown {
  if (!(error instanceof StaleSource || error instanceof TurnLost)) return error;
  const problem = `${error.message}; what was read before is kept, run this again`;
  return maillogError('E_STORE_FAILED', { problem }, error);
}

function progressOf(meter: Meter, consumed: () => number): (lines: number) => void {
  let total = 0;
  return (lines) => {
    total += lines;
    meter.update(consumed(), total);
  };
}
