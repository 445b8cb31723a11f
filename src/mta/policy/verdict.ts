/**
 * What a ruleset says of a client, sender or recipient, ready to be logged with MtaLog.ruleset (but for queue
 * id and relay, which the session knows) and to be told to the client.
 */
import type { RulesetEvent } from '../log/mta-log.ts';
import type { Reply } from '../model.ts';
import { printable } from './tokens.ts';

export type VerdictEvent = Omit<RulesetEvent, 'id' | 'relay'>;

export type Verdict =
  | { readonly kind: 'accept' }
  | { readonly kind: 'refuse'; readonly reply: Reply; readonly event: VerdictEvent }
  /** The client hears nothing of it; the message is dropped for all its recipients. */
  | { readonly kind: 'discard'; readonly event: VerdictEvent }
  | { readonly kind: 'quarantine'; readonly text: string; readonly event: VerdictEvent };

export const ACCEPT: Verdict = Object.freeze({ kind: 'accept' });

/** What a verdict is about. */
export interface Subject {
  readonly ruleset: string;
  readonly arg1: string;
  readonly arg2?: string;
  /** Stands before the text, with three dots, as sendmail names the address; none for a client. */
  readonly address?: string;
}

/** These codes are never told with an address, as in sendmail's fmtmsg. */
const WITHOUT_ADDRESS = new Set([251, 421, 551]);

export function refuse(subject: Subject, reply: Reply): Verdict {
  const { address } = subject;
  const isPlain = address === undefined || WITHOUT_ADDRESS.has(reply.code);
  const text = isPlain ? reply.text : `${address}... ${reply.text}`;
  const told = { ...reply, text: printable(text) };
  return {
    kind: 'refuse',
    reply: told,
    event: { ...eventOf(subject), result: { kind: 'reject', reply: told } },
  };
}

export function discard(subject: Subject): Verdict {
  return { kind: 'discard', event: { ...eventOf(subject), result: { kind: 'discard' } } };
}

export function quarantine(subject: Subject, text: string): Verdict {
  return {
    kind: 'quarantine',
    text,
    event: { ...eventOf(subject), result: { kind: 'quarantine', text } },
  };
}

function eventOf(subject: Subject): Omit<VerdictEvent, 'result'> {
  const { ruleset, arg1, arg2 } = subject;
  return arg2 === undefined ? { ruleset, arg1 } : { ruleset, arg1, arg2 };
}
