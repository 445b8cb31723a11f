/**
 * When a message is tried again, when its sender is warned and when it is given up. Pure; times are epoch
 * milliseconds. sendmail tries at every queue run; with a factor the pauses grow instead.
 */
import type { Envelope } from '../model.ts';
import type { MessageState } from './message-state.ts';
import { priorityOf } from './message-state.ts';

export interface RetryPolicy {
  /** The first pause; each further one is `factor` times as long, up to `maximum`. */
  readonly minimum: number;
  readonly factor: number;
  readonly maximum: number;
  /** No message is tried again sooner (MinQueueAge). */
  readonly minQueueAge: number;
}

export interface Timeouts {
  /** Timeout.queuewarn; 0: no warnings. */
  readonly queueWarn: number;
  /** Timeout.queuereturn */
  readonly queueReturn: number;
  /** Timeout.queuereturn.dsn: of our own bounces. */
  readonly bounceReturn: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const DEFAULT_TIMEOUTS: Timeouts = Object.freeze({
  queueWarn: 4 * HOUR,
  queueReturn: 5 * DAY,
  bounceReturn: 5 * DAY,
});

/** As sendmail: at every queue run. */
export function everyRun(queueInterval: number): RetryPolicy {
  return { minimum: queueInterval, factor: 1, maximum: queueInterval, minQueueAge: 0 };
}

/** `tries`: those made, the one that just failed included. */
export function nextTryAfter(now: number, tries: number, policy: RetryPolicy): number {
  const { minimum, factor, maximum, minQueueAge } = policy;
  const pause = Math.min(maximum, minimum * factor ** Math.max(0, tries - 1));
  return now + Math.max(pause, minQueueAge);
}

/** `isForced`: somebody asked for it (a flush); MinQueueAge holds even then. */
export function isDue(
  message: Pick<MessageState, 'nextTry' | 'lastTry'>,
  now: number,
  policy: RetryPolicy,
  isForced = false,
): boolean {
  const { nextTry, lastTry } = message;
  if (lastTry !== null && now < lastTry + policy.minQueueAge) return false;
  return isForced || nextTry === null || nextTry <= now;
}

export function returnLimit(envelope: Envelope, timeouts: Timeouts): number {
  return envelope.isBounce ? timeouts.bounceReturn : timeouts.queueReturn;
}

/** Not later than the time its sender has set, if that is still to come: he is told then. */
export function nextTryOf(envelope: Envelope, now: number, next: number): number {
  const { deliverBy } = envelope;
  return deliverBy !== undefined && deliverBy.at > now ? Math.min(next, deliverBy.at + 1) : next;
}

export function isExpired(envelope: Envelope, now: number, timeouts: Timeouts): boolean {
  const { deliverBy } = envelope;
  if (deliverBy?.mode === 'R' && now > deliverBy.at) return true;
  return now > envelope.arrivedAt + returnLimit(envelope, timeouts);
}

/** Bounces, bulk mail and what lists send are not worth a warning to anybody (sendmail's dropenvelope). */
export function isWarningDue(state: MessageState, now: number, timeouts: Timeouts): boolean {
  const { envelope, warnedAt } = state;
  const { deliverBy } = envelope;
  if (warnedAt !== null) return false;
  if (deliverBy?.mode === 'N' && now > deliverBy.at) return envelope.sender !== '';
  if (timeouts.queueWarn === 0 || now <= envelope.arrivedAt + timeouts.queueWarn) return false;
  return envelope.class >= 0 && envelope.sender !== '' && !isListSender(envelope.sender);
}

function isListSender(sender: string): boolean {
  const local = sender.slice(0, sender.includes('@') ? sender.lastIndexOf('@') : undefined);
  return /^owner-/i.test(sender) || /-request$/i.test(local);
}

/** Lowest number first, the older of two equals. */
export function byPriority(a: MessageState, b: MessageState): number {
  return priorityOf(a) - priorityOf(b) || a.envelope.arrivedAt - b.envelope.arrivedAt;
}

const UNITS: readonly (readonly [number, string])[] = [
  [7 * DAY, 'week'],
  [DAY, 'day'],
  [HOUR, 'hour'],
  [MINUTE, 'minute'],
  [SECOND, 'second'],
];

/** sendmail's pintvl: `4 hours`, `1 hour, 30 minutes`. */
export function intervalText(milliseconds: number): string {
  let left = Math.floor(milliseconds / SECOND) * SECOND;
  const parts: string[] = [];
  for (const [unit, name] of UNITS) {
    const count = Math.floor(left / unit);
    left -= count * unit;
    if (count > 0) parts.push(`${count} ${name}${count === 1 ? '' : 's'}`);
  }
  return parts.length === 0 ? '0 seconds' : parts.join(', ');
}
