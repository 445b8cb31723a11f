/**
 * What a notification is made of: plain values, from which `buildNotification` makes the message.
 */
import type { Client, Destination } from '../model.ts';

/**
 * `failure`: returned mail; `warning`: still trying; `success`: a return receipt; `postmaster`: to the
 * postmaster, a copy or because there is no sender who could be told.
 */
export type ReportKind = 'failure' | 'warning' | 'success' | 'postmaster';

/** RFC 3464 section 2.3.3; a list is an alias with an owner. */
export type ReportAction =
  | 'failed'
  | 'delayed'
  | 'delivered'
  | 'delivered to list'
  | 'relayed'
  | 'expanded';

export interface ReportedRecipient {
  readonly action: ReportAction;
  /** As the log's to= shows it. */
  readonly shown: string;
  /** The alias it came from, as shown; null if the client named it. */
  readonly expandedFrom: string | null;
  /** The address that the client named: Final-Recipient. */
  readonly origin: string;
  /** Where it really went: X-Actual-Recipient; null where it led nowhere. */
  readonly destination: Destination | null;
  /** `rfc822;ann@corp.example`, still in xtext. */
  readonly orcpt: string | null;
  /** Enhanced status code; empty: the plain one of the action. */
  readonly status: string;
  /** Host that was talked to: `mail.partner.example.`; null for our own mailers. */
  readonly remoteMta: string | null;
  /** Its reply, or the exit status of a program; null: none. */
  readonly diagnostic: string | null;
  /** Epoch milliseconds of the last attempt. */
  readonly attemptedAt: number;
}

/** The message that the notification is about. */
export interface OriginalMessage {
  readonly id: string;
  readonly arrivedAt: number;
  readonly senderShown: string;
  readonly client: Client | null;
  /** As it came in MAIL, in xtext. */
  readonly envid: string | null;
  /** The header section with LF line ends, our own Received: first; null: no message was collected. */
  readonly headers: Buffer | null;
  /** Null: the headers alone are returned (RET=HDRS, PrivacyOptions=nobodyreturn). */
  readonly body: Buffer | null;
}

export interface Notification {
  readonly kind: ReportKind;
  /** Queue id of the notification. */
  readonly id: string;
  /** Epoch milliseconds at which it is made. */
  readonly at: number;
  /** IANA name. */
  readonly zone: string;
  /** Our own name ($j). */
  readonly host: string;
  /** `8.17.1.9/8.17.1.9`. */
  readonly version: string;
  /** Whom From: names; MAILER-DAEMON at the host if not set. */
  readonly daemonAddress?: string;
  /** As shown: `<alice@corp.example>`, `postmaster`. */
  readonly to: readonly string[];
  /** The subject of a warning; others have one of their own. */
  readonly warning?: string;
  readonly original: OriginalMessage;
  readonly recipients: readonly ReportedRecipient[];
  /** Lines of the session, see `transcript.ts`. */
  readonly transcript: readonly string[];
  /** Epoch milliseconds until which delayed ones are tried. */
  readonly retryUntil: number | null;
}
