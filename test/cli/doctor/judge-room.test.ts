/** Room on the disk and retention. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeRetention, judgeRoom, type Room } from '../../../src/cli/doctor/judge-room.ts';

const MIB = 1024 ** 2;
const ROOM: Room = {
  folder: '/var/lib/maillog',
  free: 50_000 * MIB,
  total: 100_000 * MIB,
  used: 1000 * MIB,
  reserve: 64 * MIB,
  days: 100,
};
const verdicts = (room: Partial<Room>): readonly string[] =>
  judgeRoom({ ...ROOM, ...room }).map(({ verdict, finding }) => `${verdict} ${finding}`);

test('while there is room there is nothing to say', () => {
  assert.deepEqual(verdicts({}), []);
});

test('below the reserve nothing is taken', () => {
  assert.match(verdicts({ free: 60 * MIB })[0] ?? '', /^fail .*below 64\.0 MiB the daemon takes/);
  // On a small disk the reserve is a share of it.
  assert.deepEqual(verdicts({ free: 60 * MIB, total: 100 * MIB, used: MIB }), []);
});

test('room for a few days, by how the database has grown', () => {
  const [finding = ''] = verdicts({ free: 5064 * MIB, used: 10_000 * MIB, days: 10 });
  assert.match(finding, /^warn .*at 1000\.0 MiB a day that lasts 5d 00h$/);
  assert.deepEqual(verdicts({ free: 5064 * MIB, used: 10_000 * MIB, days: 1 }), []);
  assert.match(verdicts({ free: 500 * MIB })[0] ?? '', /^warn/);
});

const NOW = Date.UTC(2026, 10, 24);
const DAY = 86_400_000;
const MARK = { from: NOW / 1000 - 30 * 86_400, day: '2026-10-25' };

test('what retention has dropped is told', () => {
  const first = NOW - 30 * DAY;
  const [finding] = judgeRetention({ days: 30, mark: MARK, first, now: NOW });
  assert.equal(finding?.verdict, 'ok');
  assert.match(finding?.finding ?? '', /^rows before 2026-10-25 were dropped.*30 days are kept/);
  assert.deepEqual(judgeRetention({ days: 0, mark: undefined, first, now: NOW }), []);
});

test('what it should have dropped is doubtful', () => {
  const late = { days: 30, mark: MARK, first: NOW - 40 * DAY, now: NOW };
  assert.equal(judgeRetention(late)[0]?.verdict, 'warn');
  assert.equal(judgeRetention({ ...late, days: 0 })[0]?.verdict, 'ok');
});
