/**
 * What the store needs from time to time while it is owned: roll-ups brought up to date, rows dropped whose
 * time is over. Each is short, takes its turn behind live lines, and may fail: then it is tried again later.
 */
import { firstDayKept, pruneStore } from '../../store/duckdb/retention.ts';
import type { SharedStore } from '../../store/duckdb/shared-store.ts';
import { retentionAccess } from '../../store/remote/upkeep-methods.ts';
import type { LogLevel } from './messages.ts';

export interface UpkeepOptions {
  readonly zone: string;
  readonly retentionDays: number;
  readonly log: (
    level: LogLevel,
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ) => void;
}

const ROLLUPS_EVERY_MS = 120_000;
const PRUNE_EVERY_MS = 3_600_000;
/** The first look waits until what came in meanwhile is taken. */
const FIRST_MS = 30_000;
/** At the end. */
const MOST_WAITING_MS = 20_000;

export class Upkeep {
  readonly #store: SharedStore;
  readonly #options: UpkeepOptions;
  /** By the work they are for. */
  readonly #timers = new Map<() => Promise<void>, NodeJS.Timeout>();
  #retentionDays: number;
  #working: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(store: SharedStore, options: UpkeepOptions) {
    this.#store = store;
    this.#options = options;
    this.#retentionDays = options.retentionDays;
  }

  start(): void {
    this.#every(ROLLUPS_EVERY_MS, () => this.#refresh());
    this.#every(PRUNE_EVERY_MS, () => this.#prune());
  }

  keepDays(days: number): void {
    this.#retentionDays = days;
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  /** Waits for what runs, but not for ever: it can be done again. Then leaves the roll-ups up to date. */
  async finish(): Promise<void> {
    const late = new Promise<void>((resolve) => setTimeout(resolve, MOST_WAITING_MS).unref());
    await Promise.race([this.#working, late]);
    await this.#guarded(() => this.#refresh());
  }

  #every(pause: number, work: () => Promise<void>): void {
    const again = (after: number): void => {
      if (this.#isStopped) return;
      const timer = setTimeout(() => {
        this.#working = this.#working.then(() => this.#guarded(work)).then(() => again(pause));
      }, after);
      this.#timers.set(work, timer);
    };
    again(FIRST_MS);
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.log('warn', 'upkeep failed; it is tried again', { reason: String(error) });
    }
  }

  async #refresh(): Promise<void> {
    const sink = this.#store.sink('bulk');
    try {
      await sink.refreshRollups();
    } finally {
      await sink.close();
    }
  }

  async #prune(): Promise<void> {
    if (this.#retentionDays === 0) return;
    const kept = firstDayKept(new Date(), this.#retentionDays, this.#options.zone);
    const { day, tables } = await pruneStore(retentionAccess(this.#store), kept);
    const rows = Object.values(tables).reduce((sum, count) => sum + count, 0);
    if (rows > 0) this.#options.log('info', 'rows dropped by retention', { before: day, rows });
  }
}
