import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import {
  emptyStatistics,
  encodeStatistics,
  kilobytesOf,
  MAX_MAILERS,
  type MailStatistics,
  parseStatistics,
} from '../../src/format/sendmail-st.ts';
import { randomSource } from '../support/random.ts';

const golden = readFileSync('test/fixtures/mailstats/sendmail.st');

function parsed(bytes: Uint8Array): MailStatistics {
  const outcome = parseStatistics(bytes);
  assert.equal(outcome.kind, 'statistics');
  return outcome.kind === 'statistics' ? outcome.statistics : assert.fail();
}

function withBytes(at: number, values: readonly number[]): Uint8Array {
  const bytes = Uint8Array.from(golden);
  bytes.set(values, at);
  return bytes;
}

describe('sendmail.st', () => {
  test('a real file gives every counter its place', () => {
    const statistics = parsed(golden);
    assert.equal(statistics.startedAt, 1_700_000_000n);
    assert.equal(statistics.connectionsFrom, 5555n);
    assert.equal(statistics.connectionsTo, 4444n);
    assert.equal(statistics.connectionsRejected, 54n);
    assert.equal(statistics.messagesFrom[3], 1234n);
    assert.equal(statistics.kilobytesFrom[4], 12_345_678_901n);
    assert.equal(statistics.messagesTo[0], 2n);
    assert.equal(statistics.kilobytesTo[0], 9n);
    assert.equal(statistics.rejected[9], 42n);
    assert.equal(statistics.discarded[3], 3n);
    assert.equal(statistics.quarantined[3], 1n);
    assert.equal(statistics.quarantined.length, MAX_MAILERS);
  });

  test('a real file comes back byte for byte', () => {
    assert.deepEqual(Buffer.from(encodeStatistics(parsed(golden))), golden);
  });

  test('bytes after the structure are ignored', () => {
    assert.deepEqual(parsed(Buffer.concat([golden, Buffer.from('more')])), parsed(golden));
  });

  test('the whole of int64 is exact both ways', () => {
    const extremes = [-(2n ** 63n), 2n ** 63n - 1n, -1n, 2n ** 53n + 1n];
    const counters = Array.from({ length: MAX_MAILERS }, (_, i) => extremes[i % 4] ?? 0n);
    const statistics = {
      ...emptyStatistics(-(2n ** 63n)),
      connectionsRejected: 2n ** 63n - 1n,
      messagesFrom: counters,
      quarantined: counters,
    };
    assert.deepEqual(parsed(encodeStatistics(statistics)), statistics);
  });

  test('fewer mailers than the file has room for are filled up, more are refused', () => {
    const few = parsed(encodeStatistics({ ...emptyStatistics(0n), rejected: [1n, 2n] }));
    assert.deepEqual(few.rejected.slice(0, 3), [1n, 2n, 0n]);
    const many = { ...emptyStatistics(0n), rejected: Array.from({ length: 26 }, () => 1n) };
    assert.throws(() => encodeStatistics(many), RangeError);
  });

  test('what is wrong is named in the order in which mailstats looks', () => {
    assert.deepEqual(parseStatistics(new Uint8Array()), { kind: 'empty' });
    const bad = readFileSync('test/fixtures/mailstats/bad.st');
    assert.deepEqual(parseStatistics(bad), { kind: 'bad-magic' });
    const short = readFileSync('test/fixtures/mailstats/short.st');
    assert.deepEqual(parseStatistics(short), { kind: 'short' });
    assert.deepEqual(parseStatistics(golden.subarray(0, 1447)), { kind: 'short' });
    assert.deepEqual(parseStatistics(golden.subarray(0, 4)), { kind: 'bad-version', version: 0 });
    const other = withBytes(4, [0xfd, 0xff, 0xff, 0xff]);
    assert.deepEqual(parseStatistics(other), { kind: 'bad-version', version: -3 });
    assert.deepEqual(parseStatistics(withBytes(16, [0xff, 0xff])), { kind: 'bad-size', size: -1 });
    const bigEndian = withBytes(0, [0, 1, 0xb1, 0xde]);
    assert.deepEqual(parseStatistics(bigEndian), { kind: 'bad-magic' });
  });

  test('kilobytes are rounded up', () => {
    assert.deepEqual([0n, 1n, 1000n, 1001n].map(kilobytesOf), [0n, 1n, 1n, 2n]);
  });

  test('damaged files always give an outcome, and a good one comes back', () => {
    const random = randomSource(20_231_114);
    for (let round = 0; round < 3000; round++) {
      const bytes = Uint8Array.from(golden.subarray(0, random.below(golden.length + 1)));
      const damaged = random.chance(0.5) ? Uint8Array.from(golden) : bytes;
      for (let hits = random.below(4); hits > 0; hits--) {
        damaged[random.below(damaged.length || 1)] = random.below(256);
      }
      const outcome = parseStatistics(damaged);
      if (outcome.kind === 'statistics') {
        // The padding is not kept.
        damaged.fill(0, 18, 24);
        assert.deepEqual(encodeStatistics(outcome.statistics), damaged);
      }
    }
  });
});
