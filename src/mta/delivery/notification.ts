/**
 * What is told to whom of a message's fate (RFC 3464), as plain values: the engine decides, a builder
 * writes the text.
 */
import type { NotificationKind } from '../log/mta-log.ts';
import type { Envelope, FinalRecipient, Outcome } from '../model.ts';
import type { Problem } from '../queue/control-file.ts';

/** The Action field of RFC 3464, section 2.3.3. */
export type NotificationAction = 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded';

export interface RecipientReport {
  readonly recipient: FinalRecipient;
  readonly action: NotificationAction;
  /** Of the last try; null where none was made, as of one that expired while it was held back. */
  readonly outcome: Outcome | null;
  /** Epoch milliseconds of the last try. */
  readonly triedAt: number | null;
  /** Until when a delayed one will be tried. */
  readonly retryUntil: number | null;
}

export interface NotificationRequest {
  /** Queue id of the notification itself. */
  readonly id: string;
  /** As logged; `DSN` or `sender notify` go to the sender, the others to the postmaster. */
  readonly kind: NotificationKind;
  /** The gist, as logged: `User unknown`, `Return receipt`, `Warning: could not send message for ...`. */
  readonly text: string;
  /** To whom, as To: shows it. */
  readonly to: string;
  readonly now: number;
  /** Of the message it is about. */
  readonly envelope: Envelope;
  readonly failures: readonly RecipientReport[];
  readonly delayed: readonly RecipientReport[];
  readonly successes: readonly RecipientReport[];
  /** What went wrong without a recipient: loops, lists that cannot be opened. */
  readonly problems: readonly Problem[];
  /** What was said to other hosts in this try; absent: it is guessed from the outcomes. */
  readonly dialogue?: readonly string[];
  /** It goes to a mailbox of ours. */
  readonly isToLocal?: boolean;
  /** The message's header, or all of it; LF line ends. */
  readonly original: Buffer;
  readonly isWholeOriginal: boolean;
}

export interface NotificationBuilder {
  /** The message, LF line ends, its header whole. */
  build(request: NotificationRequest): Buffer;
}
