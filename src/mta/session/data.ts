/**
 * DATA: the message itself (RFC 5321 4.1.1.4). It is read to its end whatever is wrong with it, judged, and made
 * durable before the 250: from then on it is ours.
 */
import type { Envelope, Reply } from '../model.ts';
import { Collector } from './collector.ts';
import type { SpoolWriter, Transaction } from './parts.ts';
import { addedFields, storedSizeOf } from './received.ts';
import { reply } from './replies.ts';
import type { SmtpSession } from './session.ts';
import { applyVerdict, mailerOf } from './verdicts.ts';

export async function data(session: SmtpSession): Promise<void> {
  const { transaction } = session;
  if (transaction === null) {
    session.say(reply(503, '5.0.0', 'Need MAIL command'));
    return;
  }
  if (transaction.recipients.length === 0) {
    session.say(reply(503, '5.0.0', 'Need RCPT (recipient)'));
    return;
  }
  const verdict = (await session.filter?.data(transaction.id)) ?? null;
  if (verdict?.kind === 'discard') transaction.isDiscarded = true;
  if (verdict?.kind === 'refuse') {
    session.say(verdict.reply);
    session.endTransaction();
    return;
  }
  session.say(invitation(session));
  await session.flush();
  await receive(session, transaction);
}

function invitation({ settings }: SmtpSession): Reply {
  return settings.isClassic
    ? reply(354, '', 'Enter mail, end with "." on a line by itself')
    : reply(354, '', 'End data with <CR><LF>.<CR><LF>');
}

async function receive(session: SmtpSession, transaction: Transaction): Promise<void> {
  const { parts, settings } = session;
  const writer = parts.queue.create(transaction.id);
  const collector = new Collector({
    writer,
    settings,
    isWhole: session.filter !== null || transaction.isDiscarded,
    added: (head) => addedFields(session, transaction, head),
  });
  const end = await collector.run(session.input, settings.timeouts.data);
  try {
    if (end === 'done') await finish(session, transaction, collector, writer);
    else brokenOff(session, transaction, collector, end);
  } finally {
    await writer.abort();
    session.endTransaction();
  }
}

/** The client went away, or fell silent. */
function brokenOff(
  session: SmtpSession,
  transaction: Transaction,
  { counted }: Collector,
  why: string,
): void {
  const { log, client, relay } = session;
  const { id, senderShown } = transaction;
  if (why === 'timeout') log.timeout(id, relay, 'message collect');
  else log.unexpectedClose(id, client.name, senderShown, why);
  session.logFrom(transaction, { size: counted, class: 0, messageId: null });
  const text = `collect: relay=${client.name}, from=${senderShown}, info=${why}`;
  session.say(reply(421, '4.4.1', text));
  session.end();
}

async function finish(
  session: SmtpSession,
  transaction: Transaction,
  collector: Collector,
  writer: SpoolWriter,
): Promise<void> {
  const { log } = session;
  const { id, senderShown } = transaction;
  const { fault, size, counted } = collector;
  if (fault !== null) {
    const where = `${fault.text}, where=${fault.place}, status=tempfail`;
    log.collectProblem(id, session.client.name, senderShown, where);
    session.logFrom(transaction, { size: counted, class: 0, messageId: null });
    session.say(reply(421, '4.5.0', fault.text));
    session.end();
    return;
  }
  const { head } = collector;
  const messageId = head.messageId ?? collector.madeMessageId;
  if (collector.isHeadTooLarge) {
    log.note(
      id,
      0,
      `headers too large (${session.settings.maxHeaderBytes} max) from ${session.relay} during message collect`,
    );
  }
  session.logFrom(transaction, { size, class: head.class, messageId });
  session.parts.statistics.messageFrom(await mailerOf(session, transaction.sender), size);
  const refusal = await judge(session, transaction, collector);
  if (refusal !== undefined) {
    refuse(session, transaction, size, refusal);
    return;
  }
  if (transaction.isDiscarded) {
    log.discarded(id);
    session.parts.statistics.discarded(await mailerOf(session, transaction.sender));
    session.say(accepted(id));
    return;
  }
  await keep(session, transaction, collector, writer);
}

function accepted(id: string): Reply {
  return reply(250, '2.0.0', `${id} Message accepted for delivery`);
}

/** What is wrong with the message as a whole. */
async function judge(
  session: SmtpSession,
  transaction: Transaction,
  collector: Collector,
): Promise<Reply | undefined> {
  const { settings, log } = session;
  const { maxMessageSize, maxHeaderBytes } = settings;
  const { size } = collector;
  if (maxMessageSize > 0 && size > maxMessageSize) {
    log.tooBig(transaction.id, size, maxMessageSize);
    return reply(552, '5.2.3', `Message exceeds maximum fixed size (${maxMessageSize})`);
  }
  if (collector.isHeadTooLarge) {
    return reply(552, '5.6.0', `Headers too large (${maxHeaderBytes} max)`);
  }
  const view = { ...session.view, shown: transaction.senderShown, address: transaction.sender };
  const verdict = await session.parts.policy.message(view, transaction.recipients);
  return (
    (await applyVerdict(session, transaction, verdict)) ??
    (await collector.filter(session, transaction))
  );
}

/** Refused after the data: a to= line for each recipient, without a mailer. */
function refuse(session: SmtpSession, transaction: Transaction, size: number, answer: Reply): void {
  const { id, recipients, startedAt } = transaction;
  const delay = session.parts.now() - startedAt;
  for (const { shown } of recipients) {
    session.log.to({
      id,
      recipients: [shown],
      controllingUser: null,
      delay,
      xdelay: null,
      mailer: null,
      priority: size + 30_000 * recipients.length,
      relay: null,
      dsn: '',
      reply: null,
      stat: answer.text,
    });
  }
  session.say(answer);
}

async function keep(
  session: SmtpSession,
  transaction: Transaction,
  collector: Collector,
  writer: SpoolWriter,
): Promise<void> {
  const envelope = await envelopeOf(session, transaction, collector);
  try {
    await collector.close();
    await writer.commit(envelope);
  } catch (error) {
    session.log.systemError(transaction.id, 'root', `queueup: ${reasonOf(error)}`);
    session.say(notStored(error));
    return;
  }
  if (envelope.quarantine !== null) {
    session.parts.statistics.quarantined(await mailerOf(session, transaction.sender));
  }
  session.say(accepted(transaction.id));
  // The client hears first, then the mail goes on.
  await session.flush();
  session.parts.queue.accepted(envelope);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A full disk says so, as sendmail does; all else is our fault and may pass. */
function notStored(error: unknown): Reply {
  const code = (error as { code?: string }).code ?? '';
  return /^(?:ENOSPC|EDQUOT|E_SPOOL_FULL)$/.test(code)
    ? reply(452, '4.3.1', 'Insufficient system storage')
    : reply(451, '4.3.0', 'Cannot queue message');
}

async function envelopeOf(
  session: SmtpSession,
  transaction: Transaction,
  collector: Collector,
): Promise<Envelope> {
  const { id, senderShown, sender, bodyType, isUtf8, envid, ret, recipients } = transaction;
  const { head, size } = collector;
  const senderUser = sender === '' ? null : await session.parts.userOf(senderShown, sender);
  return {
    id,
    arrivedAt: transaction.startedAt,
    senderShown,
    sender,
    senderUser,
    size,
    storedSize: storedSizeOf(size, collector.addedText, head, senderUser?.fullName ?? ''),
    class: head.class,
    messageId: head.messageId ?? collector.madeMessageId,
    bodyType,
    isUtf8,
    envid,
    ret,
    protocol: session.protocol,
    client: session.client,
    recipients,
    quarantine: transaction.quarantine,
    hops: head.hops + 1,
    ...deliverByOf(transaction),
    isBounce: false,
  };
}

/** The time that BY= means, counted from when it was said. */
function deliverByOf({ deliverBy, startedAt }: Transaction): Pick<Envelope, 'deliverBy'> {
  if (deliverBy === null) return {};
  const at = startedAt + Number.parseInt(deliverBy, 10) * 1000;
  return { deliverBy: { at, mode: deliverBy.endsWith('R') ? 'R' : 'N' } };
}
