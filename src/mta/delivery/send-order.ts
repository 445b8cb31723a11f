/**
 * Who is delivered to together, and in which order: sendmail's send queue. Sorted by host, local mailers
 * (which have none) first; the order of equal hosts is that of the list. One run of a mailer takes one
 * recipient of a local mailer, or all of one host for SMTP: the newest first on the first try, since
 * sendmail chains them backwards, and as they stand in the queue later.
 */
import type { Destination, MailerName } from '../model.ts';
import type { RecipientState } from '../queue/message-state.ts';
import { isDone } from '../queue/message-state.ts';

/** RCPTs of one SMTP transaction (sendmail's M=100 for its SMTP mailers). */
const MOST_RECIPIENTS = 100;

export interface SendGroup {
  readonly mailer: MailerName;
  readonly host: string;
  /** What is one for all destinations that are the same hosts. */
  readonly signature: string;
  /** Numbers of recipients. */
  readonly members: readonly number[];
}

export interface SendOrder {
  readonly isFirstTry: boolean;
  /** The mail exchangers of a destination as one text; those with the same may share a transaction. */
  readonly signatureOf?: ((destination: Destination) => string) | undefined;
}

const SMTP_MAILERS: ReadonlySet<MailerName> = new Set(['smtp', 'esmtp', 'smtp8', 'dsmtp', 'relay']);

export const isSmtp = (mailer: MailerName): boolean => SMTP_MAILERS.has(mailer);

export function sendGroups(
  recipients: readonly RecipientState[],
  order: SendOrder,
): readonly SendGroup[] {
  const waiting = recipients
    .map(({ recipient }, number) => ({ number, ...placeOf(recipient.destination, order) }))
    .filter(({ number }) => !isDoneAt(recipients, number))
    .sort((a, b) => compareText(a.signature, b.signature));
  const groups: SendGroup[] = [];
  const bySignature = new Map<string, number[]>();
  for (const { number, mailer, host, signature } of waiting) {
    const key = `${mailer} ${signature}`;
    const members = isSmtp(mailer) ? bySignature.get(key) : undefined;
    if (members !== undefined) members.push(number);
    else {
      const begun = [number];
      bySignature.set(key, begun);
      groups.push({ mailer, host, signature, members: begun });
    }
  }
  return groups.flatMap((group) => transactionsOf(group, order.isFirstTry));
}

function placeOf(destination: Destination, { signatureOf }: SendOrder) {
  const { mailer, host } = destination;
  const signature = isSmtp(mailer) && signatureOf ? signatureOf(destination) : host.toLowerCase();
  return { mailer, host, signature };
}

function isDoneAt(recipients: readonly RecipientState[], number: number): boolean {
  const one = recipients[number];
  return one === undefined || isDone(one);
}

function transactionsOf(group: SendGroup, isFirstTry: boolean): readonly SendGroup[] {
  const { members } = group;
  const parts: SendGroup[] = [];
  for (let from = 0; from < members.length; from += MOST_RECIPIENTS) {
    const some = members.slice(from, from + MOST_RECIPIENTS);
    parts.push({ ...group, members: isFirstTry ? some.toReversed() : some });
  }
  return parts;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
