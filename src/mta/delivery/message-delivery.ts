/**
 * One try of one message, from its control file to what its sender hears.
 *
 * The order is what keeps mail safe: a result is on the disk before anybody is told of it; a bounce is
 * queued before the recipient is forgotten; the message goes last. Killed anywhere in between, the next
 * try repeats at most the delivery or the notice whose record was not written yet. Only where nothing is
 * to be recorded but the end itself is the removal the record.
 */
import { resultLine } from '../dsn/transcript.ts';
import type { Attempt, ControllingUser, Envelope, FinalRecipient, Outcome } from '../model.ts';
import type { QueueRecord } from '../queue/control-file.ts';
import type { MessageState } from '../queue/message-state.ts';
import { applyRecord, priorityOf } from '../queue/message-state.ts';
import { nextTryAfter, nextTryOf } from '../queue/schedule.ts';
import { SpoolError } from '../queue/spool-files.ts';
import { askCourier } from './ask-courier.ts';
import { makeClone } from './clones.ts';
import type { DeliveryRun, EngineParts } from './engine-parts.ts';
import { countedSize, expandedRecord, refusalPriority } from './expansion.ts';
import type { Aftermath } from './notices.ts';
import { aftermathOf } from './notices.ts';
import { queueNotice } from './notifier.ts';
import type { SendGroup } from './send-order.ts';
import { sendGroups } from './send-order.ts';

export type TryResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'waiting'; readonly nextTry: number }
  | { readonly kind: 'held' }
  /** Put aside as `QfID`. */
  | { readonly kind: 'lost' }
  /** The queue's disk failed, or something of ours; the message is where it was. */
  | { readonly kind: 'broken' };

export interface TryEnd {
  readonly result: TryResult;
  /** Messages that came of it, to be delivered at once: bounces, copies for lists' owners. */
  readonly children: readonly string[];
  readonly state: MessageState;
}

const TOO_MANY_HOPS: Outcome = {
  kind: 'failed',
  dsn: '5.4.6',
  stat: 'Too many hops',
  reply: '554 5.4.6 Too many hops',
  relay: null,
  isDsnPassedOn: false,
};

export class MessageDelivery {
  readonly #parts: EngineParts;
  readonly #run: DeliveryRun;
  readonly #id: string;
  readonly #children: string[] = [];
  #state: MessageState;
  /** Records that are not on the disk yet. */
  #pending: QueueRecord[] = [];
  #lastFailure: string | null = null;
  /** What was said to other hosts in this try. */
  readonly #dialogue: string[] = [];

  constructor(parts: EngineParts, run: DeliveryRun, state: MessageState) {
    this.#parts = parts;
    this.#run = run;
    this.#state = state;
    this.#id = state.envelope.id;
  }

  /** Does not reject: what was begun (copies, records) is told even where something broke. */
  async deliver(): Promise<TryEnd> {
    let result: TryResult;
    try {
      result = await this.#deliver();
    } catch (error) {
      this.#report(error);
      await this.#save();
      result = { kind: 'broken' };
    }
    return { result, children: this.#children, state: this.#state };
  }

  async #deliver(): Promise<TryResult> {
    const isFirstTry = this.#state.tries === 0;
    if (!this.#refuseLoop()) {
      await this.#expand();
      await this.#makeClones();
    }
    const { signatureOf } = this.#parts;
    const groups = sendGroups(this.#state.recipients, { isFirstTry, signatureOf });
    for (const [index, group] of groups.entries())
      await this.#deliverGroup(group, index === groups.length - 1);
    if (groups.length === 0 && !this.#isSilentEnd()) await this.#saveTry();
    return this.#settle(this.#aftermath());
  }

  /** Judged when it is to be delivered, not when it is taken: then its sender hears of it. */
  #refuseLoop(): boolean {
    const { envelope, left } = this.#state;
    const { maxHops = Number.POSITIVE_INFINITY, now } = this.#parts;
    const { id, hops = 0, senderShown, client } = envelope;
    if (hops <= maxHops || left.length === 0) return false;
    const way = [senderShown, client?.name ?? 'localhost', left[0]?.shown ?? ''] as const;
    this.#run.log.tooManyHops(id, hops, maxHops, ...way);
    const [from, via, to] = way;
    const text = `Too many hops ${hops} (${maxHops} max): from ${from} via ${via}, to ${to}`;
    this.#record({
      t: 'expanded',
      at: now(),
      priority: this.#state.basePriority,
      recipients: [],
      refused: left.map((one) => ({
        recipient: { ...one, origin: one.address, controllingUser: null },
        outcome: TOO_MANY_HOPS,
      })),
      problems: [],
      left: [],
      clones: [],
    });
    this.#dialogue.push(resultLine(554, '5.4.6', [], text));
    this.#lastFailure = text;
    return true;
  }

  async #expand(): Promise<void> {
    if (this.#state.left.length === 0) return;
    const { expander, ids, now } = this.#parts;
    const state = this.#state;
    const expansions = await expander.expand({ ...state.envelope, recipients: state.left });
    const record = expandedRecord(expansions, {
      state,
      now: now(),
      isQueueRun: this.#run.isQueueRun,
      nextId: () => ids.next(this.#run.log.pid),
    });
    this.#record(record);
    for (const expansion of expansions) {
      if (expansion.kind === 'failed') this.#logRefusal(expansion, refusalPriority(state));
      if (expansion.kind === 'problem' && !expansion.isTemporary)
        this.#lastFailure = expansion.reply.text;
    }
    if (record.clones.length > 0) await this.#save();
  }

  #logRefusal(
    { recipient, outcome }: Pick<QueueRecordRefusal, 'recipient' | 'outcome'>,
    priority: number,
  ): void {
    const { envelope } = this.#state;
    if (outcome.kind === 'failed') this.#lastFailure = outcome.stat;
    this.#run.log.to({
      id: this.#id,
      recipients: [recipient.shown],
      controllingUser: controllingText(recipient.controllingUser ?? envelope.senderUser),
      delay: this.#parts.now() - envelope.arrivedAt,
      xdelay: null,
      mailer: recipient.destination.mailer,
      priority,
      relay: outcome.relay,
      dsn: outcome.dsn,
      reply: outcome.reply,
      stat: outcome.stat,
    });
  }

  async #makeClones(): Promise<void> {
    for (const clone of this.#state.clones) {
      try {
        await makeClone(this.#parts, this.#run, this.#state, clone);
      } catch (error) {
        this.#report(error);
        continue;
      }
      this.#record({ t: 'cloned', id: clone.id });
      this.#children.push(clone.id);
    }
  }

  async #deliverGroup(group: SendGroup, isLast: boolean): Promise<void> {
    const { spool, now, statistics } = this.#parts;
    const message = await spool.messageFile(this.#id);
    if (message === undefined)
      throw new SpoolError('delivery', { cause: new Error('the data file is gone') });
    const { recipients } = this.#state;
    const envelope = this.#countedEnvelope();
    const numbers = new Map<FinalRecipient, number>();
    for (const number of group.members) {
      const one = recipients[number]?.recipient;
      if (one !== undefined) numbers.set(one, number);
    }
    const job = { envelope, message, recipients: [...numbers.keys()] };
    const attempts = await askCourier(this.#parts, this.#run, group, job);
    this.#recordResults(attempts, numbers, now());
    if (!isLast) await this.#save();
    else if (!this.#isSilentEnd()) await this.#saveTry();
    const priority = priorityOf(this.#stateOfTry());
    for (const attempt of attempts) {
      this.#dialogue.push(...(attempt.dialogue ?? []));
      this.#run.log.attempt(envelope, attempt, priority);
      if (attempt.outcome.kind === 'sent') statistics.messageTo(group.mailer, envelope.storedSize);
    }
  }

  /** As sendmail counts its size in this try. */
  #countedEnvelope(): Envelope {
    const { envelope, tries } = this.#stateOfTry();
    const isByTaker = tries === 0 && !this.#run.isQueueRun;
    return { ...envelope, storedSize: countedSize(envelope, isByTaker) };
  }

  #recordResults(
    attempts: readonly Attempt[],
    numbers: ReadonlyMap<FinalRecipient, number>,
    at: number,
  ): void {
    const results = attempts.flatMap(({ recipients, outcome }) =>
      recipients.flatMap((one) => {
        const number = numbers.get(one) ?? numberLike(one, numbers);
        return number === undefined ? [] : [[number, outcome] as const];
      }),
    );
    this.#record({ t: 'results', at, results });
    const failed = attempts.findLast(({ outcome }) => outcome.kind === 'failed');
    if (failed !== undefined) this.#lastFailure = failed.outcome.stat;
  }

  /** As the try began: its own record may be written already. */
  #stateOfTry(): MessageState {
    return this.#isTryRecorded ? { ...this.#state, tries: this.#state.tries - 1 } : this.#state;
  }

  #isTryRecorded = false;

  #aftermath(): Aftermath {
    const { now, timeouts } = this.#parts;
    return aftermathOf(this.#state, now(), timeouts, this.#lastFailure);
  }

  #isSilentEnd(): boolean {
    const { isOver, notice } = this.#aftermath();
    return isOver && notice === null;
  }

  async #saveTry(): Promise<void> {
    const { now, policy } = this.#parts;
    const at = now();
    const usual = nextTryAfter(at, this.#state.tries + 1, policy);
    const next = nextTryOf(this.#state.envelope, at, usual);
    this.#record({ t: 'tried', at, next });
    this.#isTryRecorded = true;
    await this.#save();
  }

  async #settle(aftermath: Aftermath): Promise<TryResult> {
    const { notice, isOver } = aftermath;
    if (notice !== null) {
      const notified = await queueNotice(this.#parts, this.#run, this.#state, {
        ...notice,
        dialogue: this.#dialogue,
      });
      if (notified.kind === 'panic') return this.#panic();
      if (notified.kind === 'queued') this.#children.push(notified.id);
    }
    if (isOver) return this.#finish();
    await this.#recordNotice(aftermath);
    return { kind: 'waiting', nextTry: this.#state.nextTry ?? this.#parts.now() };
  }

  async #recordNotice({ notice, settledRecipients, settledProblems }: Aftermath): Promise<void> {
    if (settledRecipients.length > 0 || settledProblems.length > 0)
      this.#record({ t: 'notified', recipients: settledRecipients, problems: settledProblems });
    if (notice?.isWarning) this.#record({ t: 'warned', at: this.#parts.now() });
    await this.#save();
  }

  async #finish(): Promise<TryResult> {
    try {
      await this.#parts.spool.finish(this.#id);
      return { kind: 'done' };
    } catch (error) {
      // What is done must not be done again when it is met once more.
      this.#report(error);
      const { settledRecipients, settledProblems } = this.#aftermath();
      this.#record({ t: 'notified', recipients: settledRecipients, problems: settledProblems });
      if (!this.#isTryRecorded) await this.#saveTry();
      else await this.#save();
      return { kind: 'waiting', nextTry: this.#state.nextTry ?? this.#parts.now() };
    }
  }

  async #panic(): Promise<TryResult> {
    const { log } = this.#run;
    log.note(this.#id, 1, `Losing ./qf${this.#id}: savemail panic`);
    log.systemError(this.#id, 'root', 'savemail: cannot save rejected email anywhere');
    await this.#save();
    await this.#parts.spool.lose(this.#id);
    return { kind: 'lost' };
  }

  #record(record: QueueRecord): void {
    this.#state = applyRecord(this.#state, record);
    this.#pending.push(record);
  }

  /** A full disk stops no delivery: the spool remembers what it could not write. */
  async #save(): Promise<void> {
    const records = this.#pending;
    if (records.length === 0) return;
    this.#pending = [];
    try {
      await this.#parts.spool.append(this.#id, records);
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    this.#run.log.systemError(this.#id, 'root', text);
  }
}

interface QueueRecordRefusal {
  readonly recipient: FinalRecipient;
  readonly outcome: Attempt['outcome'];
}

/** `ivan (1008/1008)` */
export function controllingText(user: ControllingUser | null): string | null {
  return user === null ? null : `${user.shown} (${user.uid}/${user.gid})`;
}

/** A courier may give back a recipient's equal instead of the one it was given. */
function numberLike(
  { shown, destination }: FinalRecipient,
  numbers: ReadonlyMap<FinalRecipient, number>,
): number | undefined {
  for (const [other, number] of numbers) {
    if (other.shown === shown && other.destination.user === destination.user) return number;
  }
  return undefined;
}
