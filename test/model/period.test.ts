/** Periods: every way to write one, days of 23 and 25 hours, and clear refusals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MaillogError } from '../../src/model/errors.ts';
import { type PeriodOptions, parsePeriod } from '../../src/model/period.ts';

const NOW = new Date('2026-03-10T11:22:33.444Z');
const BERLIN = 'Europe/Berlin';

function period(options: PeriodOptions, zone = 'UTC', now = NOW): string {
  const { start, end } = parsePeriod(options, { now, zone }) ?? assert.fail('no period');
  const short = (date: Date): string => date.toISOString().replace('.000', '');
  return `${short(start)} ${short(end)}`;
}

function refusal(options: PeriodOptions, zone = 'UTC'): MaillogError {
  try {
    parsePeriod(options, { now: NOW, zone });
  } catch (error) {
    assert.ok(error instanceof MaillogError);
    return error;
  }
  return assert.fail(`accepted: ${JSON.stringify(options)}`);
}

test('nothing asked, no period', () => {
  assert.equal(parsePeriod({}, { now: NOW, zone: 'UTC' }), null);
});

test('--date is a day, month or year of the site', () => {
  assert.equal(period({ date: '2026-01-31' }), '2026-01-31T00:00:00Z 2026-02-01T00:00:00Z');
  assert.equal(period({ date: '2026-01-31' }, BERLIN), '2026-01-30T23:00:00Z 2026-01-31T23:00:00Z');
  assert.equal(period({ date: '2024-02-29' }), '2024-02-29T00:00:00Z 2024-03-01T00:00:00Z');
  assert.equal(period({ date: '2026-02' }), '2026-02-01T00:00:00Z 2026-03-01T00:00:00Z');
  assert.equal(period({ date: '2026-12' }), '2026-12-01T00:00:00Z 2027-01-01T00:00:00Z');
  assert.equal(period({ date: '2026' }, BERLIN), '2025-12-31T23:00:00Z 2026-12-31T23:00:00Z');
  assert.equal(period({ date: ' today ' }), '2026-03-10T00:00:00Z 2026-03-11T00:00:00Z');
  assert.equal(period({ date: 'yesterday' }), '2026-03-09T00:00:00Z 2026-03-10T00:00:00Z');
});

test('today is the day of the site, not of UTC', () => {
  const late = new Date('2026-03-10T23:30:00Z');
  assert.equal(
    period({ date: 'today' }, BERLIN, late),
    '2026-03-10T23:00:00Z 2026-03-11T23:00:00Z',
  );
  assert.equal(
    period({ date: 'today' }, 'Pacific/Honolulu', late),
    '2026-03-10T10:00:00Z 2026-03-11T10:00:00Z',
  );
});

test('days on which clocks change have 23, 25 or other hours', () => {
  const hours = (date: string, zone: string): number => {
    const { start, end } = parsePeriod({ date }, { now: NOW, zone }) ?? assert.fail();
    return (end.getTime() - start.getTime()) / 3_600_000;
  };
  assert.equal(hours('2026-03-29', BERLIN), 23);
  assert.equal(hours('2026-10-25', BERLIN), 25);
  assert.equal(hours('2026-10-04', 'Australia/Lord_Howe'), 23.5);
  assert.equal(hours('2018-11-04', 'America/Sao_Paulo'), 23);
  assert.equal(hours('2026-10', BERLIN), 31 * 24 + 1);
  assert.equal(hours('2026', BERLIN), 365 * 24);
});

test('--since and --until: a date is all of its day, a time is exact', () => {
  assert.equal(
    period({ since: '2026-01-01', until: '2026-01-31' }),
    '2026-01-01T00:00:00Z 2026-02-01T00:00:00Z',
  );
  assert.equal(
    period({ since: '2026-01-01', until: '2026-01-01' }),
    '2026-01-01T00:00:00Z 2026-01-02T00:00:00Z',
  );
  assert.equal(
    period({ since: '2026-01-01T08:30', until: '2026-01-01 09:00:01' }, BERLIN),
    '2026-01-01T07:30:00Z 2026-01-01T08:00:01Z',
  );
  assert.equal(
    period({ since: 'yesterday', until: 'yesterday' }),
    '2026-03-09T00:00:00Z 2026-03-10T00:00:00Z',
  );
  assert.equal(period({ since: '2026-03' }), '2026-03-01T00:00:00Z 2026-03-10T11:22:33.444Z');
  assert.equal(period({ until: '2026-03-01' }), '1970-01-01T00:00:00Z 2026-03-02T00:00:00Z');
  assert.equal(
    period({ since: '24h', until: 'now' }),
    '2026-03-09T11:22:33.444Z 2026-03-10T11:22:33.444Z',
  );
});

test('times with an offset are that instant wherever the site is', () => {
  const until = '2026-12-31';
  const start = (since: string): string => period({ since, until }, BERLIN).split(' ')[0] ?? '';
  assert.equal(start('2026-01-31T14:00Z'), '2026-01-31T14:00:00Z');
  assert.equal(start('2026-01-31t14:00:05z'), '2026-01-31T14:00:05Z');
  assert.equal(start('2026-01-31T14:00:05.25Z'), '2026-01-31T14:00:05.250Z');
  assert.equal(start('2026-01-31T14:00:05,289999999Z'), '2026-01-31T14:00:05.289Z');
  assert.equal(start('2026-01-31T14:00+05:30'), '2026-01-31T08:30:00Z');
  assert.equal(start('2026-01-31 14:00:00 -0330'), '2026-01-31T17:30:00Z');
  assert.equal(start('2026-01-31T14:00+01'), '2026-01-31T13:00:00Z');
});

test('--last goes back from now; days are days of the calendar', () => {
  assert.equal(period({ last: '90s' }), '2026-03-10T11:21:03.444Z 2026-03-10T11:22:33.444Z');
  assert.equal(period({ last: '15m' }), '2026-03-10T11:07:33.444Z 2026-03-10T11:22:33.444Z');
  assert.equal(period({ last: '24h' }), '2026-03-09T11:22:33.444Z 2026-03-10T11:22:33.444Z');
  assert.equal(period({ last: '7d' }), '2026-03-03T11:22:33.444Z 2026-03-10T11:22:33.444Z');
  assert.equal(period({ last: '1 w' }), '2026-03-03T11:22:33.444Z 2026-03-10T11:22:33.444Z');
  const after = new Date('2026-03-29T10:00:00Z');
  assert.equal(period({ last: '1d' }, BERLIN, after), '2026-03-28T11:00:00Z 2026-03-29T10:00:00Z');
  assert.equal(period({ last: '24h' }, BERLIN, after), '2026-03-28T10:00:00Z 2026-03-29T10:00:00Z');
  assert.equal(period({ last: '999999999w' }), '1970-01-01T00:00:00Z 2026-03-10T11:22:33.444Z');
});

test('what cannot be understood or does not exist is refused with what can be given', () => {
  const bad = [
    '',
    'soon',
    '2026-13-01',
    '2026-02-30',
    '2026-1-1',
    '2026-02-29',
    '2026-01-01T24:00',
    '2026-01-01T10:60',
    '2026-01-01T10:00:60',
    '2026-01-01T10',
    '2026-01-01T10:00+24:00',
    '2026-01-01T10:00 Europe/Berlin',
    '10:00',
    '-7d',
    '7',
    '7y',
    '1e3h',
    '99999999999h',
  ];
  for (const since of bad) {
    const { code, exitCode, message } = refusal({ since });
    assert.equal(code, 'E_BAD_PERIOD', since);
    assert.equal(exitCode, 2);
    assert.ok(message.startsWith(`--since "${since}" is not usable: give 2026-01-31`), message);
  }
  assert.match(refusal({ date: '24h' }).message, /^--date "24h" .* a day \(2026-01-31/);
  assert.match(refusal({ date: '2026-01-01T10:00' }).message, /^--date/);
  assert.match(refusal({ last: 'today' }).message, /^--last "today" .* 24h/);
});

test('a period must not be empty', () => {
  const { code, message } = refusal({ since: '2026-01-02T00:00', until: '2026-01-01' });
  assert.equal(code, 'E_BAD_PERIOD');
  assert.match(message, /2026-01-02T00:00:00.000Z to 2026-01-02T00:00:00.000Z/);
  assert.equal(refusal({ since: '2027-01-01' }).code, 'E_BAD_PERIOD');
  assert.equal(refusal({ last: '0h' }).code, 'E_BAD_PERIOD');
  // Samoa had no 30 December 2011.
  assert.equal(refusal({ date: '2011-12-30' }, 'Pacific/Apia').code, 'E_BAD_PERIOD');
});

test('ways to say a period do not mix', () => {
  const mixtures: readonly PeriodOptions[] = [
    { since: '24h', date: 'today' },
    { until: 'now', last: '24h' },
    { date: 'today', last: '24h' },
  ];
  for (const options of mixtures) {
    assert.equal(refusal(options).code, 'E_USAGE');
  }
});
