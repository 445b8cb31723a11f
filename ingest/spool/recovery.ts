/**
 * What a spool holds when it is opened again: every segment is walked from its beginning, and each whole
 * record is told of in order.
 *
 * Promise: what was written whole and can be read is kept. Only the last segment is ever cut, behind its last
 * whole record; damage in an earlier one is reported and the walk goes on with the next. Memory is one window.
 */
import { open, stat } from 'node:fs/promises';
import { explainError } from '../source/byte-reader.ts';
import type { SpoolRecord } from './record.ts';
import { decodeRecord } from './record.ts';
import type { WalkEnd } from './record-window.ts';
import { RecordWindow, walkSegment } from './record-window.ts';
import type { SegmentSpan } from './segments.ts';
import { listSegments, segmentPath } from './segments.ts';

/**
 * What a spool reports of itself. `tail-cut`: the end of the last segment was no whole record. `damaged`: an earlier
 * segment is, from some position on. `unreadable`: the system could not read a segment. `gap`: positions not yet
 * in the store are in no file. `lost`: the store is ahead of the files. The others are of a spool that runs.
 */
export const SPOOL_EVENTS = [
  'tail-cut',
  'damaged',
  'unreadable',
  'gap',
  'lost',
  'write-failed',
  'write-recovered',
  'sync-failed',
  'delete-failed',
] as const;
export type SpoolEvent = (typeof SPOOL_EVENTS)[number];
export type EventListener = (kind: SpoolEvent, detail: string) => void;

export interface RecoveredRecord extends SpoolRecord {
  /** The position behind it, as `put` had returned. */
  readonly end: number;
}

/** A segment and how many bytes of it are in use. */
export interface Segment {
  readonly start: number;
  bytes: number;
}

export interface RecoveryOptions {
  readonly folder: string;
  /** Up to here everything is in the store. */
  readonly start: number;
  /** Sees every record in order; its bytes are good during the call only. */
  readonly onRecovered?: ((record: RecoveredRecord) => void) | undefined;
  readonly onEvent: EventListener;
}

export interface Recovered {
  readonly segments: Segment[];
  /** Where the next record is written. */
  readonly end: number;
  /** Whether it may be written behind the last segment, or a new one must begin. */
  readonly appendable: boolean;
}

export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const window = new RecordWindow();
  const segments: Segment[] = [];
  let end: number | undefined;
  let appendable = false;
  try {
    for (const span of await listSegments(options.folder)) {
      if (end !== undefined) reportGap(options, end, span.start);
      const found = await recoverSegment(window, span, options);
      segments.push({ start: span.start, bytes: found.bytes });
      end = span.start + found.bytes;
      appendable = found.appendable;
    }
  } finally {
    await window.close();
  }
  if (end !== undefined && end >= options.start) return { segments, end, appendable };
  if (end !== undefined) {
    options.onEvent('lost', `the store has all up to ${options.start}, the files end at ${end}`);
  }
  return { segments, end: options.start, appendable: false };
}

function reportGap({ start, onEvent }: RecoveryOptions, from: number, to: number): void {
  // What is in the store already was told of when it was missed.
  if (to > from && to > start) onEvent('gap', `${from} to ${to} is in no file`);
}

interface FoundSegment {
  readonly bytes: number;
  readonly appendable: boolean;
}

async function recoverSegment(
  window: RecordWindow,
  span: SegmentSpan,
  options: RecoveryOptions,
): Promise<FoundSegment> {
  const path = segmentPath(options.folder, span.start);
  try {
    window.reset(span.start);
    await window.open(options.folder, span);
    const ending = await walkSegment(window, span.limit, teller(window, options));
    const bytes = window.position - span.start;
    if (ending === 'whole') return { bytes, appendable: true };
    return await settleDamage({ path, span, bytes, ending }, options);
  } catch (error) {
    // Only what the system says is of the file; the rest is a mistake in whoever listens.
    if (!(error instanceof Error && 'code' in error)) throw error;
    options.onEvent('unreadable', `${path}: ${explainError(error)}`);
    return { bytes: await sizeOf(path, span), appendable: false };
  }
}

interface Damage {
  readonly path: string;
  readonly span: SegmentSpan;
  /** Bytes of whole records before it. */
  readonly bytes: number;
  readonly ending: Exclude<WalkEnd, 'whole'>;
}

async function settleDamage(damage: Damage, { onEvent }: RecoveryOptions): Promise<FoundSegment> {
  const { path, span, bytes, ending } = damage;
  const size = await sizeOf(path, span);
  const where = `${path}: ${size - bytes} bytes at ${bytes}`;
  if (span.limit !== Number.POSITIVE_INFINITY) {
    onEvent('damaged', `${where} are ${ending}`);
    return { bytes: size, appendable: false };
  }
  await cut(path, bytes);
  onEvent('tail-cut', `${where} were ${ending}`);
  return { bytes, appendable: true };
}

async function sizeOf(path: string, { start, limit }: SegmentSpan): Promise<number> {
  try {
    return Math.min((await stat(path)).size, limit - start);
  } catch {
    return 0;
  }
}

async function cut(path: string, bytes: number): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.truncate(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function teller(window: RecordWindow, { onRecovered }: RecoveryOptions): (size: number) => void {
  if (onRecovered === undefined) return () => undefined;
  return (size) => {
    const decoded = decodeRecord(window.bytes, window.at, window.end);
    if (decoded.outcome === 'record') {
      onRecovered({ ...decoded.record, end: window.position + size });
    }
  };
}
