/**
 * What local mailers add to a stored message: the Return-Path: field, and in mailbox files the From_ line, `>`
 * before lines that look like one, and an empty line at the end (mbox(5), RFC 4155).
 */
import type { Envelope } from '../model.ts';

const LF = 0x0a;
const FROM = Buffer.from('From ', 'latin1');
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Sendmail's $g for local mailers: the null sender has a name there. No byte of it can end a line. */
export function localSender(envelope: Envelope): string {
  const isControl = (char: string) => char < ' ' || char === '\x7f';
  const sender = [...envelope.sender].map((char) => (isControl(char) ? '?' : char)).join('');
  return sender === '' ? 'MAILER-DAEMON' : sender;
}

/** `Tue Nov 24 06:51:06 2026`, as asctime(3) writes local time. */
export function ctime(epochMs: number): string {
  const at = new Date(epochMs);
  const two = (value: number) => String(value).padStart(2, '0');
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const day = String(at.getDate()).padStart(2);
  return `${DAYS[at.getDay()]} ${MONTHS[at.getMonth()]} ${day} ${time} ${at.getFullYear()}`;
}

/** As sendmail writes it (UnixFromLine, `From $g $d`), for programs and files. */
export function unixFromLine(envelope: Envelope): string {
  return `From ${fromLineSender(envelope)} ${ctime(envelope.arrivedAt)}\n`;
}

/** As the local delivery agents write it, with two blanks, at the time of delivery. */
export function mailboxFromLine(envelope: Envelope, deliveredAt: number): string {
  return `From ${fromLineSender(envelope)}  ${ctime(deliveredAt)}\n`;
}

/** A blank in the sender would move the date for every reader of the line. */
function fromLineSender(envelope: Envelope): string {
  return localSender(envelope).replaceAll(' ', '_');
}

export async function* withReturnPath(
  envelope: Envelope,
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  yield Buffer.from(`Return-Path: <${localSender(envelope)}>\n`, 'latin1');
  yield* chunks;
}

/** Lines that begin with `From ` get a `>`; the last line gets its end. */
export async function* withQuotedFrom(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  let isAtLineStart = true;
  for await (const chunk of chunks) {
    const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    // The head of a line may be cut: what is too short to tell waits for more.
    const lastStart: number = bytes.lastIndexOf(LF) + 1;
    const isUnsure: boolean =
      bytes.length - lastStart < FROM.length && (lastStart > 0 || isAtLineStart);
    const end: number = isUnsure ? lastStart : bytes.length;
    rest = bytes.subarray(end);
    if (end === 0) continue;
    yield quoteFrom(bytes.subarray(0, end), isAtLineStart);
    isAtLineStart = bytes[end - 1] === LF;
  }
  yield rest;
  if (rest.length > 0 || !isAtLineStart) yield Buffer.from([LF]);
}

function quoteFrom(bytes: Buffer, isAtLineStart: boolean): Buffer {
  const pieces: Buffer[] = [];
  let from = 0;
  const quote = (at: number) => {
    pieces.push(bytes.subarray(from, at), Buffer.from('>'));
    from = at;
  };
  if (isAtLineStart && bytes.subarray(0, FROM.length).equals(FROM)) quote(0);
  for (let at = bytes.indexOf('\nFrom ', 0, 'latin1'); at !== -1; ) {
    quote(at + 1);
    at = bytes.indexOf('\nFrom ', at + 1, 'latin1');
  }
  return pieces.length === 0 ? bytes : Buffer.concat([...pieces, bytes.subarray(from)]);
}

/** A whole entry of a mailbox file. */
export async function* mailboxEntry(
  fromLine: string,
  message: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  yield Buffer.from(fromLine, 'latin1');
  yield* withQuotedFrom(message);
  yield Buffer.from([LF]);
}
