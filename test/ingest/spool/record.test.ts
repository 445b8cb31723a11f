import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { suite, test } from 'node:test';
import type { RecordContent, RecordKind } from '../../../ingest/spool/record.ts';
import {
  DAMAGED,
  decodeRecord,
  encodeRecord,
  HEADER_BYTES,
  INCOMPLETE,
  KIND_CODES,
  MAX_PAYLOAD_BYTES,
  measureRecord,
  wholeRecords,
} from '../../../ingest/spool/record.ts';
import { RecordBuffer } from '../../../ingest/spool/record-buffer.ts';
import { randomSource } from '../../support/random.ts';
import { randomBytes } from './spools.ts';

const KINDS = Object.keys(KIND_CODES) as [RecordKind, ...RecordKind[]];

function encoded(content: RecordContent, session: number): Buffer {
  const target = Buffer.alloc(HEADER_BYTES + content.bytes.length);
  assert.equal(encodeRecord(target, 0, content, session), target.length);
  return target;
}

suite('a record', () => {
  test('is as its description says', () => {
    const bytes = encoded({ kind: 'cut', bytes: Buffer.from('hello'), length: 0x01020304 }, 7);
    assert.equal(
      bytes.subarray(0, 16).toString('hex'),
      `d5030000${'05000000'}${'07000000'}${'04030201'}`,
    );
    assert.equal(bytes.subarray(HEADER_BYTES).toString(), 'hello');
  });

  test('comes back as it was', () => {
    const random = randomSource(1);
    for (let i = 0; i < 2000; i += 1) {
      const kind = random.pick(KINDS);
      const content = {
        kind,
        bytes: randomBytes(random, random.below(300)),
        length: i * 1_000_000,
      };
      const session = random.below(2 ** 32);
      const bytes = encoded(content, session);
      const decoded = decodeRecord(bytes, 0, bytes.length);
      assert.deepEqual(decoded, {
        outcome: 'record',
        record: { ...content, session },
        size: bytes.length,
      });
    }
  });

  test('holds lengths and sessions of 32 bits', () => {
    const bytes = encoded({ kind: 'line', bytes: Buffer.alloc(0), length: 2 ** 40 }, 2 ** 32 - 1);
    const decoded = decodeRecord(bytes, 0, bytes.length);
    assert.ok(decoded.outcome === 'record');
    assert.equal(decoded.record.length, 2 ** 32 - 1);
    assert.equal(decoded.record.session, 2 ** 32 - 1);
  });

  test('is incomplete at every place it may be cut', () => {
    const bytes = encoded({ kind: 'line', bytes: Buffer.from('some line'), length: 9 }, 1);
    for (let end = 0; end < bytes.length; end += 1) {
      assert.equal(measureRecord(bytes, 0, end), INCOMPLETE, `${end} bytes`);
    }
  });

  test('is damaged by any flipped bit, or incomplete where its length grew', () => {
    const bytes = encoded({ kind: 'line', bytes: Buffer.from('some line'), length: 9 }, 1);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const size = measureRecord(flipped, 0, flipped.length);
      const inLength = bit >> 5 === 1;
      assert.ok(size === DAMAGED || (inLength && size === INCOMPLETE), `bit ${bit}: ${size}`);
    }
  });

  test('with a length that no record has is damaged, not waited for', () => {
    const bytes = encoded({ kind: 'line', bytes: Buffer.alloc(0), length: 0 }, 1);
    bytes.writeUInt32LE(MAX_PAYLOAD_BYTES + 1, 4);
    assert.equal(measureRecord(bytes, 0, bytes.length), DAMAGED);
  });

  test('of any bytes is one of three outcomes', () => {
    const random = randomSource(2);
    const outcomes = new Set<string>();
    for (let i = 0; i < 20_000; i += 1) {
      const bytes = randomBytes(random, random.below(64));
      // Enough of a header that what is behind it is looked at, too.
      for (let at = 0; at < Math.min(bytes.length, random.below(6)); at += 1) {
        bytes[at] = [0xd5, 1 + random.below(8), 0, 0, random.below(50), 0][at] ?? 0;
      }
      if (bytes.length > 8 && random.chance(0.5)) bytes.fill(0, 5, 8);
      const at = random.below(bytes.length + 2);
      const decoded = decodeRecord(bytes, at, at + random.below(80));
      outcomes.add(decoded.outcome);
    }
    assert.ok(outcomes.has('incomplete') && outcomes.has('damaged'));
  });
});

suite('records in a buffer', () => {
  test('are counted whole', () => {
    const random = randomSource(3);
    const buffer = new RecordBuffer();
    const ends = [0];
    for (let i = 0; i < 100; i += 1) {
      buffer.add({ kind: 'line', bytes: randomBytes(random, random.below(30)), length: 1 }, i);
      ends.push(buffer.length);
    }
    for (let limit = 0; limit <= buffer.length; limit += 1) {
      assert.equal(
        wholeRecords(buffer.bytes, limit),
        ends.findLast((end) => end <= limit),
      );
    }
  });

  test('outgrow it and keep their bytes', () => {
    const buffer = new RecordBuffer();
    const lines = Array.from({ length: 40 }, (_, i) => Buffer.alloc(100_000, i));
    for (const [i, bytes] of lines.entries()) buffer.add({ kind: 'line', bytes, length: i }, i);
    let at = 0;
    for (const bytes of lines) {
      const decoded = decodeRecord(buffer.bytes, at, buffer.length);
      assert.ok(decoded.outcome === 'record' && bytes.equals(decoded.record.bytes));
      at += decoded.size;
    }
    buffer.clear();
    assert.equal(buffer.length, 0);
  });
});
