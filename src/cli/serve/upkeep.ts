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

export class Upkeep {
  readonly #store: SharedStore;
  readonly #options: UpkeepOptions;
  readonly #timers: NodeJS.Timeout[] = [];
  #retentionDays: number;
  #working: Promise<void> = Promise.resolve();

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
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** Waits for what runs, then leaves the roll-ups up to date. */
  async finish(): Promise<void> {
    await this.#working;
    await this.#guarded(() => this.#refresh());
  }

  #every(pause: number, work: () => Promise<void>): void {
    const again = (after: number): void => {
      const timer = setTimeout(() => {
        this.#working = this.#working.then(() => this.#guarded(work)).then(() => again(pause));
      }, after);
      this.#timers.push(timer);
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
