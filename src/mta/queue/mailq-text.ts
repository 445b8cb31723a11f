/**
 * The queue as `mailq` prints it (sendmail 8.17, queue.c print_single_queue), and the same as rows of plain
 * values. Pure: of states, sizes and who is at work.
 */
import type { MessageState } from './message-state.ts';
import { isDone, priorityOf } from './message-state.ts';

export interface QueueEntry {
  readonly state: MessageState;
  /** Bytes of the data file; undefined: there is none. */
  readonly size: number | undefined;
  readonly isActive: boolean;
}

export interface QueueRow {
  readonly id: string;
  readonly status: 'waiting' | 'active' | 'held';
  readonly size: number | null;
  /** ISO 8601. */
  readonly arrived: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  /** Why it waits; null: it was not tried yet. */
  readonly reason: string | null;
  readonly quarantine: string | null;
  readonly priority: number;
  readonly tries: number;
  readonly nextTry: string | null;
}

const HEAD = '-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------\n';
/** As sendmail names itself. */
const NO_SENDER = 'MAILER-DAEMON';
const RECIPIENT_INDENT = '\t\t\t\t\t ';
/** A status is cut at the width of the line (sendmail's %.60s, of a recipient %.45s). */
const REASON_WIDTH = 60;
const ADDRESS_WIDTH = 45;

export function queueRow({ state, size, isActive }: QueueEntry): QueueRow {
  const { envelope, quarantine } = state;
  return {
    id: envelope.id,
    status: statusOf(quarantine, isActive),
    size: size ?? null,
    arrived: new Date(envelope.arrivedAt).toISOString(),
    sender: envelope.senderShown,
    recipients: recipientsOf(state),
    reason: reasonOf(state),
    quarantine,
    priority: priorityOf(state),
    tries: state.tries,
    nextTry: state.nextTry === null ? null : new Date(state.nextTry).toISOString(),
  };
}

/** `localTime` prints an epoch millisecond as ctime(3) does: `Tue Nov 24 06:51:52 2026`. */
export function mailqText(
  folder: string,
  entries: readonly QueueEntry[],
  localTime: (at: number) => string,
): string {
  if (entries.length === 0) return `${folder} is empty\n${totalLine(0)}`;
  const word = entries.length === 1 ? 'request' : 'requests';
  const sorted = entries.toSorted((a, b) => priorityOf(a.state) - priorityOf(b.state));
  const texts = sorted.map((entry) => entryText(entry, localTime));
  return `\t\t${folder} (${entries.length} ${word})\n${HEAD}${texts.join('')}${totalLine(entries.length)}`;
}

const totalLine = (count: number): string => `\t\tTotal requests: ${count}\n`;

function entryText(entry: QueueEntry, localTime: (at: number) => string): string {
  const { state, size } = entry;
  const { envelope, quarantine } = state;
  const mark = { active: '*', held: '?', waiting: ' ' }[statusOf(quarantine, entry.isActive)];
  const time = localTime(envelope.arrivedAt).slice(0, 16);
  const sender = envelope.sender === '' ? NO_SENDER : cut(envelope.senderShown);
  const head = `${envelope.id.padStart(13)}${mark}${String(size ?? -1).padStart(8)}`;
  const lines = [`${head} ${time} ${sender}`];
  if (quarantine !== null)
    lines.push(`     QUARANTINE: ${printable(quarantine).slice(0, REASON_WIDTH)}`);
  const body = (envelope.bodyType ?? '').padStart(10);
  const reason = reasonOf(state);
  if (reason !== null) lines.push(`    ${body}   (${printable(reason).slice(0, REASON_WIDTH)})`);
  else if (envelope.bodyType !== null) lines.push(`    ${body}`);
  for (const recipient of recipientsOf(state)) lines.push(RECIPIENT_INDENT + cut(recipient));
  return `${lines.join('\n')}\n`;
}

function statusOf(quarantine: string | null, isActive: boolean): QueueRow['status'] {
  if (isActive) return 'active';
  return quarantine === null ? 'waiting' : 'held';
}

/** Those who have not got it. */
function recipientsOf({ recipients, left }: MessageState): readonly string[] {
  const waiting = recipients.filter((one) => !isDone(one)).map((one) => one.recipient.shown);
  return [...left.map(({ shown }) => shown), ...waiting];
}

/** What the last try that failed said. */
function reasonOf({ recipients }: MessageState): string | null {
  return recipients.findLast((one) => one.outcome?.kind === 'deferred')?.outcome?.stat ?? null;
}

const cut = (address: string): string => printable(address).slice(0, ADDRESS_WIDTH);

/** What is no printable ASCII could be a terminal's command. */
function printable(text: string): string {
  return text.replace(/[^ -~]/g, '?');
}
