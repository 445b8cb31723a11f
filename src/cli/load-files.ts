/** From the names a user gives to lines in a store: shared by `ingest`, and by reports straight from files. */
import { stat } from 'node:fs/promises';
import type { BlockParser } from '../../ingest/pipeline/block-parser.ts';
import type { ClockOptions } from '../../ingest/pipeline/clock.ts';
import { ingestSource } from '../../ingest/pipeline/ingest.ts';
import { noCounts, noEvents } from '../../ingest/pipeline/source-writer.ts';
import { expandInputs } from '../../ingest/source/expand-inputs.ts';
import { findCheckpoint, readIdentity } from '../../ingest/source/identity.ts';
import type { Input } from '../../ingest/source/input.ts';
import { openSource } from '../../ingest/source/open-source.ts';
import { maillogError } from '../model/errors.ts';
import type { EventTable } from '../store/schema.ts';
import type { LineCounts, Sink } from '../store/store.ts';
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
}

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
    const { io, config } = this.#context;
    const checkpoints = await this.#sink.checkpoints();
    const identity = await readIdentity(input);
    const known = await findCheckpoint(input, checkpoints);
    const source = openSource(input, {
      offset: known?.offset ?? 0,
      takeUnterminated: this.#options.takeUnterminated,
    });
    const meter = await startProgress(io, {
      label: input.name,
      totalBytes: source.totalBytes ?? null,
    });
    try {
      const result = await ingestSource(
        { identity, known, clock: await this.#clockOf(input), items: source },
        this.#sink,
        this.#parser,
        {
          batchLines: config.settings.batchLines,
          keepUnparsed: config.settings.unparsedLines,
          checkDuplicates: await this.#sink.hasOtherSources(known?.sourceId ?? 0),
          onProgress: progressOf(meter, () => source.bytesConsumed()),
        },
      );
      this.#add(result.counts, result.events);
      meter.stop();
      for (const warning of result.warnings) await complain(io, warning);
      return !result.damaged;
    } finally {
      meter.stop();
      await source.close();
    }
  }

  #add(counts: LineCounts, events: Readonly<Record<EventTable, number>>): void {
    for (const key of Object.keys(counts) as (keyof LineCounts)[]) this.counts[key] += counts[key];
    for (const key of Object.keys(events) as EventTable[]) this.events[key] += events[key];
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

function progressOf(meter: Meter, consumed: () => number): (lines: number) => void {
  let total = 0;
  return (lines) => {
    total += lines;
    meter.update(consumed(), total);
  };
}
