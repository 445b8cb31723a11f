/**
 * sendmail queue ids as clocks. Since 8.10 the first six characters spell year (since 1900, modulo 60),
 * month, day, hour, minute and second of the id's making **in UTC**, each in base 60 (`0-9A-Za-x`);
 * then follow one or two sequence characters and the process id (sendmail 8.17 `queue.c`, assign_queueid).
 * Ids before 8.10 (`UAA02587`) carry no date.
 */

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx';

const VALUE = new Int8Array(256).fill(-1);
for (let i = 0; i < ALPHABET.length; i += 1) VALUE[ALPHABET.charCodeAt(i)] = i;

const digit = (byte: number | undefined): number => VALUE[byte ?? 0] ?? -1;

/** Days from 1970-01-01 to a civil date (proleptic Gregorian; month 1 to 12). */
export function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}

/** How many ids one process can make of one second: two characters in sequence. */
export const IDS_OF_A_SECOND = 60 * 60;

/** The id that a process makes: `sequence` counts modulo IDS_OF_A_SECOND, the process id has six digits or more. */
export function encodeQueueId(seconds: number, sequence: number, pid: number): string {
  const date = new Date(seconds * 1000);
  const parts = [
    (date.getUTCFullYear() - 1900) % 60,
    date.getUTCMonth(),
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    Math.floor(sequence / 60) % 60,
    sequence % 60,
  ];
  return `${parts.map((part) => ALPHABET[part]).join('')}${String(pid).padStart(6, '0')}`;
}

/** Reads the clock in queue ids; one instance remembers the last day seen, since ids come by the day. */
export class QueueIdClock {
  readonly #latestYear: number;
  #lastDate = -1;
  #lastDay = 0;

  /** `latestYear`: the last year an id may come from; ids repeat every 60 years. */
  constructor(latestYear: number) {
    this.#latestYear = latestYear;
  }

  /**
   * Epoch seconds at which the id in `bytes[start, start + length)` was made, or -1 if it tells none.
   */
  secondsOf(bytes: Uint8Array, start: number, length: number): number {
    if (length < 12) return -1;
    const year = digit(bytes[start]);
    const month = digit(bytes[start + 1]);
    const day = digit(bytes[start + 2]);
    const hour = digit(bytes[start + 3]);
    const minute = digit(bytes[start + 4]);
    const second = digit(bytes[start + 5]);
    if (year < 0 || month < 0 || month > 11 || day < 1 || day > 31) return -1;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return -1;
    const date = (year * 12 + month) * 32 + day;
    if (date !== this.#lastDate) {
      this.#lastDate = date;
      this.#lastDay = daysFromCivil(this.#fullYear(year), month + 1, day);
    }
    return this.#lastDay * 86400 + hour * 3600 + minute * 60 + second;
  }

  /** The latest year up to the limit that is `year` modulo 60 after 1900. */
  #fullYear(year: number): number {
    const behind = (((this.#latestYear - 1900 - year) % 60) + 60) % 60;
    return this.#latestYear - behind;
  }
}

/**
 * Length of the queue id that starts at `start` and is followed by `:` or `[`, or 0 if none does.
 * Forms: 8.12+ eight characters and at least six digits; 8.10-8.11 seven and five; older `UAA02587`.
 */
export function queueIdLength(bytes: Uint8Array, start: number, end: number): number {
  if (start + 14 < end && bytes[start + 14] === 0x3a && isQueueId(bytes, start, start + 14))
    return 14;
  const limit = Math.min(end, start + 24);
  let at = start;
  while (at < limit && isAlphanumeric(bytes[at] ?? 0)) at += 1;
  const next = bytes[at];
  if (at >= end || (next !== 0x3a && next !== 0x5b)) return 0;
  return isQueueId(bytes, start, at) ? at - start : 0;
}

/** Whether the whole of `bytes[start, end)` is shaped like a sendmail queue id. */
export function isQueueId(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length < 7 || length > 24) return false;
  if (length < 12) return isOldQueueId(bytes, start, end);
  const prefix = length >= 14 ? 8 : 7;
  for (let at = start; at < start + prefix; at += 1) {
    if (!isAlphanumeric(bytes[at] ?? 0)) return false;
  }
  return areDigits(bytes, start + prefix, end);
}

/** Before 8.10: a letter for the hour and one or two in sequence, then the process id. */
function isOldQueueId(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < start + 3 && isLetter(bytes[at] ?? 0)) at += 1;
  return at >= start + 2 && end - at >= 5 && areDigits(bytes, at, end);
}

function areDigits(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x30 || byte > 0x39) return false;
  }
  return true;
}

function isLetter(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}

function isAlphanumeric(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || isLetter(byte);
}
