/**
 * `maillog ingest --follow`: logs and standard input as they grow, into a database of one's own or through the
 * daemon that has it. Ends at a signal, or where there is only standard input, at its end; what has arrived
 * until then is stored.
 *
 * Promise: a store that fails, or a daemon that goes, is waited for and opened again; nothing is lost of files
 * or repeated, and of standard input only what could not be stored by the end, which is then a failure.
 */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FollowEvent, Follower } from '../../ingest/follow/follower.ts';
import { type LiveEvent, LiveIngester } from '../../ingest/live/live-ingester.ts';
import { SingleSource } from '../../ingest/live/single-source.ts';
import { StdinSource } from '../../ingest/live/stdin-source.ts';
import { maillogError, toMaillogError } from '../model/errors.ts';
import type { Sink, WriteStore } from '../store/store.ts';
import { CommittedSink } from './committed-sink.ts';
import type { CommandContext } from './context.ts';
import { readingOf } from './context.ts';
import { complain } from './io.ts';
import type { LoadResult } from './load-files.ts';
import { openWriter } from './open-store.ts';
import type { Meter } from './progress.ts';
import { startProgress } from './progress.ts';
import type { Reading } from './reading.ts';
import { clockOptions, makeParser } from './reading.ts';

const STDIN = '-';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const SHOW_EVERY_MS = 200;
/** At a signal, standard input is read on until nothing has come for a moment; for no longer than this. */
const MOST_ARRIVAL_MS = 2000;
const QUIET_LOOKS = 4;
const LOOK_MS = 40;

export async function followFiles(
  context: CommandContext,
  names: readonly string[],
): Promise<LoadResult> {
  if (names.length === 0) {
    throw maillogError('E_USAGE', { problem: 'name logs to follow, or - for standard input' });
  }
  const ending = new AbortController();
  const end = (): void => ending.abort();
  // From the begin on; a second signal does what it does by itself.
  for (const signal of SIGNALS) process.once(signal, end);
  const store = new StoreInUse(context.config.settings.db);
  try {
    await store.open();
    return await new Following(context, store, names).run(ending.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, end);
    await store.close();
  }
}

/** The store, which is another one after it was opened again. */
class StoreInUse {
  readonly sink: Sink;
  readonly #path: string;
  #store: WriteStore | undefined;

  constructor(path: string) {
    this.#path = path;
    this.sink = new Proxy({} as Sink, {
      get:
        (_, name: keyof Sink) =>
        (...args: readonly never[]) =>
          this.#call(name, args),
    });
  }

  async open(): Promise<void> {
    this.#store = await openWriter(this.#path);
  }

  async close(): Promise<void> {
    const store = this.#store;
    this.#store = undefined;
    await store?.close();
  }

  async #call(name: keyof Sink, args: readonly never[]): Promise<unknown> {
    if (this.#store === undefined) await this.open();
    const method = this.#store?.[name] as ((...args: readonly never[]) => unknown) | undefined;
    return method?.apply(this.#store, [...args]);
  }
}

class Following {
  readonly #context: CommandContext;
  readonly #sink: CommittedSink;
  readonly #reading: Reading;
  readonly #ingester: LiveIngester;
  readonly #stdin: StdinSource | undefined;
  /** There is nothing else to go on for. */
  readonly #endsWithStdin: boolean = false;
  readonly #sources = new Set<string>();
  #problems = 0;
  /** Why nothing can be stored now. */
  #failure: unknown;

  constructor(context: CommandContext, store: StoreInUse, names: readonly string[]) {
    const { io } = context;
    this.#context = context;
    this.#sink = new CommittedSink(store.sink);
    this.#reading = readingOf(context);
    const reading = this.#reading;
    this.#ingester = new LiveIngester({
      sink: this.#sink,
      makeParser: () => makeParser(reading, clockOptions(reading, Date.now() / 1000)),
      clockOf: (latest) => clockOptions(reading, latest),
      keepUnparsed: reading.settings.unparsedLines,
      onEvent: (event) => this.#heard(event),
      recover: () => store.close(),
    });
    const patterns = names.filter((name) => name !== STDIN).map((name) => resolve(io.cwd, name));
    if (patterns.length > 0) {
      const onEvent = (event: FollowEvent): void => this.#followed(event);
      this.#ingester.add(new Follower({ patterns, onEvent }));
    }
    if (patterns.length === names.length) return;
    this.#stdin = new StdinSource(io.stdin);
    this.#ingester.add(new SingleSource(this.#stdin));
    this.#endsWithStdin = patterns.length === 0;
  }

  async run(ending: AbortSignal): Promise<LoadResult> {
    const started = performance.now();
    const stop = (): void => void this.#stop();
    if (ending.aborted) stop();
    ending.addEventListener('abort', stop, { once: true });
    const meter = await startProgress(this.#context.io, { label: 'following', totalBytes: null });
    const showing = setInterval(() => this.#show(meter), SHOW_EVERY_MS);
    try {
      await this.#ingester.run();
    } finally {
      clearInterval(showing);
      meter.stop();
    }
    if (this.#failure !== undefined) throw this.#failure;
    await this.#sink.correlate();
    await this.#sink.refreshRollups();
    return {
      counts: this.#sink.counts,
      events: this.#sink.startAgain(undefined),
      sources: this.#sources.size,
      problems: this.#problems,
      seconds: (performance.now() - started) / 1000,
    };
  }

  async #stop(): Promise<void> {
    const deadline = Date.now() + MOST_ARRIVAL_MS;
    let before = -1;
    let quiet = 0;
    while (this.#stdin !== undefined && quiet < QUIET_LOOKS && Date.now() < deadline) {
      await sleep(LOOK_MS);
      const { bytes } = this.#sink.counts;
      const isQuiet = this.#stdin.backlog === 0 && bytes === before && this.#hasBegun();
      quiet = isQuiet ? quiet + 1 : 0;
      before = bytes;
    }
    this.#ingester.stop();
  }

  /** Standard input is being read. */
  #hasBegun(): boolean {
    return this.#ingester.status().length > 0;
  }

  #heard(event: LiveEvent): void {
    if (event.kind === 'failed') this.#failed(event.error);
    else if (event.kind === 'committed') this.#count();
    else if (event.kind === 'recovered') {
      this.#failure = undefined;
      this.#say('storing goes on');
    } else if (event.kind === 'warning') this.#say(`${event.source}: ${event.text}`);
    else if (event.kind === 'ended') this.#ended(event.source, event.problem);
  }

  #failed(error: unknown): void {
    // What the store says of itself is better than of a turn that was lost with it.
    const isNew = this.#failure === undefined;
    this.#failure = error;
    if (isNew) this.#say(`nothing can be stored now, it is tried again: ${toReason(error)}`);
  }

  #ended(source: string, problem: string | undefined): void {
    if (problem !== undefined) {
      this.#problems += 1;
      this.#say(`${source}: ${problem}`);
    }
    if (source === STDIN && this.#endsWithStdin) this.#ingester.stop();
  }

  #followed({ kind, path, detail }: FollowEvent): void {
    if (kind === 'problem') this.#say(`${path}: ${detail}`);
  }

  #show(meter: Meter): void {
    const lags = this.#ingester.status().map((source) => source.report().lag);
    const { bytes, read } = this.#sink.counts;
    meter.update(bytes, read, Math.max(0, ...lags));
  }

  #count(): void {
    for (const status of this.#ingester.status()) {
      const { source, committedAt } = status.report();
      if (committedAt !== null) this.#sources.add(source);
    }
  }

  #say(text: string): void {
    void complain(this.#context.io, text);
  }
}

function toReason(error: unknown): string {
  return error instanceof Error && error.name === 'TurnLost'
    ? error.message
    : toMaillogError(error).message;
}
