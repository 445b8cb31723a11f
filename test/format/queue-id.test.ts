/** Queue ids: their shape, and the second that those since 8.10 tell. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  daysFromCivil,
  isQueueId,
  QueueIdClock,
  queueIdLength,
} from '../../src/format/queue-id.ts';

const secondsOf = (id: string, latestYear = 2027): number =>
  new QueueIdClock(latestYear).secondsOf(Buffer.from(id), 0, id.length);
const timeOf = (id: string, latestYear?: number): string =>
  new Date(secondsOf(id, latestYear) * 1000).toISOString();
const lengthOf = (text: string): number => queueIdLength(Buffer.from(text), 0, text.length);
const isId = (text: string): boolean => isQueueId(Buffer.from(text), 0, text.length);

test("the second of an id's making, in UTC", () => {
  assert.equal(timeOf('6AO6Daxu021036'), '2026-11-24T06:13:36.000Z');
  assert.equal(timeOf('6AO6Daxu1021036'), '2026-11-24T06:13:36.000Z');
  assert.equal(timeOf('41T0000d009098'), '2024-02-29T00:00:00.000Z');
  assert.equal(timeOf('501000vR009161'), '2025-01-01T00:00:00.000Z');
  assert.equal(timeOf('w2E7BqnR016384'), '2018-03-14T07:11:52.000Z');
});

test('years come again every 60: the latest possible is meant', () => {
  assert.equal(timeOf('f19GFOv16972', 2027), '2001-02-09T16:15:24.000Z');
  assert.equal(timeOf('6AO6Daxu021036', 2025), '1966-11-24T06:13:36.000Z');
});

test('ids that tell no time', () => {
  for (const id of [
    'UAA02587',
    'AAA26050',
    'xx',
    '',
    '6xO6Daxu021036',
    '6A06Daxu021036',
    '6AOz0000021036',
    '6AO6z000021036',
  ]) {
    assert.equal(secondsOf(id), -1, id);
  }
});

test('lengths of ids before a colon or a bracket', () => {
  assert.equal(lengthOf('6AO6Daxu021036: x'), 14);
  assert.equal(lengthOf('6AO6Daxu1021036: x'), 15);
  assert.equal(lengthOf('f19GFOv16972: x'), 12);
  assert.equal(lengthOf('UAA02587: x'), 8);
  assert.equal(lengthOf('6AO6Daxu021036[2]: x'), 14);
  for (const text of [
    'NOQUEUE: x',
    'AUTH=server',
    'alias database',
    '',
    ':',
    'localhost: x',
    '6AO6Daxu021036',
    '6AO6Daxu02103x: x',
    'CBB9A47452: x',
    '3Xjd8k0Bq2zZ1s: x',
  ]) {
    assert.equal(lengthOf(text), 0, text);
  }
});

test('the shape of a whole id', () => {
  assert.ok(isId('6AO6Daxu021036') && isId('QAA00001') && isId('kBC502520512'));
  assert.ok(!isId('1234567890') && !isId('6AO6Da-u021036') && !isId('A'.repeat(30)));
});

test('days of the calendar', () => {
  assert.equal(daysFromCivil(1970, 1, 1), 0);
  assert.equal(daysFromCivil(2000, 3, 1) - daysFromCivil(2000, 2, 28), 2);
  assert.equal(daysFromCivil(2026, 11, 24) * 86_400_000, Date.UTC(2026, 10, 24));
  assert.equal(daysFromCivil(1969, 12, 31), -1);
});
