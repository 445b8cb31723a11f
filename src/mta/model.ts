/**
 * The words that all parts of the MTA share: who is connected, what was said to him, an envelope and its
 * recipients, what became of a delivery. Names follow RFC 5321, RFC 3461 and sendmail's own log.
 *
 * Addresses are text of one character a byte (latin1) on the wire and here, so that nothing is lost between
 * a client and the next host; SMTPUTF8 addresses are bytes of UTF-8 in the same form.
 */

/** A reply of SMTP. `status` is the enhanced status code (RFC 3463), empty where the reply has none. */
export interface Reply {
  readonly code: number;
  readonly status: string;
  readonly text: string;
}

/** How the client's address and its name agree: sendmail's ${client_resolve}. */
export type ClientResolution = 'OK' | 'FAIL' | 'TEMP' | 'FORGED';

export interface Client {
  /** `203.0.113.20` or an IPv6 address in lower case, never compressed: `2001:db8:1:0:0:0:0:77`. */
  readonly address: string;
  readonly port: number;
  /** Its name in the DNS; `[address]` where it has none, `localhost` for ourselves. */
  readonly name: string;
  readonly resolution: ClientResolution;
  /** Whom the client's machine names as its user (RFC 1413); absent: nobody was asked or told. */
  readonly identUser?: string;
}

export type BodyType = '7BIT' | '8BITMIME';
export type Notify = 'NEVER' | 'SUCCESS' | 'FAILURE' | 'DELAY';

/** What a sender wishes to hear of one recipient (RFC 3461); null: nothing was said. */
export interface RecipientWishes {
  readonly notify: readonly Notify[] | null;
  /** ORCPT as it came, `rfc822;ann@corp.example`. */
  readonly orcpt: string | null;
}

export const NO_WISHES: RecipientWishes = Object.freeze({ notify: null, orcpt: null });

/** The sendmail mailers we have, by their names in the log. */
export type MailerName =
  | 'prog'
  | '*file*'
  | 'local'
  | 'lmtp'
  | 'smtp'
  | 'esmtp'
  | 'smtp8'
  | 'dsmtp'
  | 'relay';

/** In the order of sendmail.st: the place is the mailer's number there. `*include*` has no deliveries. */
export const MAILER_NUMBERS: readonly string[] = [
  'prog',
  '*file*',
  '*include*',
  'local',
  'smtp',
  'esmtp',
  'smtp8',
  'dsmtp',
  'relay',
  'lmtp',
];

/** Where an address leads: by which mailer, to which host, and whom to name there. */
export interface Destination {
  readonly mailer: MailerName;
  /** Domain to be looked up, `[host]` or `[address]` to be taken as it is, empty for local mailers. */
  readonly host: string;
  /** Whole address for SMTP, user's name for `local`, command for `prog`, path for `*file*`. */
  readonly user: string;
}

export type Resolution =
  | {
      readonly kind: 'destination';
      readonly destination: Destination;
      /** The domain cannot be looked up now: the mail is taken and waits. */
      readonly willQueue?: true;
    }
  | { readonly kind: 'error'; readonly reply: Reply };

/** In whose name programs run and files are written; logged as `ctladdr=NAME (uid/gid)`. */
export interface ControllingUser {
  /** As logged: `<prog@corp.example>`, `dave`, `:include:/etc/mail/inc.list`. */
  readonly shown: string;
  readonly uid: number;
  readonly gid: number;
  /** Of a user: the name in gecos; empty or absent: none. */
  readonly fullName?: string;
}

/** A recipient as the client named it and we accepted it. */
export interface AcceptedRecipient extends RecipientWishes {
  /** As to= prints it: with the brackets and whatever else the client typed. */
  readonly shown: string;
  /** The address alone, without brackets, comments and source route. */
  readonly address: string;
  readonly destination: Destination;
}

/** One to be delivered to, after aliases, lists and .forward files. */
export interface FinalRecipient extends RecipientWishes {
  /** As to= prints it: as the client typed it, or bare as an alias has it. */
  readonly shown: string;
  /** The address the client named, from which this one came (DSN's Original/Final-Recipient). */
  readonly origin: string;
  readonly destination: Destination;
  readonly controllingUser: ControllingUser | null;
}

/** A message's envelope, as it is kept in the queue. Times are epoch milliseconds. */
export interface Envelope {
  readonly id: string;
  readonly arrivedAt: number;
  /** As from= prints it: `<ann@partner.example>`, `<>`. */
  readonly senderShown: string;
  /** The address alone; empty for the null sender. */
  readonly sender: string;
  /** The local user who is the sender, for ctladdr=; null for others. */
  readonly senderUser: ControllingUser | null;
  /** Bytes with LF line ends, without the Received: field we add: what size= prints. */
  readonly size: number;
  /** Bytes of the message file, our own header fields included; a priority starts here. */
  readonly storedSize: number;
  /** Of Precedence: -100, -60, -30, 0 or 100. */
  readonly class: number;
  readonly messageId: string;
  readonly bodyType: BodyType | null;
  readonly isUtf8: boolean;
  /** DSN's ENVID and RET. */
  readonly envid: string | null;
  readonly ret: 'FULL' | 'HDRS' | null;
  /** `ESMTP`, `ESMTPSA`, ...; null for our own bounces. */
  readonly protocol: string | null;
  readonly client: Client | null;
  readonly recipients: readonly AcceptedRecipient[];
  /** Why it must wait for a person; null if it need not. */
  readonly quarantine: string | null;
  /** DELIVERBY or the site's limits may differ for a bounce; it is never bounced again to its sender. */
  readonly isBounce: boolean;
  /** Until when its sender wants it delivered (RFC 2852): then it goes back (`R`) or he is told (`N`). */
  readonly deliverBy?: { readonly at: number; readonly mode: 'R' | 'N' };
  /** Servers that it has passed, ours included; absent: not counted. */
  readonly hops?: number;
}

/** How an attempt for one recipient ended. */
export type OutcomeKind = 'sent' | 'deferred' | 'failed';

export interface Outcome {
  readonly kind: OutcomeKind;
  /** Enhanced status code; empty where sendmail logs none. */
  readonly dsn: string;
  /** After stat=: `Sent (Ok: queued as 5F07E87955)`, `Deferred: Connection refused by mx.example.`. */
  readonly stat: string;
  /** The other host's own words when it did not take the message: `550 5.1.1 User unknown`; null: none. */
  readonly reply: string | null;
  /** `mail.partner.example. [198.51.100.10]`; null for local mailers without one. */
  readonly relay: string | null;
  /** The other host speaks DSN and has promised what the sender wished for. */
  readonly isDsnPassedOn: boolean;
}

/** What one attempt of a mailer came to, in the order in which it is logged: recipients that share a line. */
export interface Attempt {
  readonly recipients: readonly FinalRecipient[];
  readonly outcome: Outcome;
  readonly startedAt: number;
  readonly endedAt: number;
  /** What was said to other hosts and came of it, for a notification's transcript. */
  readonly dialogue?: readonly string[];
}

/** Reads a stored message: bytes with LF line ends. */
export interface MessageFile {
  readonly path: string;
  readonly size: number;
}

/** What a mailer is given: some recipients of one envelope for one host. */
export interface CourierJob {
  readonly envelope: Envelope;
  readonly message: MessageFile;
  readonly recipients: readonly FinalRecipient[];
}

/** One way to hand a message on. Never rejects: what goes wrong is an outcome. */
export interface Courier {
  deliver(job: CourierJob): Promise<readonly Attempt[]>;
}

/** Finds where an address leads; the same for the session (at RCPT), aliases and our own bounces. */
export interface AddressResolver {
  /** `address` without brackets. */
  resolve(address: string): Promise<Resolution>;
}

/** What one accepted recipient comes to when aliases, lists and .forward files are followed, in their order. */
export type Expansion =
  | { readonly kind: 'recipient'; readonly recipient: FinalRecipient }
  /** Nothing can be tried: an unknown user behind an alias. Logged as a to= line without xdelay=. */
  | { readonly kind: 'failed'; readonly recipient: FinalRecipient; readonly outcome: Outcome }
  /** No to= line, only a DSN that says this: a loop, a list that cannot be opened. */
  | {
      readonly kind: 'problem';
      readonly origin: string;
      readonly reply: Reply;
      readonly isTemporary: boolean;
    }
  /** A list with an `owner-` alias: a copy of the message with the owner as its sender. */
  | { readonly kind: 'clone'; readonly owner: string; readonly members: readonly Expansion[] };

export interface Expander {
  expand(envelope: Envelope): Promise<readonly Expansion[]>;
}
