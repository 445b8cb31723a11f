/**
 * The systemd journal, through a `journalctl` that follows it (systemd 245 or newer for the usual filter).
 * A place in the journal is a cursor: the store keeps that of the last entry it has, and a new start goes
 * on behind it. Where the journal has dropped that entry, journalctl goes on at the nearest.
 *
 * Promise: each entry is taken once, however often journalctl or this program ends. Memory is bounded at any
 * rate: a full queue stops reading, and journalctl waits. `read` starts a child that has ended again, after
 * a pause that grows.
 */
import { createHash } from 'node:crypto';
import type { Sink } from '../../src/store/store.ts';
import { explainError } from '../source/byte-reader.ts';
import { BLOCK_SIZE, type LineItem } from '../source/line-blocks.ts';
import type { JournalEntry } from './journal-line.ts';
import { JournalProcess } from './journal-process.ts';
import type { LiveRead, LiveSource, SourceStart } from './live-source.ts';

export interface JournalOptions {
  /** For people; default `journal`. */
  readonly name?: string;
  /** Default `journalctl`, as the PATH has it. */
  readonly command?: string;
  /** Options and matches of journalctl(1) that choose entries; default `--facility=mail`. */
  readonly filters?: readonly string[];
  /** A folder of journal files other than the system's. */
  readonly directory?: string;
  /** Where to begin the first time, as journalctl's `--since`; default at the oldest entry. */
  readonly since?: string;
  /** Milliseconds after which a child that has ended is started again; doubled up to a minute. */
  readonly restartAfter?: number;
  readonly onEvent?: (event: JournalEvent) => void;
}

/** `message`: what journalctl says while it goes on. Each is told once, until it has recovered. */
export interface JournalEvent {
  readonly kind: 'problem' | 'message' | 'recovered';
  readonly source: string;
  readonly detail: string;
}

type Taken = Exclude<JournalEntry, { readonly kind: 'skipped' }>;

interface Waiting {
  readonly entry: Taken;
  cursor: string | undefined;
}

const FILTERS = ['--facility=mail'] as const;
/**
 * By itself `--follow` shows the last ten entries, of this boot only. From systemd 251 on `--boot=all` does
 * not undo that unless there is `--merge`, and `--merge` is refused without it.
 */
const EVERYTHING = ['--follow', '--no-tail', '--merge', '--boot=all'] as const;
const FORM = ['--output=json', '--all', '--no-pager'] as const;
/** All others would only be thrown away; the cursor and the time come by themselves. */
const FIELDS =
  '--output-fields=MESSAGE,_HOSTNAME,SYSLOG_IDENTIFIER,_COMM,SYSLOG_PID,_PID,_SOURCE_REALTIME_TIMESTAMP';
const MOST_WAITING_BYTES = 2 * 1024 * 1024;
const MOST_WAITING = 20_000;
const RESTART_AFTER_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** A child is trusted once it has lived for so many first pauses. */
const STEADY = 10;
/** Different messages that are remembered as told. */
const MOST_TOLD = 100;

const IDLE: LiveRead = { kind: 'idle' };

export class JournalSource implements LiveSource {
  readonly name: string;
  readonly urgent = false;
  readonly #options: JournalOptions;
  readonly #filters: readonly string[];
  readonly #headDigest: string;
  #process: JournalProcess | undefined;
  #isStarted = false;
  #isPaused = false;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** Of the last entry that came out of the child: where the next child begins. */
  #cursor: string | undefined;
  /** Where the next block begins. */
  #offset = 0;
  #failures = 0;
  /** When a child may be started again, by a clock that is never set. */
  #again = 0;
  readonly #told = new Set<string>();

  constructor(options: JournalOptions = {}) {
    this.name = options.name ?? 'journal';
    this.#options = options;
    this.#filters = options.filters ?? FILTERS;
    const key = JSON.stringify([options.directory ?? '', ...this.#filters]);
    this.#headDigest = `journal:${createHash('sha256').update(key).digest('hex')}`;
  }

  get backlog(): number {
    return this.#waitingBytes;
  }

  async start(sink: Sink): Promise<SourceStart | undefined> {
    await this.close();
    const known = await sink.checkpointOf(this.#headDigest);
    this.#cursor = known?.cursor ?? undefined;
    this.#offset = known?.offset ?? 0;
    this.#isStarted = true;
    this.#run();
    const identity = { name: this.name, headLength: 0, headDigest: this.#headDigest };
    return { identity, known, latest: Date.now() / 1000, before: Buffer.alloc(0) };
  }

  async read(): Promise<LiveRead> {
    if (!this.#isStarted) return IDLE;
    this.#watch();
    const block = this.#nextBlock();
    if (this.#isPaused && !this.#isFilledTo(0.5)) {
      this.#isPaused = false;
      this.#process?.resume();
    }
    return block;
  }

  committed(): void {}

  async close(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    this.#isStarted = false;
    this.#isPaused = false;
    this.#waiting = [];
    this.#waitingBytes = 0;
    await process?.stop();
  }

  /** Starts a child again when it is time; passes on what it says. */
  #watch(): void {
    this.#run();
    const process = this.#process;
    if (process === undefined) return;
    const said = process.takeSaid();
    if (said !== '') this.#tell('message', said);
    const steadyFor = STEADY * (this.#options.restartAfter ?? RESTART_AFTER_MS);
    if (this.#failures === 0 || performance.now() - process.startedAt < steadyFor) return;
    this.#failures = 0;
    this.#told.clear();
    this.#tell('recovered', 'journalctl goes on');
  }

  #run(): void {
    if (this.#process !== undefined || performance.now() < this.#again) return;
    const { command = 'journalctl' } = this.#options;
    try {
      const process: JournalProcess = new JournalProcess(command, this.#arguments(), {
        entries: (entries) => this.#take(entries),
        ended: (problem, missing) => this.#ended(problem, missing),
      });
      this.#process = process;
    } catch (error) {
      this.#ended(`cannot run ${command}: ${explainError(error)}`, false);
    }
  }

  #arguments(): readonly string[] {
    const { directory, since } = this.#options;
    const args: string[] = [...FORM, ...EVERYTHING, FIELDS];
    if (directory !== undefined) args.push(`--directory=${directory}`);
    if (this.#cursor !== undefined) args.push(`--after-cursor=${this.#cursor}`);
    else if (since !== undefined) args.push(`--since=${since}`);
    return [...args, ...this.#filters];
  }

  #take(entries: readonly JournalEntry[]): void {
    for (const entry of entries) {
      const { cursor } = entry;
      this.#cursor = cursor ?? this.#cursor;
      if (entry.kind !== 'skipped') {
        this.#waiting.push({ entry, cursor: this.#cursor });
        this.#waitingBytes += sizeOf(entry);
      } else {
        const last = this.#waiting.at(-1);
        if (last !== undefined) last.cursor = this.#cursor;
      }
    }
    if (!this.#isFilledTo(1) || this.#isPaused) return;
    this.#isPaused = true;
    this.#process?.pause();
  }

  #isFilledTo(part: number): boolean {
    const { length } = this.#waiting;
    return this.#waitingBytes > part * MOST_WAITING_BYTES || length > part * MOST_WAITING;
  }

  #ended(problem: string, missing: boolean): void {
    this.#process = undefined;
    this.#isPaused = false;
    const first = this.#options.restartAfter ?? RESTART_AFTER_MS;
    const pause = missing ? LONGEST_PAUSE_MS : first * 2 ** Math.min(this.#failures, 16);
    this.#failures += 1;
    this.#again = performance.now() + Math.min(pause, LONGEST_PAUSE_MS);
    this.#tell('problem', problem);
  }

  #nextBlock(): LiveRead {
    const [first] = this.#waiting;
    if (first === undefined) return IDLE;
    const taken = this.#waiting.splice(0, first.entry.kind === 'line' ? this.#linesOfBlock() : 1);
    const item = itemOf(taken, this.#offset);
    for (const { entry } of taken) this.#waitingBytes -= sizeOf(entry);
    const bytes = item.kind === 'lines' ? item.bytes.length : item.length;
    this.#offset += bytes;
    const cursor = taken.at(-1)?.cursor;
    const extent = { end: this.#offset, bytes, repeats: 0 };
    return { kind: 'block', item, extent: cursor === undefined ? extent : { ...extent, cursor } };
  }

  /** How many of those waiting make a block of whole lines. */
  #linesOfBlock(): number {
    let bytes = 0;
    const end = this.#waiting.findIndex(({ entry }) => {
      if (entry.kind !== 'line') return true;
      bytes += entry.bytes.length;
      return bytes > BLOCK_SIZE;
    });
    return end < 0 ? this.#waiting.length : end;
  }

  #tell(kind: JournalEvent['kind'], detail: string): void {
    if (this.#told.has(detail)) return;
    if (this.#told.size >= MOST_TOLD) this.#told.clear();
    if (kind !== 'recovered') this.#told.add(detail);
    this.#options.onEvent?.({ kind, source: this.name, detail });
  }
}

function sizeOf(entry: Taken): number {
  return entry.kind === 'line' ? entry.bytes.length : entry.head.length;
}

function itemOf(taken: readonly Waiting[], offset: number): LineItem {
  const first = taken[0]?.entry;
  if (first?.kind === 'overlong') {
    const { head, length, why } = first;
    return { kind: 'overlong', offset, length, head, why };
  }
  const lines = taken.map(({ entry }) => (entry.kind === 'line' ? entry.bytes : Buffer.alloc(0)));
  return { kind: 'lines', bytes: Buffer.concat(lines), offset, unterminated: false };
}
