import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import type { ByteReader } from '../../../ingest/source/byte-reader.ts';
import { StreamReader } from '../../../ingest/source/byte-reader.ts';
import {
  HEAD_LENGTH,
  type LineBlockOptions,
  lineBlocks,
  type SourceItem,
} from '../../../ingest/source/line-blocks.ts';
import { logText, seeded } from './samples.ts';

/** Gives `content` in pieces, each as long as `pieceLength` says but no longer than there is room. */
function pieces(content: Buffer, pieceLength: () => number, live = false): ByteReader {
  let position = 0;
  return {
    live,
    failure: () => undefined,
    close: async () => undefined,
    async readInto(target, at) {
      assert.ok(at < target.length, 'there is room to read');
      const end = Math.min(content.length, position + pieceLength());
      const count = content.copy(target, at, position, end);
      position += count;
      return count;
    },
  };
}

/** Items with bytes of their own. */
async function collect(reader: ByteReader, options?: LineBlockOptions): Promise<SourceItem[]> {
  const items: SourceItem[] = [];
  for await (const item of lineBlocks(reader, options)) {
    items.push(item.kind === 'lines' ? { ...item, bytes: Buffer.from(item.bytes) } : item);
  }
  return items;
}

interface Line {
  readonly offset: number;
  readonly text: string;
  readonly length: number;
}

/** Items as single lines; of an overlong one the head and the length. */
function linesOf(items: readonly SourceItem[]): Line[] {
  return items.flatMap((item): Line[] => {
    if (item.kind === 'error') return [];
    if (item.kind === 'overlong') {
      return [{ offset: item.offset, text: item.head.toString('latin1'), length: item.length }];
    }
    return naiveLines(item.bytes, item.offset);
  });
}

function naiveLines(content: Buffer, start = 0): Line[] {
  let offset = start;
  return content
    .toString('latin1')
    .split(/(?<=\n)/)
    .filter((text) => text !== '')
    .map((text) => {
      const line = { offset, text, length: text.length };
      offset += text.length;
      return line;
    });
}

function expectedLines(content: Buffer, maxLine: number): Line[] {
  return naiveLines(content).map((line) => {
    const isOverlong = line.text.replace(/\n$/, '').length > maxLine;
    const head = line.text.slice(0, Math.min(HEAD_LENGTH, maxLine));
    return isOverlong ? { ...line, text: head } : line;
  });
}

describe('lines', () => {
  test('of a small log come as one block', async () => {
    const content = Buffer.from('one\ntwo\n');
    assert.deepEqual(await collect(new StreamReader(Readable.from([content]))), [
      { kind: 'lines', bytes: content, offset: 0, unterminated: false },
    ]);
  });

  test('keep NUL bytes, CR and anything else', async () => {
    const content = Buffer.from('a\0b\r\n\r\n\n\xff\xfe\n\0\0\0\n', 'latin1');
    const items = await collect(pieces(content, () => 3));
    assert.deepEqual(linesOf(items), naiveLines(content));
  });

  test('of an empty log are none', async () => {
    assert.deepEqual(await collect(pieces(Buffer.alloc(0), () => 10)), []);
  });

  test('count from the offset given', async () => {
    const content = Buffer.from('one\ntwo');
    const items = await collect(
      pieces(content, () => 10),
      { offset: 1000 },
    );
    assert.deepEqual(
      items.map((item) => [item.kind, item.offset]),
      [
        ['lines', 1000],
        ['lines', 1004],
      ],
    );
  });

  test('a last one without LF is marked, or left where the caller says so', async () => {
    const content = Buffer.from('one\ntwo');
    const [, rest] = await collect(pieces(content, () => 2));
    assert.deepEqual(rest, {
      kind: 'lines',
      bytes: Buffer.from('two'),
      offset: 4,
      unterminated: true,
    });
    const items = await collect(
      pieces(content, () => 2),
      { takeRest: () => false },
    );
    assert.deepEqual(linesOf(items), naiveLines(Buffer.from('one\n')));
  });

  test('a failure is the last item, after what could be read', async () => {
    const reader = { ...pieces(Buffer.from('one\ntw'), () => 4), failure: () => 'broken' };
    const items = await collect(reader);
    assert.deepEqual(items.at(-1), { kind: 'error', offset: 6, message: 'broken' });
    assert.equal(items.length, 3);
  });

  test('are the same however the bytes arrive', async () => {
    const random = seeded(11);
    const alphabet = 'ab\n\r\0 ';
    for (let round = 0; round < 400; round++) {
      const lineLength = 1 + Math.floor(random() * 60);
      const content = Buffer.from(
        Array.from({ length: Math.floor(random() * 800) }, () =>
          random() < 1 / lineLength ? '\n' : alphabet[Math.floor(random() * alphabet.length)],
        ).join(''),
      );
      const maxLine = 1 + Math.floor(random() * 40);
      const blockSize = 1 + Math.floor(random() * 100);
      const largest = 1 + Math.floor(random() * 50);
      const reader = pieces(content, () => 1 + Math.floor(random() * largest), random() < 0.5);
      const items = await collect(reader, { maxLine, blockSize });
      assert.deepEqual(linesOf(items), expectedLines(content, maxLine), `round ${round}`);
      for (const item of items.slice(0, -1)) {
        if (item.kind === 'lines') assert.equal(item.bytes.at(-1), 0x0a);
      }
    }
  });

  test('a block stays valid while the next one is being read', async () => {
    const content = Buffer.from(logText(500));
    const seen: Buffer[] = [];
    for await (const item of lineBlocks(
      pieces(content, () => 5000),
      { blockSize: 4000, maxLine: 1000 },
    )) {
      assert.equal(item.kind, 'lines');
      await new Promise(setImmediate);
      if (item.kind === 'lines') seen.push(Buffer.from(item.bytes));
    }
    assert.ok(Buffer.concat(seen).equals(content));
  });
});

describe('overlong lines', () => {
  test('exactly at the limit are whole, one byte more is overlong', async () => {
    const content = Buffer.from(`${'x'.repeat(64)}\n${'y'.repeat(65)}\nz\n`);
    const items = await collect(
      pieces(content, () => 1000),
      { maxLine: 64 },
    );
    assert.deepEqual(
      items.map((item) => [item.kind, item.offset]),
      [
        ['lines', 0],
        ['overlong', 65],
        ['lines', 131],
      ],
    );
  });

  test('at the end without LF', async () => {
    const content = Buffer.from(`a\n${'y'.repeat(500)}`);
    const items = await collect(
      pieces(content, () => 30),
      { maxLine: 64, blockSize: 100 },
    );
    const head = Buffer.from('y'.repeat(64));
    assert.deepEqual(items.at(-1), { kind: 'overlong', offset: 2, length: 500, head });
  });
});

describe('a live stream', () => {
  test('hands on what is there, and is left without waiting for more', async () => {
    const stream = new Readable({ read: () => undefined });
    stream.push('one\ntwo\nthr');
    const blocks = lineBlocks(new StreamReader(stream));
    const first = await blocks.next();
    assert.ok(first.value?.kind === 'lines');
    assert.equal(first.value.bytes.toString(), 'one\ntwo\n');
    stream.push('ee\n');
    const second = await blocks.next();
    assert.ok(second.value?.kind === 'lines');
    assert.equal(second.value.bytes.toString(), 'three\n');
    await blocks.return(undefined);
    stream.destroy();
  });
});
