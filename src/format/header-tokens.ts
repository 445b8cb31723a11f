/** What the tokens of a syslog header are, told by their bytes; shared by the forms of the header. */
const COLON = 0x3a;
const DASH = 0x2d;

export const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

/** A token that is a tag rather than a host: `sm-mta[12]:`, `sendmail:`. */
export function endsTag(bytes: Uint8Array, start: number, stop: number): boolean {
  return stop > start && bytes[stop - 1] === COLON;
}

/** AIX writes `mail:info sendmail[1]:`: a severity word right behind the colon. */
export function isFacility(bytes: Uint8Array, start: number, end: number): boolean {
  const byte = bytes[start] ?? 0;
  return start < end && byte >= 0x61 && byte <= 0x7a;
}

export function isNil(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 1 && bytes[start] === DASH;
}

/** The number that `count` digits spell, or -1. */
export function digits(bytes: Uint8Array, start: number, count: number): number {
  if (count < 1 || count > 10) return -1;
  let value = 0;
  for (let at = start; at < start + count; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x30 || byte > 0x39) return -1;
    value = value * 10 + byte - 0x30;
  }
  return value;
}
