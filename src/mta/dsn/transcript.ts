/**
 * Lines of "Transcript of session follows" in a notification, as sendmail's deliver.c, usersmtp.c and
 * envelope.c write them into the transcript.
 */
import { spelledInterval } from '../dates.ts';
import { shortened } from '../log/text.ts';

/** Before what was said to one host. */
export function talkingTo(host: string): string {
  return `... while talking to ${host}:`;
}

export function weSaid(command: string): string {
  return `>>> ${command}`;
}

export function theySaid(line: string): string {
  return `<<< ${line}`;
}

/** `550 5.1.1 <x@corp.example>... User unknown`; several recipients share one. */
export function resultLine(
  code: number,
  status: string,
  recipients: readonly string[],
  text: string,
): string {
  const to = recipients.length === 0 ? '' : `${shortened(recipients.join(','))}... `;
  const number = [String(code), status].filter((part) => part !== '').join(' ');
  return `${number} ${to}${text}`;
}

/** sendmail's code and status for what it says of a failure (sysexits.c). */
const CODES: readonly (readonly [text: string, code: number, status: string])[] = [
  ['Command line usage error', 500, '5.0.0'],
  ['Data format error', 501, '5.6.0'],
  ['Cannot open input', 550, '5.3.0'],
  ['User unknown', 550, '5.1.1'],
  ['Host unknown', 550, '5.1.2'],
  ['Service unavailable', 554, '5.0.0'],
  ['Internal error', 554, '5.3.0'],
  ['System file missing', 554, '5.3.5'],
  ["Can't create output", 550, '5.0.0'],
  ['Remote protocol error', 554, '5.5.0'],
  ['Insufficient permission', 550, '5.0.0'],
  ['Local configuration error', 554, '5.3.5'],
];
/** With these codes sendmail names no address. */
const NAMELESS = new Set([501, 551, 552, 554, 555]);

/** `550 5.1.1 <x@corp.example>... User unknown`, `554 5.0.0 Service unavailable`. */
export function failureLine(recipients: readonly string[], stat: string): string {
  const known = CODES.find(([text]) => stat.startsWith(text));
  const [, code, status] = known ?? ['', 554, '5.3.0'];
  return resultLine(code, status, NAMELESS.has(code) ? [] : recipients, stat);
}

/** What came of an attempt; null for success. */
export function outcomeLine(
  recipients: readonly string[],
  outcome: { readonly kind: string; readonly stat: string },
): string | null {
  if (outcome.kind === 'sent') return null;
  return outcome.kind === 'deferred'
    ? deferredLine(recipients, outcome.stat)
    : failureLine(recipients, outcome.stat);
}

/** `<x@corp.example>... Deferred: Connection refused by mx.example.` */
export function deferredLine(recipients: readonly string[], stat: string): string {
  return `${shortened(recipients.join(','))}... ${stat}`;
}

export function deliveredLine(recipient: string): string {
  return `${recipient}... Successfully delivered`;
}

export function expandedLine(recipient: string): string {
  return `${recipient}... expanded to multiple addresses`;
}

/** To a host that does not speak DSN. */
export function relayedLine(recipient: string): string {
  return `${recipient}... relayed; expect no further notifications`;
}

/** At the end of a warning; seconds since which it waits, and at which it is given up. */
export function stillTryingLines(waited: number, limit: number): readonly string[] {
  return [
    `Warning: message still undelivered after ${spelledInterval(waited)}`,
    `Will keep trying until message is ${spelledInterval(limit)} old`,
  ];
}

/** At the end of the return of what was tried too long. */
export function givenUpLines(waited: number): readonly string[] {
  return [
    `Message could not be delivered for ${spelledInterval(waited)}`,
    'Message will be deleted from queue',
  ];
}

/** Subject of a warning, and its text in the log. */
export function warningText(waited: number): string {
  return `Warning: could not send message for past ${spelledInterval(waited)}`;
}

/** In the log, of what was tried too long. */
export function givenUpText(waited: number): string {
  return `Cannot send message for ${spelledInterval(waited)}`;
}
