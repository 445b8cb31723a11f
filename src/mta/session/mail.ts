/** MAIL: a transaction begins (RFC 5321 4.1.1.2; RFC 1870 SIZE, RFC 6152 BODY, RFC 3461 ENVID and RET). */

import type { Reply } from '../model.ts';
import { shortened } from '../route/smtp-path.ts';
import type { MailParameters } from './arguments.ts';
import { mailParameters, skipWord } from './arguments.ts';
import type { Transaction } from './parts.ts';
import { reply } from './replies.ts';
import type { SmtpSession } from './session.ts';
import { applyFilter, applyVerdict } from './verdicts.ts';

export async function mail(session: SmtpSession, rest: string): Promise<void> {
  const early = tooEarly(session);
  if (early !== undefined) {
    session.say(early);
    return;
  }
  const skipped = skipWord(rest, 'from');
  if (skipped.kind === 'error') {
    session.say(skipped.reply);
    return;
  }
  const path = session.parts.parsePath(skipped.rest, 'sender', saysUtf8(session, skipped.rest));
  if (path.kind === 'error') {
    session.say(path.reply);
    return;
  }
  const transaction = begin(session, path.shown, path.address);
  session.transaction = transaction;
  const refusal = await judge(session, transaction, path.parameters);
  if (refusal === undefined) {
    session.say(reply(250, '2.1.0', `${shortened(path.shown)}... Sender ok`));
    return;
  }
  session.say(refusal);
  session.refuseSender();
}

/** It says so behind the path, which is read first. */
function saysUtf8({ settings }: SmtpSession, text: string): boolean {
  return settings.isUtf8Offered && /[ \t]SMTPUTF8(?:[ \t]|$)/i.test(text);
}

function tooEarly(session: SmtpSession): Reply | undefined {
  const { settings, daemon } = session;
  if (session.helo === '' && settings.privacy.has('needmailhelo')) {
    return reply(503, '5.0.0', 'Polite people say HELO first');
  }
  if (session.transaction !== null) return reply(503, '5.5.0', 'Sender already specified');
  if (daemon.isAuthRequired && session.user === null) {
    return reply(530, '5.7.0', 'Authentication required');
  }
  return undefined;
}

function begin(session: SmtpSession, senderShown: string, sender: string): Transaction {
  return {
    id: session.id,
    startedAt: session.parts.now(),
    senderShown,
    sender,
    announcedSize: 0,
    bodyType: null,
    isUtf8: false,
    envid: null,
    ret: null,
    deliverBy: null,
    recipients: [],
    refusedRecipients: 0,
    namedRecipients: 0,
    isDiscarded: session.isDiscarding,
    quarantine: session.quarantine,
    isLogOwed: true,
  };
}

async function judge(
  session: SmtpSession,
  transaction: Transaction,
  text: string,
): Promise<Reply | undefined> {
  const parsed = mailParameters(text, session.settings.isUtf8Offered);
  if (parsed.kind === 'error') return parsed.reply;
  take(transaction, parsed.parameters);
  return (
    tooBig(session, transaction) ??
    (await byRules(session, transaction)) ??
    (await byFilter(session, transaction, text)) ??
    (await noRoom(session, transaction))
  );
}

function take(transaction: Transaction, parameters: MailParameters): void {
  const { size, ...others } = parameters;
  transaction.announcedSize = size;
  Object.assign(transaction, others);
}

function tooBig({ settings }: SmtpSession, { announcedSize }: Transaction): Reply | undefined {
  const { maxMessageSize } = settings;
  if (maxMessageSize === 0 || announcedSize <= maxMessageSize) return undefined;
  const text = `Message size exceeds fixed maximum message size (${maxMessageSize})`;
  return reply(552, '5.2.3', text);
}

async function byRules(session: SmtpSession, transaction: Transaction): Promise<Reply | undefined> {
  const { senderShown: shown, sender: address } = transaction;
  const verdict = await session.parts.policy.mail({ ...session.view, shown, address });
  return applyVerdict(session, transaction, verdict);
}

async function byFilter(
  session: SmtpSession,
  transaction: Transaction,
  text: string,
): Promise<Reply | undefined> {
  const { id, senderShown } = transaction;
  return applyFilter(transaction, (await session.filter?.mail(id, senderShown, text)) ?? null);
}

async function noRoom(session: SmtpSession, transaction: Transaction): Promise<Reply | undefined> {
  const { minFreeBytes } = session.settings;
  const needed = minFreeBytes + transaction.announcedSize;
  if (needed === 0) return undefined;
  const free = await session.parts.queue.freeBytes();
  if (free >= needed) return undefined;
  session.log.lowOnSpace(transaction.id, session.parts.queue.folder, needed, free);
  return reply(452, '4.4.5', 'Insufficient disk space; try again later');
}
