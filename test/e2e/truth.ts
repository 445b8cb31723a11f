/**
 * What happened in a recorded mail day, observed at the clients, the mailboxes and the remote hosts, never
 * read from the log: the measure for what the log is read as.
 */
import { readFileSync } from 'node:fs';

export interface TrueRecipient {
  readonly addr: string;
  /** The answer to RCPT, its code first. */
  readonly reply: string;
}

export interface TrueMessage {
  readonly label: string;
  readonly mail_from: string;
  readonly rcpts: readonly TrueRecipient[];
  /** Epoch seconds at which it was offered. */
  readonly t?: number;
  readonly mail_reply?: string;
  readonly message_id?: string;
  readonly bytes_lf?: number;
  readonly data_reply?: string;
  readonly queue_id?: string | null;
  readonly accepted?: boolean;
}

export interface TrueDelivery {
  readonly rcpts: readonly TrueRecipient[];
  /** The remote host's answer to the data, if it got that far. */
  readonly data_reply?: string;
}

export interface Truth {
  readonly messages: readonly TrueMessage[];
  /** Message-ids of what each mailbox, file or program got. */
  readonly mailboxes: Readonly<Record<string, readonly (string | null)[]>>;
  readonly remote: readonly TrueDelivery[];
  readonly queue_left: readonly { readonly file: string; readonly rcpts: readonly string[] }[];
  readonly refused_commands: readonly {
    readonly client_ip: string;
    readonly refused: readonly { readonly after: string; readonly reply: string }[];
  }[];
}

const FOLDER = 'test/fixtures/sendmail';

export function readTruth(scenario: string): Truth {
  return JSON.parse(readFileSync(`${FOLDER}/${scenario}.expect.json`, 'utf8')) as Truth;
}

/** The log of a scenario; `form` names another syslog form of the same lines. */
export function readLog(scenario: string, form = ''): Buffer {
  return readFileSync(`${FOLDER}/${scenario}.${form === '' ? '' : `${form}.`}maillog`);
}

/** Whether a reply says yes. */
export function isYes(reply: string | undefined): boolean {
  return reply?.startsWith('2') === true;
}

/** How often each text occurs, as sorted `text xN` lines: multisets that a test can compare and show. */
export function tally(texts: Iterable<string>): string[] {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].map(([text, count]) => `${text} x${count}`).sort();
}
