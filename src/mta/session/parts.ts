/**
 * What a session needs of the rest of the MTA, as interfaces: `src/mta/mta.ts` joins them to the real parts,
 * tests to small ones.
 */
import type { SecureContext } from 'node:tls';
import type { SaslExchange } from '../auth/sasl.ts';
import type { MtaLog } from '../log/mta-log.ts';
import type {
  AcceptedRecipient,
  Client,
  Destination,
  Envelope,
  Reply,
  Resolution,
} from '../model.ts';
import type { Verdict } from '../policy/verdict.ts';

/** One port that is listened on: an `O DaemonPortOptions` line. */
export interface DaemonOptions {
  /** `MTA-v4`, `MSP-v4`. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (`M=s`, smtps). */
  readonly isTls: boolean;
  /** Nothing is taken without AUTH (`M=a`: submission). */
  readonly isAuthRequired: boolean;
  /** Mail that comes in here is new: what it lacks is added (RFC 6409). */
  readonly isSubmission: boolean;
}

/** What an address turned out to be as it was typed after MAIL FROM: or RCPT TO:. */
export type PathOutcome =
  | {
      readonly kind: 'path';
      /** As typed, with its brackets. */
      readonly shown: string;
      /** Without brackets, comments and route; empty for `<>`. */
      readonly address: string;
      /** The ESMTP parameters that follow. */
      readonly parameters: string;
    }
  | { readonly kind: 'error'; readonly reply: Reply };

/** What a ruleset may know of the client. */
export interface ClientView {
  readonly client: Client;
  readonly daemon: string;
  /** Who has authenticated, and by what; null: nobody. */
  readonly user: string | null;
  readonly mechanism: string | null;
  readonly helo: string;
}

export interface SenderView extends ClientView {
  readonly shown: string;
  readonly address: string;
}

export interface RecipientView extends ClientView {
  readonly sender: string;
  readonly shown: string;
  readonly address: string;
  readonly destination: Destination;
  /** How many the message has already. */
  readonly accepted: number;
}

export interface SessionPolicy {
  /** check_relay, connection rates and numbers. `closed` is called when the client is gone. */
  connect(view: ClientView): Promise<Verdict>;
  closed(client: Client): void;
  /** Milliseconds that a client must wait for the greeting. */
  greetPause(client: Client): Promise<number>;
  mail(view: SenderView): Promise<Verdict>;
  recipient(view: RecipientView): Promise<Verdict>;
  /** A whole message is here: limits of those who send. Counts it if it is accepted. */
  message(view: SenderView, recipients: readonly AcceptedRecipient[]): Promise<Verdict>;
}

/** A message on its way into the queue. */
export interface SpoolWriter {
  write(bytes: Buffer): Promise<void> | void;
  /** Durable once this resolves. Rejects with `SpoolFull` where there is no room. */
  commit(envelope: Envelope): Promise<void>;
  abort(): Promise<void>;
}

export interface SessionQueue {
  readonly folder: string;
  create(id: string): SpoolWriter;
  /** Bytes free for new messages. */
  freeBytes(): Promise<number>;
  /** It is in the queue: deliver it, under the name of this process id. */
  accepted(envelope: Envelope): void;
}

export interface SessionAuth {
  /** In the order in which EHLO names them; fewer without TLS. */
  mechanisms(isSecure: boolean): readonly string[];
  exchange(mechanism: string): SaslExchange;
}

export interface SessionStatistics {
  /** One from= with a message: booked under the sender's mailer. */
  messageFrom(mailer: string, bytes: number): void;
  rejected(mailer: string | null): void;
  discarded(mailer: string): void;
  quarantined(mailer: string): void;
}

/** What a filter says of one step: null means go on. */
export type FilterVerdict =
  | null
  | { readonly kind: 'refuse'; readonly reply: Reply }
  | { readonly kind: 'discard' }
  | { readonly kind: 'accept' };

/** What filters changed when the message was whole. */
export interface FilterChanges {
  readonly verdict: FilterVerdict;
  readonly head: Buffer | null;
  readonly body: Buffer | null;
  readonly quarantine: string | null;
  readonly sender: string | null;
  readonly addedRecipients: readonly string[];
  readonly removedRecipients: readonly string[];
}

/** What filters may ask of the session. */
export interface FilterFacts {
  readonly log: MtaLog;
  readonly id: () => string;
  /** sendmail's macros: `i`, `{auth_authen}`; undefined: none. */
  readonly macro: (name: string) => string | undefined;
}

/** All content filters of a site, for one connection. */
export interface SessionFilter {
  connect(client: Client): Promise<FilterVerdict>;
  helo(name: string): Promise<FilterVerdict>;
  mail(id: string, shown: string, parameters: string): Promise<FilterVerdict>;
  recipient(id: string, shown: string, parameters: string): Promise<FilterVerdict>;
  data(id: string): Promise<FilterVerdict>;
  message(id: string, head: Buffer, body: Buffer): Promise<FilterChanges>;
  abort(): void;
  close(): void;
}

/** The two ends of a client's connection. */
export interface Connection {
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort: number;
}

export interface SessionParts {
  readonly log: MtaLog;
  /** Makes queue ids for this session's process id. */
  readonly nextId: () => string;
  readonly now: () => number;
  /** `isUtf8`: addresses may go beyond ASCII. */
  readonly parsePath: (text: string, what: 'sender' | 'recipient', isUtf8: boolean) => PathOutcome;
  readonly resolve: (address: string) => Promise<Resolution>;
  readonly isDeliverable: (destination: Destination) => Promise<boolean>;
  /** The local user who owns an address, for ctladdr=. */
  readonly userOf: (shown: string, address: string) => Promise<Envelope['senderUser']>;
  readonly policy: SessionPolicy;
  readonly queue: SessionQueue;
  readonly auth: SessionAuth | null;
  readonly statistics: SessionStatistics;
  /** Null: no filters. */
  readonly filter: ((facts: FilterFacts) => SessionFilter) | null;
  readonly tls: SecureContext | null;
  readonly describe: (address: string, isList: boolean) => Promise<readonly string[] | Reply>;
  /** ETRN: deliver what waits for this domain. */
  readonly flush: (domain: string) => void;
  readonly clientOf: (connection: Connection) => Promise<Client>;
}

export interface Timeouts {
  readonly command: number;
  readonly data: number;
}

/** The site's settings, by sendmail's names where it has one. */
export interface SessionSettings {
  /** `$j`. */
  readonly hostname: string;
  /** `$v/$Z`: `8.17.1.9/maillog-0.3.0`. */
  readonly version: string;
  /** The first reply's text after the host's name; `$b` is replaced by the date. */
  readonly greeting: string;
  /** `$b`: a time as RFC 5322 writes it, in the site's zone. */
  readonly date: (time: number) => string;
  readonly privacy: ReadonlySet<string>;
  readonly maxMessageSize: number;
  readonly maxHeaderBytes: number;
  readonly maxRecipients: number;
  readonly badRecipientThrottle: number;
  readonly maxHops: number;
  readonly minFreeBytes: number;
  readonly isUtf8Offered: boolean;
  /** Waits of sendmail against those who try many commands; a test has no time for them. */
  readonly isAttackDelayed: boolean;
  readonly timeouts: Timeouts;
  /** Replies without enhanced status codes and with the words of sendmail 8.9, as in old books. */
  readonly isClassic: boolean;
}

/** A transaction: from MAIL to the end of the message. */
export interface Transaction {
  readonly id: string;
  readonly startedAt: number;
  senderShown: string;
  sender: string;
  announcedSize: number;
  bodyType: Envelope['bodyType'];
  isUtf8: boolean;
  envid: string | null;
  ret: Envelope['ret'];
  /** `SECONDS;R` or `SECONDS;N` (RFC 2852). */
  deliverBy: string | null;
  recipients: AcceptedRecipient[];
  refusedRecipients: number;
  /** Recipients that the rules let pass, known or not. */
  namedRecipients: number;
  isDiscarded: boolean;
  quarantine: string | null;
  /** The from= line is owed. */
  isLogOwed: boolean;
}
