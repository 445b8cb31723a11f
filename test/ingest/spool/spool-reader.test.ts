import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { Frame } from '../../../ingest/listen/inlet.ts';
import { MAX_PAYLOAD_BYTES } from '../../../ingest/spool/record.ts';
import type { SpoolBlock } from '../../../ingest/spool/spool-reader.ts';
import { SpoolReader } from '../../../ingest/spool/spool-reader.ts';
import type { RandomSource } from '../../support/random.ts';
import { randomSource } from '../../support/random.ts';
import {
  line,
  openWriter,
  randomFrame,
  readBlocks,
  readLines,
  segmentNames,
  temporaryFolder,
  written,
} from './spools.ts';

interface Put {
  readonly frame: Frame;
  readonly end: number;
}

/** A spool of frames and notes; the frames with their positions. */
async function filledSpool(folder: string, random: RandomSource, segmentBytes = 5000) {
  const writer = await openWriter(folder, { segmentBytes });
  const puts: Put[] = [];
  for (let i = 0; i < 600; i += 1) {
    if (random.chance(0.05)) writer.opened(i, 'client.example.com');
    if (random.chance(0.05)) writer.closed(i);
    const frame = randomFrame(random);
    puts.push({ frame, end: writer.put(frame, i) });
    if (random.chance(0.02)) await written(writer);
  }
  const { end } = writer;
  await writer.close();
  return { puts, end };
}

/** What the blocks should hold: lines as one text, other frames apart, repeats and wire bytes as sums. */
function expected(puts: readonly Put[]) {
  const framesOf = (...kinds: string[]) => puts.filter(({ frame }) => kinds.includes(frame.kind));
  return {
    lines: framesOf('line')
      .map(({ frame }) => `${Buffer.from(frame.bytes).toString('latin1')}\n`)
      .join(''),
    heads: framesOf('overlong', 'cut').map(({ frame, end }) => ({
      kind: frame.kind,
      end,
      length: frame.length,
      text: Buffer.from(frame.bytes).toString('latin1'),
    })),
    count: framesOf('line').length,
    repeats: framesOf('repeat').length,
    wireBytes: puts.reduce((sum, { frame }) => sum + frame.length, 0),
  };
}

function summary(blocks: readonly SpoolBlock[]) {
  const sum = (value: (block: SpoolBlock) => number) =>
    blocks.reduce((total, block) => total + value(block), 0);
  return {
    lines: blocks
      .map((block) => (block.kind === 'lines' ? block.bytes.toString('latin1') : ''))
      .join(''),
    heads: blocks.flatMap((block) =>
      block.kind === 'overlong' || block.kind === 'cut'
        ? [{ ...pick(block), text: block.bytes.toString('latin1') }]
        : [],
    ),
    count: sum((block) => (block.kind === 'lines' ? block.lines : 0)),
    repeats: sum((block) => block.repeats),
    wireBytes: sum((block) => block.wireBytes),
  };
}

function pick(block: { kind: string; end: number; length: number }) {
  return { kind: block.kind, end: block.end, length: block.length };
}

function assertWithoutHole(blocks: readonly SpoolBlock[], start: number, end: number): void {
  let at = start;
  for (const block of blocks) {
    assert.equal(block.start, at);
    assert.ok(block.end > block.start);
    at = block.end;
  }
  assert.equal(at, end);
}

suite('a reader', () => {
  test('gives all that was put, in blocks of any size', async (t) => {
    for (const seed of [1, 2, 3]) {
      const folder = await temporaryFolder(t);
      const random = randomSource(seed);
      const { puts, end } = await filledSpool(folder, random);
      for (const maxBytes of [1, 300, 4000, 1e6]) {
        const reader = await SpoolReader.open(folder, 0);
        const blocks = await readBlocks(reader, end, maxBytes);
        await reader.close();
        assertWithoutHole(blocks, 0, end);
        assert.deepEqual(summary(blocks), expected(puts));
        for (const block of blocks) {
          if (block.kind !== 'lines' || block.lines <= 1) continue;
          assert.ok(block.bytes.length <= maxBytes);
        }
      }
    }
  });

  test('follows a writer and reads no further than it is told', async (t) => {
    const folder = await temporaryFolder(t);
    const random = randomSource(4);
    const writer = await openWriter(folder, { segmentBytes: 3000 });
    const reader = await SpoolReader.open(folder, 0);
    const puts: Put[] = [];
    const blocks: SpoolBlock[] = [];
    for (let round = 0; round < 50; round += 1) {
      for (let i = random.below(20); i > 0; i -= 1) {
        const frame = randomFrame(random);
        puts.push({ frame, end: writer.put(frame, 0) });
      }
      if (random.chance(0.5)) await written(writer);
      const end = writer.written;
      blocks.push(...(await readBlocks(reader, end)));
      assert.equal(reader.position, end);
      if (random.chance(0.3)) writer.committed(end);
    }
    await written(writer);
    blocks.push(...(await readBlocks(reader, writer.end)));
    assertWithoutHole(blocks, 0, writer.end);
    assert.deepEqual(summary(blocks), expected(puts));
    await reader.close();
    await writer.close();
  });

  test('goes back and reads the same again', async (t) => {
    const folder = await temporaryFolder(t);
    const random = randomSource(5);
    const { end } = await filledSpool(folder, random);
    const reader = await SpoolReader.open(folder, 0);
    const blocks = await readBlocks(reader, end, 900);
    for (let i = 0; i < 60; i += 1) {
      const { start } = random.pick(blocks as [SpoolBlock, ...SpoolBlock[]]);
      reader.seek(start);
      const again = await readBlocks(reader, end, 900);
      assert.deepEqual(
        again,
        blocks.filter((block) => block.start >= start),
      );
    }
    await reader.close();
  });

  test('gives the longest line there can be, and an empty one', async (t) => {
    const folder = await temporaryFolder(t);
    const writer = await openWriter(folder);
    const longest = 'x'.repeat(MAX_PAYLOAD_BYTES);
    for (const text of ['', longest, '', longest, longest, 'end']) writer.put(line(text), 0);
    await writer.close();
    const lines = await readLines(folder, 0, writer.end);
    assert.deepEqual(
      lines.map((text) => text.length),
      [0, MAX_PAYLOAD_BYTES, 0, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES, 3],
    );
  });

  test('passes notes alone as a block without lines', async (t) => {
    const folder = await temporaryFolder(t);
    const writer = await openWriter(folder);
    writer.opened(1, 'peer');
    writer.closed(1);
    await writer.close();
    const reader = await SpoolReader.open(folder, 0);
    const blocks = await readBlocks(reader, writer.end);
    await reader.close();
    assert.equal(blocks.length, 1);
    assert.equal(blocks[0]?.bytes.length, 0);
    assertWithoutHole(blocks, 0, writer.end);
  });

  test('tells of what is missing, at the beginning, between and at the end', async (t) => {
    const folder = await temporaryFolder(t);
    const { end } = await filledSpool(folder, randomSource(6));
    const names = await segmentNames(folder);
    const start = (index: number) => Number(names.at(index)?.slice(0, -4));
    for (const index of [0, 3, -1]) await rm(join(folder, names.at(index) ?? ''));
    const reader = await SpoolReader.open(folder, 0);
    const blocks = await readBlocks(reader, end);
    await reader.close();
    assertWithoutHole(blocks, 0, end);
    assert.deepEqual(
      blocks.filter(({ kind }) => kind === 'gap').map((gap) => [gap.start, gap.end]),
      [
        [0, start(1)],
        [start(3), start(4)],
        [start(-1), end],
      ],
    );
  });

  test('tells of a folder without files as a gap', async (t) => {
    const reader = await SpoolReader.open(await temporaryFolder(t), 5);
    assert.equal(await reader.read({ end: 5, maxBytes: 100 }), undefined);
    const block = await reader.read({ end: 50, maxBytes: 100 });
    assert.deepEqual([block?.kind, block?.start, block?.end], ['gap', 5, 50]);
    await reader.close();
  });

  test('of a folder that is not there fails at once', async (t) => {
    const folder = await temporaryFolder(t);
    await assert.rejects(SpoolReader.open(join(folder, 'none'), 0), { code: 'ENOENT' });
  });
});

suite('the lines before a position', () => {
  test('are the last whole ones that fit', async (t) => {
    const folder = await temporaryFolder(t);
    const random = randomSource(7);
    const { puts, end } = await filledSpool(folder, random);
    const reader = await SpoolReader.open(folder, end);
    for (let i = 0; i < 60; i += 1) {
      const upTo = random.below(puts.length);
      const before = puts.slice(0, upTo).filter(({ frame }) => frame.kind === 'line');
      const maxBytes = random.below(9000);
      let wanted = '';
      for (const { frame } of before.reverse()) {
        const text = `${Buffer.from(frame.bytes).toString('latin1')}\n`;
        if (wanted.length + text.length > maxBytes) break;
        wanted = text + wanted;
      }
      const found = await reader.before(puts[upTo - 1]?.end ?? 0, maxBytes);
      assert.equal(found.toString('latin1'), wanted, `${upTo} records, ${maxBytes} bytes`);
    }
    await reader.close();
  });

  test('are none where no file holds them', async (t) => {
    const folder = await temporaryFolder(t);
    const { end } = await filledSpool(folder, randomSource(8));
    const reader = await SpoolReader.open(folder, end);
    assert.equal((await reader.before(0, 1000)).length, 0);
    for (const name of await segmentNames(folder)) await rm(join(folder, name));
    assert.equal((await reader.before(end, 1000)).length, 0);
    await reader.close();
  });
});
