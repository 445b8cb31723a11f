/** What a verdict of the rules does to a transaction: logged, counted, and the reply if it is a refusal. */
import type { Reply } from '../model.ts';
import type { FilterVerdict, Transaction, Verdict } from './parts.ts';
import type { SmtpSession } from './session.ts';

export async function applyVerdict(
  session: SmtpSession,
  transaction: Transaction,
  verdict: Verdict,
): Promise<Reply | undefined> {
  if (verdict.kind === 'accept') return undefined;
  const { relay, log } = session;
  const { id, sender } = transaction;
  const { ruleset, arg1, arg2 } = verdict;
  const event = { id, ruleset, arg1, relay, ...(arg2 === undefined ? {} : { arg2 }) };
  if (verdict.kind === 'refuse') {
    log.ruleset({ ...event, result: { kind: 'reject', reply: verdict.reply } });
    session.countRejection(await mailerOf(session, sender));
    return verdict.reply;
  }
  if (verdict.kind === 'discard') {
    transaction.isDiscarded = true;
    log.ruleset({ ...event, result: { kind: 'discard' } });
    return undefined;
  }
  transaction.quarantine = verdict.text;
  log.ruleset({ ...event, result: { kind: 'quarantine', text: verdict.text } });
  return undefined;
}

export function applyFilter(transaction: Transaction, verdict: FilterVerdict): Reply | undefined {
  if (verdict?.kind === 'discard') transaction.isDiscarded = true;
  return verdict?.kind === 'refuse' ? verdict.reply : undefined;
}

/** Under which mailer a sender is booked in sendmail.st: the one that would carry mail to it. */
export async function mailerOf({ parts }: SmtpSession, sender: string): Promise<string> {
  if (sender === '') return 'local';
  const resolution = await parts.resolve(sender);
  return resolution.kind === 'destination' ? resolution.destination.mailer : 'local';
}
