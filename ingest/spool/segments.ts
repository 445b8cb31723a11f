/**
 * The files of a spool: `NNNNNNNNNNNNNNNN.seg`, each named by the logical position of its first byte, which
 * is its place among all bytes that were ever written to the spool.
 */
import type { FileHandle } from 'node:fs/promises';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const NAME = /^(\d{16})\.seg$/;
const DIGITS = 16;

export interface SegmentSpan {
  readonly start: number;
  /** Where the next segment begins; Infinity where none is known. */
  readonly limit: number;
}

export function segmentPath(folder: string, start: number): string {
  return join(folder, `${String(start).padStart(DIGITS, '0')}.seg`);
}

/** The segments in their order. Other files in the folder are not looked at. */
export async function listSegments(folder: string): Promise<readonly SegmentSpan[]> {
  const starts = (await readdir(folder))
    .map((name) => Number(NAME.exec(name)?.[1] ?? Number.NaN))
    .filter(Number.isSafeInteger)
    .sort((a, b) => a - b);
  return starts.map((start, index) => ({
    start,
    limit: starts[index + 1] ?? Number.POSITIVE_INFINITY,
  }));
}

/** Makes names in the folder safe: without this a new file may be gone after a loss of power. */
export async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } finally {
    await handle?.close();
  }
}
