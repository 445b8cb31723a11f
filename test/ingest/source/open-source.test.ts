import assert from 'node:assert/strict';
import { closeSync, openSync, statSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type FileInput, type Input, streamInput } from '../../../ingest/source/input.ts';
import type { SourceItem } from '../../../ingest/source/line-blocks.ts';
import { openSource, type SourceOptions } from '../../../ingest/source/open-source.ts';
import { ARCHIVES, logText, SAMPLE, tempFolder } from './samples.ts';

const HOUR_AGO = Date.now() / 1000 - 3600;

/** A file of these bytes that was last written an hour ago. */
function quietFile(path: string, bytes: Buffer): FileInput {
  const input = freshFile(path, bytes);
  utimesSync(path, HOUR_AGO, HOUR_AGO);
  return input;
}

function freshFile(path: string, bytes: Buffer): FileInput {
  writeFileSync(path, bytes);
  return { kind: 'file', name: path, path, fileSize: bytes.length };
}

async function collect(input: Input, options?: SourceOptions): Promise<SourceItem[]> {
  const items: SourceItem[] = [];
  for await (const item of openSource(input, options)) {
    items.push(item.kind === 'lines' ? { ...item, bytes: Buffer.from(item.bytes) } : item);
  }
  return items;
}

function textOf(items: readonly SourceItem[]): string {
  return items.map((item) => (item.kind === 'lines' ? item.bytes.toString('latin1') : '')).join('');
}

describe('every format', () => {
  const archives = { plain: SAMPLE, gzip: gzipSync(SAMPLE), ...ARCHIVES };
  for (const [format, bytes] of Object.entries(archives)) {
    test(`${format} is read under a name that lies`, async (t) => {
      const name = format === 'gzip' ? 'maillog.bz2' : 'maillog.gz';
      const input = quietFile(join(tempFolder(t), name), bytes);
      const items = await collect(input);
      assert.equal(items.length, 1);
      assert.equal(textOf(items), SAMPLE.toString('latin1'));
    });

    test(`${format} is read from an offset`, async (t) => {
      const input = quietFile(join(tempFolder(t), 'x'), bytes);
      const offset = SAMPLE.indexOf('\n', 700) + 1;
      const items = await collect(input, { offset });
      assert.equal(items[0]?.offset, offset);
      assert.equal(textOf(items), SAMPLE.toString('latin1', offset));
    });

    test(`${format} is read from a stream, with an offset too`, async () => {
      const open = () => Readable.from([bytes.subarray(0, 3), bytes.subarray(3)]);
      assert.equal(textOf(await collect(streamInput('-', open))), SAMPLE.toString('latin1'));
      const offset = SAMPLE.indexOf('\n', 700) + 1;
      const items = await collect(streamInput('-', open), { offset });
      assert.equal(textOf(items), SAMPLE.toString('latin1', offset));
    });

    test(`${format} tells how far it is`, async (t) => {
      const source = openSource(quietFile(join(tempFolder(t), 'x'), bytes));
      assert.equal(source.totalBytes, bytes.length);
      assert.equal(source.bytesConsumed(), 0);
      for await (const item of source) assert.equal(item.kind, 'lines');
      assert.equal(source.bytesConsumed(), bytes.length);
    });
  }
});

describe('a last line without LF', () => {
  const text = Buffer.from('one\ntwo');
  const cases: readonly (readonly [string, typeof quietFile, SourceOptions, string])[] = [
    ['is taken from a quiet file', quietFile, {}, 'one\ntwo'],
    ['is left in a file being written', freshFile, {}, 'one\n'],
    ['is taken where the caller says so', freshFile, { takeUnterminated: true }, 'one\ntwo'],
    ['is left where the caller says so', quietFile, { takeUnterminated: false }, 'one\n'],
  ];
  for (const [name, make, options, expected] of cases) {
    test(name, async (t) => {
      const items = await collect(make(join(tempFolder(t), 'maillog'), text), options);
      assert.equal(textOf(items), expected);
      const isTaken = expected.endsWith('two');
      const last = items.at(-1);
      assert.equal(last?.kind === 'lines' && last.unterminated, isTaken);
    });
  }

  test('is taken from a whole archive, however young', async (t) => {
    const input = freshFile(join(tempFolder(t), 'maillog.gz'), gzipSync(text));
    assert.equal(textOf(await collect(input)), 'one\ntwo');
  });

  test('is taken from a stream', async () => {
    const input = streamInput('-', () => Readable.from([text]));
    assert.equal(textOf(await collect(input)), 'one\ntwo');
  });

  test('of a truncated archive is left while that may still be copied', async (t) => {
    const whole = logText(3000);
    const archive = gzipSync(whole);
    const cut = archive.subarray(0, archive.length >> 1);
    const folder = tempFolder(t);
    for (const make of [quietFile, freshFile]) {
      const items = await collect(make(join(folder, 'x'), cut));
      assert.ok(whole.startsWith(textOf(items)));
      assert.ok(textOf(items).length > whole.length / 3);
      assert.equal(textOf(items).endsWith('\n'), make === freshFile);
      assert.equal(items.at(-1)?.kind, 'error');
    }
  });
});

describe('what cannot be read', () => {
  test('is an item, not an exception', async (t) => {
    const folder = tempFolder(t);
    const missing = { kind: 'file', name: 'x', path: join(folder, 'x'), fileSize: 0 } as const;
    const [item] = await collect(missing);
    assert.ok(item?.kind === 'error');
    assert.match(item.message, /no such file/);
    const [other] = await collect({ ...missing, path: folder });
    assert.ok(other?.kind === 'error');
    assert.match(other.message, /directory/);
  });

  test('a stream that breaks gives what came before', async () => {
    async function* broken() {
      yield Buffer.from('one\ntwo\n');
      throw new Error('cable pulled');
    }
    const items = await collect(streamInput('-', () => Readable.from(broken())));
    assert.equal(textOf(items), 'one\ntwo\n');
    assert.deepEqual(items.at(-1), { kind: 'error', offset: 8, message: 'cable pulled' });
  });

  test('an empty file gives nothing', async (t) => {
    assert.deepEqual(await collect(freshFile(join(tempFolder(t), 'x'), Buffer.alloc(0))), []);
  });
});

describe('closing', () => {
  test('early, twice, and before anything was read', async (t) => {
    const folder = tempFolder(t);
    for (const bytes of [SAMPLE, gzipSync(SAMPLE), ...Object.values(ARCHIVES)]) {
      const input = quietFile(join(folder, 'x'), bytes);
      const source = openSource(input, { blockSize: 100, maxLine: 300 });
      for await (const item of source) {
        assert.equal(item.kind, 'lines');
        break;
      }
      await source.close();
      await source.close();
      await openSource(input).close();
    }
  });
});

test('closing ends a loop that waits for a stream', async () => {
  for (const first of [Buffer.from('one\ntw'), gzipSync('one\ntwo\n').subarray(0, 15)]) {
    const stream = new Readable({ read: () => undefined });
    stream.push(first);
    const source = openSource(streamInput('-', () => stream));
    const items: SourceItem[] = [];
    const loop = (async () => {
      for await (const item of source) items.push(item);
    })();
    await new Promise(setImmediate);
    await source.close();
    await loop;
    assert.ok(stream.destroyed);
  }
});

describe('memory', () => {
  const LENGTH = 100_000_000;
  /** Reads the source and says by how many bytes the process grew on the way. */
  async function growth(input: Input): Promise<{ items: SourceItem[]; grown: number }> {
    const before = process.memoryUsage.rss();
    let highest = before;
    const items: SourceItem[] = [];
    for await (const item of openSource(input)) {
      highest = Math.max(highest, process.memoryUsage.rss());
      items.push(item.kind === 'lines' ? { ...item, bytes: Buffer.from(item.bytes) } : item);
    }
    return { items, grown: highest - before };
  }

  function check(items: readonly SourceItem[]): void {
    assert.deepEqual(
      items.map((item) => [item.kind, item.offset]),
      [
        ['lines', 0],
        ['overlong', 6],
        ['lines', LENGTH + 7],
      ],
    );
    const [, line] = items;
    assert.ok(line?.kind === 'overlong');
    assert.equal(line.length, LENGTH + 1);
    assert.ok(line.head.equals(Buffer.alloc(4096, 'x')));
    assert.equal(textOf(items), 'first\nlast\n');
  }

  test('a line of 100 MB is one item and is not held', async (t) => {
    const path = join(tempFolder(t), 'maillog');
    const piece = Buffer.alloc(1_000_000, 'x');
    const file = openSync(path, 'w');
    writeSync(file, 'first\n');
    for (let at = 0; at < LENGTH; at += piece.length) writeSync(file, piece);
    writeSync(file, '\nlast\n');
    closeSync(file);
    const fileSize = statSync(path).size;
    const { items, grown } = await growth({ kind: 'file', name: path, path, fileSize });
    check(items);
    assert.ok(grown < 200_000_000, `grew by ${grown}`);
  });

  test('nor is it where an archive expands to it', async (t) => {
    const piece = gzipSync(Buffer.alloc(1_000_000, 'x'));
    const pieces = Array.from({ length: LENGTH / 1_000_000 }, () => piece);
    const archive = Buffer.concat([gzipSync('first\n'), ...pieces, gzipSync('\nlast\n')]);
    const { items, grown } = await growth(freshFile(join(tempFolder(t), 'x'), archive));
    check(items);
    assert.ok(grown < 200_000_000, `grew by ${grown}`);
  });
});
