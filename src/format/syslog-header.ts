/**
 * The header of a syslog line, read in place from bytes: RFC 3164 in the forms found in the field,
 * RFC 3339 stamps (rsyslog's file format) and RFC 5424. No allocation on the way.
 *
 * A stamp without year or zone is kept as it stands (see `StampKind`); `ingest/pipeline/clock.ts` finds
 * the year and the offset. Promise: any bytes are either read or refused, never an exception.
 */
import { digits, endsTag, isDigit, isFacility, isNil } from './header-tokens.ts';
import { daysFromCivil } from './queue-id.ts';

/** What the stamp lacks: `yearless` = civil time without year and zone, `local` = without zone. */
export const StampKind = { none: 0, yearless: 1, local: 2, absolute: 3 } as const;
export type StampKind = (typeof StampKind)[keyof typeof StampKind];

/** Longest `host tag[` that is remembered. */
const PREFIX_LIMIT = 128;
const MOST_PID = 2 ** 31;
const SPACE = 0x20;
const COLON = 0x3a;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const LESS = 0x3c;
const GREATER = 0x3e;
const DASH = 0x2d;

/** Month 1-12 by its second and third letter, which tell all twelve apart. */
const MONTHS = new Map<number, number>(
  ['an', 'eb', 'ar', 'pr', 'ay', 'un', 'ul', 'ug', 'ep', 'ct', 'ov', 'ec'].map((tail, index) => [
    (tail.charCodeAt(0) << 8) | tail.charCodeAt(1),
    index + 1,
  ]),
);
const MONTH_INITIALS = 'JFMAMJJASOND';

/** Packs month and day so that a yearless stamp is one number: see `yearlessParts`. */
const packYearless = (month: number, day: number, second: number): number =>
  (month * 32 + day) * 86400 + second;

/** Month, day and second of the day of a yearless stamp. */
export function yearlessParts(stamp: number): { month: number; day: number; second: number } {
  const date = Math.floor(stamp / 86400);
  return { month: Math.floor(date / 32), day: date % 32, second: stamp % 86400 };
}

export class SyslogHeader {
  kind: StampKind = StampKind.none;
  /** Seconds: epoch UTC when absolute, epoch as if UTC when local, packed when yearless. */
  stamp = 0;
  hostStart = 0;
  hostEnd = 0;
  tagStart = 0;
  tagEnd = 0;
  /** Process id, or -1. */
  pid = -1;
  textStart = 0;

  /** Host and tag are, byte for byte, those of the line read before. */
  sameSource = false;

  #at = 0;
  #monthBytes = 0;
  #monthNumber = 0;
  /** `host tag[` of the last line that had this form, and where its parts lie. */
  readonly #prefix = new Uint8Array(PREFIX_LIMIT);
  #prefixLength = 0;
  #prefixHostEnd = 0;
  #prefixTagStart = 0;

  /** The next line is not compared with this one. */
  forget(): void {
    this.#prefixLength = 0;
  }

  /** Reads the header of `bytes[start, end)`. False when there is no stamp to stand on. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    this.kind = StampKind.none;
    this.pid = -1;
    this.sameSource = false;
    this.#at = start;
    let versioned = false;
    if (bytes[start] === LESS) versioned = this.#skipPriority(bytes, start, end);
    if (!this.#readStamp(bytes, end)) return false;
    if (versioned) return this.#readVersioned(bytes, end);
    if (!this.#readKnownPrefix(bytes, end)) {
      this.#readHostAndTag(bytes, end);
      this.#keepPrefix(bytes);
    }
    return true;
  }

  /** `<PRI>`, and `<PRI>1 ` of RFC 5424. */
  #skipPriority(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start + 1;
    while (at < end && at < start + 5 && isDigit(bytes[at] ?? 0)) at += 1;
    if (bytes[at] !== GREATER || at === start + 1) return false;
    at += 1;
    const versioned = bytes[at] === 0x31 && bytes[at + 1] === SPACE;
    if (versioned) at += 2;
    while (at < end && bytes[at] === SPACE) at += 1;
    this.#at = at;
    return versioned;
  }

  #readStamp(bytes: Uint8Array, end: number): boolean {
    const at = this.#at;
    if (end - at < 15) return false;
    return isDigit(bytes[at] ?? 0) ? this.#readIso(bytes, at, end) : this.#readBsd(bytes, at, end);
  }

  /** `Mmm dd hh:mm:ss` with a one- or two-digit day, perhaps a year after the day or a fraction. */
  #readBsd(bytes: Uint8Array, start: number, end: number): boolean {
    const month = this.#month(bytes, start);
    if (month === 0 || bytes[start + 3] !== SPACE) return false;
    let at = start + 4;
    if (bytes[at] === SPACE) at += 1;
    let day = 0;
    const dayStart = at;
    while (at < end && at < dayStart + 2 && isDigit(bytes[at] ?? 0)) {
      day = day * 10 + (bytes[at] ?? 0) - 0x30;
      at += 1;
    }
    if (day < 1 || day > 31 || bytes[at] !== SPACE) return false;
    at += 1;
    const year = this.#yearBeforeTime(bytes, at, end);
    if (year > 0) at += 5;
    const second = this.#timeOfDay(bytes, at, end);
    if (second < 0) return false;
    at = this.#at;
    if (bytes[at] !== SPACE && at < end) return false;
    if (year > 0) {
      this.kind = StampKind.local;
      this.stamp = daysFromCivil(year, month, day) * 86400 + second;
    } else {
      this.kind = StampKind.yearless;
      this.stamp = packYearless(month, day, second);
    }
    this.#at = at + 1;
    return true;
  }

  #month(bytes: Uint8Array, start: number): number {
    const packed =
      ((bytes[start] ?? 0) << 16) | ((bytes[start + 1] ?? 0) << 8) | (bytes[start + 2] ?? 0);
    if (packed === this.#monthBytes) return this.#monthNumber;
    const month = MONTHS.get(packed & 0xffff) ?? 0;
    if (month === 0 || MONTH_INITIALS.charCodeAt(month - 1) !== packed >> 16) return 0;
    this.#monthBytes = packed;
    this.#monthNumber = month;
    return month;
  }

  /** `2026 ` between day and time, or 0. */
  #yearBeforeTime(bytes: Uint8Array, at: number, end: number): number {
    if (at + 5 >= end || bytes[at + 4] !== SPACE || bytes[at + 2] === COLON) return 0;
    const year = digits(bytes, at, 4);
    return year >= 1970 && year <= 2200 ? year : 0;
  }

  /** `hh:mm:ss` and an optional fraction; leaves `#at` behind it. Whole seconds, or -1. */
  #timeOfDay(bytes: Uint8Array, at: number, end: number): number {
    if (bytes[at + 2] !== COLON || bytes[at + 5] !== COLON || at + 8 > end) return -1;
    const hour = digits(bytes, at, 2);
    const minute = digits(bytes, at + 3, 2);
    const second = digits(bytes, at + 6, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return -1;
    this.#at = at + 8;
    const fraction = this.#fraction(bytes, end);
    return hour * 3600 + minute * 60 + second + fraction;
  }

  /** `.123456` at `#at`, as seconds; nothing there is 0. */
  #fraction(bytes: Uint8Array, end: number): number {
    let at = this.#at;
    if (bytes[at] !== 0x2e && bytes[at] !== 0x2c) return 0;
    at += 1;
    let value = 0;
    let scale = 1;
    while (at < end && isDigit(bytes[at] ?? 0)) {
      if (scale < 1e6) {
        value = value * 10 + (bytes[at] ?? 0) - 0x30;
        scale *= 10;
      }
      at += 1;
    }
    this.#at = at;
    return value / scale;
  }

  /** RFC 3339, its basic offset `+0000`, a blank for the T; without offset the stamp is local. */
  #readIso(bytes: Uint8Array, start: number, end: number): boolean {
    const separator = bytes[start + 10];
    if (bytes[start + 4] !== DASH || bytes[start + 7] !== DASH) return false;
    if (separator !== 0x54 && separator !== 0x74 && separator !== SPACE) return false;
    const year = digits(bytes, start, 4);
    const month = digits(bytes, start + 5, 2);
    const day = digits(bytes, start + 8, 2);
    if (year < 1970 || year > 9000 || month < 1 || month > 12 || day < 1 || day > 31) return false;
    const second = this.#timeOfDay(bytes, start + 11, end);
    if (second < 0) return false;
    const local = daysFromCivil(year, month, day) * 86400 + second;
    const offset = this.#offset(bytes, end);
    if (Number.isNaN(offset)) return false;
    this.stamp = local - (offset === Number.POSITIVE_INFINITY ? 0 : offset);
    this.kind = offset === Number.POSITIVE_INFINITY ? StampKind.local : StampKind.absolute;
    if (this.#at < end && bytes[this.#at] !== SPACE) return false;
    this.#at += 1;
    return true;
  }

  /** Seconds east of UTC at `#at`; infinity when none is given, NaN when it is broken. */
  #offset(bytes: Uint8Array, end: number): number {
    const at = this.#at;
    const sign = bytes[at];
    if (at >= end || sign === SPACE) return Number.POSITIVE_INFINITY;
    if (sign === 0x5a || sign === 0x7a) {
      this.#at = at + 1;
      return 0;
    }
    if (sign !== 0x2b && sign !== DASH) return Number.NaN;
    const colon = bytes[at + 3] === COLON ? 1 : 0;
    const hours = digits(bytes, at + 1, 2);
    const minutes = digits(bytes, at + 3 + colon, 2);
    if (hours < 0 || hours > 18 || minutes < 0 || minutes > 59) return Number.NaN;
    this.#at = at + 5 + colon;
    return (hours * 3600 + minutes * 60) * (sign === DASH ? -1 : 1);
  }

  /** RFC 5424 after the stamp: HOST APP PROCID MSGID SD MSG. */
  #readVersioned(bytes: Uint8Array, end: number): boolean {
    this.forget();
    this.hostStart = this.#at;
    this.hostEnd = this.#tokenEnd(bytes, end);
    this.tagStart = Math.min(this.#at, end);
    this.tagEnd = this.#tokenEnd(bytes, end);
    const pidStart = this.#at;
    this.pid = digits(bytes, pidStart, this.#tokenEnd(bytes, end) - pidStart);
    this.#tokenEnd(bytes, end);
    this.#skipStructuredData(bytes, end);
    if (isNil(bytes, this.hostStart, this.hostEnd)) this.hostEnd = this.hostStart;
    let at = this.#at;
    while (at < end && bytes[at] === SPACE) at += 1;
    if (bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) at += 3;
    this.textStart = Math.min(at, end);
    return true;
  }

  /** End of the blank-delimited token at `#at`, which moves behind the blank. */
  #tokenEnd(bytes: Uint8Array, end: number): number {
    let at = Math.min(this.#at, end);
    while (at < end && bytes[at] !== SPACE) at += 1;
    this.#at = at + 1;
    return at;
  }

  /** `-` or `[id name="value"]...`; a value may hold `\"`, `\]` and `\\`. */
  #skipStructuredData(bytes: Uint8Array, end: number): void {
    let at = this.#at;
    if (bytes[at] !== OPEN) {
      this.#tokenEnd(bytes, end);
      return;
    }
    let quoted = false;
    while (at < end) {
      const byte = bytes[at];
      if (byte === 0x5c) at += 1;
      else if (byte === 0x22) quoted = !quoted;
      else if (byte === CLOSE && !quoted && bytes[at + 1] !== OPEN) break;
      at += 1;
    }
    this.#at = Math.min(at + 1, end);
  }

  /** Most lines have the host and tag of the line before: then only the process id is read. */
  #readKnownPrefix(bytes: Uint8Array, end: number): boolean {
    const start = this.#at;
    const length = this.#prefixLength;
    if (length === 0 || start + length >= end) return false;
    const prefix = this.#prefix;
    for (let i = 0; i < length; i += 1) if (bytes[start + i] !== prefix[i]) return false;
    let pid = 0;
    let at = start + length;
    let byte = bytes[at] ?? 0;
    while (byte >= 0x30 && byte <= 0x39 && at < end) {
      pid = pid * 10 + byte - 0x30;
      at += 1;
      byte = bytes[at] ?? 0;
    }
    const text = at + 3;
    if (byte !== CLOSE || bytes[at + 1] !== COLON || bytes[at + 2] !== SPACE) return false;
    if (pid === 0 || pid > MOST_PID || bytes[text] === SPACE || bytes[text] === OPEN) return false;
    if (text > end) return false;
    this.hostStart = start;
    this.hostEnd = start + this.#prefixHostEnd;
    this.tagStart = start + this.#prefixTagStart;
    this.tagEnd = start + length - 1;
    this.pid = pid;
    this.textStart = text;
    this.sameSource = true;
    return true;
  }

  #keepPrefix(bytes: Uint8Array): void {
    const length = this.tagEnd + 1 - this.hostStart;
    const usual = bytes[this.tagEnd] === OPEN && this.tagStart === this.hostEnd + 1;
    this.#prefixLength = usual && length <= PREFIX_LIMIT ? length : 0;
    for (let i = 0; i < this.#prefixLength; i += 1)
      this.#prefix[i] = bytes[this.hostStart + i] ?? 0;
    this.#prefixHostEnd = this.hostEnd - this.hostStart;
    this.#prefixTagStart = this.tagStart - this.hostStart;
  }

  /** `HOST TAG[PID]: TEXT` and its kin: no host, AIX's `mail:info`, Solaris' `[ID n mail.info]`. */
  #readHostAndTag(bytes: Uint8Array, end: number): void {
    while (this.#at < end && bytes[this.#at] === SPACE) this.#at += 1;
    let start = Math.min(this.#at, end);
    let stop = this.#tokenEnd(bytes, end);
    if (bytes[start] === LESS && bytes[stop - 1] === GREATER) {
      start = Math.min(this.#at, end);
      stop = this.#tokenEnd(bytes, end);
    }
    if (endsTag(bytes, start, stop)) {
      this.hostStart = start;
      this.hostEnd = start;
      this.#at = start;
    } else {
      this.hostStart = start;
      this.hostEnd = stop;
    }
    this.#readTag(bytes, end);
    this.#skipMessageId(bytes, end);
  }

  #readTag(bytes: Uint8Array, end: number): void {
    const start = Math.min(this.#at, end);
    let at = start;
    while (at < end) {
      const byte = bytes[at] ?? 0;
      if (byte === OPEN || byte === COLON || byte === SPACE) break;
      at += 1;
    }
    if (bytes[at] === COLON && isFacility(bytes, at + 1, end)) {
      this.#at = at + 1;
      this.#tokenEnd(bytes, end);
      this.#readTag(bytes, end);
      return;
    }
    this.tagStart = start;
    this.tagEnd = at;
    if (bytes[at] === OPEN) at = this.#readPid(bytes, at, end);
    if (bytes[at] === COLON) at += 1;
    while (at < end && bytes[at] === SPACE) at += 1;
    this.textStart = Math.min(at, end);
  }

  #readPid(bytes: Uint8Array, open: number, end: number): number {
    let at = open + 1;
    while (at < end && at < open + 12 && isDigit(bytes[at] ?? 0)) at += 1;
    if (bytes[at] !== CLOSE) return open;
    this.pid = at > open + 1 ? digits(bytes, open + 1, at - open - 1) : -1;
    return at + 1;
  }

  /** Solaris puts `[ID 801593 mail.info] ` before the text. */
  #skipMessageId(bytes: Uint8Array, end: number): void {
    const at = this.textStart;
    if (bytes[at] !== OPEN || bytes[at + 1] !== 0x49 || bytes[at + 2] !== 0x44) return;
    if (bytes[at + 3] !== SPACE) return;
    let close = at + 4;
    while (close < end && close < at + 60 && bytes[close] !== CLOSE) close += 1;
    if (bytes[close] !== CLOSE) return;
    close += 1;
    while (close < end && bytes[close] === SPACE) close += 1;
    this.textStart = close;
  }
}
