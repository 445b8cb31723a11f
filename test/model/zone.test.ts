/** Local time: gaps, repeated hours, odd offsets, and there and back again over many instants. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatInZone,
  fromWallClock,
  isTimeZone,
  systemTimeZone,
  toWallClock,
  zoneOffset,
} from '../../src/model/zone.ts';

const HOUR = 3_600_000;

function utcOf(wall: string, zone: string): string {
  return new Date(fromWallClock(Date.parse(`${wall}Z`), zone)).toISOString();
}

test('zones are known by their IANA names', () => {
  for (const zone of ['UTC', 'Europe/Berlin', 'Asia/Kolkata', 'America/Argentina/Ushuaia']) {
    assert.ok(isTimeZone(zone), zone);
  }
  for (const zone of ['', 'Berlin', 'Europe/Berlín', 'Mars/Olympus', '../etc/passwd', 'null']) {
    assert.ok(!isTimeZone(zone), zone);
  }
  assert.ok(isTimeZone(systemTimeZone()));
});

test('offsets are those of the day', () => {
  assert.equal(zoneOffset(Date.parse('2026-01-15T12:00Z'), 'Europe/Berlin'), HOUR);
  assert.equal(zoneOffset(Date.parse('2026-07-15T12:00Z'), 'Europe/Berlin'), 2 * HOUR);
  assert.equal(zoneOffset(Date.parse('2026-07-15T12:00Z'), 'Asia/Kolkata'), 5.5 * HOUR);
  assert.equal(zoneOffset(Date.parse('2026-07-15T12:00Z'), 'Asia/Kathmandu'), 5.75 * HOUR);
  assert.equal(zoneOffset(0, 'UTC'), 0);
});

test('an hour that does not occur is as much later as the gap is wide', () => {
  assert.equal(utcOf('2026-03-29T02:30:00', 'Europe/Berlin'), '2026-03-29T01:30:00.000Z');
  assert.equal(utcOf('2026-03-08T02:00:00', 'America/New_York'), '2026-03-08T07:00:00.000Z');
  assert.equal(utcOf('2026-10-04T02:15:00', 'Australia/Lord_Howe'), '2026-10-03T15:45:00.000Z');
});

test('an hour that occurs twice is the first one', () => {
  assert.equal(utcOf('2026-10-25T02:30:00', 'Europe/Berlin'), '2026-10-25T00:30:00.000Z');
  assert.equal(utcOf('2026-11-01T01:30:00', 'America/New_York'), '2026-11-01T05:30:00.000Z');
});

test('a midnight that does not occur is the first instant of its day', () => {
  assert.equal(utcOf('2018-11-04T00:00:00', 'America/Sao_Paulo'), '2018-11-04T03:00:00.000Z');
  assert.equal(utcOf('2011-12-30T00:00:00', 'Pacific/Apia'), '2011-12-30T10:00:00.000Z');
  assert.equal(utcOf('2011-12-31T00:00:00', 'Pacific/Apia'), '2011-12-30T10:00:00.000Z');
});

test('there and back again, every 37 minutes of a year, but for the hour that occurs twice', () => {
  for (const zone of ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe']) {
    const start = Date.parse('2026-01-01T00:00Z');
    let repeated = 0;
    for (let instant = start; instant < start + 365 * 24 * HOUR; instant += 37 * 60_000) {
      const back = fromWallClock(toWallClock(instant, zone), zone);
      if (back !== instant) {
        assert.ok(back < instant && instant - back <= HOUR, new Date(instant).toISOString());
        repeated += 1;
      }
    }
    assert.ok(repeated <= 2, zone);
  }
});

test('times are shown on the clocks of the zone', () => {
  const instant = Date.parse('2026-01-31T23:59:58.999Z');
  assert.equal(formatInZone(instant, 'UTC', 'seconds'), '2026-01-31 23:59:58');
  assert.equal(formatInZone(instant, 'Europe/Berlin', 'seconds'), '2026-02-01 00:59:58');
  assert.equal(formatInZone(instant, 'Europe/Berlin', 'minutes'), '2026-02-01 00:59');
  assert.equal(formatInZone(-1, 'UTC', 'seconds'), '1969-12-31 23:59:59');
});
