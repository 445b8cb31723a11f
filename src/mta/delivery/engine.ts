/**
 * Gets messages out of the queue. `deliver` is one try of one message and of all that comes of it: bounces
 * and copies are messages of their own, safe in the queue before they are tried.
 */
import type { MessageState } from '../queue/message-state.ts';
import { DownHosts } from './down-hosts.ts';
import type { DeliveryRun, EngineParts } from './engine-parts.ts';
import type { TryEnd, TryResult } from './message-delivery.ts';
import { MessageDelivery } from './message-delivery.ts';

export type DeliveryResult =
  | TryResult
  /** Somebody is at it. */
  | { readonly kind: 'busy' }
  /** It is not in the queue. */
  | { readonly kind: 'gone' };

/** Hears of each try's end, of children's too: whoever keeps the schedule. */
export type TryListener = (id: string, result: DeliveryResult, state: MessageState | null) => void;

export class DeliveryEngine {
  readonly #parts: EngineParts;
  readonly #onResult: TryListener;

  constructor(parts: EngineParts, onResult: TryListener = () => undefined) {
    this.#parts = parts;
    this.#onResult = onResult;
  }

  /** A process of its own, as sendmail would fork it: for a new message, or for a queue run. */
  startRun(isQueueRun: boolean): DeliveryRun {
    const { log, pids } = this.#parts;
    return { log: log.as(pids.next()), downHosts: new DownHosts(), isQueueRun };
  }

  async deliver(id: string, run = this.startRun(false)): Promise<DeliveryResult> {
    const release = this.#parts.spool.locks.tryTake(id);
    if (release === undefined) return { kind: 'busy' };
    let end: TryEnd | DeliveryResult;
    try {
      end = await this.#try(id, run);
    } finally {
      release();
    }
    const result = 'result' in end ? end.result : end;
    this.#onResult(id, result, 'result' in end ? end.state : null);
    if ('result' in end) await this.#followUp(end, run);
    return result;
  }

  async #followUp({ children, result, state }: TryEnd, run: DeliveryRun): Promise<void> {
    // A message made here is no queue run's: it was not read from the queue again.
    for (const child of children) await this.deliver(child, { ...run, isQueueRun: false });
    if (result.kind !== 'done') return;
    const { id, arrivedAt } = state.envelope;
    run.log.done(id, this.#parts.now() - arrivedAt, Math.max(1, state.tries));
  }

  async #try(id: string, run: DeliveryRun): Promise<TryEnd | DeliveryResult> {
    const { spool } = this.#parts;
    try {
      const file = await spool.read(id);
      if (file.kind === 'missing') return { kind: 'gone' };
      if (file.kind === 'damaged') return await this.#putAside(id, file.why, run);
      if (file.state.quarantine !== null) return { kind: 'held' };
      if ((await spool.messageFile(id)) === undefined)
        return await this.#putAside(id, 'no data file', run);
      return await new MessageDelivery(this.#parts, run, file.state).deliver();
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      run.log.systemError(id, 'root', text);
      return { kind: 'broken' };
    }
  }

  async #putAside(id: string, why: string, run: DeliveryRun): Promise<DeliveryResult> {
    run.log.note(id, 1, `Losing ./qf${id}: ${why}`);
    run.log.systemError(id, 'root', `readqf: ${id}: ${why}`);
    await this.#parts.spool.lose(id);
    return { kind: 'lost' };
  }
}
