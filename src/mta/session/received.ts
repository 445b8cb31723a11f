/**
 * The header fields that we add to a message on its way in: Received: (RFC 5321 4.4), and Date:, From: and
 * Message-Id: where they are missing, in the order in which sendmail puts them.
 */
import type { MessageHead } from './message-head.ts';
import type { Transaction } from './parts.ts';
import type { SmtpSession } from './session.ts';

export interface AddedFields {
  /** Whole lines with LF. */
  readonly text: string;
  /** The one we made; the message's own is kept. */
  readonly messageId: string;
}

export function addedFields(
  session: SmtpSession,
  transaction: Transaction,
  head: MessageHead,
): AddedFields {
  const { settings, parts } = session;
  const date = settings.date(parts.now());
  const messageId = `<${stampOf(transaction.startedAt)}.${transaction.id}@${settings.hostname}>`;
  const fields = [received(session, transaction, date)];
  if (!head.hasDate) fields.push(`Date: ${date}\n`);
  if (!head.hasFrom && transaction.sender !== '') fields.push(`From: ${transaction.sender}\n`);
  if (!head.hasFrom && transaction.sender === '') {
    fields.push(`From: MAILER-DAEMON@${settings.hostname}\n`);
  }
  if (head.messageId === null) fields.push(`Message-Id: ${messageId}\n`);
  return { text: fields.join(''), messageId };
}

function received(session: SmtpSession, transaction: Transaction, date: string): string {
  const { settings, helo, relay, protocol } = session;
  // sendmail names a recipient only where no other was named that it would relay to or looked up.
  const [only] = transaction.namedRecipients === 1 ? transaction.recipients : [];
  const lines = [
    `Received: from ${helo === '' ? session.client.name : helo} (${relay})`,
    ...(session.user === null ? [] : ['(authenticated bits=0)']),
    `by ${settings.hostname} (${settings.version}) with ${protocol} id ${transaction.id}`,
    ...(session.tlsLine === '' ? [] : [session.tlsLine]),
    only === undefined ? `; ${date}` : `for ${only.shown}; ${date}`,
  ];
  const text = lines.join('\n\t').replace('\n\t; ', ';\n\t');
  // What the client typed goes into a header: no byte of it may end the line.
  return `${text.replace(/\r|\0|\n(?!\t)/g, ' ')}\n`;
}

/** `202611240651`: in UTC, as the queue id itself. */
function stampOf(time: number): string {
  return new Date(time).toISOString().slice(0, 16).replaceAll(/[-T:]/g, '');
}

/**
 * What sendmail reckons a message's size to be once it has been delivered here: a priority and sendmail.st begin
 * with it. It counts the queue file's header lines, which differ from the message's by these bytes, and not the
 * empty line after the header.
 */
export function storedSizeOf(
  size: number,
  added: string,
  head: MessageHead,
  fullName: string,
): number {
  // A Full-Name: field that no mailer asks for.
  const named = fullName === '' ? 0 : 'Full-Name: '.length + fullName.length + 1;
  const separator = head.hasSeparator ? 1 : 0;
  return size - separator + added.length + 17 - head.fields.length + named;
}
