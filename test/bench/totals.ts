/**
 * The truth about generated traffic: what a correct report of its log must say. Counted on the
 * abstract sessions, never on a line.
 */
import type { Attempt, Message, Session } from './traffic-model.ts';
import { outcomeOf } from './traffic-model.ts';

export interface TrafficTotals {
  sessions: number;
  /** Accepted from clients; the server's own notices are `notices`. */
  messages: number;
  notices: number;
  /** Recipients of accepted messages. */
  recipients: number;
  /** Recipients delivered to, of accepted messages and of notices. */
  sent: number;
  sentOfNotices: number;
  /** Messages deferred at least once, and recipients deferred, once per attempt. */
  deferredMessages: number;
  deferrals: number;
  bounced: number;
  rejected: number;
  failedLogins: number;
  bytesReceived: number;
  /** Size times recipients delivered to, notices apart. */
  bytesSent: number;
  bytesSentOfNotices: number;
}

export function emptyTotals(): TrafficTotals {
  return {
    sessions: 0,
    messages: 0,
    notices: 0,
    recipients: 0,
    sent: 0,
    sentOfNotices: 0,
    deferredMessages: 0,
    deferrals: 0,
    bounced: 0,
    rejected: 0,
    failedLogins: 0,
    bytesReceived: 0,
    bytesSent: 0,
    bytesSentOfNotices: 0,
  };
}

export function tally(totals: TrafficTotals, session: Session): void {
  totals.sessions += 1;
  totals.rejected += Number(session.blocked !== undefined);
  totals.failedLogins += session.failedLogins.length;
  for (const transaction of session.transactions) {
    totals.rejected += transaction.refusals.length;
    if (transaction.message) tallyMessage(totals, transaction.message);
  }
}

function tallyMessage(totals: TrafficTotals, message: Message): void {
  totals.messages += 1;
  totals.recipients += message.recipients.length;
  totals.bytesReceived += message.size;
  const deferralsBefore = totals.deferrals;
  for (const attempt of message.attempts) tallyAttempt(totals, attempt, message.size);
  totals.deferredMessages += Number(totals.deferrals > deferralsBefore);
  for (const notice of message.notices) {
    totals.notices += 1;
    totals.sent += 1;
    totals.sentOfNotices += 1;
    totals.bytesSentOfNotices += notice.size;
  }
}

function tallyAttempt(totals: TrafficTotals, attempt: Attempt, size: number): void {
  const recipients = attempt.recipients.length;
  const outcome = outcomeOf(attempt.result);
  if (outcome === 'deferred') totals.deferrals += recipients;
  if (outcome === 'bounced') totals.bounced += recipients;
  if (outcome !== 'sent') return;
  totals.sent += recipients;
  totals.bytesSent += size * recipients;
}
