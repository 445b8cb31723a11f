/**
 * sendmail's notifications as whole messages: multipart/report (RFC 6522) of a text for people, a delivery
 * status for programs and the original message or its headers, in the words of savemail.c.
 *
 * Promises: LF line ends; nothing that came from outside can make a line, a header field or a boundary;
 * pure: the same values make the same bytes.
 */
import { mailDate, messageIdOf } from '../dates.ts';
import { relayText, shortened } from '../log/text.ts';
import { deliveryStatusLines } from './delivery-status.ts';
import type {
  Notification,
  OriginalMessage,
  ReportedRecipient,
  ReportKind,
} from './notification.ts';
import { oneLine } from './one-line.ts';

const LONGEST = 900;
const LONGEST_BODY_LINE = 2_000;

const SUBJECTS: Readonly<Record<ReportKind, string>> = {
  failure: 'Returned mail: see transcript for details',
  warning: 'Warning: could not send message',
  success: 'Return receipt',
  postmaster: 'Postmaster notify: see transcript for details',
};

const SUBMITTED: Readonly<Record<ReportKind, string>> = {
  failure: 'failure',
  warning: 'warning-timeout',
  success: 'return-receipt',
  postmaster: 'postmaster-notification',
};

const WARNING_BANNER = [
  '    **********************************************',
  '    **      THIS IS A WARNING MESSAGE ONLY      **',
  '    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **',
  '    **********************************************',
  '',
];

/** What sendmail adds to the size of a message that it returns whole, in its priority and statistics. */
const RETURN_SIZE = 1_024;

/** sendmail's size of a notification, in statistics and priorities; not that of its bytes. */
export function countedSize(originalSize: number, isBodyReturned: boolean): number {
  return isBodyReturned ? RETURN_SIZE + originalSize : 0;
}

export function buildNotification(notification: Notification): Buffer {
  const returned = returnedMessage(notification.original);
  const texts = [textLines(notification), deliveryStatusLines(notification)].map(
    (lines) => `${lines.join('\n')}\n`,
  );
  const [forPeople = '', forPrograms = ''] = texts;
  const inner = Buffer.concat([Buffer.from(texts.join('\n'), 'latin1'), returned.bytes]);
  const encoding = encodingOf(notification.original, inner);
  const boundary = boundaryFor(notification, inner);
  const parts = [
    header(notification, boundary, encoding),
    `This is a MIME-encapsulated message\n\n--${boundary}\n\n${forPeople}`,
    `\n--${boundary}\nContent-Type: message/delivery-status\n\n${forPrograms}`,
    returned.type === null ? '' : `\n--${boundary}\n${partHeader(returned.type, encoding)}\n`,
  ].map((text) => Buffer.from(text, 'latin1'));
  const end = Buffer.from(`\n--${boundary}--\n\n`, 'latin1');
  return Buffer.concat([...parts, returned.bytes, end]);
}

function header(notification: Notification, boundary: string, encoding: string | null): string {
  const { id, at, kind, zone } = notification;
  const host = oneLine(notification.host, LONGEST);
  const date = mailDate(at, zone);
  const from = oneLine(notification.daemonAddress ?? `MAILER-DAEMON@${host}`, LONGEST);
  const subject = kind === 'warning' ? (notification.warning ?? SUBJECTS.warning) : SUBJECTS[kind];
  const lines = [
    'Received: from localhost (localhost)',
    `\tby ${host} (${oneLine(notification.version, LONGEST)}) id ${oneLine(id, LONGEST)};`,
    `\t${date}`,
    `Date: ${date}`,
    `From: Mail Delivery Subsystem <${from}>`,
    `Message-Id: ${messageIdOf(at, oneLine(id, LONGEST), host)}`,
    ...notification.to.map((to) => `To: ${oneLine(to, LONGEST)}`),
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status;',
    `\tboundary="${boundary}"`,
    ...(encoding === null ? [] : [`Content-Transfer-Encoding: ${encoding}`]),
    `Subject: ${oneLine(subject, LONGEST)}`,
    `Auto-Submitted: auto-generated (${SUBMITTED[kind]})`,
  ];
  return `${lines.join('\n')}\n\n`;
}

function partHeader(type: string, encoding: string | null): string {
  const coding = encoding === null ? '' : `Content-Transfer-Encoding: ${encoding}\n`;
  return `Content-Type: ${type}\n${coding}`;
}

function textLines(notification: Notification): string[] {
  const { kind, original, zone, transcript, recipients } = notification;
  const client = original.client === null ? 'localhost' : relayText(original.client);
  const sections = [
    section('permanent fatal errors', recipients.filter(isFailed).flatMap(failedLines)),
    section('successful delivery notifications', recipients.flatMap(succeededLines)),
  ];
  return [
    ...(kind === 'warning' ? WARNING_BANNER : []),
    `The original message was received at ${mailDate(original.arrivedAt, zone)}`,
    `from ${oneLine(client, LONGEST)}`,
    ...(kind === 'postmaster' ? [`with id ${oneLine(original.id, LONGEST)}`] : []),
    '',
    ...sections.flat(),
    ...(transcript.length > 0 ? ['   ----- Transcript of session follows -----'] : []),
    ...transcript.map((line) => oneLine(line, LONGEST_BODY_LINE)),
  ];
}

function section(what: string, lines: readonly string[]): readonly string[] {
  if (lines.length === 0) return [];
  return [`   ----- The following addresses had ${what} -----`, ...lines, ''];
}

const isFailed = ({ action }: ReportedRecipient) => action === 'failed';

function failedLines(recipient: ReportedRecipient): string[] {
  const { diagnostic } = recipient;
  const reason = diagnostic === null ? [] : [`    (reason: ${short(reasonOf(diagnostic))})`];
  return [short(recipient.shown), ...reason, ...expandedFrom(recipient)];
}

function expandedFrom({ expandedFrom: from }: ReportedRecipient): string[] {
  return from === null ? [] : [`    (expanded from: ${short(from)})`];
}

const SUCCESSES: Readonly<Partial<Record<string, string>>> = {
  delivered: 'successfully delivered to mailbox',
  'delivered to list': 'successfully delivered to mailing list',
  relayed: 'relayed to non-DSN-aware mailer',
  expanded: 'expanded by alias',
};

function succeededLines(recipient: ReportedRecipient): string[] {
  const what = SUCCESSES[recipient.action];
  if (what === undefined) return [];
  return [`${short(recipient.shown)}  (${what})`, ...expandedFrom(recipient)];
}

const short = (text: string) => oneLine(shortened(text), LONGEST);

/** Exit statuses that have a name (sysexits(3)). */
const EXIT_TEXTS: Readonly<Record<string, string>> = {
  64: 'Command line usage error',
  65: 'Data format error',
  66: 'Cannot open input',
  67: 'User unknown',
  68: 'Host unknown',
  69: 'Service unavailable',
  70: 'Internal error',
  71: 'Operating system error',
  72: 'System file missing',
  73: "Can't create output",
  74: 'I/O error',
  75: 'Deferred',
  76: 'Remote protocol error',
  77: 'Insufficient permission',
  78: 'Local configuration error',
};

/** The number of one that has a name; null for other texts. */
export function exitStatus(text: string): string | null {
  return Object.entries(EXIT_TEXTS).find(([, name]) => name === text)?.[0] ?? null;
}

function reasonOf(diagnostic: string): string {
  return EXIT_TEXTS[diagnostic] ?? diagnostic;
}

interface ReturnedMessage {
  readonly type: 'message/rfc822' | 'text/rfc822-headers' | null;
  readonly bytes: Buffer;
}

function returnedMessage({ headers, body, senderShown }: OriginalMessage): ReturnedMessage {
  if (headers === null) return { type: null, bytes: Buffer.alloc(0) };
  const returnPath = Buffer.from(`Return-Path: ${oneLine(senderShown, LONGEST)}\n`, 'latin1');
  const all = Buffer.concat([returnPath, withLineEnd(headers)]);
  if (body === null) return { type: 'text/rfc822-headers', bytes: all };
  const bytes = Buffer.concat([all, Buffer.from('\n'), withLineEnd(body)]);
  return { type: 'message/rfc822', bytes };
}

function withLineEnd(bytes: Buffer): Buffer {
  const isWhole = bytes.length === 0 || bytes.at(-1) === 0x0a;
  return isWhole ? bytes : Buffer.concat([bytes, Buffer.from('\n')]);
}

/** Of the whole and of the part that is returned; null where all is 7bit. */
function encodingOf({ headers }: OriginalMessage, inner: Buffer): string | null {
  const fields = headers?.toString('latin1') ?? '';
  if (/^content-transfer-encoding:[ \t]*binary[ \t]*$/im.test(fields)) return 'binary';
  return inner.some((byte) => byte >= 0x80) ? '8bit' : null;
}

/** sendmail's, or one more of its kind until no line within begins with it. */
function boundaryFor({ id, at, host }: Notification, inner: Buffer): string {
  // RFC 2046 section 5.1.1: at most 70 characters, of which a blank may not be the last.
  const place = oneLine(host, 40).replace(/[^A-Za-z0-9.:/-]/g, '-');
  const base = `${oneLine(id, 18).replace(/\W/g, '-')}.${Math.floor(at / 1000)}`;
  for (let number = 0; ; number += 1) {
    const boundary = `${base}${number === 0 ? '' : `.${number}`}/${place}`;
    const line = Buffer.from(`--${boundary}`, 'latin1');
    if (!inner.includes(line)) return boundary;
  }
}
