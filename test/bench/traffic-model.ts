/**
 * What the generated traffic is made of, said once and without any server's wording: the log writers
 * render the same sessions as sendmail's and as Postfix's lines. Times are seconds since the day began.
 */
export const DAY_SECONDS = 86400;
/** How often the queue is run; retries happen only then. */
export const QUEUE_RUN_SECONDS = 1800;
export const MAIL_HOST = 'mx1';
export const MAIL_DOMAIN = 'uni.example';

/** The other end of a connection. `host` is empty when it has no reverse name. */
export interface Peer {
  readonly host: string;
  readonly ip: string;
  /** The reverse name does not lead back to the address. */
  readonly forged: boolean;
}

/** How a connection to the next hop, or the mailbox, answered. */
export type Result =
  | { readonly kind: 'mailbox' }
  | {
      readonly kind: 'answer';
      readonly code: number;
      readonly dsn: string;
      readonly text: string;
      /** The server announced enhanced status codes, so its text begins with one. */
      readonly enhanced: boolean;
      readonly command: string;
    }
  | { readonly kind: 'unreachable'; readonly how: 'Connection refused' | 'Connection timed out' }
  | { readonly kind: 'no-host' };

export type Outcome = 'sent' | 'deferred' | 'bounced';

export function outcomeOf(result: Result): Outcome {
  if (result.kind === 'mailbox') return 'sent';
  if (result.kind === 'unreachable') return 'deferred';
  if (result.kind === 'no-host') return 'bounced';
  if (result.code < 300) return 'sent';
  return result.code < 500 ? 'deferred' : 'bounced';
}

/** Where a group of recipients is handed to: our mailboxes, or the mail exchanger of their domain. */
export interface Route {
  readonly local: boolean;
  readonly domain: string;
  readonly exchanger: Peer;
  readonly tls: boolean;
}

/** One transaction with the next hop: some recipients, one answer. */
export interface Attempt {
  readonly at: number;
  readonly took: number;
  /** 0 for the attempt on arrival, else which queue run of the day. */
  readonly run: number;
  readonly route: Route;
  readonly recipients: readonly string[];
  readonly result: Result;
}

/** A message the server itself sends about another: a bounce, or a warning that delivery is late. */
export interface Notice {
  readonly at: number;
  readonly run: number;
  readonly kind: 'bounce' | 'delay';
  readonly cause: Result;
  readonly causeDomain: string;
  readonly size: number;
  readonly delivery: Attempt;
}

export interface Message {
  readonly sender: string;
  readonly senderUid: number;
  readonly size: number;
  readonly messageId: string;
  readonly recipients: readonly string[];
  readonly receivedAt: number;
  readonly attempts: readonly Attempt[];
  readonly notices: readonly Notice[];
  /** Absent while recipients are still queued at the end of the day. */
  readonly doneAt: number | undefined;
}

export interface Refusal {
  readonly kind: 'relaying' | 'unknown-user' | 'sender-domain';
  readonly recipient: string;
}

/** One MAIL command and what came of it. */
export interface Transaction {
  readonly at: number;
  readonly sender: string;
  readonly refusals: readonly Refusal[];
  readonly message: Message | undefined;
  /** The client went away before naming a recipient. */
  readonly lost: boolean;
}

export interface Session {
  readonly at: number;
  readonly endAt: number;
  readonly client: Peer;
  readonly helo: string;
  readonly submission: boolean;
  readonly tls: boolean;
  readonly auth: { readonly user: string; readonly mechanism: string } | undefined;
  readonly failedLogins: readonly { readonly user: string; readonly mechanism: string }[];
  /** Refused because a DNS block list names the client. */
  readonly blocked:
    | { readonly list: string; readonly sender: string; readonly recipient: string }
    | undefined;
  /** What a session without mail was, else undefined. */
  readonly probe: 'silent' | 'pregreet' | 'http' | undefined;
  readonly transactions: readonly Transaction[];
}

export interface Traffic {
  readonly seed: number;
  readonly lines: number;
  /** Epoch seconds at which the day begins, UTC. */
  readonly day: number;
  sessions(): Iterable<Session>;
}

/** How many lines sendmail writes about a session, at LogLevel 9. */
export function sendmailLineCount(session: Session): number {
  if (session.blocked) return 1;
  let lines = Number(session.tls) + Number(session.auth !== undefined);
  lines += session.failedLogins.length;
  if (session.failedLogins.length > 0) lines += 1;
  if (session.probe) lines += session.probe === 'http' ? 2 : 1;
  for (const transaction of session.transactions) {
    lines += transaction.refusals.length + 1 + Number(transaction.lost);
    for (const attempt of transaction.message?.attempts ?? []) lines += attemptLines(attempt);
    for (const notice of transaction.message?.notices ?? [])
      lines += 1 + attemptLines(notice.delivery);
  }
  return lines;
}

/** A TLS handshake with the next hop is a line of its own; it needs a connection. */
export function handshakes(attempt: Attempt): boolean {
  return attempt.route.tls && attempt.result.kind === 'answer';
}

function attemptLines(attempt: Attempt): number {
  return 1 + Number(handshakes(attempt));
}
