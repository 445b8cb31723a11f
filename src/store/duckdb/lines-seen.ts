/** Counts of lines, taken from the runs of hashes that `raw.lines_seen` holds. */
import type { DuckDBValue } from '@duckdb/node-api';
import { DuckDBBlobValue } from '@duckdb/node-api';
import { HASH_BYTES } from '../schema.ts';
import type { LineKey } from '../store.ts';

const HASHES = 2 ** (8 * HASH_BYTES);

/** For each line of other sources: how often the source that has it most has it, and how often this one. */
export function countLines(
  sourceId: number,
  rows: readonly (readonly DuckDBValue[])[],
): readonly LineKey[] {
  const bySource = new Map<number, Map<number, number>>();
  const first = rows.reduce((least, [, second]) => Math.min(least, Number(second)), Infinity);
  for (const [source, second, hashes] of rows) {
    if (!(hashes instanceof DuckDBBlobValue)) continue;
    const id = Number(source);
    let counts = bySource.get(id);
    if (counts === undefined) {
      counts = new Map();
      bySource.set(id, counts);
    }
    countRun(counts, Number(second) - first, hashes.bytes);
  }
  const own = bySource.get(sourceId);
  bySource.delete(sourceId);
  return [...most(bySource.values())].map(([key, count]) => ({
    second: first + Math.floor(key / HASHES),
    hash: key % HASHES,
    count,
    own: own?.get(key) ?? 0,
  }));
}

/** `second` counts from the first one asked for: with the hash it must be an exact number. */
function countRun(counts: Map<number, number>, second: number, hashes: Uint8Array): void {
  for (let at = 0; at + HASH_BYTES <= hashes.length; at += HASH_BYTES) {
    const hash = (hashes[at] ?? 0) | ((hashes[at + 1] ?? 0) << 8) | ((hashes[at + 2] ?? 0) << 16);
    const key = second * HASHES + hash;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
}

function most(sources: Iterable<Map<number, number>>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const source of sources) {
    for (const [key, count] of source) counts.set(key, Math.max(count, counts.get(key) ?? 0));
  }
  return counts;
}
