/** cdb files: what was written is found, the format byte by byte, damage. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Cdb, cdbImage, writeCdb } from '../../../src/mta/map/cdb.ts';
import { MapError } from '../../../src/mta/map/keyed-map.ts';
import { randomSource } from '../../support/random.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-cdb-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('what was written is found, in any case; the first of several; nothing else', async () => {
  const random = randomSource(1);
  const entries = Array.from({ length: 3000 }, (_, i) => ({
    key: `k${i}.${random.below(100)}`,
    value: 'v'.repeat(random.below(50)) + String(i),
  }));
  const path = join(folder, 'map.cdb');
  await writeCdb(path, [...entries, { key: entries[0]?.key ?? '', value: 'second' }]);
  const cdb = new Cdb(readFileSync(path), path);
  for (const { key, value } of entries) assert.equal(cdb.get(key.toUpperCase()), value);
  for (let i = 0; i < 500; i++) assert.equal(cdb.get(`none${i}`), undefined);
  assert.equal([...cdb.entries()].length, 3001);
  assert.deepEqual(readdirSync(folder), ['map.cdb']);
});

test('the layout is that of cdb', () => {
  const image = cdbImage([{ key: 'one', value: 'Hello' }]);
  // The hash of "one" is 177673 x 33 ... as the specification computes it, modulo 2^32.
  const hash = [...'one'].reduce((h, c) => ((h * 33) ^ c.charCodeAt(0)) >>> 0, 5381);
  const table = image.readUInt32LE((hash % 256) * 8);
  assert.equal(image.readUInt32LE((hash % 256) * 8 + 4), 2);
  assert.equal(image.subarray(2048, 2064).toString('latin1'), '\x03\0\0\0\x05\0\0\0oneHello');
  assert.equal(table, 2064);
  assert.equal(image.length, 2064 + 16);
  const slot = table + ((hash >>> 8) % 2) * 8;
  assert.deepEqual([image.readUInt32LE(slot), image.readUInt32LE(slot + 4)], [hash, 2048]);
});

test('keys with a NUL at their end are found without', () => {
  const cdb = new Cdb(cdbImage([{ key: 'key\0', value: 'value\0' }]), 'F');
  assert.equal(cdb.get('key'), 'value');
  assert.deepEqual([...cdb.entries()], [{ key: 'key', value: 'value' }]);
});

test('damage is an error, and ends', () => {
  const entries = Array.from({ length: 60 }, (_, i) => ({ key: `key${i}`, value: `value${i}` }));
  const image = cdbImage(entries);
  const random = randomSource(7);
  for (let i = 0; i < 500; i++) {
    const bytes = Buffer.from(image);
    for (let j = 0; j <= random.below(30); j++) {
      bytes[random.below(bytes.length)] = random.below(256);
    }
    const cut = random.chance(0.3) ? random.below(bytes.length) : bytes.length;
    try {
      const cdb = new Cdb(bytes.subarray(0, cut), 'F');
      for (const { key } of entries) cdb.get(key);
      assert.ok([...cdb.entries()].length <= bytes.length / 8);
    } catch (error) {
      assert.ok(error instanceof MapError, String(error));
    }
  }
});
