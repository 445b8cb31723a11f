/**
 * Searching in bytes without making strings: what the line parsers of the hot path are written with.
 * Every function stays inside [start, end) and answers -1 where nothing is found.
 */

/** The bytes of an ASCII word, made once at module load. */
export function ascii(word: string): Uint8Array {
  return Uint8Array.from(word, (character) => character.charCodeAt(0));
}

/** Whether `word` stands at `at`. */
export function standsAt(bytes: Uint8Array, at: number, end: number, word: Uint8Array): boolean {
  const length = word.length;
  if (at + length > end) return false;
  for (let i = 0; i < length; i += 1) {
    if (bytes[at + i] !== word[i]) return false;
  }
  return true;
}

/** First position of `word` in [start, end). */
export function find(bytes: Uint8Array, start: number, end: number, word: Uint8Array): number {
  const first = word[0];
  const last = end - word.length;
  for (let at = start; at <= last; at += 1) {
    if (bytes[at] === first && standsAt(bytes, at, end, word)) return at;
  }
  return -1;
}

/** Last position of `word` in [start, end). */
export function findLast(bytes: Uint8Array, start: number, end: number, word: Uint8Array): number {
  const first = word[0];
  for (let at = end - word.length; at >= start; at -= 1) {
    if (bytes[at] === first && standsAt(bytes, at, end, word)) return at;
  }
  return -1;
}

/** First position of one byte in [start, end). */
export function findByte(bytes: Uint8Array, start: number, end: number, byte: number): number {
  for (let at = start; at < end; at += 1) {
    if (bytes[at] === byte) return at;
  }
  return -1;
}

/** Last position of one byte in [start, end). */
export function findLastByte(bytes: Uint8Array, start: number, end: number, byte: number): number {
  for (let at = end - 1; at >= start; at -= 1) {
    if (bytes[at] === byte) return at;
  }
  return -1;
}

/** Reads a decimal number, remembering where it ended; one instance per parser. */
export class NumberReader {
  /** Position behind the number last read. */
  end = 0;

  /** The digits at `at` (with a sign where `signed`) as a number, or NaN if none stand there. */
  read(bytes: Uint8Array, at: number, end: number, signed = false): number {
    let position = at;
    const negative = signed && bytes[position] === 0x2d;
    if (negative) position += 1;
    const first = position;
    let value = 0;
    while (position < end) {
      const byte = bytes[position] ?? 0;
      if (byte < 0x30 || byte > 0x39) break;
      value = value * 10 + byte - 0x30;
      position += 1;
    }
    this.end = position;
    if (position === first) return Number.NaN;
    return negative ? -value : value;
  }
}
