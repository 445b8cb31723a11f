/**
 * What a sender is to be told after a try: sendmail's dropenvelope as a function. Pure.
 *
 * NOTIFY decides (RFC 3461; said nothing, it is FAILURE and DELAY). A message that has been in the queue too
 * long is given up here: the log never says 5.x.x of it, only that the sender was told.
 */
import { deliveredLine, expandedLine } from '../dsn/transcript.ts';
import type { Notify } from '../model.ts';
import type { Problem } from '../queue/control-file.ts';
import type { MessageState, RecipientState } from '../queue/message-state.ts';
import { isDone } from '../queue/message-state.ts';
import type { Timeouts } from '../queue/schedule.ts';
import { intervalText, isExpired, isWarningDue, returnLimit } from '../queue/schedule.ts';
import type { NotificationAction, RecipientReport } from './notification.ts';
import { isSmtp } from './send-order.ts';

export interface Notice {
  /** As logged. */
  readonly text: string;
  readonly isFailure: boolean;
  readonly isWarning: boolean;
  readonly failures: readonly RecipientReport[];
  readonly delayed: readonly RecipientReport[];
  readonly successes: readonly RecipientReport[];
  readonly problems: readonly Problem[];
  /** What was said to other hosts in this try. */
  readonly dialogue?: readonly string[];
  /** Lines about lists whose sender wished to hear of success. */
  readonly receipts: readonly string[];
}

export interface Aftermath {
  /** Nothing more is tried. */
  readonly isOver: boolean;
  readonly isExpired: boolean;
  /** Null: nobody is told anything. */
  readonly notice: Notice | null;
  /** Numbers of what need not be looked at again. */
  readonly settledRecipients: readonly number[];
  readonly settledProblems: readonly number[];
}

const UNSAID: readonly Notify[] = ['FAILURE', 'DELAY'];

/** `lastFailure`: the last words of this try, which become the notice's. */
export function aftermathOf(
  state: MessageState,
  now: number,
  timeouts: Timeouts,
  lastFailure: string | null,
): Aftermath {
  const { envelope, recipients, problems } = state;
  const hasClones = state.clones.length > 0;
  const isWaiting = state.left.length > 0 || !recipients.every(isDone) || hasClones;
  // A copy that could not be made yet has recipients of its own: they are not given up unheard.
  const expired = isWaiting && !hasClones && isExpired(envelope, now, timeouts);
  const settledRecipients = numbersWhere(recipients, (one) => isDone(one) && !one.isNotified);
  const settledProblems = numbersWhere(problems, ({ isNotified }) => !isNotified);
  const failures = [
    ...reports(recipients, 'failed', (one) => isFailure(one) && wants(one, 'FAILURE')),
    ...(expired
      ? reports(recipients, 'failed', (one) => isOpen(one) && wants(one, 'FAILURE'))
      : []),
    ...(expired ? leftReports(state) : []),
  ];
  const delayed = delayedOf(state, now, timeouts, expired);
  const told = settledProblems.flatMap((number) => problems[number] ?? []);
  const receipts = receiptsOf(state);
  const parts = { failures, delayed, successes: successesOf(state), problems: told, receipts };
  const text = expired ? expiryText(state, timeouts) : (lastFailure ?? lastKnownFailure(state));
  return {
    isOver: !isWaiting || expired,
    isExpired: expired,
    notice: noticeOf(parts, text, timeouts),
    settledRecipients,
    settledProblems,
  };
}

type NoticeParts = Pick<Notice, 'failures' | 'delayed' | 'successes' | 'problems' | 'receipts'>;

function noticeOf(parts: NoticeParts, text: string, timeouts: Timeouts): Notice | null {
  const isFailure = parts.failures.length > 0 || parts.problems.length > 0;
  const isWarning = parts.delayed.length > 0;
  if (isWarning) {
    const past = intervalText(timeouts.queueWarn);
    const warning = `Warning: could not send message for past ${past}`;
    return { ...parts, text: warning, isFailure, isWarning };
  }
  if (isFailure) return { ...parts, text, isFailure, isWarning };
  if (parts.successes.length === 0 && parts.receipts.length === 0) return null;
  return { ...parts, text: 'Return receipt', isFailure, isWarning };
}

export function wants({ recipient }: RecipientState, what: Notify): boolean {
  return (recipient.notify ?? UNSAID).includes(what);
}

const isFailure = ({ outcome, isNotified }: RecipientState): boolean =>
  outcome?.kind === 'failed' && !isNotified;

const isOpen = (one: RecipientState): boolean => !isDone(one);

function delayedOf(
  state: MessageState,
  now: number,
  timeouts: Timeouts,
  expired: boolean,
): readonly RecipientReport[] {
  if (expired || !isWarningDue(state, now, timeouts)) return [];
  const until = state.envelope.arrivedAt + returnLimit(state.envelope, timeouts);
  return reports(state.recipients, 'delayed', (one) => isOpen(one) && wants(one, 'DELAY')).map(
    (one) => ({ ...one, retryUntil: until }),
  );
}

function successesOf(state: MessageState): readonly RecipientReport[] {
  return state.recipients.flatMap((one) => {
    const action = one.isNotified || !wants(one, 'SUCCESS') ? null : successAction(state, one);
    return action === null ? [] : [reportOf(one, action)];
  });
}

/** Told once, in the first try: that an alias has become several addresses (RFC 3461, 6.2.7.4). */
function receiptsOf({ tries, envelope, recipients }: MessageState): readonly string[] {
  if (tries > 1 || envelope.sender === '') return [];
  return envelope.recipients.flatMap(({ notify, address, shown }) => {
    const members = recipients.filter(({ recipient }) => recipient.origin === address);
    if (notify?.includes('SUCCESS') !== true || members.length < 2) return [];
    const delivered = members.filter(
      ({ outcome, recipient }) => outcome?.kind === 'sent' && !isSmtp(recipient.destination.mailer),
    );
    return [
      expandedLine(shown),
      ...delivered.map(({ recipient }) => deliveredLine(recipient.shown)),
    ];
  });
}

/** Null: the next host will tell, or nobody can. */
function successAction(state: MessageState, one: RecipientState): NotificationAction | null {
  const { outcome, recipient } = one;
  if (outcome?.kind !== 'sent' || state.envelope.sender === '') return null;
  if (!isSmtp(recipient.destination.mailer)) return 'delivered';
  return outcome.isDsnPassedOn ? null : 'relayed';
}

function reports(
  recipients: readonly RecipientState[],
  action: NotificationAction,
  isMeant: (one: RecipientState) => boolean,
): readonly RecipientReport[] {
  return recipients.filter(isMeant).map((one) => reportOf(one, action));
}

function reportOf(one: RecipientState, action: NotificationAction): RecipientReport {
  const { recipient, outcome, triedAt } = one;
  return { recipient, action, outcome, triedAt, retryUntil: null };
}

/** Accepted recipients whose aliases could never be looked up. */
function leftReports(state: MessageState): readonly RecipientReport[] {
  return state.left
    .map((accepted) => ({
      recipient: { ...accepted, origin: accepted.address, controllingUser: null },
      outcome: null,
      triedAt: state.lastTry,
      isNotified: false,
    }))
    .filter((one) => wants(one, 'FAILURE'))
    .map((one) => reportOf(one, 'failed'));
}

function expiryText({ envelope }: MessageState, timeouts: Timeouts): string {
  return `Cannot send message for ${intervalText(returnLimit(envelope, timeouts))}`;
}

/** Of a try whose end we did not see. */
function lastKnownFailure({ recipients, problems }: MessageState): string {
  return (
    recipients.findLast(isFailure)?.outcome?.stat ??
    problems.findLast(({ isNotified }) => !isNotified)?.reply.text ??
    ''
  );
}

function numbersWhere<T>(all: readonly T[], isMeant: (one: T) => boolean): readonly number[] {
  return all.flatMap((one, number) => (isMeant(one) ? [number] : []));
}
