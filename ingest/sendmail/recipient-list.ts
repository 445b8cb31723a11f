/**
 * The recipients of a `to=` line: comma-separated without blanks, each perhaps in `<>`, quoted parts
 * holding commas. The list ends at `, delay=`, `, ctladdr=` or `, [more], `.
 */
import { ascii, find, standsAt } from '../bytes.ts';
import { skipQuoted } from './fields.ts';

const DELAY = ascii(', delay=');
const CTLADDR = ascii(', ctladdr=');
const MORE = ascii(', [more]');
const QUOTE = 0x22;
const LESS = 0x3c;
const GREATER = 0x3e;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

/** Bytes that mean nothing to the list. */
const IS_PLAIN = new Uint8Array(256).fill(1);
for (const byte of [QUOTE, BACKSLASH, LESS, GREATER, COMMA]) IS_PLAIN[byte] = 0;

export class RecipientList {
  count = 0;
  /** The list was cut; the next line goes on with it. */
  hasMore = false;
  start = 0;
  end = 0;
  #starts = new Int32Array(64);
  #ends = new Int32Array(64);

  startOf(index: number): number {
    return this.#starts[index] ?? 0;
  }

  endOf(index: number): number {
    return this.#ends[index] ?? 0;
  }

  /** Reads the list at `start`. Position of the equate behind it, or -1 when none follows. */
  read(bytes: Uint8Array, start: number, end: number): number {
    this.start = start;
    let listEnd = this.#scan(bytes, start, end);
    if (listEnd < 0) listEnd = this.#fallBack(bytes, start, end);
    if (listEnd < 0) return -1;
    this.end = listEnd;
    this.hasMore = standsAt(bytes, listEnd, end, MORE);
    return this.hasMore ? listEnd + MORE.length : listEnd;
  }

  /** Position of the equate that ends the list, quoted strings and `<...>` skipped; -1 if unbalanced. */
  #scan(bytes: Uint8Array, start: number, end: number): number {
    this.count = 0;
    let member = start;
    let inside = false;
    let at = firstMember(bytes, start, end);
    while (at >= 0 && at < end) {
      const byte = bytes[at] ?? 0;
      if (byte === LESS || byte === GREATER) inside = byte === LESS;
      const divides = byte === COMMA && !inside;
      const ends = divides && endsList(bytes, at, end);
      if (ends || (divides && bytes[at + 1] !== SPACE)) member = this.#add(member, at);
      if (ends) return at;
      at = skipMember(bytes, at, end);
    }
    return -1;
  }

  /** Unbalanced quotes or brackets: the first equate counts and the list is one recipient. */
  #fallBack(bytes: Uint8Array, start: number, end: number): number {
    // Cut within quotes: the members before are whole, the rest comes with the next line.
    const more = find(bytes, start, end, MORE);
    if (more >= 0 && this.count > 0) return more;
    this.count = 0;
    let at = find(bytes, start, end, CTLADDR);
    const delay = find(bytes, start, end, DELAY);
    if (at < 0 || (delay >= 0 && delay < at)) at = delay;
    if (at >= 0) this.#add(start, at);
    return at;
  }

  /** Takes a member; the next one begins behind its comma, at what is returned. */
  #add(start: number, end: number): number {
    if (end <= start) return end + 1;
    if (this.count === this.#starts.length) {
      const starts = new Int32Array(this.count * 2);
      const ends = new Int32Array(this.count * 2);
      starts.set(this.#starts);
      ends.set(this.#ends);
      this.#starts = starts;
      this.#ends = ends;
    }
    this.#starts[this.count] = start;
    this.#ends[this.count] = end;
    this.count += 1;
    return end + 1;
  }
}

/** Where to begin: a list that was cut within quotes goes on in them, after the blank of the cut. */
function firstMember(bytes: Uint8Array, start: number, end: number): number {
  return bytes[start] === SPACE ? skipQuoted(bytes, start - 1, end) : start;
}

/** Position of the next byte that means something, behind what stands at `at`; -1 in an unclosed quote. */
function skipMember(bytes: Uint8Array, at: number, end: number): number {
  const byte = bytes[at];
  if (byte === QUOTE) return skipQuoted(bytes, at, end);
  let next = byte === BACKSLASH ? at + 2 : at + 1;
  while (next < end && IS_PLAIN[bytes[next] ?? 0] === 1) next += 1;
  return next;
}

function endsList(bytes: Uint8Array, at: number, end: number): boolean {
  if (bytes[at + 1] !== SPACE) return false;
  return (
    standsAt(bytes, at, end, DELAY) ||
    standsAt(bytes, at, end, CTLADDR) ||
    standsAt(bytes, at, end, MORE)
  );
}
