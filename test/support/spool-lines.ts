/** What a listener's spool on the disk holds, read without touching it. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { SpoolReader } from '../../ingest/spool/spool-reader.ts';
import { numberOf } from './numbered-log.ts';

const BLOCK_BYTES = 1024 * 1024;

/** How often each number of a NumberedLog stands in the spools of this database. */
export async function numbersInSpools(db: string): Promise<ReadonlyMap<number, number>> {
  const folder = `${db}.spool`;
  const found = new Map<number, number>();
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await countLines(join(folder, entry.name), found);
  }
  return found;
}

async function countLines(folder: string, found: Map<number, number>): Promise<void> {
  const reader = await SpoolReader.open(folder, 0);
  try {
    for (;;) {
      const block = await reader.read({ end: Number.MAX_SAFE_INTEGER, maxBytes: BLOCK_BYTES });
      // A gap without an end: behind the last whole record.
      if (block === undefined || block.end === Number.MAX_SAFE_INTEGER) return;
      if (block.kind !== 'lines') continue;
      for (const line of block.bytes.toString('latin1').split('\n')) {
        const number = numberOf(line);
        if (number > 0) found.set(number, (found.get(number) ?? 0) + 1);
      }
    }
  } finally {
    await reader.close();
  }
}
