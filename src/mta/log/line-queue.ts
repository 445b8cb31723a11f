/**
 * The lines that wait for a sink: taken at once, handed on in batches, in order, by one delivery at a time.
 *
 * Promises: `put` never waits and never throws; a delivery that failed is tried again with the same batch;
 * at most `most` lines wait, beyond them the oldest are given up; a problem is told once until it is over,
 * and then how many lines it cost.
 */
import type { LogLine, SinkProblem } from './log-sink.ts';

export interface LineQueueOptions {
  /** What the lines go to, for problems. */
  readonly name: string;
  /** Called again with the same lines after it failed. */
  readonly deliver: (lines: readonly LogLine[]) => Promise<void>;
  readonly onProblem: SinkProblem;
  readonly most?: number;
  readonly retryMs?: number;
}

const MOST_WAITING = 100_000;
const RETRY_MS = 1_000;

export class LineQueue {
  readonly #options: LineQueueOptions;
  readonly #most: number;
  #waiting: LogLine[] = [];
  #current: readonly LogLine[] = [];
  #pump: Promise<void> | undefined;
  #isScheduled = false;
  #retry: NodeJS.Timeout | undefined;
  #isIll = false;
  #isClosed = false;
  #lost = 0;

  constructor(options: LineQueueOptions) {
    this.#options = options;
    this.#most = options.most ?? MOST_WAITING;
  }

  put(line: LogLine): void {
    if (this.#isClosed) return;
    this.#waiting.push(line);
    // The oldest half at once, so that a long trouble does not move an array at each line.
    if (this.#waiting.length > this.#most) {
      this.#lost += this.#waiting.splice(0, Math.ceil(this.#most / 2)).length;
    }
    if (this.#isScheduled || this.#pump !== undefined || this.#retry !== undefined) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      void this.#run();
    });
  }

  /** All lines are delivered, or could not be. */
  async flush(): Promise<void> {
    await this.#pump;
    await this.#run();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.flush();
    clearTimeout(this.#retry);
    this.#lost += this.#current.length + this.#waiting.length;
    if (this.#lost > 0) this.#options.onProblem(`${this.#options.name}: ${this.#lost} lines lost`);
    this.#lost = 0;
  }

  #run(): Promise<void> {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#pump ??= this.#deliverAll().finally(() => {
      this.#pump = undefined;
    });
    return this.#pump;
  }

  async #deliverAll(): Promise<void> {
    while (this.#current.length > 0 || this.#waiting.length > 0) {
      if (this.#current.length === 0) this.#current = this.#waiting.splice(0);
      try {
        await this.#options.deliver(this.#current);
        this.#current = [];
        this.#recovered();
      } catch (error) {
        this.#failed(error);
        return;
      }
    }
  }

  #failed(error: unknown): void {
    const { name, onProblem, retryMs = RETRY_MS } = this.#options;
    if (!this.#isIll) onProblem(`${name}: ${error instanceof Error ? error.message : error}`);
    this.#isIll = true;
    if (this.#isClosed) return;
    this.#retry = setTimeout(() => void this.#run(), retryMs);
    this.#retry.unref();
  }

  #recovered(): void {
    if (!this.#isIll) return;
    this.#isIll = false;
    const lost = this.#lost > 0 ? `, ${this.#lost} lines lost` : '';
    this.#options.onProblem(`${this.#options.name}: well again${lost}`);
    this.#lost = 0;
  }
}
