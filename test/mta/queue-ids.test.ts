import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  encodeQueueId,
  IDS_OF_A_SECOND,
  isQueueId,
  QueueIdClock,
} from '../../src/format/queue-id.ts';
import { ProcessIds, QueueIds } from '../../src/mta/queue-ids.ts';
import { randomSource } from '../support/random.ts';

const START = Date.UTC(2026, 10, 24, 6, 13, 36);

function secondsOf(id: string): number {
  return new QueueIdClock(2059).secondsOf(Buffer.from(id), 0, id.length);
}

function makeIds(seed = 1, now = () => START) {
  const random = randomSource(seed);
  return new QueueIds({ now, random: () => random.below(2 ** 32) / 2 ** 32 });
}

suite('queue ids', () => {
  test('as sendmail spells them', () => {
    assert.equal(encodeQueueId(START / 1000, 59 * 60 + 58, 21_036), '6AO6Daxw021036');
    assert.equal(encodeQueueId(START / 1000, IDS_OF_A_SECOND, 1_021_036), '6AO6Da001021036');
  });

  test('what is encoded is decoded', () => {
    const random = randomSource(60);
    for (let round = 0; round < 2_000; round += 1) {
      const seconds = 946_684_800 + random.below(1_800_000_000);
      const id = encodeQueueId(seconds, random.below(IDS_OF_A_SECOND), random.below(1_000_000));
      assert.equal(secondsOf(id), seconds, id);
      assert.ok(isQueueId(Buffer.from(id), 0, id.length), id);
    }
  });

  test('a process counts up from anywhere and takes another second when it has gone round', () => {
    const ids = makeIds().idsOf(77);
    const made = Array.from({ length: 2 * IDS_OF_A_SECOND + 1 }, () => ids.next());
    assert.equal(new Set(made).size, made.length);
    const seconds = made.map((id) => secondsOf(id) - START / 1000);
    assert.deepEqual([...new Set(seconds)], [0, 1, 2]);
    assert.equal(seconds.filter((second) => second === 0).length, IDS_OF_A_SECOND);
    assert.ok(made.every((id) => id.endsWith('000077')));
  });

  test('ids of later seconds sort behind', () => {
    let now = START;
    const source = makeIds(2, () => now);
    const made = Array.from({ length: 200 }, (_, pid) => {
      now += 1_000;
      return source.idsOf(pid).next();
    });
    // By bytes, as a folder's listing in the C locale.
    assert.deepEqual([...made].sort(), made);
  });

  test('never twice: process ids that come again, clocks that go back', () => {
    const random = randomSource(3);
    let now = START;
    const source = makeIds(4, () => now);
    const seen = new Set<string>();
    let count = 0;
    const held = [source.idsOf(1), source.idsOf(2)];
    for (let round = 0; round < 30_000; round += 1) {
      if (random.chance(0.01)) now += random.below(5_000) - 2_000;
      const ids = random.pick([source.idsOf(round % 15_000), source.idsOf(5), ...held]);
      seen.add(ids.next());
      count += 1;
    }
    assert.equal(seen.size, count);
  });

  test('a run begins in a second that no earlier one can have used', async () => {
    const before = Math.floor(Date.now() / 1000);
    const source = new QueueIds({ now: Date.now, random: Math.random });
    await source.ready();
    assert.ok(secondsOf(source.idsOf(9).next()) > before);
  });
});

suite('process ids', () => {
  test('count up and begin again', () => {
    const pids = new ProcessIds(999_997);
    assert.deepEqual(
      Array.from({ length: 4 }, () => pids.next()),
      [999_998, 999_999, 300, 301],
    );
    assert.equal(new ProcessIds(4_000_000).next(), 301);
  });
});
