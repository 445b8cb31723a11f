import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { StreamReader } from '../../../ingest/source/byte-reader.ts';
import { type Decoded, decompress, detectFormat } from '../../../ingest/source/decompress.ts';
import { ARCHIVES, hasTool, logText, pipe, SAMPLE, seeded, skippableFrame } from './samples.ts';

interface Outcome {
  readonly bytes: Buffer;
  readonly error: string | undefined;
}

/** Runs a decoder over chunks of `chunkSize` bytes. */
async function decode(archive: Buffer, chunkSize = 1000): Promise<Outcome> {
  const chunks: Buffer[] = [];
  for (let at = 0; at < archive.length; at += chunkSize) {
    chunks.push(archive.subarray(at, at + chunkSize));
  }
  const format = detectFormat(archive);
  assert.notEqual(format, 'plain');
  const parts: Buffer[] = [];
  let error: string | undefined;
  if (format === 'plain') return { bytes: archive, error };
  const reader = new StreamReader(Readable.from(chunks));
  for await (const item of decompress(reader, format) as AsyncIterable<Decoded>) {
    assert.equal(error, undefined, 'nothing follows an error');
    if (item.kind === 'error') error = item.message;
    else parts.push(Buffer.from(item.bytes));
  }
  return { bytes: Buffer.concat(parts), error };
}

const all = { gzip: gzipSync(SAMPLE), ...ARCHIVES };
const twice = Buffer.concat([SAMPLE, SAMPLE]);

for (const [format, archive] of Object.entries(all)) {
  describe(format, () => {
    test('is known by its content', () => {
      assert.equal(detectFormat(archive), format);
      assert.equal(detectFormat(archive.subarray(0, 12)), format);
    });

    for (const chunkSize of [1, 7, 1000, 100_000]) {
      test(`is decompressed from chunks of ${chunkSize}`, async () => {
        assert.deepEqual(await decode(archive, chunkSize), { bytes: SAMPLE, error: undefined });
      });
    }

    test('continues with what is appended', async () => {
      const { bytes, error } = await decode(Buffer.concat([archive, archive]));
      assert.equal(error, undefined);
      assert.ok(bytes.equals(twice));
    });

    test('gives what precedes a truncation, then an error', async () => {
      for (let length = 13; length < archive.length; length += 17) {
        const whole = Buffer.concat([archive, archive.subarray(0, length)]);
        const { bytes, error } = await decode(whole);
        assert.match(error ?? '', /truncated/, `cut at ${length}`);
        assert.ok(bytes.length >= SAMPLE.length, `cut at ${length}`);
        assert.ok(twice.subarray(0, bytes.length).equals(bytes), `cut at ${length}`);
      }
    });

    test('survives any damage', async () => {
      const random = seeded(7);
      for (let round = 0; round < 150; round++) {
        const damaged = Buffer.from(Buffer.concat([archive, archive]));
        const at = 12 + Math.floor(random() * (damaged.length - 12));
        damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(random() * 8));
        const { bytes, error } = await decode(damaged);
        const isIntact = bytes.equals(twice);
        // A header's time stamp may be anything, and damage at a member's first bytes makes it garbage.
        const isGarbage = bytes.equals(SAMPLE) && (format === 'gzip' || format === 'bzip2');
        assert.ok(isIntact || isGarbage || error !== undefined, `bit in byte ${at}`);
        if (at >= archive.length) assert.ok(bytes.subarray(0, SAMPLE.length).equals(SAMPLE));
      }
    });
  });
}

describe('padding and garbage', () => {
  const zeros = Buffer.alloc(512);
  const garbage = Buffer.from('garbage, not a member');
  for (const format of ['gzip', 'bzip2'] as const) {
    test(`${format} ignores what follows the last member`, async () => {
      for (const tail of [zeros, garbage]) {
        const outcome = await decode(Buffer.concat([all[format], tail]));
        assert.deepEqual(outcome, { bytes: SAMPLE, error: undefined });
      }
    });
  }

  test('xz streams may be padded', async () => {
    const outcome = await decode(Buffer.concat([all.xz, zeros, all.xz, zeros]));
    assert.deepEqual(outcome, { bytes: twice, error: undefined });
  });

  test('zstd frames may be skippable, the first one too', async () => {
    const frames = [skippableFrame('index'), all.zstd, skippableFrame(''), all.zstd];
    const outcome = await decode(Buffer.concat(frames));
    assert.deepEqual(outcome, { bytes: twice, error: undefined });
  });

  for (const format of ['zstd', 'xz'] as const) {
    test(`${format} reports garbage after its end`, async () => {
      const { bytes, error } = await decode(Buffer.concat([all[format], garbage]));
      assert.ok(bytes.equals(SAMPLE));
      assert.match(error ?? '', /follow/);
    });
  }
});

describe('gzip members', () => {
  test('with all optional header fields', async () => {
    const plain = gzipSync(SAMPLE);
    const header = Buffer.from(plain.subarray(0, 10));
    header[3] = 2 + 4 + 8 + 16;
    const fields = Buffer.from('\x03\x00abcmaillog\0a comment\0\x12\x34', 'latin1');
    const archive = Buffer.concat([header, fields, plain.subarray(10), plain]);
    assert.deepEqual(await decode(archive, 3), { bytes: twice, error: undefined });
  });

  test('by the thousand, as a logger that compresses each line writes them', async () => {
    const lines = logText(2000).split(/(?<=\n)/);
    const archive = Buffer.concat(lines.map((line) => gzipSync(line)));
    const { bytes, error } = await decode(archive, 65_536);
    assert.equal(error, undefined);
    assert.equal(bytes.toString(), lines.join(''));
  });

  test('with a wrong checksum give their bytes and an error', async () => {
    const archive = gzipSync(SAMPLE);
    archive.writeUInt32LE(1, archive.length - 8);
    const { bytes, error } = await decode(archive);
    assert.ok(bytes.equals(SAMPLE));
    assert.match(error ?? '', /checksum/);
  });

  test('lose little before a corrupt spot', async () => {
    const text = Buffer.from(logText(20_000));
    const archive = gzipSync(text);
    const middle = archive.length >> 1;
    archive.fill(0xff, middle, middle + 64);
    const { bytes, error } = await decode(archive, 65_536);
    assert.ok(error !== undefined);
    assert.ok(bytes.length > text.length * 0.45, `${bytes.length} of ${text.length}`);
    const intact = Math.floor(text.length * 0.45);
    assert.ok(bytes.subarray(0, intact).equals(text.subarray(0, intact)));
  });
});

describe('against the command-line tools', () => {
  const text = Buffer.from(logText(8000, 3));
  const noise = Buffer.from(Array.from({ length: 100_000 }, seeded(5)).map((n) => n * 256));
  const runs = Buffer.from('a'.repeat(300_000) + 'ab'.repeat(20_000) + '\n'.repeat(700_000));
  const commands: readonly (readonly [string, ...string[]])[] = [
    ['gzip', '-1'],
    ['gzip', '-9'],
    ['zstd', '-1'],
    ['zstd', '-19', '--no-check'],
    ['zstd', '--long=27', '--ultra', '-22'],
    ['bzip2', '-1'],
    ['bzip2', '-9'],
    ['xz', '-0'],
    ['xz', '-9', '--check=crc32'],
    ['xz', '-1', '--check=none', '--block-size=100000'],
  ];
  for (const [tool, ...args] of commands) {
    const skip = !hasTool(tool);
    test(`${tool} ${args.join(' ')}`, { skip }, async () => {
      for (const content of [text, noise, runs, Buffer.alloc(0)]) {
        const archive = pipe(tool, [...args, '-c'], content);
        const { bytes, error } = await decode(archive, 65_536);
        assert.equal(error, undefined);
        assert.ok(bytes.equals(content));
        const truncated = await decode(archive.subarray(0, archive.length * 0.7), 65_536);
        assert.ok(content.subarray(0, truncated.bytes.length).equals(truncated.bytes));
        assert.match(truncated.error ?? '', /truncated/);
      }
    });
  }

  test('an xz check that is not supported says so', { skip: !hasTool('xz') }, async () => {
    const archive = pipe('xz', ['-c', '--check=sha256'], SAMPLE);
    const { error } = await decode(archive);
    assert.match(error ?? '', /not supported.*xz -d/);
  });

  test('a zstd window that is too large says so', { skip: !hasTool('zstd') }, async () => {
    const archive = pipe('zstd', ['-c', '--long=30', '--single-thread'], SAMPLE);
    const { error } = await decode(archive);
    assert.match(error ?? '', /128 MiB.*zstd -d/);
  });

  test('two archives are decompressed side by side', { skip: !hasTool('xz') }, async () => {
    const archives = ['xz', 'zstd'].filter(hasTool).flatMap((tool) => {
      const archive = pipe(tool, ['-c'], text);
      return [archive, archive];
    });
    const outcomes = await Promise.all(archives.map((archive) => decode(archive, 5000)));
    for (const { bytes, error } of outcomes) {
      assert.equal(error, undefined);
      assert.ok(bytes.equals(text));
    }
  });
});

describe('what is no archive', () => {
  const odd = [
    '',
    '\x1f',
    '\x1f\x8b',
    '\x1f\x8b Nov  1 00:00:00',
    '\x1f\x8b\x08Nov  1 00:00:00',
    'BZh',
    'BZh9 is how bzip2 begins',
    'BZhello',
    '\xfd7zXZ Nov  1 00:00:00',
    '\xfd7zXZ\0Nov  1 00:00:00',
    '\x28\xb5\x2f Nov  1 00:00:00',
    '(\xb5/\xfdNov',
    '\0\0\0\0\0\0\0\0Nov  1 00:00:00',
    '\xef\xbb\xbfNov  1 00:00:00',
    'PK is no zip',
  ];
  for (const head of odd) {
    test(`${JSON.stringify(head)} is plain`, () => {
      assert.equal(detectFormat(Buffer.from(head, 'latin1')), 'plain');
    });
  }

  test('other archives are refused', async () => {
    const { bytes, error } = await decode(Buffer.from('PK\x03\x04 and so on', 'latin1'));
    assert.equal(bytes.length, 0);
    assert.match(error ?? '', /unpack it first/);
  });
});
