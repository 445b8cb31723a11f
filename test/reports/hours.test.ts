import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOURS } from '../../reports/sections/hours.ts';

const ask = (start: string, end: string, zone: string) => ({
  start: new Date(start),
  end: new Date(end),
  zone,
  top: 10,
});

const quarter = (iso: string): number => Date.parse(iso) / 900_000;
const one = (iso: string) => ({ quarter: quarter(iso), messages: 1, deliveries: 2 });

function hoursOf(rows: readonly ReturnType<typeof one>[], context: ReturnType<typeof ask>) {
  return HOURS.shape?.(rows, context) ?? [];
}

test('the day the clocks go back has 25 hours, the hour that comes twice two rows', () => {
  // Europe/Berlin, 25 Oct 2026: 02:00 to 03:00 is there at 00:00Z and at 01:00Z.
  const context = ask('2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z', 'Europe/Berlin');
  const rows = hoursOf([one('2026-10-25T00:15:00Z'), one('2026-10-25T01:15:00Z')], context);
  assert.equal(rows.length, 25);
  const busy = rows.filter(({ messages }) => messages === 1).map(({ hour }) => hour);
  assert.deepEqual(busy, ['2026-10-25T00:00:00Z', '2026-10-25T01:00:00Z']);
});

test('hours begin on the clocks of zones that are half an hour off', () => {
  const context = ask('2026-11-23T18:30:00Z', '2026-11-24T18:30:00Z', 'Asia/Kolkata');
  const rows = hoursOf([one('2026-11-24T10:15:00Z'), one('2026-11-24T10:30:00Z')], context);
  assert.equal(rows.length, 24);
  assert.deepEqual(
    rows.filter(({ messages }) => messages === 1).map(({ hour }) => hour),
    ['2026-11-24T09:30:00Z', '2026-11-24T10:30:00Z'],
  );
});

test('quarters of one hour are summed', () => {
  const context = ask('2026-11-24T00:00:00Z', '2026-11-25T00:00:00Z', 'UTC');
  const rows = hoursOf([one('2026-11-24T05:00:00Z'), one('2026-11-24T05:45:00Z')], context);
  assert.deepEqual([rows[5]?.messages, rows[5]?.deliveries, rows[5]?.rejected], [2, 4, 0]);
});

test('a long period is told by days', () => {
  const context = ask('2026-10-22T22:00:00Z', '2026-10-26T23:00:00Z', 'Europe/Berlin');
  const rows = hoursOf([one('2026-10-25T22:45:00Z')], context);
  assert.deepEqual(
    rows.map(({ hour }) => hour),
    [
      '2026-10-22T22:00:00Z',
      '2026-10-23T22:00:00Z',
      '2026-10-24T22:00:00Z',
      '2026-10-25T23:00:00Z',
    ],
  );
  assert.equal(rows[2]?.messages, 1);
});

test('years are told by the days that had mail', () => {
  const context = ask('2001-01-01T00:00:00Z', '2026-11-25T00:00:00Z', 'Europe/Berlin');
  const rows = hoursOf([one('2001-03-04T05:00:00Z'), one('2026-11-24T05:00:00Z')], context);
  assert.deepEqual(
    rows.map(({ hour }) => hour),
    ['2001-03-03T23:00:00Z', '2026-11-23T23:00:00Z'],
  );
});

test('a period that begins and ends within hours has all of them', () => {
  const context = ask('2026-11-24T05:50:00Z', '2026-11-24T07:05:00Z', 'UTC');
  const rows = hoursOf([one('2026-11-24T06:00:00Z')], context);
  assert.deepEqual(
    rows.map(({ hour, messages }) => [hour, messages]),
    [
      ['2026-11-24T05:00:00Z', 0],
      ['2026-11-24T06:00:00Z', 1],
      ['2026-11-24T07:00:00Z', 0],
    ],
  );
});

test('no mail, no hours', () => {
  const context = ask('2026-11-24T00:00:00Z', '2026-11-25T00:00:00Z', 'UTC');
  assert.deepEqual(hoursOf([], context), []);
});
