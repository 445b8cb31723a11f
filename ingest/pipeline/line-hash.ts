/**
 * The identity of a line's bytes: 32 bits, in two lanes of four bytes a step. Together with the line's second it tells
 * copies of a line from other lines; it is no defence against someone who wants a collision.
 */
const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;

export function hashLine(view: DataView, start: number, end: number): number {
  let even = end - start;
  let odd = PRIME_1;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    even = Math.imul(even ^ view.getInt32(at, true), PRIME_1);
    odd = Math.imul(odd ^ view.getInt32(at + 4, true), PRIME_2);
  }
  for (; at < end; at += 1) even = Math.imul(even ^ view.getUint8(at), PRIME_1);
  let hash = Math.imul(even ^ (even >>> 15), PRIME_2) ^ odd ^ (odd >>> 13);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, PRIME_2);
  return (hash ^ (hash >>> 13)) >>> 0;
}
