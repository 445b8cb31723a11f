/** Hosts that have fallen silent, clocks that are off, zones that are wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeClocks, judgeSilence } from '../../../src/cli/doctor/judge-hosts.ts';
import type { Stamped, StoredHost } from '../../../src/cli/doctor/source-rows.ts';
import { queueIdAt } from '../../e2e/sample-log.ts';

const NOW = Date.UTC(2026, 10, 24, 12);
const HOUR = 3_600_000;
const host = (name: string, hoursAgo: number, days = 7, hours = 24): StoredHost => ({
  host: name,
  newest: NOW - hoursAgo * HOUR,
  days,
  hours,
});
const silent = (...hosts: readonly StoredHost[]): string =>
  judgeSilence(hosts, NOW)
    .map(({ finding }) => finding)
    .join('\n');

test('a host that logged regularly and has not for a day', () => {
  assert.equal(
    silent(host('mx1', 0), host('mx2', 26)),
    'nothing from mx2 for 1d 02h (logged on 7 of the 7 days before)',
  );
  assert.match(silent(host('mx1', 0), host('mx2', 30, 1, 20)), /logged hourly before/);
});

test('not one that logs now and then, was silent for less, or is gone for good', () => {
  assert.equal(silent(host('mx1', 0), host('mx2', 26, 2, 3)), '');
  assert.equal(silent(host('mx1', 0), host('mx2', 23)), '');
  assert.equal(silent(host('mx1', 0), host('mx2', 24 * 9)), '');
});

test('not when nothing comes in at all, nor for a host that is ahead', () => {
  assert.equal(silent(host('mx1', 30), host('mx2', 31)), '');
  assert.equal(silent(host('mx1', -48), host('mx2', 2)), '');
  assert.deepEqual(judgeSilence([], NOW), []);
});

test('many are told in one line', () => {
  const hosts = Array.from({ length: 8 }, (_, index) => host(`mx${index}`, 30));
  assert.match(silent(host('live', 0), ...hosts), / and 3 more$/);
});

/** Messages of a host whose stamps are off by so many seconds. */
function messages(name: string, off: number): readonly Stamped[] {
  return [1, 2, 3, 4].map((minute) => {
    const second = NOW / 1000 - minute * 60;
    return { host: name, queueId: queueIdAt(second, minute, 100), loggedAt: (second + off) * 1000 };
  });
}

function clocks(hosts: readonly StoredHost[], stamped: readonly Stamped[]): readonly string[] {
  return judgeClocks(hosts, stamped, new Date(NOW)).map(
    ({ finding, advice }) => `${finding} -> ${advice}`,
  );
}

test('whole hours are a zone, anything else a clock', () => {
  const stamped = [
    ...messages('good', 2),
    ...messages('zone', 3 * 3600),
    ...messages('slow', -2000),
  ];
  const found = clocks([], stamped);
  assert.equal(found.length, 2);
  assert.match(found[0] ?? '', /^zone: its stamps are 3h 00m ahead of .*looks like a time zone/);
  assert.match(found[1] ?? '', /^slow: its stamps are 33m 20s behind .*looks like a clock/);
});

test('two messages say nothing yet', () => {
  assert.deepEqual(clocks([], messages('zone', 3600).slice(0, 2)), []);
});

test('lines of the future are told once', () => {
  assert.match(
    clocks([host('mx1', -2)], [])[0] ?? '',
    /mx1: its newest line is of 2h 00m from now/,
  );
  assert.equal(clocks([host('zone', -3)], messages('zone', 3 * 3600)).length, 1);
  assert.deepEqual(clocks([host('mx1', 0)], []), []);
});
