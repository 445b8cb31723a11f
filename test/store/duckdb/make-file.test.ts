import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DuckDbStore } from '../../../src/store/duckdb/duckdb-store.ts';
import { makeFile } from '../../../src/store/duckdb/make-file.ts';
import { saysFull } from '../../../src/store/duckdb/store-broken.ts';
import { fillDisk, withTinyDisk } from '../../support/tiny-disk.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-make-file-'));
after(() => rmSync(folder, { recursive: true }));

test('a file that could not be written leaves nothing, and one that is there stays', async () => {
  const path = join(folder, 'a');
  const failing = makeFile(path, async (aside) => {
    writeFileSync(aside, 'half');
    throw new Error('full');
  });
  await assert.rejects(failing, /full/);
  assert.deepEqual(readdirSync(folder), []);
  await makeFile(path, async (aside) => {
    writeFileSync(aside, 'mine');
    writeFileSync(path, 'of another process');
  });
  assert.equal(readFileSync(path, 'utf8'), 'of another process');
  assert.deepEqual(readdirSync(folder), ['a']);
});

async function openMigrated(path: string): Promise<void> {
  const store = await DuckDbStore.open({ path });
  try {
    await store.migrate();
  } finally {
    await store.close();
  }
}

test('a full disk at the first start costs nothing later', () =>
  withTinyDisk(join(folder, 'disk'), async (disk) => {
    const path = join(disk, 'm.duckdb');
    const filler = join(disk, 'filler');
    fillDisk(filler);
    await assert.rejects(openMigrated(path), (error) => saysFull(String(error)));
    rmSync(filler);
    await openMigrated(path);
    assert.deepEqual(readdirSync(disk), ['m.duckdb']);
  }));
