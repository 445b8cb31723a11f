/** RCPT: one more recipient (RFC 5321 4.1.1.3; RFC 3461 NOTIFY and ORCPT). */
import type { AcceptedRecipient, Reply } from '../model.ts';
import { replyAbout, shortened } from '../route/smtp-path.ts';
import { rcptParameters, skipWord } from './arguments.ts';
import type { Transaction } from './parts.ts';
import { reply } from './replies.ts';
import type { SmtpSession } from './session.ts';
import { applyFilter, applyVerdict } from './verdicts.ts';

type Judged =
  | {
      readonly kind: 'recipient';
      readonly recipient: AcceptedRecipient;
      readonly willQueue: boolean;
    }
  /** `isLogged`: the log has it already, in other words. */
  | { readonly kind: 'refused'; readonly reply: Reply; readonly isLogged: boolean };

const refused = (answer: Reply, isLogged = false): Judged => {
  return { kind: 'refused', reply: answer, isLogged };
};

export async function rcpt(session: SmtpSession, rest: string): Promise<void> {
  const { transaction } = session;
  if (transaction === null) {
    session.say(reply(503, '5.0.0', 'Need MAIL before RCPT'));
    return;
  }
  await throttle(session, transaction);
  const judged = await judge(session, transaction, rest);
  if (judged.kind === 'refused') {
    transaction.refusedRecipients += 1;
    if (!judged.isLogged) session.log.refused(transaction.id, judged.reply.text);
    session.say(judged.reply);
    return;
  }
  const { shown } = remember(transaction, judged.recipient);
  const waits = judged.willQueue ? ' (will queue)' : '';
  session.say(reply(250, '2.1.5', `${shortened(shown)}... Recipient ok${waits}`));
}

/** Guessing at addresses is made slow (BadRcptThrottle). */
async function throttle(session: SmtpSession, transaction: Transaction): Promise<void> {
  const { badRecipientThrottle, isAttackDelayed } = session.settings;
  if (badRecipientThrottle === 0 || transaction.refusedRecipients < badRecipientThrottle) return;
  if (transaction.refusedRecipients === badRecipientThrottle) {
    session.log.rcptFlood(transaction.id, session.relay, false);
  }
  if (!isAttackDelayed) return;
  await session.flush();
  await session.input.pause(1000);
}

/** Named twice it is one recipient, shown as it was named first. */
function remember(transaction: Transaction, recipient: AcceptedRecipient): AcceptedRecipient {
  const same = transaction.recipients.find((other) => isSame(other, recipient));
  if (same !== undefined) return same;
  transaction.recipients.push(recipient);
  return recipient;
}

function isSame(a: AcceptedRecipient, b: AcceptedRecipient): boolean {
  const [one, two] = [a.destination, b.destination];
  const fold = (user: string) => (one.mailer === 'local' ? user.toLowerCase() : user);
  return one.mailer === two.mailer && one.host === two.host && fold(one.user) === fold(two.user);
}

async function judge(
  session: SmtpSession,
  transaction: Transaction,
  rest: string,
): Promise<Judged> {
  const { settings, parts } = session;
  const skipped = skipWord(rest, 'to');
  if (skipped.kind === 'error') return refused(skipped.reply);
  if (settings.maxRecipients > 0 && transaction.recipients.length >= settings.maxRecipients) {
    return refused(reply(452, '4.5.3', 'Too many recipients'));
  }
  const path = parts.parsePath(skipped.rest, 'recipient', transaction.isUtf8);
  if (path.kind === 'error') return refused(path.reply);
  const { shown, address } = path;
  const parsed = rcptParameters(path.parameters);
  if (parsed.kind === 'error') return refused(parsed.reply);
  if (address === '') {
    // Nobody is for the rules to refuse.
    const nobody = { mailer: 'local', host: '', user: '' } as const;
    const none = { shown, address, destination: nobody, ...parsed.parameters };
    const denied = await byRules(session, transaction, none);
    if (denied !== undefined) return refused(denied, true);
  }
  const resolution = await parts.resolve(address);
  if (resolution.kind === 'error') {
    return refused(replyAbout(shown, resolution.reply));
  }
  const { destination, willQueue = false } = resolution;
  const recipient: AcceptedRecipient = { shown, address, destination, ...parsed.parameters };
  const wasDiscarded = transaction.isDiscarded;
  const isDropped = () => transaction.isDiscarded && !wasDiscarded;
  const verdict =
    (await byRules(session, transaction, recipient)) ??
    (await byFilter(session, transaction, shown, path.parameters));
  if (verdict !== undefined) return refused(verdict, true);
  transaction.namedRecipients += 1;
  // To be dropped is a wish that an unknown user has no say in.
  if (isDropped()) return { kind: 'recipient', recipient, willQueue };
  if (!(await parts.isDeliverable(destination))) {
    return refused(reply(550, '5.1.1', `${shortened(shown)}... User unknown`));
  }
  return { kind: 'recipient', recipient, willQueue };
}

async function byRules(
  session: SmtpSession,
  transaction: Transaction,
  { shown, address, destination }: AcceptedRecipient,
): Promise<Reply | undefined> {
  const { sender } = transaction;
  const accepted = transaction.recipients.length;
  const view = { ...session.view, sender, shown, address, destination, accepted };
  return applyVerdict(session, transaction, await session.parts.policy.recipient(view));
}

async function byFilter(
  session: SmtpSession,
  transaction: Transaction,
  shown: string,
  parameters: string,
): Promise<Reply | undefined> {
  const verdict = await session.filter?.recipient(transaction.id, shown, parameters);
  return applyFilter(transaction, verdict ?? null);
}
