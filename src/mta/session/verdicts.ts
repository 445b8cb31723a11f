/** What a verdict of the rules does to a transaction: logged, counted, and the reply if it is a refusal. */
import type { Reply } from '../model.ts';
import type { Verdict } from '../policy/verdict.ts';
import type { FilterVerdict, Transaction } from './parts.ts';
import type { SmtpSession } from './session.ts';

export async function applyVerdict(
  session: SmtpSession,
  transaction: Transaction,
  verdict: Verdict,
): Promise<Reply | undefined> {
  if (verdict.kind === 'accept') return undefined;
  const { id, sender } = transaction;
  session.log.ruleset({ id, relay: session.relay, ...verdict.event });
  switch (verdict.kind) {
    case 'refuse':
      session.countRejection(await mailerOf(session, sender));
      return verdict.reply;
    case 'discard':
      transaction.isDiscarded = true;
      return undefined;
    case 'quarantine':
      transaction.quarantine = verdict.text;
      return undefined;
  }
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
