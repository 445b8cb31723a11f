/**
 * What the MTA says in its log: one method for each event, named after what happened. `SendmailLog`
 * writes the lines that sendmail 8.17 writes of the same events; nothing else in the MTA makes a log line.
 *
 * `id` is the queue id, null where there is none yet (NOQUEUE, or no id at all, as sendmail does).
 * `relay` is the client or host as `relayText` prints it: `mail.example [198.51.100.10] (may be forged)`.
 */
import type { Attempt, Envelope, MailerName, Reply } from '../model.ts';

/** What a ruleset decided. */
export type RulesetResult =
  | { readonly kind: 'reject'; readonly reply: Reply }
  | { readonly kind: 'discard' }
  | { readonly kind: 'quarantine'; readonly text: string };

export interface RulesetEvent {
  readonly id: string | null;
  /** `check_relay`, `check_mail`, `check_rcpt`, `check_data`, `tls_server`, ... */
  readonly ruleset: string;
  readonly arg1: string;
  readonly arg2?: string;
  readonly relay: string;
  readonly result: RulesetResult;
}

/** The from= line of a transaction; also of one that was refused or broken off. */
export interface FromEvent {
  readonly id: string;
  readonly senderShown: string;
  readonly size: number;
  readonly class: number;
  readonly nrcpts: number;
  /** Null where no message was read. */
  readonly messageId: string | null;
  readonly bodyType: string | null;
  readonly protocol: string | null;
  /** `MTA-v4`, `MSP-v4`; null for none. */
  readonly daemon: string | null;
  readonly relay: string;
}

/** A to= line that no mailer was tried for: refused after the data, unknown while aliases were expanded, ... */
export interface ToEvent {
  readonly id: string;
  /** As shown, in the order of the line. */
  readonly recipients: readonly string[];
  /** `<erin@corp.example> (1004/1004)`; null for none. */
  readonly controllingUser: string | null;
  /** Milliseconds since the message came, and of this attempt; null: no attempt was made. */
  readonly delay: number;
  readonly xdelay: number | null;
  readonly mailer: MailerName | null;
  readonly priority: number;
  readonly relay: string | null;
  readonly quarantine?: string;
  readonly dsn: string;
  readonly reply: string | null;
  readonly stat: string;
}

export type TlsSide = 'server' | 'client';

export interface TlsEvent {
  readonly side: TlsSide;
  readonly relay: string;
  /** `TLSv1.3`. */
  readonly version: string;
  /** `NO`, `OK`, `FAIL`, `NOT`. */
  readonly verify: string;
  readonly cipher: string;
  readonly bits: number;
  readonly algorithmBits: number;
}

export interface MtaLog {
  /** The same log under another process id: of a session, a delivery, a queue run. */
  as(pid: number): MtaLog;
  readonly pid: number;

  // Messages
  from(event: FromEvent): void;
  to(event: ToEvent): void;
  /** The line or lines of one attempt of a mailer: the to= event made of its outcome. */
  attempt(envelope: Envelope, attempt: Attempt, priority: number): void;
  /** `QID: NEWID: DSN: User unknown`; kinds `return to sender`, `sender notify`, `postmaster notify`. */
  notification(id: string, newId: string, kind: NotificationKind, text: string): void;
  /** `QID: NEWID: clone: owner=dave`. */
  clone(id: string, newId: string, owner: string): void;
  /** `QID: done; delay=..., ntries=N` (log level 10). */
  done(id: string, delay: number, tries: number): void;
  discarded(id: string): void;
  /** `QID: quarantine=REASON` and `QID: unquarantine`: done by hand. */
  quarantined(id: string, reason: string | null): void;

  // Refusals
  ruleset(event: RulesetEvent): void;
  /** `QID: <bad@corp.example>... User unknown`, `QID: Too many recipients`: a refusal told in its own words. */
  refused(id: string, text: string): void;
  tooBig(id: string, size: number, limit: number): void;
  tooManyHops(
    id: string,
    hops: number,
    limit: number,
    sender: string,
    relay: string,
    recipient?: string,
  ): void;
  /** `collect: relay=NAME, from=<A>, info=..., where=..., status=tempfail`. */
  collectProblem(id: string, relayName: string, senderShown: string, info: string): void;

  // Connections
  connect(relay: string): void;
  noTransaction(id: string, relay: string, daemon: string): void;
  lostInput(id: string, relay: string, daemon: string, after: string): void;
  unexpectedClose(id: string, relayName: string, senderShown: string, why: string): void;
  timeout(id: string, relay: string, during: string): void;
  pregreet(id: string, relay: string, seconds: number): void;
  trafficBefore(id: string, command: string, relay: string): void;
  attack(id: string, relay: string, command: string, count: number): void;
  rcptFlood(id: string, relay: string, isShutDown: boolean): void;
  openProxy(id: string, relay: string, command: string): void;
  tooLongInput(id: string, relay: string, length: number): void;
  /** `HOST: VRFY alice [rejected]`. */
  asked(
    id: string,
    relay: string,
    command: 'VRFY' | 'EXPN' | 'ETRN',
    what: string,
    isRejected: boolean,
  ): void;
  rejectingConnections(daemon: string, why: string): void;
  acceptingAgain(daemon: string): void;

  // Authentication and TLS
  authenticated(relay: string, authid: string, mechanism: string, bits: number): void;
  /** `AUTH failure (PLAIN): ...`; `isKnown` tells sendmail's two reasons apart. */
  authFailed(id: string, relay: string, mechanism: string, user: string, isKnown: boolean): void;
  authMalformed(id: string, relay: string, input: string): void;
  tls(event: TlsEvent): void;
  tlsFailed(side: TlsSide, relay: string, reason: string): void;

  // Milters
  milter(id: string, command: string, what: string, result: string): void;
  milterAction(id: string, name: string, action: string): void;
  milterProblem(id: string, name: string, problem: string): void;

  // The daemon
  started(version: string, mode: string): void;
  stopped(signal: string): void;
  /** `alias database F rebuilt by USER` and `F: N aliases, longest L bytes, T bytes total`. */
  aliasesRebuilt(
    file: string,
    by: string,
    counts: { aliases: number; longest: number; bytes: number },
  ): void;
  lowOnSpace(id: string, folder: string, needed: number, available: number): void;
  /** `SYSERR(user): text`. */
  systemError(id: string | null, user: string, text: string): void;
  /** What has no method of its own: at a level of sendmail's, in a form that its grammar knows. */
  note(id: string | null, level: number, text: string): void;
}

export type NotificationKind = 'DSN' | 'return to sender' | 'sender notify' | 'postmaster notify';
