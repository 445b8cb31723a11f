/**
 * The identity of a line's bytes: 32 bits, four bytes a step. Together with the line's second it tells
 * copies of a line from other lines; it is no defence against someone who wants a collision.
 */
const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;

export function hashLine(view: DataView, start: number, end: number): number {
  let hash = end - start;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ view.getInt32(at, true), PRIME_1);
    hash ^= hash >>> 15;
  }
  for (; at < end; at += 1) hash = Math.imul(hash ^ view.getUint8(at), PRIME_2);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, PRIME_2);
  return (hash ^ (hash >>> 13)) >>> 0;
}
