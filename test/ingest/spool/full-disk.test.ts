import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { numberedLine } from './numbered-line.ts';
import { collector, line, openWriter, readLines } from './spools.ts';

const DISK_BYTES = 1024 * 1024;
const LINES = 10_000;

/** A small disk of its own until the test ends; undefined where this process may not mount one. */
async function mountSmallDisk(t: TestContext): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'maillog-small-disk-'));
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', folder];
    execFileSync('mount', options, { stdio: 'ignore' });
  } catch {
    await rmdir(folder);
    return undefined;
  }
  t.after(async () => {
    execFileSync('umount', [folder]);
    await rmdir(folder);
  });
  return folder;
}

test('a disk that fills up delays lines, and costs none', async (t) => {
  const folder = await mountSmallDisk(t);
  if (folder === undefined) {
    t.skip('mounting a small tmpfs needs root: a full disk is tested with a simulated one only');
    return;
  }
  const found = collector();
  const options = { segmentBytes: 100_000, keepBytes: 0, ...found };
  const writer = await openWriter(folder, options);
  let put = 0;
  for (; put < LINES; put += 1) writer.put(line(numberedLine(put)), put);
  assert.ok(writer.end > 2 * DISK_BYTES);

  const lines: string[] = [];
  let position = 0;
  for (let i = 0; i < 2000 && position < writer.end; i += 1) {
    if (writer.isFull || writer.written > position) {
      const end = writer.written;
      lines.push(...(await readLines(folder, position, end)));
      position = end;
      // As the store would: only once the disk was full.
      if (found.events.length > 0) writer.committed(position);
    }
    await delay(5);
  }
  await writer.close();
  assert.equal(found.events[0], 'write-failed');
  assert.equal(found.events.at(-1), 'write-recovered');
  assert.equal(lines.length, LINES);
  assert.ok(lines.every((text, i) => text === numberedLine(i)));
});
