/**
 * The part of a notification for programs: message/delivery-status (RFC 3464) with the fields, the order and
 * the spelling of sendmail's savemail.c.
 */
import { mailDate } from '../dates.ts';
import type { Notification, ReportAction, ReportedRecipient } from './notification.ts';
import { oneLine, xtextDecoded } from './one-line.ts';

const LONGEST = 800;

const ACTIONS: Readonly<Record<ReportAction, string>> = {
  failed: 'failed',
  delayed: 'delayed',
  delivered: 'delivered (to mailbox)',
  'delivered to list': 'delivered (to mailing list)',
  relayed: 'relayed (to non-DSN-aware mailer)',
  expanded: 'expanded (to multi-recipient alias)',
};

const STATUS: Readonly<Record<ReportAction, string>> = {
  failed: '5.0.0',
  delayed: '4.0.0',
  delivered: '2.0.0',
  'delivered to list': '2.0.0',
  relayed: '2.0.0',
  expanded: '2.0.0',
};

/** Its lines: the message's fields, then those of each recipient behind an empty line. */
export function deliveryStatusLines(notification: Notification): readonly string[] {
  const { original, host, zone, recipients } = notification;
  const lines: string[] = [];
  if (original.envid !== null) {
    lines.push(`Original-Envelope-Id: ${oneLine(xtextDecoded(original.envid), LONGEST)}`);
  }
  lines.push(`Reporting-MTA: dns; ${oneLine(host, LONGEST)}`);
  if (original.client !== null) {
    lines.push(`Received-From-MTA: DNS; ${oneLine(original.client.name, LONGEST)}`);
  }
  lines.push(`Arrival-Date: ${mailDate(original.arrivedAt, zone)}`);
  for (const recipient of recipients) lines.push('', ...recipientLines(recipient, notification));
  return lines;
}

function recipientLines(recipient: ReportedRecipient, notification: Notification): string[] {
  const { zone, host, retryUntil } = notification;
  const lines: string[] = [];
  if (recipient.orcpt !== null) {
    lines.push(`Original-Recipient: ${oneLine(xtextDecoded(recipient.orcpt), LONGEST)}`);
  }
  lines.push(`Final-Recipient: RFC822; ${atHost(recipient.origin, host)}`);
  const actual = actualRecipient(recipient, host);
  if (actual !== undefined) lines.push(`X-Actual-Recipient: ${actual}`);
  lines.push(`Action: ${ACTIONS[recipient.action]}`);
  lines.push(`Status: ${oneLine(recipient.status || STATUS[recipient.action], LONGEST)}`);
  if (recipient.remoteMta !== null) {
    lines.push(`Remote-MTA: DNS; ${oneLine(recipient.remoteMta, LONGEST).replace(/\.$/, '')}`);
  }
  if (recipient.diagnostic !== null) {
    lines.push(`Diagnostic-Code: ${diagnostic(recipient)}`);
  }
  lines.push(`Last-Attempt-Date: ${mailDate(recipient.attemptedAt, zone)}`);
  // As sendmail: of one whom a host itself has put off it says nothing.
  if (recipient.action === 'delayed' && recipient.diagnostic === null && retryUntil !== null) {
    lines.push(`Will-Retry-Until: ${mailDate(retryUntil, zone)}`);
  }
  return lines;
}

/** sendmail prints it even where it says the same: it compares `rfc822` with `RFC822`. */
function actualRecipient(recipient: ReportedRecipient, host: string): string | undefined {
  const { destination } = recipient;
  if (destination === null || destination.user === '') return undefined;
  const { mailer, user } = destination;
  if (mailer === 'prog') return `X-Unix; |${oneLine(user.replace(/^\|/, ''), LONGEST)}`;
  if (mailer === '*file*') return `X-Unix; ${oneLine(user, LONGEST)}`;
  return `rfc822; ${atHost(user, host)}`;
}

function atHost(address: string, host: string): string {
  const text = oneLine(address, LONGEST);
  return text.includes('@') ? text : `${text}@${oneLine(host, LONGEST)}`;
}

/** Local mailers speak in exit statuses, the others in replies. */
function diagnostic({ destination, diagnostic: text }: ReportedRecipient): string {
  const isLocal = /^(?:local|prog|\*file\*)$/.test(destination?.mailer ?? '');
  return `${isLocal ? 'X-Unix' : 'SMTP'}; ${oneLine(text ?? '', LONGEST)}`;
}
