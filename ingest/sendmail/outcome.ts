/**
 * The end of a `to=` line: `[reply=TEXT, ]stat=TEXT`. Both texts may be the remote server's words, and
 * may themselves contain `, stat=Sent`. What is safe: the equates before reply=, the first digit of the
 * reply, and the first word of the true stat= (sendmail 8.17 `logdelivery`, `giveresponse`).
 *
 * Rules. Without reply= the first stat= is the true one. With reply= and one stat= there is no doubt either.
 * With more of them the server's words hold a false one: then the outcome is told by dsn= or the reply's
 * first digit, and of the stat= the true one is, for a deferral, the one whose text behind `Deferred: `
 * repeats the reply, for a failure the last.
 */
import type { DeliveryStatus } from '../../src/model/vocabulary.ts';
import { DELIVERY_STATUSES } from '../../src/model/vocabulary.ts';
import { ascii, find, findLast, standsAt } from '../bytes.ts';

export const STATUS = Object.fromEntries(
  DELIVERY_STATUSES.map((word, code) => [word, code]),
) as Record<DeliveryStatus, number>;

const STAT = ascii(', stat=');
const SENT = ascii('Sent');
const DEFERRED = ascii('Deferred');
const QUEUED = ascii('queued');
const QUARANTINED = ascii('quarantined');
const DISCARDED = ascii('discarded');
const DEFERRED_TEXT = ascii('Deferred: ');
const OPEN_PAREN = 0x28;
const CLOSE_PAREN = 0x29;
const COLON = 0x3a;
const SPACE = 0x20;
/** Both texts are cut in the middle at 203 characters; their heads agree at least this far. */
const HEAD = 60;

/** Reads and holds the outcome of one line. */
export class Outcome {
  status = 0;
  /** sendmail's word: `Sent`, `Deferred`, `User unknown`. */
  statStart = 0;
  statEnd = 0;
  /** What the other side said, or the reason; empty when there is none. */
  replyStart = 0;
  replyEnd = 0;

  /**
   * `dsnDigit` is the class of dsn= (2, 4, 5) or 0. `start` is where `, reply=` or `, stat=` stands.
   * False when no stat= is there.
   */
  read(bytes: Uint8Array, start: number, end: number, dsnDigit: number): boolean {
    if (standsAt(bytes, start, end, STAT)) {
      this.#readStat(bytes, start + STAT.length, end, dsnDigit);
      return true;
    }
    return this.#readReply(bytes, start + ', reply='.length, end, dsnDigit);
  }

  /** No reply=: the text from here to the end is the true stat. */
  #readStat(bytes: Uint8Array, start: number, end: number, dsnDigit: number): void {
    this.status = statusOf(bytes, start, end, dsnDigit);
    this.statStart = start;
    this.statEnd = end;
    this.replyStart = end;
    this.replyEnd = end;
    if (this.status === STATUS.sent || this.status === STATUS.deferred) {
      this.#splitStat(bytes, start, end);
    } else this.#splitParenthesis(bytes, start, end);
  }

  /** `Sent (TEXT)`, `Deferred: TEXT`: the word, and the text without its frame. */
  #splitStat(bytes: Uint8Array, start: number, end: number): void {
    const wordEnd = start + (bytes[start] === 0x53 ? SENT.length : DEFERRED.length);
    if (wordEnd >= end) return;
    if (bytes[wordEnd] === COLON) {
      const gap = bytes[wordEnd + 1] === SPACE ? 2 : 1;
      this.#setTexts(start, wordEnd, wordEnd + gap, end);
    } else if (bytes[wordEnd] === SPACE && bytes[wordEnd + 1] === OPEN_PAREN) {
      const close = bytes[end - 1] === CLOSE_PAREN ? end - 1 : end;
      this.#setTexts(start, wordEnd, wordEnd + 2, close);
    }
  }

  /** `Host unknown (Name server: x: host not found)`. */
  #splitParenthesis(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start + 1; at < end; at += 1) {
      if (bytes[at] !== OPEN_PAREN || bytes[at - 1] !== SPACE) continue;
      const close = bytes[end - 1] === CLOSE_PAREN ? end - 1 : end;
      this.#setTexts(start, at - 1, at + 1, close);
      return;
    }
  }

  #setTexts(statStart: number, statEnd: number, replyStart: number, replyEnd: number): void {
    this.statStart = statStart;
    this.statEnd = statEnd;
    this.replyStart = Math.min(replyStart, replyEnd);
    this.replyEnd = replyEnd;
  }

  #readReply(bytes: Uint8Array, start: number, end: number, dsnDigit: number): boolean {
    const digit = dsnDigit || (bytes[start] ?? 0) - 0x30;
    const last = findLast(bytes, start, end, STAT);
    if (last < 0) return false;
    const isOnly = find(bytes, start, last, STAT) < 0;
    const stat = isOnly || digit === 5 ? last : trueStat(bytes, start, end);
    const statStart = stat + STAT.length;
    const said = statusOf(bytes, statStart, end, digit);
    // A line that lost its end may show the server's `, stat=Sent` alone: after a refusal it is none.
    const isTrue = isOnly && (said !== STATUS.sent || digit === 2);
    this.status = isTrue ? said : statusByDigit(bytes, statStart, end, digit);
    this.#setTexts(statStart, wordEnd(bytes, statStart, end), start, stat);
    return true;
  }
}

/** The stat= whose `Deferred: TEXT` repeats the reply before it; else the last. */
function trueStat(bytes: Uint8Array, replyStart: number, end: number): number {
  let at = find(bytes, replyStart, end, STAT);
  while (at >= 0) {
    const text = at + STAT.length + DEFERRED_TEXT.length;
    if (standsAt(bytes, at + STAT.length, end, DEFERRED_TEXT)) {
      const length = Math.min(HEAD, at - replyStart, end - text);
      if (length > 0 && sameBytes(bytes, replyStart, text, length)) return at;
    }
    at = find(bytes, at + 1, end, STAT);
  }
  return findLast(bytes, replyStart, end, STAT);
}

function sameBytes(bytes: Uint8Array, one: number, other: number, length: number): boolean {
  for (let i = 0; i < length; i += 1) {
    // `451 text` may come back as `451-text`, the first line of several.
    if (i !== 3 && bytes[one + i] !== bytes[other + i]) return false;
  }
  return true;
}

/** With a reply: its digit decides, save that a message may be merely queued. */
function statusByDigit(bytes: Uint8Array, start: number, end: number, digit: number): number {
  if (digit === 5) return STATUS.bounced;
  if (digit === 2) return STATUS.sent;
  if (digit === 4) return standsAt(bytes, start, end, QUEUED) ? STATUS.queued : STATUS.deferred;
  const status = statusOf(bytes, start, end, 0);
  return status === STATUS.sent ? STATUS.bounced : status;
}

/** By sendmail's own first word; any word it does not share with success or waiting is a failure. */
function statusOf(bytes: Uint8Array, start: number, end: number, dsnDigit: number): number {
  if (isWord(bytes, start, end, SENT)) return STATUS.sent;
  if (isWord(bytes, start, end, DEFERRED)) return STATUS.deferred;
  if (isWord(bytes, start, end, QUEUED)) return STATUS.queued;
  if (isWord(bytes, start, end, QUARANTINED)) return STATUS.quarantined;
  if (isWord(bytes, start, end, DISCARDED)) return STATUS.discarded;
  return dsnDigit === 4 ? STATUS.deferred : STATUS.bounced;
}

function isWord(bytes: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  if (!standsAt(bytes, start, end, word)) return false;
  const next = bytes[start + word.length];
  return start + word.length >= end || next === SPACE || next === COLON;
}

/** End of sendmail's word: before `: ` or ` (`. */
function wordEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at];
    if (byte === COLON || (byte === OPEN_PAREN && bytes[at - 1] === SPACE)) {
      return byte === COLON ? at : at - 1;
    }
  }
  return end;
}
