/**
 * The identity of a line's bytes: 24 bits, taken in four lanes of four bytes a step. Together with the line's second it tells
 * copies of a line from other lines; it is no defence against someone who wants a collision.
 */
const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;

export function hashLine(view: DataView, start: number, end: number): number {
  let one = end - start;
  let two = PRIME_1;
  let three = PRIME_2;
  let four = ~PRIME_1;
  let at = start;
  for (const last = end - 16; at <= last; at += 16) {
    one = Math.imul(one ^ view.getInt32(at, true), PRIME_1);
    two = Math.imul(two ^ view.getInt32(at + 4, true), PRIME_2);
    three = Math.imul(three ^ view.getInt32(at + 8, true), PRIME_1);
    four = Math.imul(four ^ view.getInt32(at + 12, true), PRIME_2);
  }
  for (const last = end - 4; at <= last; at += 4) {
    one = Math.imul(one ^ view.getInt32(at, true), PRIME_1);
  }
  for (; at < end; at += 1) two = Math.imul(two ^ view.getUint8(at), PRIME_2);
  return mix(mix(one ^ mix(two)) ^ mix(three ^ mix(four))) >>> 8;
}

/** Spreads every bit over all others (the last steps of MurmurHash3). */
function mix(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, PRIME_2);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, PRIME_1);
  return hash ^ (hash >>> 16);
}
