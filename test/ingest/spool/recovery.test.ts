import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { appendFile, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { segmentPath } from '../../../ingest/spool/segments.ts';
import { SpoolReader } from '../../../ingest/spool/spool-reader.ts';
import type { RandomSource } from '../../support/random.ts';
import { randomSource } from '../../support/random.ts';
import {
  collector,
  line,
  openWriter,
  randomBytes,
  readBlocks,
  readLines,
  segmentNames,
  temporaryFolder,
} from './spools.ts';

const SEGMENT_BYTES = 2000;

/** Numbered lines; the text of each by the position behind it. */
async function numberedSpool(folder: string, random: RandomSource) {
  const writer = await openWriter(folder, { segmentBytes: SEGMENT_BYTES });
  const texts = new Map<number, string>();
  for (let i = 0; i < 120; i += 1) {
    const text = `${i} `.padEnd(random.below(150), '.');
    texts.set(writer.put(line(text), i), text);
  }
  await writer.close();
  return { texts, end: writer.end };
}

const DAMAGES: readonly [Damage, ...Damage[]] = [
  async function flip(path, random) {
    const bytes = await readFile(path);
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    await writeFile(path, bytes);
    return at;
  },
  async function overwrite(path, random) {
    const bytes = await readFile(path);
    const at = random.below(bytes.length);
    randomBytes(random, random.below(200)).copy(bytes, at);
    await writeFile(path, bytes);
    return at;
  },
  async function zeros(path, random) {
    const bytes = await readFile(path);
    const at = random.below(bytes.length);
    await writeFile(path, bytes.fill(0, at));
    return at;
  },
  async function shorten(path, random) {
    const at = random.below((await readFile(path)).length);
    await truncate(path, at);
    return at;
  },
  async function lengthen(path, random) {
    const at = (await readFile(path)).length;
    await appendFile(path, randomBytes(random, 1 + random.below(300)));
    return at;
  },
  async function remove(path) {
    await rm(path);
    return 0;
  },
];
/** Damages the file; the first byte of it that may be wrong. */
type Damage = (path: string, random: RandomSource) => Promise<number>;

/** All lines; the spans of the blocks leave nothing out. */
async function readWithoutHole(folder: string, end: number): Promise<string[]> {
  const reader = await SpoolReader.open(folder, 0);
  let at = 0;
  for (const block of await readBlocks(reader, end, 300)) {
    assert.equal(block.start, at);
    assert.ok(block.end > at);
    at = block.end;
  }
  assert.equal(at, end);
  await reader.close();
  return readLines(folder, 0, end);
}

suite('a damaged spool', () => {
  test('gives every record before the damage and of other segments, and goes on', async (t) => {
    const random = randomSource(11);
    const seen = new Set<string>();
    for (let round = 0; round < 60; round += 1) {
      const folder = await temporaryFolder(t);
      const { texts, end } = await numberedSpool(folder, random);
      const names = (await segmentNames(folder)) as [string, ...string[]];
      const name = random.pick(names);
      const damage = random.pick(DAMAGES);
      const start = Number(name.slice(0, 16));
      const from = start + (await damage(join(folder, name), random));
      const next = Number(names[names.indexOf(name) + 1]?.slice(0, 16) ?? end);
      const safe = [...texts].filter(([position]) => position <= from || position > next);

      const what = `round ${round}, ${damage.name} of ${name} at ${from}`;
      const unrecovered = new Set(await readWithoutHole(folder, end));
      for (const [, text] of safe) assert.ok(unrecovered.has(text), `${what}: ${text}`);

      const found = collector();
      const writer = await openWriter(folder, { segmentBytes: SEGMENT_BYTES, ...found });
      for (const kind of found.events) seen.add(kind);
      // A change may also be none, and leave a record as it was.
      const recovered = new Map(found.records.map((record) => [record.end, record.text]));
      for (const [position, text] of recovered) assert.equal(text, texts.get(position), what);
      for (const [position] of safe) assert.ok(recovered.has(position), `${what}: ${position}`);

      writer.put(line('after'), 0);
      await writer.close();
      const lines = await readWithoutHole(folder, writer.end);
      assert.deepEqual(lines, [...recovered.values(), 'after'], what);

      const again = collector();
      await (await openWriter(folder, again)).close();
      assert.equal(again.records.length, found.records.length + 1, what);
      assert.ok(!again.events.includes('tail-cut'), what);
    }
    assert.deepEqual([...seen].sort(), ['damaged', 'gap', 'tail-cut']);
  });

  test('of nothing but junk is cut to nothing', async (t) => {
    const random = randomSource(12);
    for (let round = 0; round < 40; round += 1) {
      const folder = await temporaryFolder(t);
      const junk = randomBytes(random, random.below(3000));
      if (random.chance(0.5)) junk.set([0xd5, 1, 0, 0], 0);
      await writeFile(segmentPath(folder, 1000), junk);
      const found = collector();
      const writer = await openWriter(folder, { start: 1000, ...found });
      assert.equal(writer.end, 1000);
      writer.put(line('first'), 0);
      await writer.close();
      assert.deepEqual(await readLines(folder, 1000, writer.end), ['first']);
    }
  });

  test('is not cut where the system could not read it', async (t) => {
    const folder = await temporaryFolder(t);
    // A folder in place of the file is what cannot be read, whoever asks.
    await mkdir(segmentPath(folder, 0));
    const found = collector();
    const writer = await openWriter(folder, found);
    assert.deepEqual(found.events, ['unreadable']);
    assert.ok(writer.end > 0);
    writer.put(line('goes on'), 0);
    await writer.close();
    const start = writer.end - 27;
    assert.deepEqual(await readLines(folder, start, writer.end), ['goes on']);
  });

  test('does not hide a mistake of whoever listens', async (t) => {
    const folder = await temporaryFolder(t);
    await numberedSpool(folder, randomSource(13));
    const onRecovered = () => {
      throw new RangeError('mine');
    };
    await assert.rejects(openWriter(folder, { onRecovered }), /mine/);
  });

  test('keeps memory bounded by reading in parts', async (t) => {
    const folder = await temporaryFolder(t);
    const writer = await openWriter(folder);
    const text = 'x'.repeat(700_000);
    for (let i = 0; i < 12; i += 1) writer.put(line(text), i);
    await writer.close();
    const found = collector();
    await (await openWriter(folder, found)).close();
    assert.ok(found.records.every((record, i) => record.session === i && record.text === text));
    assert.equal(found.records.length, 12);
    assert.ok(Buffer.isBuffer(found.records[0]?.bytes));
  });
});
