/**
 * The daemon's loop: new messages are tried as they come (DeliveryMode background) or wait for a queue run
 * (queueonly, deferred); what could not be delivered is tried again when it is due, the most urgent first,
 * in runs that share what they find out about hosts that are down.
 *
 * It keeps no message, only when each is due: all it knows is read from the queue again at the next start.
 */
import type { MtaLog } from '../log/mta-log.ts';
import type { Envelope } from '../model.ts';
import type { MessageState } from '../queue/message-state.ts';
import { acceptedPriority, priorityOf } from '../queue/message-state.ts';
import { applyRequest, matches } from '../queue/queue-commands.ts';
import type { QueueFilter, QueueRequest } from '../queue/requests.ts';
import { isDue } from '../queue/schedule.ts';
import type { Recovery } from '../queue/spool.ts';
import type { DeliveryResult } from './engine.ts';
import { DeliveryEngine } from './engine.ts';
import type { EngineParts } from './engine-parts.ts';
import { controllingText } from './message-delivery.ts';

export type DeliveryMode = 'background' | 'queueonly' | 'deferred';

export interface Timers {
  /** Calls back once; the result takes it back. */
  set(callback: () => void, milliseconds: number): () => void;
}

export const REAL_TIMERS: Timers = {
  set: (callback, milliseconds) => {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};

export interface RunnerOptions {
  readonly mode: DeliveryMode;
  /** Messages that a queue run works on at a time (MaxRunnersPerQueue). */
  readonly runners: number;
  /** New messages that are worked on at a time; further ones wait, on the disk. */
  readonly deliveries: number;
  readonly timers?: Timers;
}

interface Entry {
  readonly nextTry: number | null;
  readonly lastTry: number | null;
  readonly priority: number;
  readonly arrivedAt: number;
  readonly isHeld: boolean;
}

/** setTimeout takes no more. */
const LONGEST_TIMER = 2 ** 31 - 1;

export class QueueRunner {
  readonly engine: DeliveryEngine;
  readonly #parts: EngineParts;
  readonly #options: RunnerOptions;
  readonly #timers: Timers;
  readonly #entries = new Map<string, Entry>();
  /** New ones whose turn has not come. */
  readonly #fresh = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  #freshRunning = 0;
  #cancelTimer: (() => void) | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #isStopped = false;

  constructor(parts: EngineParts, options: RunnerOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#timers = options.timers ?? REAL_TIMERS;
    this.engine = new DeliveryEngine(parts, (id, result, state) => this.#noted(id, result, state));
  }

  /** Messages in the queue. */
  get size(): number {
    return this.#entries.size;
  }

  /** Clears up, tells of what was lost, and takes on what is there. */
  async start(): Promise<Recovery> {
    const { spool, log, now } = this.#parts;
    const recovery = await spool.recover(now());
    for (const { id, why } of recovery.lost) {
      log.note(id, 1, `Losing ./qf${id}: ${why}`);
      log.systemError(id, 'root', `readqf: ${id}: ${why}`);
    }
    for (const id of recovery.ids) await this.#learn(id);
    this.#armForNext();
    return recovery;
  }

  /** A message that was just committed. `log` is its session's. */
  accept(envelope: Envelope, log: MtaLog): void {
    const isHeld = envelope.quarantine !== null;
    const priority = acceptedPriority(envelope);
    const { arrivedAt } = envelope;
    const isBackground = this.#options.mode === 'background';
    const nextTry = isBackground ? null : this.#parts.now() + this.#parts.policy.minimum;
    this.#entries.set(envelope.id, { nextTry, lastTry: null, priority, arrivedAt, isHeld });
    if (isHeld) return;
    if (isBackground) {
      this.#fresh.add(envelope.id);
      this.#startFresh();
      return;
    }
    logQueued(envelope, log, this.#parts.now());
    if (nextTry !== null) this.#arm(nextTry);
  }

  /** Tries at once what the filter names, due or not. Resolves when the run is over. */
  async flush(filter: QueueFilter): Promise<void> {
    await this.#track(this.#flush(filter));
  }

  async #flush(filter: QueueFilter): Promise<void> {
    const chosen: string[] = [];
    for (const id of filter.ids ?? this.#entries.keys()) {
      const file = await this.#parts.spool.read(id);
      if (file.kind !== 'message' || !matches(file.state, filter)) continue;
      this.#entries.set(id, entryOf(file.state));
      chosen.push(id);
    }
    await this.#run(chosen, true);
  }

  /** What another process asked for. A flush is begun, not waited for. */
  async carryOut(request: QueueRequest): Promise<void> {
    if (request.do === 'flush') {
      void this.flush(request.filter);
      return;
    }
    await applyRequest(this.#parts.spool, request, this.#parts.log);
    for (const id of request.ids) await this.#learn(id);
    this.#armForNext();
  }

  /** Nothing new is begun; waits for what runs, but not for ever. True: all of it came to an end. */
  async stop(patienceMs: number): Promise<boolean> {
    this.#isStopped = true;
    this.#cancelTimer?.();
    let giveUp: () => void = () => undefined;
    const patience = new Promise<false>((resolve) => {
      giveUp = this.#timers.set(() => resolve(false), patienceMs);
    });
    const isQuiet = await Promise.race([this.#quiet(), patience]);
    giveUp();
    return isQuiet;
  }

  /** Resolves when nothing is being delivered. */
  async quiet(): Promise<void> {
    await this.#quiet();
  }

  async #quiet(): Promise<true> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    return true;
  }

  async #learn(id: string): Promise<void> {
    const file = await this.#parts.spool.read(id);
    if (file.kind === 'message') this.#entries.set(id, entryOf(file.state));
    else this.#entries.delete(id);
  }

  #noted(id: string, result: DeliveryResult, state: MessageState | null): void {
    switch (result.kind) {
      case 'done':
      case 'gone':
      case 'lost':
        this.#entries.delete(id);
        return;
      case 'waiting':
        if (state !== null) this.#entries.set(id, { ...entryOf(state), nextTry: result.nextTry });
        this.#arm(result.nextTry);
        return;
      case 'held':
        this.#changeEntry(id, { isHeld: true });
        return;
      case 'busy':
        // Whoever has it says what becomes of it; should he not, it is looked at again.
        this.#arm(this.#parts.now() + this.#parts.policy.minimum);
        return;
      case 'broken':
        this.#postpone(id);
    }
  }

  /** Of one that could not even be read nothing is known but that it is there. */
  #postpone(id: string): void {
    const lastTry = this.#parts.now();
    const nextTry = lastTry + this.#parts.policy.minimum;
    this.#changeEntry(id, { nextTry, lastTry });
    this.#arm(nextTry);
  }

  #changeEntry(id: string, change: Partial<Entry>): void {
    const unknown = { nextTry: null, lastTry: null, priority: 0, arrivedAt: 0, isHeld: false };
    this.#entries.set(id, { ...(this.#entries.get(id) ?? unknown), ...change });
  }

  #startFresh(): void {
    while (!this.#isStopped && this.#freshRunning < this.#options.deliveries) {
      const [id] = this.#fresh;
      if (id === undefined) return;
      this.#fresh.delete(id);
      this.#freshRunning += 1;
      void this.#track(this.#deliverFresh(id));
    }
  }

  async #deliverFresh(id: string): Promise<void> {
    try {
      await this.engine.deliver(id);
    } finally {
      this.#freshRunning -= 1;
      this.#startFresh();
    }
  }

  async #run(ids: readonly string[], isForced: boolean): Promise<void> {
    const { policy, now, spool } = this.#parts;
    const startedAt = now();
    const isWanted = (id: string): boolean => {
      const entry = this.#entries.get(id);
      if (entry === undefined || entry.isHeld || spool.locks.isHeld(id)) return false;
      const isTriedSince = entry.lastTry !== null && entry.lastTry > startedAt;
      return isDue(entry, now(), policy, isForced && !isTriedSince);
    };
    const waiting = ids.filter(isWanted).sort((a, b) => this.#byPriority(a, b));
    if (waiting.length === 0) return;
    const run = this.engine.startRun(true);
    const work = async (): Promise<void> => {
      while (!this.#isStopped) {
        const id = waiting.shift();
        if (id === undefined) return;
        // Another run may have been there since.
        if (isWanted(id)) await this.engine.deliver(id, run);
      }
    };
    await Promise.all(Array.from({ length: this.#options.runners }, work));
  }

  #byPriority(a: string, b: string): number {
    const [one, other] = [this.#entries.get(a), this.#entries.get(b)];
    if (one === undefined || other === undefined) return 0;
    return one.priority - other.priority || one.arrivedAt - other.arrivedAt;
  }

  /** Wakes when something is due at that time, or earlier. Once too often does no harm. */
  #arm(due: number): void {
    if (this.#isStopped || due >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = due;
    const pause = Math.min(LONGEST_TIMER, Math.max(0, due - this.#parts.now()));
    this.#cancelTimer = this.#timers.set(() => this.#wake(), pause);
  }

  /** Those who are at work or wait for their first turn arm it themselves when they are through. */
  #armForNext(): void {
    let due = Number.POSITIVE_INFINITY;
    for (const [id, entry] of this.#entries) {
      if (!this.#isIdle(id, entry)) continue;
      due = Math.min(due, this.#dueAt(entry));
    }
    if (due !== Number.POSITIVE_INFINITY) this.#arm(due);
  }

  #dueAt({ nextTry, lastTry }: Entry): number {
    const asked = nextTry ?? this.#parts.now();
    return lastTry === null ? asked : Math.max(asked, lastTry + this.#parts.policy.minQueueAge);
  }

  #isIdle(id: string, { isHeld }: Entry): boolean {
    return !isHeld && !this.#fresh.has(id) && !this.#parts.spool.locks.isHeld(id);
  }

  #wake(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#cancelTimer = undefined;
    const ids = [...this.#entries].filter(([id, entry]) => this.#isIdle(id, entry));
    const run = this.#run(
      ids.map(([id]) => id),
      false,
    );
    // What the run takes is no longer idle, or armed again when its try is over.
    void this.#track(run).finally(() => this.#armForNext());
  }

  #track(work: Promise<void>): Promise<void> {
    const tracked = work
      .catch((error: unknown) => this.#report(error))
      .finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
    return tracked;
  }

  #report(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    this.#parts.log.systemError(null, 'root', text);
  }
}

function entryOf(state: MessageState): Entry {
  const { nextTry, lastTry, quarantine, envelope } = state;
  return {
    nextTry,
    lastTry,
    priority: priorityOf(state),
    arrivedAt: envelope.arrivedAt,
    isHeld: quarantine !== null,
  };
}

/** `stat=queued`, a line for each recipient. */
function logQueued(envelope: Envelope, log: MtaLog, now: number): void {
  for (const { shown, destination } of envelope.recipients)
    log.to({
      id: envelope.id,
      recipients: [shown],
      controllingUser: controllingText(envelope.senderUser),
      delay: now - envelope.arrivedAt,
      xdelay: null,
      mailer: destination.mailer,
      priority: acceptedPriority(envelope),
      relay: null,
      dsn: '',
      reply: null,
      stat: 'queued',
    });
}
