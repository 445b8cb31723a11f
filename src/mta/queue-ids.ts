/**
 * Makes sendmail's queue ids (queue.c, assign_queueid): each process takes a second as its base and counts
 * two characters up from a random start; when they have gone round, it takes a later second.
 *
 * Promises: no id twice. In one run: a process id has each second once, and the clock here never goes back.
 * Across restarts: an earlier run can have used no second later than the one in which this one began, so
 * after `ready` all seconds are new. Only a machine clock set back between two runs could break that, and
 * the queue creates its files exclusively.
 */
import { encodeQueueId, IDS_OF_A_SECOND } from '../format/queue-id.ts';

export interface QueueIdsOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
}

export interface ProcessQueueIds {
  next(): string;
}

/** Process ids are looked through for old ones when there are this many. */
const MANY = 10_000;

export class QueueIds {
  readonly #options: QueueIdsOptions;
  readonly #startedAt: number;
  readonly #processes = new Map<number, OneProcess>();
  /** The latest second that was given out. */
  #latest = 0;

  constructor(options: QueueIdsOptions) {
    this.#options = options;
    this.#startedAt = this.#second();
  }

  /** The second after the start has begun: no id of an earlier run can come again. */
  async ready(): Promise<void> {
    while (this.#second() <= this.#startedAt) {
      const rest = 1000 - (this.#options.now() % 1000);
      await new Promise((resolve) => setTimeout(resolve, Math.min(1000, Math.max(1, rest))));
    }
  }

  /** The ids of one process, which goes on counting where it was. */
  idsOf(pid: number): ProcessQueueIds {
    const known = this.#processes.get(pid);
    if (known !== undefined) return known;
    if (this.#processes.size >= MANY) this.#forgetOld();
    const start = Math.floor(this.#options.random() * IDS_OF_A_SECOND);
    const process = new OneProcess(pid, start, (last) => this.#takeSecond(last));
    this.#processes.set(pid, process);
    return process;
  }

  #takeSecond(last: number): number {
    const second = Math.max(this.#second(), this.#latest, last + 1);
    this.#latest = Math.max(this.#latest, second);
    return second;
  }

  /** Who has no second of now or later can be begun again without an id coming twice. */
  #forgetOld(): void {
    const now = Math.max(this.#second(), this.#latest);
    for (const [pid, process] of this.#processes) {
      if (process.base >= now) continue;
      this.#processes.delete(pid);
      process.retire(() => this.idsOf(pid));
    }
  }

  #second(): number {
    return Math.floor(this.#options.now() / 1000);
  }
}

class OneProcess implements ProcessQueueIds {
  /** The second its ids tell; -1 before the first. */
  base = -1;
  readonly #pid: number;
  readonly #start: number;
  readonly #takeSecond: (last: number) => number;
  #count = 0;
  #successor: (() => ProcessQueueIds) | undefined;

  constructor(pid: number, start: number, takeSecond: (last: number) => number) {
    this.#pid = pid;
    this.#start = start;
    this.#takeSecond = takeSecond;
  }

  next(): string {
    if (this.base < 0 || this.#count >= IDS_OF_A_SECOND) {
      // Another of the same process id may live by now: the seconds to come are its own.
      if (this.#successor !== undefined) return this.#successor().next();
      this.base = this.#takeSecond(this.base);
      this.#count = 0;
    }
    const sequence = (this.#start + this.#count) % IDS_OF_A_SECOND;
    this.#count += 1;
    return encodeQueueId(this.base, sequence, this.#pid);
  }

  /** Keeps its second; from the next on another makes the ids. */
  retire(successor: () => ProcessQueueIds): void {
    this.#successor = successor;
  }
}

const FIRST_PID = 300;
const LAST_PID = 999_999;

/** Process ids for sessions and deliveries, each of which would be a process of sendmail's own. */
export class ProcessIds {
  #last: number;

  /** Counts on from here. */
  constructor(start: number) {
    this.#last = start >= FIRST_PID && start <= LAST_PID ? start : FIRST_PID;
  }

  next(): number {
    this.#last = this.#last >= LAST_PID ? FIRST_PID : this.#last + 1;
    return this.#last;
  }
}
