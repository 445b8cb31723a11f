/**
 * Whose turn it is to write: one transaction at a time in the whole store, what is live before what is
 * loaded in bulk. While there is live writing, a load rests after each turn twice as long as that took, so that live
 * lines and answers find the processor free. Loads are not starved: one that has waited long enough goes next.
 */

export type Priority = 'live' | 'bulk';

export interface Turn {
  /** Gives the turn back; may be called more than once. */
  release(): void;
}

interface Waiter {
  readonly priority: Priority;
  readonly since: number;
  readonly grant: (turn: Turn) => void;
  readonly refuse: (reason: Error) => void;
}

/** A load waits no longer than this for live writers, but for the one that is at it. */
const BULK_PATIENCE_MS = 2000;
/** Of a load's turn, how long it rests. */
const REST_SHARE = 2;
/** So long after a live turn, live writing goes on. */
const LIVE_MS = 1000;

export class WriteTurns {
  #waiting: Waiter[] = [];
  #isTaken = false;
  #closed: Error | undefined;
  #liveAt = Number.NEGATIVE_INFINITY;
  /** Until when a load is to rest. */
  #bulkFrom = Number.NEGATIVE_INFINITY;
  #rest: NodeJS.Timeout | undefined;
  readonly #bulkPatience: number;
  readonly #now: () => number;

  constructor(bulkPatience = BULK_PATIENCE_MS, now: () => number = () => performance.now()) {
    this.#bulkPatience = bulkPatience;
    this.#now = now;
  }

  /** Waits for a turn. A signal that is aborted ends the waiting with its reason. */
  take(priority: Priority, signal?: AbortSignal): Promise<Turn> {
    return new Promise((resolve, reject) => {
      const refusal = this.#closed ?? reasonOf(signal);
      if (refusal !== undefined) {
        reject(refusal);
        return;
      }
      const onAbort = (): void => this.#leave(waiter, reasonOf(signal) ?? new Error('aborted'));
      const waiter: Waiter = {
        priority,
        since: this.#now(),
        grant: (turn) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(turn);
        },
        refuse: reject,
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(waiter);
      this.#next();
    });
  }

  /** Nobody gets a turn any more; whoever waits is told why. */
  close(reason: Error): void {
    this.#closed = reason;
    clearTimeout(this.#rest);
    for (const waiter of this.#waiting.splice(0)) waiter.refuse(reason);
  }

  #leave(waiter: Waiter, reason: Error): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiter);
    waiter.refuse(reason);
  }

  #next(): void {
    if (this.#isTaken) return;
    const waiter = this.#pick();
    if (waiter === undefined) return;
    this.#waiting = this.#waiting.filter((other) => other !== waiter);
    this.#isTaken = true;
    let isHeld = true;
    const begun = this.#now();
    waiter.grant({
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#isTaken = false;
        this.#ended(waiter.priority, begun);
        this.#next();
      },
    });
  }

  #ended(priority: Priority, begun: number): void {
    const now = this.#now();
    if (priority === 'live') this.#liveAt = now;
    else this.#bulkFrom = now + (now - begun) * REST_SHARE;
  }

  #pick(): Waiter | undefined {
    const bulk = this.#waiting.find(({ priority }) => priority === 'bulk');
    const isLate = bulk !== undefined && this.#now() - bulk.since > this.#bulkPatience;
    if (isLate) return bulk;
    const live = this.#waiting.find(({ priority }) => priority === 'live');
    return live ?? (this.#mayLoad() ? bulk : undefined);
  }

  /** Whether a load may go on now; else it is looked at again once its rest is over. */
  #mayLoad(): boolean {
    const now = this.#now();
    const left = this.#bulkFrom - now;
    if (left <= 0 || now - this.#liveAt > LIVE_MS) return true;
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#next(), left);
    return false;
  }
}

function reasonOf(signal: AbortSignal | undefined): Error | undefined {
  if (signal?.aborted !== true) return undefined;
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
}
