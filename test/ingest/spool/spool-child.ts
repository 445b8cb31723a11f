/**
 * A process to be killed: `spool-child.js FOLDER FIRST SEED` puts numbered lines, from FIRST on, as fast as there is
 * room, and tells on standard output each position that is written.
 */
import { writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { randomSource } from '../../support/random.ts';
import { numberedLine } from './numbered-line.ts';
import { line, openWriter } from './spools.ts';

/** More than there is time for; the process ends anyway. */
const MOST_LINES = 5_000_000;

const [folder = '', first = '0', seed = '0'] = process.argv.slice(2);
const random = randomSource(Number(seed));
const writer = await openWriter(folder, { segmentBytes: 200_000, keepBytes: 100_000 });
writer.onWritten((position) => {
  writeSync(1, `${position}\n`);
  if (random.chance(0.3)) writer.committed(position);
});
for (let i = Number(first); i < MOST_LINES; i += 1) {
  writer.put(line(numberedLine(i)), i);
  if (random.chance(0.01)) await nextTurn();
  while (writer.isFull) await nextTurn();
}
await writer.close();
