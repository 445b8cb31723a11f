/**
 * The fields of an RFC 5424 message, found in place.
 *
 * Promise: any bytes are either read or refused. What stands where structured data should be and is none
 * is left to the text, so that nothing is lost.
 */
const SPACE = 0x20;
const DASH = 0x2d;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ONE = 0x31;

/** Positions in the message; a field is empty (start = end) where it is nil. */
export interface StructuredMessage {
  readonly stamp: Span;
  readonly host: Span;
  readonly app: Span;
  readonly process: Span;
  /** Without byte order mark. */
  readonly text: Span;
}

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** `1 STAMP HOST APP PROCID MSGID SD MSG` in [start, end), which is what stands behind `<PRI>`. */
export function readStructured(
  bytes: Uint8Array,
  start: number,
  end: number,
): StructuredMessage | undefined {
  if (bytes[start] !== ONE || bytes[start + 1] !== SPACE) return undefined;
  const fields: Span[] = [];
  let at = start + 2;
  for (let count = 0; count < 5; count += 1) {
    const field = token(bytes, at, end);
    if (field === undefined) return undefined;
    fields.push(isNil(bytes, field) ? { start: at, end: at } : field);
    // A field is behind it, if only `-` for structured data.
    if (field.end === end) return undefined;
    at = field.end + 1;
  }
  const [stamp, host, app, process] = fields;
  if (!stamp || !host || !app || !process) return undefined;
  return { stamp, host, app, process, text: { start: textStart(bytes, at, end), end } };
}

/** At least one byte, with a blank or the end behind it. */
function token(bytes: Uint8Array, start: number, end: number): Span | undefined {
  let at = start;
  while (at < end && bytes[at] !== SPACE) at += 1;
  return at > start ? { start, end: at } : undefined;
}

function isNil(bytes: Uint8Array, { start, end }: Span): boolean {
  return end - start === 1 && bytes[start] === DASH;
}

function textStart(bytes: Uint8Array, sdStart: number, end: number): number {
  const sdEnd = structuredDataEnd(bytes, Math.min(sdStart, end), end);
  if (sdEnd < 0) return Math.min(sdStart, end);
  const start = Math.min(sdEnd + 1, end);
  const hasMark =
    bytes[start] === 0xef &&
    bytes[start + 1] === 0xbb &&
    bytes[start + 2] === 0xbf &&
    start + 3 <= end;
  return hasMark ? start + 3 : start;
}

/** Behind `-` or `[id name="value"]...`; -1 where neither stands there. */
function structuredDataEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  if (bytes[at] === DASH && at < end) at += 1;
  else {
    while (at < end && bytes[at] === OPEN) {
      at = elementEnd(bytes, at, end);
      if (at < 0) return -1;
    }
    if (at === start) return -1;
  }
  return at === end || bytes[at] === SPACE ? at : -1;
}

/** A value may hold `\"`, `\]` and `\\`. */
function elementEnd(bytes: Uint8Array, open: number, end: number): number {
  let isQuoted = false;
  for (let at = open + 1; at < end; at += 1) {
    const byte = bytes[at];
    if (byte === BACKSLASH && isQuoted) at += 1;
    else if (byte === QUOTE) isQuoted = !isQuoted;
    else if (byte === CLOSE && !isQuoted) return at + 1;
  }
  return -1;
}
