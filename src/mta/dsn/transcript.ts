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

/** `<x@corp.example>... Deferred: Connection refused by mx.example.` */
export function deferredLine(recipients: readonly string[], stat: string): string {
  return `${shortened(recipients.join(','))}... ${stat}`;
}

export function deliveredLine(recipient: string): string {
  return `${recipient}... Successfully delivered`;
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
