import assert from 'node:assert/strict';
import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  digest,
  digestRange,
  findCheckpoint,
  readIdentity,
  TAIL_LENGTH,
  TailDigest,
} from '../../../ingest/source/identity.ts';
import { type FileInput, streamInput } from '../../../ingest/source/input.ts';
import { openSource } from '../../../ingest/source/open-source.ts';
import type { Checkpoint } from '../../../src/store/store.ts';
import { ARCHIVES, logText, SAMPLE, tempFolder } from './samples.ts';

const TEXT = Buffer.from(logText(200));

function fileInput(path: string): FileInput {
  return { kind: 'file', name: path, path, fileSize: 0 };
}

function written(path: string, bytes: Buffer): FileInput {
  writeFileSync(path, bytes);
  return fileInput(path);
}

/** The checkpoint of a source of this content, read up to `offset`. */
function checkpoint(content: Buffer, offset: number, sourceId = 1): Checkpoint {
  const head = content.subarray(0, 4096);
  const tail = content.subarray(Math.max(0, offset - TAIL_LENGTH), offset);
  const none = { read: 0, bytes: 0, parsed: 0, foreign: 0, unsupported: 0, malformed: 0 };
  return {
    sourceId,
    headLength: head.length,
    headDigest: digest(head),
    offset,
    lines: 0,
    tailLength: tail.length,
    cursor: null,
    tailDigest: digest(tail),
    counts: { ...none, duplicate: 0 },
  };
}

describe('readIdentity', () => {
  test('is the same for a file, its copy under another name and its archives', async (t) => {
    const folder = tempFolder(t);
    const plain = await readIdentity(written(join(folder, 'maillog'), SAMPLE));
    assert.equal(plain.headLength, SAMPLE.length);
    assert.equal(plain.headDigest, digest(SAMPLE));
    for (const [format, archive] of Object.entries({ gzip: gzipSync(SAMPLE), ...ARCHIVES })) {
      const { name, ...identity } = await readIdentity(written(join(folder, 'x'), archive));
      assert.equal(name, join(folder, 'x'));
      assert.deepEqual({ name: plain.name, ...identity }, plain, format);
    }
  });

  test('looks at the first 4096 bytes', async (t) => {
    const input = written(join(tempFolder(t), 'maillog'), TEXT);
    const { headLength, headDigest } = await readIdentity(input);
    assert.equal(headLength, 4096);
    assert.equal(headDigest, digest(TEXT.subarray(0, 4096)));
  });

  test('of an empty or missing file has no length', async (t) => {
    const folder = tempFolder(t);
    assert.equal((await readIdentity(written(join(folder, 'a'), Buffer.alloc(0)))).headLength, 0);
    assert.equal((await readIdentity(fileInput(join(folder, 'b')))).headLength, 0);
  });

  for (const [name, bytes] of [
    ['plain', TEXT],
    ['gzip', gzipSync(TEXT)],
  ] as const) {
    test(`of a stream (${name}) takes nothing away from it`, async () => {
      const chunks = [bytes.subarray(0, 5), bytes.subarray(5, 3000), bytes.subarray(3000)];
      const input = streamInput('-', () => Readable.from(chunks));
      const first = await readIdentity(input);
      assert.equal(first.headDigest, digest(TEXT.subarray(0, 4096)));
      assert.deepEqual(await readIdentity(input), first);
      const parts: Buffer[] = [];
      const source = openSource(input);
      for await (const item of source) {
        assert.ok(item.kind === 'lines');
        parts.push(Buffer.from(item.bytes));
      }
      assert.ok(Buffer.concat(parts).equals(TEXT));
      assert.equal(source.bytesConsumed(), bytes.length);
    });
  }
});

describe('digestRange', () => {
  test('digests a stretch of the decompressed content', async (t) => {
    const folder = tempFolder(t);
    for (const bytes of [TEXT, gzipSync(TEXT)]) {
      const input = written(join(folder, 'x'), bytes);
      const expected = digest(TEXT.subarray(5000, 9000));
      assert.equal(await digestRange(input, 5000, 4000), expected);
      assert.equal(await digestRange(input, TEXT.length, 0), digest(Buffer.alloc(0)));
    }
  });

  test('knows no stretch beyond the end', async (t) => {
    const folder = tempFolder(t);
    for (const bytes of [TEXT, gzipSync(TEXT)]) {
      const input = written(join(folder, 'x'), bytes);
      assert.equal(await digestRange(input, TEXT.length - 10, 11), undefined);
      assert.equal(await digestRange(input, TEXT.length + 1, 0), undefined);
      assert.equal(await digestRange(input, -5, 3), undefined);
    }
  });
});

describe('findCheckpoint', () => {
  test('knows a source again after append, rename and gzip', async (t) => {
    const folder = tempFolder(t);
    const path = join(folder, 'maillog');
    const known = checkpoint(TEXT.subarray(0, 9000), 8000);
    writeFileSync(path, TEXT.subarray(0, 9000));
    assert.equal(await findCheckpoint(fileInput(path), [known]), known);
    appendFileSync(path, TEXT.subarray(9000));
    assert.equal(await findCheckpoint(fileInput(path), [known]), known);
    renameSync(path, `${path}.1`);
    assert.equal(await findCheckpoint(fileInput(`${path}.1`), [known]), known);
    const archive = written(`${path}.1.gz`, gzipSync(TEXT));
    assert.equal(await findCheckpoint(archive, [known]), known);
  });

  test('knows a source that was shorter than a head', async (t) => {
    const input = written(join(tempFolder(t), 'maillog'), TEXT);
    const known = checkpoint(TEXT.subarray(0, 100), 100);
    assert.equal(known.headLength, 100);
    assert.equal(await findCheckpoint(input, [known]), known);
  });

  test('takes the longest of several', async (t) => {
    const folder = tempFolder(t);
    const known = [8000, 15_000, 100_000, 9000].map((offset, id) => checkpoint(TEXT, offset, id));
    known[2] = { ...checkpoint(TEXT, 15_000, 2), offset: 100_000 };
    for (const bytes of [TEXT, gzipSync(TEXT)]) {
      const found = await findCheckpoint(written(join(folder, 'x'), bytes), known);
      assert.equal(found?.sourceId, 1);
    }
  });

  test('does not know a source whose tail was edited, or that was cut short', async (t) => {
    const folder = tempFolder(t);
    const known = checkpoint(TEXT, 12_000);
    const edited = Buffer.from(TEXT);
    edited[11_990] = 0x58;
    for (const content of [edited, TEXT.subarray(0, 11_999)]) {
      for (const bytes of [content, gzipSync(content)]) {
        const input = written(join(folder, 'x'), bytes);
        assert.equal(await findCheckpoint(input, [known]), undefined);
      }
    }
  });

  test('does not know another source, nor an empty one', async (t) => {
    const folder = tempFolder(t);
    const other = written(join(folder, 'a'), Buffer.from(logText(200, 9)));
    assert.equal(await findCheckpoint(other, [checkpoint(TEXT, 8000)]), undefined);
    const empty = written(join(folder, 'b'), Buffer.alloc(0));
    const ofEmpty = checkpoint(Buffer.alloc(0), 0);
    assert.equal(await findCheckpoint(empty, [ofEmpty]), undefined);
    assert.equal(await findCheckpoint(other, [ofEmpty]), undefined);
  });

  test('does not know a stream', async () => {
    const input = streamInput('-', () => Readable.from([TEXT]));
    assert.equal(await findCheckpoint(input, [checkpoint(TEXT, 8000)]), undefined);
  });
});

describe('TailDigest', () => {
  test('is the digest of the last bytes, however they come', () => {
    for (const size of [1, 1000, 4096, 10_000]) {
      const tail = new TailDigest();
      for (let at = 0; at < 12_000; at += size) {
        tail.update(TEXT.subarray(at, Math.min(12_000, at + size)));
      }
      const { tailLength, tailDigest } = checkpoint(TEXT, 12_000);
      assert.deepEqual(tail.read(), { tailLength, tailDigest });
    }
  });

  test('begins anew after what nobody has seen', () => {
    const tail = new TailDigest();
    tail.update(TEXT.subarray(0, 100));
    tail.skip();
    assert.deepEqual(tail.read(), { tailLength: 0, tailDigest: digest(Buffer.alloc(0)) });
    tail.update(TEXT.subarray(100, 130));
    assert.equal(tail.read().tailLength, 30);
  });
});
