/**
 * A record of the spool as bytes: a header of 20 bytes, then the payload. Numbers are little-endian.
 *
 *     0  magic   1  kind   2  two zero bytes   4  payload length   8  session   12  original length
 *     16  CRC-32 (ISO-HDLC, as in zlib) of the 16 bytes before it and of the payload
 *
 * Promise: any bytes are a whole record, the beginning of one, or damaged; reading them never throws.
 */
import type { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { FrameKind } from '../listen/inlet.ts';

/** What a record is of: a frame, or the note that a session began (payload: the peer) or ended. */
export type RecordKind = FrameKind | 'opened' | 'closed';

/** As they stand in files, so these numbers never change their meaning. */
export const KIND_CODES = {
  line: 1,
  overlong: 2,
  cut: 3,
  repeat: 4,
  opened: 5,
  closed: 6,
} as const satisfies Readonly<Record<RecordKind, number>>;

const KINDS: readonly (RecordKind | undefined)[] = [
  undefined,
  'line',
  'overlong',
  'cut',
  'repeat',
  'opened',
  'closed',
];

const MAGIC = 0xd5;
export const HEADER_BYTES = 20;
const CHECKED_HEADER_BYTES = 16;
/** A longer payload is not written, so a longer one that is read is damage. */
export const MAX_PAYLOAD_BYTES = 1024 * 1024;
export const MAX_RECORD_BYTES = HEADER_BYTES + MAX_PAYLOAD_BYTES;
const MAX_UINT32 = 0xffffffff;

/** What `measureRecord` says where no whole record stands; sizes of records are positive. */
export const INCOMPLETE = 0;
export const DAMAGED = -1;

export interface RecordContent {
  readonly kind: RecordKind;
  readonly bytes: Uint8Array;
  /** Of a frame: its bytes as they came over the wire. */
  readonly length: number;
}

export interface SpoolRecord extends RecordContent {
  readonly session: number;
}

export type Decoded =
  | { readonly outcome: 'record'; readonly record: SpoolRecord; readonly size: number }
  | { readonly outcome: 'incomplete' }
  | { readonly outcome: 'damaged' };

/** Writes a record at `at`, where there must be room for it; its size. */
export function encodeRecord(
  target: Buffer,
  at: number,
  content: RecordContent,
  session: number,
): number {
  const { bytes } = content;
  target[at] = MAGIC;
  target[at + 1] = KIND_CODES[content.kind];
  target[at + 2] = 0;
  target[at + 3] = 0;
  target.writeUInt32LE(bytes.length, at + 4);
  target.writeUInt32LE(session >>> 0, at + 8);
  target.writeUInt32LE(Math.min(content.length, MAX_UINT32) >>> 0, at + 12);
  target.set(bytes, at + HEADER_BYTES);
  target.writeUInt32LE(checksum(target, at, bytes.length), at + 16);
  return HEADER_BYTES + bytes.length;
}

/**
 * The size of the whole record that stands at `at` in bytes that end at `end`, INCOMPLETE or DAMAGED. Without an
 * object, for whoever reads many.
 */
export function measureRecord(bytes: Buffer, at: number, end: number): number {
  const there = Math.min(end, bytes.length) - at;
  if (there <= 0) return INCOMPLETE;
  if (bytes[at] !== MAGIC) return DAMAGED;
  if (there < HEADER_BYTES) return INCOMPLETE;
  const kind = bytes[at + 1] ?? 0;
  if (kind === 0 || kind >= KINDS.length) return DAMAGED;
  if (bytes[at + 2] !== 0 || bytes[at + 3] !== 0) return DAMAGED;
  const length = bytes.readUInt32LE(at + 4);
  if (length > MAX_PAYLOAD_BYTES) return DAMAGED;
  const size = HEADER_BYTES + length;
  if (there < size) return INCOMPLETE;
  return bytes.readUInt32LE(at + 16) === checksum(bytes, at, length) ? size : DAMAGED;
}

/** The record at `at` as an object; its bytes are a view of `bytes`. */
export function decodeRecord(bytes: Buffer, at: number, end: number): Decoded {
  const size = measureRecord(bytes, at, end);
  if (size === INCOMPLETE) return { outcome: 'incomplete' };
  const kind = KINDS[bytes[at + 1] ?? 0];
  if (size === DAMAGED || kind === undefined) return { outcome: 'damaged' };
  const record: SpoolRecord = {
    kind,
    session: bytes.readUInt32LE(at + 8),
    length: originalLength(bytes, at),
    bytes: bytes.subarray(at + HEADER_BYTES, at + size),
  };
  return { outcome: 'record', record, size };
}

/** The code of a measured record's kind. */
export function kindCode(bytes: Buffer, at: number): number {
  return bytes[at + 1] ?? 0;
}

/** The original length in a measured record. */
export function originalLength(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 12);
}

/**
 * How many of the first `limit` bytes are whole records, told by their lengths alone: for records that were
 * just made.
 */
export function wholeRecords(bytes: Buffer, limit: number): number {
  let at = 0;
  for (;;) {
    const next = at + sizeAt(bytes, at);
    if (next > limit || next > bytes.length || next === at) return at;
    at = next;
  }
}

/** The size of the record that begins at `at`, 0 where none does. */
export function sizeAt(bytes: Buffer, at: number): number {
  return at + HEADER_BYTES > bytes.length ? 0 : HEADER_BYTES + bytes.readUInt32LE(at + 4);
}

function checksum(bytes: Buffer, at: number, length: number): number {
  const header = crc32(bytes.subarray(at, at + CHECKED_HEADER_BYTES));
  return crc32(bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length), header);
}
