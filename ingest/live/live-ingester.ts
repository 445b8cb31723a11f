/**
 * Takes what goes on into the store: in each round a block of every source that has something new, all of
 * them in one transaction, then the next round. A source far behind gives one large block a round in its
 * turn, so that the others stay current.
 *
 * Whatever fails, nothing is lost or repeated: a round that is not committed is forgotten, and its sources
 * begin again at their checkpoints. While the store takes nothing (a full disk), rounds are tried again
 * after a pause and nothing is read meanwhile, which in turn holds up whoever sends.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sink } from '../../src/store/store.ts';
import { StaleSource } from '../../src/store/store.ts';
import type { BlockParser } from '../pipeline/block-parser.ts';
import { SourceWriter } from '../pipeline/source-writer.ts';
import { explainError } from '../source/byte-reader.ts';
import type { ClockMaker, LiveRead, LiveSource, LiveSources, SourceStart } from './live-source.ts';
import { SourceStatus } from './source-status.ts';

export interface LiveOptions {
  readonly sink: Sink;
  readonly makeParser: () => BlockParser;
  readonly clockOf: ClockMaker;
  readonly keepUnparsed: number;
  /** Throws while nothing may be taken: then nothing is read either. */
  readonly gate?: () => Promise<void>;
  readonly onEvent?: (event: LiveEvent) => void;
  /** Called after a failure that is not a source's: whatever brings the store back. */
  readonly recover?: (error: unknown) => Promise<void>;
}

export type LiveEvent =
  | { readonly kind: 'committed'; readonly lines: number; readonly milliseconds: number }
  | { readonly kind: 'failed'; readonly error: unknown; readonly again: number }
  | { readonly kind: 'recovered' }
  /** Something about a source that people should know; each once a source. */
  | { readonly kind: 'warning'; readonly source: string; readonly text: string }
  | { readonly kind: 'ended'; readonly source: string; readonly problem: string | undefined };

/** Milliseconds between two looks at sources that gave nothing. */
const IDLE_MS = 50;
/** And between two rounds, so that a trickle of lines does not cost a transaction each. */
const ROUND_MS = 100;
/** Hops are looked for once a second, and for no more than a fifth of the time. */
const CORRELATE_MS = 1000;
const CORRELATE_SHARE = 5;
/** How long the end may take where much is left to be read. */
const DRAIN_MS = 30_000;
const PATIENCE_MS = [250, 500, 1000, 2000, 5000] as const;
/** Parsers are large: more sources than this do not keep theirs. */
const MOST_PARSERS = 64;
/** From here on a source is behind and takes its turn among those that are. */
const BEHIND_BYTES = 1024 * 1024;
/** For so long small blocks of a source are taken one after another before it is the others' turn. */
const FOLLOWERS_MS = 100;

interface Taken {
  readonly source: LiveSource;
  readonly start: SourceStart;
  readonly writer: SourceWriter;
  readonly parser: BlockParser;
  /** Lines of a wrong clock among those read before the place it began at. */
  readonly mismatchesBefore: number;
  lastUsed: number;
}

interface Ready {
  readonly taken: Taken;
  lines: number;
  isFollowed: boolean;
}

export class LiveIngester {
  readonly #options: LiveOptions;
  readonly #providers = new Set<LiveSources>();
  readonly #taken = new Map<LiveSource, Taken>();
  readonly #status = new Map<LiveSource, SourceStatus>();
  #stopping = false;
  #wake: (() => void) | undefined;
  #failures = 0;
  #round = 0;
  #lastRound = 0;
  #isUncorrelated = true;
  #nextCorrelation = 0;
  #current: Promise<unknown> = Promise.resolve();
  /** Sources whose clock, or lines too old to be kept, were told of. */
  readonly #warned = { clock: new WeakSet<LiveSource>(), age: new WeakSet<LiveSource>() };

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  add(sources: LiveSources): void {
    this.#providers.add(sources);
    this.wake();
  }

  /** Takes its sources no further; what is not committed comes again when they do. */
  async remove(sources: LiveSources): Promise<void> {
    this.#providers.delete(sources);
    // What a round under way has read of them, it still commits.
    await this.#current.catch(() => undefined);
    await sources.close();
  }

  /** Something new is there. */
  wake(): void {
    this.#wake?.();
  }

  /** What is known of each source now. */
  status(): readonly SourceStatus[] {
    return [...this.#status.values()];
  }

  /** Runs until `stop`; then once more through all sources, so that what is there gets in. */
  async run(): Promise<void> {
    while (!this.#stopping) {
      const busy = await this.#guardedRound();
      if (!busy && !this.#stopping) await this.#idle();
    }
    await this.#drain();
    for (const provider of this.#providers) await provider.close();
  }

  stop(): void {
    this.#stopping = true;
    this.wake();
  }

  /** One round, for callers that keep their own time; true if anything was taken. */
  round(): Promise<boolean> {
    const round = this.#runRound();
    this.#current = round;
    return round;
  }

  async #runRound(): Promise<boolean> {
    await this.#options.gate?.();
    const sources = await this.#sources();
    const ready: Ready[] = [];
    for (const source of this.#inTurn(sources)) {
      const block = await this.#read(source);
      if (block !== undefined) ready.push(block);
    }
    if (ready.length > 0) await this.#commit(ready);
    await this.#correlate();
    return ready.length > 0;
  }

  /** All sources begin again at the store's checkpoints. */
  forget(): void {
    this.#taken.clear();
  }

  /** What does not get in within its time stays where it is, for the next start. */
  async #drain(): Promise<void> {
    const deadline = Date.now() + DRAIN_MS;
    for (const provider of this.#providers) provider.lookAtOnce?.();
    while (Date.now() < deadline) {
      this.#nextCorrelation = 0;
      if (!(await this.#guardedRound()) || this.#failures > 0) return;
    }
  }

  async #correlate(): Promise<void> {
    const started = Date.now();
    if (!this.#isUncorrelated || started < this.#nextCorrelation) return;
    await this.#options.sink.correlate();
    this.#isUncorrelated = false;
    const ended = Date.now();
    this.#nextCorrelation = ended + Math.max(CORRELATE_MS, (ended - started) * CORRELATE_SHARE);
  }

  /** True if there may be more at once. */
  async #guardedRound(): Promise<boolean> {
    try {
      this.#lastRound = Date.now();
      const busy = await this.round();
      if (this.#failures > 0) this.#tell({ kind: 'recovered' });
      this.#failures = 0;
      return busy && (this.#stopping || this.#isPressed());
    } catch (error) {
      await this.#failed(error);
      return !this.#stopping;
    }
  }

  /** Somebody waits for an answer, or is far behind. */
  #isPressed(): boolean {
    for (const { source } of this.#taken.values()) {
      if ((source.urgent && source.backlog > 0) || source.backlog > BEHIND_BYTES) return true;
    }
    return false;
  }

  async #failed(error: unknown): Promise<void> {
    this.forget();
    const pause = PATIENCE_MS[Math.min(this.#failures, PATIENCE_MS.length - 1)] ?? 5000;
    this.#failures += 1;
    this.#tell({ kind: 'failed', error, again: pause });
    // At once, not after the pause: others ask the store meanwhile.
    await this.#options.recover?.(error).catch(() => undefined);
    if (!this.#stopping) await this.#pause(pause);
  }

  async #idle(): Promise<void> {
    const sinceRound = Date.now() - this.#lastRound;
    const isUrgent = [...this.#taken.keys()].some(({ urgent }) => urgent);
    await sleep(isUrgent ? 2 : Math.max(5, ROUND_MS - sinceRound));
    if (this.#isPressed() || this.#stopping) return;
    await this.#pause(IDLE_MS);
  }

  /** Until the time is over or something wakes it. */
  async #pause(milliseconds: number): Promise<void> {
    const controller = new AbortController();
    this.#wake = () => controller.abort();
    await sleep(milliseconds, undefined, { signal: controller.signal }).catch(() => undefined);
    this.#wake = undefined;
  }

  async #sources(): Promise<readonly LiveSource[]> {
    const lists = [];
    for (const provider of this.#providers) lists.push(await provider.refresh());
    const sources = lists.flat();
    const present = new Set(sources);
    for (const source of this.#status.keys()) {
      if (present.has(source)) continue;
      this.#status.delete(source);
      this.#taken.delete(source);
    }
    for (const source of sources) {
      if (!this.#status.has(source)) this.#status.set(source, new SourceStatus(source));
    }
    return sources;
  }

  /** All that are current, and of those behind the one whose turn it is. */
  #inTurn(sources: readonly LiveSource[]): readonly LiveSource[] {
    const behind = sources.filter(({ backlog }) => backlog > BEHIND_BYTES);
    this.#round += 1;
    const chosen = behind[this.#round % Math.max(1, behind.length)];
    return sources.filter((source) => source === chosen || !behind.includes(source));
  }

  /** Reads and parses a block; nothing of it is in the store yet. */
  async #read(source: LiveSource): Promise<Ready | undefined> {
    const taken = this.#taken.get(source) ?? (await this.#begin(source));
    if (taken === undefined) return undefined;
    const read = await source.read();
    this.#status.get(source)?.looked();
    if (read.kind !== 'block') {
      if (read.kind !== 'idle') await this.#over(source, read);
      return undefined;
    }
    taken.lastUsed = this.#round;
    return { taken, lines: parse(taken, read), isFollowed: read.isFollowed === true };
  }

  async #begin(source: LiveSource): Promise<Taken | undefined> {
    const { clockOf, keepUnparsed } = this.#options;
    const start = await this.#start(source);
    if (start === undefined) return undefined;
    const parser = this.#spareParser();
    parser.startSource(clockOf(start.latest));
    // Read for its clock, and for a line that is repeated later; its rows are dropped.
    if (start.before.length > 0) parser.parse(start.before, 0);
    const options = { keepUnparsed, checkDuplicates: true, goesOn: true };
    const writer = new SourceWriter(start.identity, start.known, parser, options);
    const mismatchesBefore = parser.clock.mismatches;
    const taken = { source, start, writer, parser, mismatchesBefore, lastUsed: this.#round };
    this.#taken.set(source, taken);
    this.#status.get(source)?.begun(start);
    return taken;
  }

  /** A file that went away meanwhile or cannot be read is over; the store's failures are not a source's. */
  async #start(source: LiveSource): Promise<SourceStart | undefined> {
    try {
      return await source.start(this.#options.sink);
    } catch (error) {
      if (!(error instanceof Error && 'syscall' in error)) throw error;
      await this.#over(source, { kind: 'ended', problem: explainError(error) });
      return undefined;
    }
  }

  /** A new parser, or that of the source that has been quiet for longest; it begins again when it must. */
  #spareParser(): BlockParser {
    if (this.#taken.size < MOST_PARSERS) return this.#options.makeParser();
    let oldest: Taken | undefined;
    for (const taken of this.#taken.values()) {
      if (taken.lastUsed < (oldest?.lastUsed ?? this.#round)) oldest = taken;
    }
    if (oldest === undefined) return this.#options.makeParser();
    this.#taken.delete(oldest.source);
    return oldest.parser;
  }

  async #over(source: LiveSource, read: LiveRead): Promise<void> {
    this.#taken.delete(source);
    if (read.kind !== 'ended') return;
    this.#tell({ kind: 'ended', source: source.name, problem: read.problem });
    for (const provider of this.#providers) await provider.ended?.(source, read.problem);
  }

  async #commit(ready: readonly Ready[]): Promise<void> {
    const { sink } = this.#options;
    const started = performance.now();
    const written: Ready[] = [];
    await sink.begin();
    try {
      for (const block of ready) if (await this.#write(block)) written.push(block);
      await sink.commit();
    } catch (error) {
      await sink.rollback().catch(() => undefined);
      throw error;
    }
    this.#isUncorrelated = true;
    let lines = 0;
    for (const { taken, lines: own } of written) {
      taken.writer.committed();
      taken.source.committed();
      this.#tellWarnings(taken);
      this.#status.get(taken.source)?.committed(taken.writer);
      lines += own;
    }
    this.#tell({ kind: 'committed', lines, milliseconds: performance.now() - started });
  }

  /** False when another reader has taken the same content further: looked up again in the next round. */
  async #write(ready: Ready): Promise<boolean> {
    const { taken } = ready;
    try {
      await taken.writer.write(this.#options.sink);
      const text = this.#clockWarning(taken);
      if (text !== undefined) await taken.writer.note(this.#options.sink, text);
      await this.#writeFollowers(ready);
      await taken.writer.settle(this.#options.sink);
      return true;
    } catch (error) {
      if (!(error instanceof StaleSource)) throw error;
      this.#taken.delete(taken.source);
      return false;
    }
  }

  #clockWarning({ source, parser, mismatchesBefore }: Taken): string | undefined {
    return this.#warned.clock.has(source) ? undefined : parser.clock.warning(mismatchesBefore);
  }

  /** Once a source, after the transaction they belong to. */
  #tellWarnings(taken: Taken): void {
    const { source, writer } = taken;
    const clock = this.#clockWarning(taken);
    if (clock !== undefined) this.#tellOnce(this.#warned.clock, source, clock);
    if (writer.retentionWarning !== undefined) {
      this.#tellOnce(this.#warned.age, source, writer.retentionWarning);
    }
  }

  #tellOnce(told: WeakSet<LiveSource>, source: LiveSource, text: string): void {
    if (told.has(source)) return;
    told.add(source);
    this.#tell({ kind: 'warning', source: source.name, text });
  }

  /** Else a peer that sends nothing but messages cut off would cost a transaction for each. */
  async #writeFollowers(ready: Ready): Promise<void> {
    const { taken } = ready;
    const deadline = performance.now() + FOLLOWERS_MS;
    while (ready.isFollowed && performance.now() < deadline) {
      const read = await taken.source.read();
      if (read.kind !== 'block') return;
      ready.lines += parse(taken, read);
      ready.isFollowed = read.isFollowed === true;
      await taken.writer.write(this.#options.sink);
    }
  }

  #tell(event: LiveEvent): void {
    this.#options.onEvent?.(event);
  }
}

/** How many lines it was, those sent again among them. */
function parse({ writer, parser }: Taken, read: Extract<LiveRead, { kind: 'block' }>): number {
  const before = writer.pendingLines;
  writer.parse(read.item, read.extent);
  return parser.block.lines.count + writer.pendingLines - before;
}
