/**
 * The time of lines whose stamps lack year and zone, told by queue ids: turns of the year, leap days, clocks
 * put forward and back, odd zones, several hosts, edited logs.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClockOptions } from '../../../ingest/pipeline/clock.ts';
import { queueIdAt, stampAt } from '../../e2e/sample-log.ts';
import { makeParser, readLines } from '../read-lines.ts';

const HOUR = 3600;
const DAY = 86_400;
/** A site far from the log, in another year. */
const AWAY: ClockOptions = { defaultZone: () => 9 * HOUR, latest: Date.UTC(2035, 5, 1) / 1000 };

const utc = (text: string): number => Date.parse(`${text}Z`) / 1000;

/** A from= line logged at a UTC second by a host whose clock is that far east. */
function from(at: number, offset: number, host = 'mx1'): string {
  const id = queueIdAt(at, at % 3600, 21_036);
  return `${stampAt(at, offset)} ${host} sm-mta[21036]: ${id}: from=<a@b>, size=1, class=0, nrcpts=1, msgid=<1@x>, proto=ESMTP, daemon=MTA, relay=[192.0.2.1]`;
}

/** A line that tells no time but its stamp. */
function silent(at: number, offset: number, host = 'mx1'): string {
  return `${stampAt(at, offset)} ${host} sm-mta[21036]: rejecting connections on daemon MTA: load average: 12`;
}

function isoTimes(seconds: readonly number[]): string[] {
  return seconds.map((second) => new Date(second * 1000).toISOString());
}

/** The seconds from `start` on, one a step. */
function steps(start: number, count: number, step: number): number[] {
  return Array.from({ length: count }, (_, index) => start + index * step);
}

/** Lines of these seconds, silent but for every third, read with the wrong site. */
function assertTold(
  seconds: readonly number[],
  offsetAt: (second: number) => number,
  clock = AWAY,
): void {
  const lines = seconds.map((second, index) =>
    (index % 3 === 0 ? from : silent)(second, offsetAt(second)),
  );
  assert.deepEqual(readLines(lines, makeParser(clock)).times, isoTimes(seconds));
}

for (const [name, offset] of [
  ['UTC', 0],
  ['half an hour', 5.5 * HOUR],
  ['three quarters', 5.75 * HOUR],
  ['west, half an hour', -3.5 * HOUR],
  ['far east', 14 * HOUR],
  ['far west', -11 * HOUR],
] as const) {
  test(`year and zone are told by the ids: ${name}`, () => {
    assertTold(steps(utc('2026-11-24T22:00:00'), 200, 97), () => offset);
  });
}

test('the year turns', () => {
  assertTold(steps(utc('2026-12-31T23:00:00'), 100, 71), () => 0);
  assertTold(steps(utc('2026-12-31T23:00:00'), 100, 71), () => 2 * HOUR);
  assertTold(steps(utc('2026-12-31T23:00:00'), 100, 71), () => -5 * HOUR);
});

test('a log over three years, a line a day', () => {
  assertTold(steps(utc('2023-11-01T12:00:00'), 800, DAY), () => HOUR);
});

test('a leap day', () => {
  assertTold(steps(utc('2024-02-28T20:00:00'), 150, 900), () => HOUR);
});

test('months of silence', () => {
  const seconds = [
    '2023-12-31T00:00:02',
    '2024-07-18T00:00:01',
    '2025-05-14T00:00:00',
    '2025-12-31T00:00:01',
  ].map(utc);
  const lines = seconds.map((second) => from(second, 0));
  assert.deepEqual(readLines(lines, makeParser(AWAY)).times, isoTimes(seconds));
});

/** Europe/Berlin around its turns of 2026. */
const FALL = utc('2026-10-25T01:00:00');
const SPRING = utc('2026-03-29T01:00:00');
const berlinFall = (second: number): number => (second < FALL ? 2 * HOUR : HOUR);
const berlinSpring = (second: number): number => (second < SPRING ? HOUR : 2 * HOUR);

for (const [density, count, step] of [
  ['dense', 1200, 10],
  ['a line in three minutes', 80, 180],
  ['few lines', 24, 900],
] as const) {
  test(`the clock is put back: ${density}`, () => {
    assertTold(steps(FALL - (count / 2) * step, count, step), berlinFall);
  });

  test(`the clock is put forward: ${density}`, () => {
    assertTold(steps(SPRING - (count / 2) * step, count, step), berlinSpring);
  });
}

test('a zone that was given is believed, the year is still told by the ids', () => {
  const seconds = steps(utc('2026-11-24T06:00:00'), 30, 60);
  const clock: ClockOptions = { ...AWAY, zone: () => HOUR };
  assertTold(seconds, () => HOUR, clock);
});

test("without any id: the site's zone, and the latest year that is not ahead", () => {
  const clock: ClockOptions = { defaultZone: () => HOUR, latest: utc('2027-01-10T00:00:00') };
  const seconds = steps(utc('2026-12-30T22:30:00'), 60, HOUR);
  const lines = seconds.map((second) => silent(second, HOUR));
  assert.deepEqual(readLines(lines, makeParser(clock)).times, isoTimes(seconds));
});

test('without any id: a leap day needs a leap year', () => {
  const clock: ClockOptions = { defaultZone: () => 0, latest: utc('2024-03-02T00:00:00') };
  const seconds = steps(utc('2024-02-28T12:00:00'), 12, 6 * HOUR);
  const lines = seconds.map((second) => silent(second, 0));
  assert.deepEqual(readLines(lines, makeParser(clock)).times, isoTimes(seconds));
});

test("the user's year is that of the first line", () => {
  const clock: ClockOptions = {
    defaultZone: () => 0,
    latest: utc('2035-01-01T00:00:00'),
    year: 2019,
  };
  const seconds = steps(utc('2019-12-31T12:00:00'), 10, 4 * HOUR);
  const lines = seconds.map((second) => silent(second, 0));
  assert.deepEqual(readLines(lines, makeParser(clock)).times, isoTimes(seconds));
});

test('lines out of order by minutes keep their own times', () => {
  const seconds = steps(utc('2026-12-31T23:55:00'), 120, 5);
  const shuffled = seconds.map((_, index) => seconds[(index * 37) % seconds.length] ?? 0);
  assertTold(shuffled, () => HOUR);
});

test('two hosts in one log, each with its own zone', () => {
  const seconds = steps(utc('2026-11-24T06:00:00'), 200, 30);
  const lines = seconds.map((second, index) =>
    index % 2 === 0 ? from(second, 0, 'mx1') : from(second, -5 * HOUR, 'mx2'),
  );
  assert.deepEqual(readLines(lines, makeParser(AWAY)).times, isoTimes(seconds));
});

test('a log in many blocks', () => {
  const parser = makeParser(AWAY);
  const seconds = steps(FALL - 3 * HOUR, 600, 36);
  const times: string[] = [];
  for (let start = 0; start < seconds.length; start += 50) {
    const part = seconds.slice(start, start + 50);
    const lines = part.map((second) => from(second, berlinFall(second)));
    times.push(...readLines(lines, parser).times);
  }
  assert.deepEqual(times, isoTimes(seconds));
});

test('a message that waited in the queue tells the time by its delay', () => {
  const made = utc('2026-11-20T06:00:00');
  const id = queueIdAt(made, 5, 21_036);
  const lines = steps(made + 3 * DAY, 40, 600).map((at) => {
    const delay = at - made;
    const clock = new Date((delay % DAY) * 1000).toISOString().slice(11, 19);
    return `${stampAt(at, HOUR)} mx1 sm-mta[9]: ${id}: to=<a@b>, delay=${Math.floor(delay / DAY)}+${clock}, xdelay=00:00:00, mailer=esmtp, pri=1, dsn=4.4.1, stat=Deferred`;
  });
  assert.deepEqual(
    readLines(lines, makeParser(AWAY)).times,
    isoTimes(steps(made + 3 * DAY, 40, 600)),
  );
});

test('stamps with a zone are believed, stamps with a year need only the zone', () => {
  const at = utc('2026-11-24T06:00:00');
  const line = from(at, 0).slice(16);
  const stamps = ['2026-11-24T06:00:00+00:00', '2026-11-24T07:00:00+01:00'];
  for (const stamp of stamps) {
    assert.deepEqual(
      readLines([`${stamp} ${line}`], makeParser(AWAY)).times,
      isoTimes([at]),
      stamp,
    );
  }
  const local = Array.from({ length: 20 }, () => `2026-11-24T11:30:00 ${line}`);
  assert.deepEqual(readLines(local, makeParser(AWAY)).times, isoTimes(local.map(() => at)));
});

test('an edited log is noticed, and its lines keep their own stamps', () => {
  const at = utc('2026-11-24T06:00:00');
  const edited = from(at, 0).replace('Nov 24', 'Nov 14');
  const { parser, times } = readLines(
    [...steps(at - HOUR, 20, 60).map((second) => from(second, 0)), edited],
    makeParser(AWAY),
  );
  assert.equal(times.at(-1), '2026-11-14T06:00:00.000Z');
  assert.equal(parser.clock.mismatches, 1);
  assert.equal(parser.clock.largestMismatch, -10 * DAY);
});

test('an honest log has no mismatches', () => {
  const { parser } = readLines(
    steps(FALL - HOUR, 100, 90).map((second) => from(second, berlinFall(second))),
    makeParser(AWAY),
  );
  assert.equal(parser.clock.mismatches, 0);
});

test('a log of refusals alone tells its year by their queue ids', () => {
  const seconds = steps(utc('2014-02-24T06:00:00'), 30, 60);
  const lines = seconds.map((second) => {
    const id = queueIdAt(second, 7, 21_036);
    return `${stampAt(second, HOUR)} mx1 sm-mta[21036]: ${id}: <a@b>... User unknown`;
  });
  assert.deepEqual(readLines(lines, makeParser(AWAY)).times, isoTimes(seconds));
});
