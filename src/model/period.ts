/**
 * The period a question is about, from `--since --until --date --last`.
 *
 * Promise: half-open, [start, end). A date stands for all of its day in the site's zone, be it 23, 24 or
 * 25 hours long: `--until 2026-01-31` includes the 31st, a time of day is exact. Dates and times are
 * ISO 8601; a time with an offset (`Z`, `+02:00`) is that instant wherever the site is.
 */
import { maillogError } from './errors.ts';
import { fromWallClock, toWallClock } from './zone.ts';

export interface Period {
  readonly start: Date;
  readonly end: Date;
}

export interface PeriodOptions {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly date?: string | undefined;
  readonly last?: string | undefined;
}

export interface PeriodContext {
  readonly now: Date;
  readonly zone: string;
}

/** What was written and where, for messages. */
interface Written {
  readonly option: string;
  readonly value: string;
}

/** From the first instant meant to the first no longer meant; equal for an instant. */
interface Span {
  readonly from: number;
  readonly to: number;
}

type Unit = 's' | 'm' | 'h' | 'd' | 'w';
type DateField = 'year' | 'month' | 'day';

const MILLISECONDS: Readonly<Record<Unit, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

const TIME_HELP =
  '2026-01-31, 2026-01-31T14:00, 2026-01-31T14:00:00Z, today, yesterday, now or an age such as 24h or 7d';
const DATE_HELP = 'a day (2026-01-31, today, yesterday), a month (2026-01) or a year (2026)';
const LAST_HELP = 'a number with a unit: 90s, 15m, 24h, 7d or 4w';

const DATE = /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?$/;
const DATE_TIME =
  /^(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?([Zz]|[+-]\d\d(?::?\d\d)?)?$/;
const AGE = /^(\d{1,9})\s?([smhdw])$/;

function unusable(written: Written, allowed: string): Error {
  return maillogError('E_BAD_PERIOD', { ...written, allowed });
}

/** Wall-clock midnight that begins a year, month or day; null if the calendar has no such day. */
function wallMidnight(year: number, month: number, day: number): number | null {
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, month - 1, day);
  const exists = midnight.getUTCMonth() === month - 1 && midnight.getUTCDate() === day;
  return exists ? midnight.getTime() : null;
}

function nextWallMidnight(midnight: number, field: DateField): number {
  const next = new Date(midnight);
  if (field === 'year') {
    next.setUTCFullYear(next.getUTCFullYear() + 1);
  } else if (field === 'month') {
    next.setUTCMonth(next.getUTCMonth() + 1);
  } else {
    next.setUTCDate(next.getUTCDate() + 1);
  }
  return next.getTime();
}

function calendarSpan(midnight: number, field: DateField, zone: string): Span {
  return {
    from: fromWallClock(midnight, zone),
    to: fromWallClock(nextWallMidnight(midnight, field), zone),
  };
}

/** The span of `2026`, `2026-01`, `2026-01-31`, `today` or `yesterday`; null for anything else. */
function parseDate(text: string, { now, zone }: PeriodContext): Span | null {
  if (text === 'today' || text === 'yesterday') {
    const wall = toWallClock(now.getTime(), zone);
    const today = wall - (((wall % MILLISECONDS.d) + MILLISECONDS.d) % MILLISECONDS.d);
    return calendarSpan(text === 'today' ? today : today - MILLISECONDS.d, 'day', zone);
  }
  const [, year, month, day] = DATE.exec(text) ?? [];
  if (year === undefined) {
    return null;
  }
  const midnight = wallMidnight(Number(year), Number(month ?? 1), Number(day ?? 1));
  if (midnight === null) {
    return null;
  }
  const unit = month === undefined ? 'year' : 'month';
  return calendarSpan(midnight, day === undefined ? unit : 'day', zone);
}

/** Milliseconds of `+02:00`, `-0330`, `+05`, `Z`; null if out of range. */
function parseOffset(text: string): number | null {
  if (text === 'Z' || text === 'z') {
    return 0;
  }
  const hours = Number(text.slice(1, 3));
  const minutes = Number(text.slice(3).replace(':', ''));
  const milliseconds = hours * MILLISECONDS.h + minutes * MILLISECONDS.m;
  if (hours > 23 || minutes > 59) {
    return null;
  }
  return text.startsWith('-') ? -milliseconds : milliseconds;
}

/** The instant of an ISO 8601 date and time, on the zone's clocks unless it has an offset. */
function parseDateTime(text: string, zone: string): number | null {
  const [, date = '', hour, minute, second = '0', fraction = '0', offset] =
    DATE_TIME.exec(text) ?? [];
  const [year, month, day] = date.split('-').map(Number);
  if (year === undefined || month === undefined || day === undefined) {
    return null;
  }
  const midnight = wallMidnight(year, month, day);
  // ISO 8601 has leap seconds; clocks that syslog reads do not.
  if (midnight === null || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) {
    return null;
  }
  const ofDay = (Number(hour) * 60 + Number(minute)) * 60 + Number(second);
  const wall = midnight + ofDay * 1000 + Number(fraction.padEnd(3, '0').slice(0, 3));
  if (offset === undefined) {
    return fromWallClock(wall, zone);
  }
  const ahead = parseOffset(offset);
  return ahead === null ? null : wall - ahead;
}

/** The instant an age ago, 1970 at the earliest. Days and weeks are calendar days: the same time of day on the clocks. */
function parseAge(text: string, { now, zone }: PeriodContext): number | null {
  const [, count, unit] = AGE.exec(text) ?? [];
  if (count === undefined || unit === undefined) {
    return null;
  }
  const milliseconds = Number(count) * MILLISECONDS[unit as Unit];
  if (milliseconds >= now.getTime()) {
    return 0;
  }
  return unit === 'd' || unit === 'w'
    ? fromWallClock(toWallClock(now.getTime(), zone) - milliseconds, zone)
    : now.getTime() - milliseconds;
}

function parseTime(written: Written, context: PeriodContext): Span {
  const text = written.value.trim();
  if (text === 'now') {
    return { from: context.now.getTime(), to: context.now.getTime() };
  }
  const span = parseDate(text, context);
  if (span !== null) {
    return span;
  }
  const instant = parseDateTime(text, context.zone) ?? parseAge(text, context);
  if (instant === null) {
    throw unusable(written, TIME_HELP);
  }
  return { from: instant, to: instant };
}

function periodOf(from: number, to: number, written: Written): Period {
  const period = { start: new Date(from), end: new Date(to) };
  if (from >= to) {
    const [start, end] = [period.start.toISOString(), period.end.toISOString()];
    throw unusable(written, `a period that ends after it starts (this is ${start} to ${end})`);
  }
  return period;
}

function refuseMixtures(options: PeriodOptions): void {
  const { since, until, date, last } = options;
  const range = since !== undefined || until !== undefined;
  const given = [range, date !== undefined, last !== undefined].filter(Boolean);
  if (given.length > 1) {
    const problem = 'give --since/--until or --date or --last, not several of them';
    throw maillogError('E_USAGE', { problem });
  }
}

function parseRange({ since, until }: PeriodOptions, context: PeriodContext): Period {
  const first: Written = { option: '--since', value: since ?? '1970-01-01T00:00Z' };
  const last: Written = { option: '--until', value: until ?? 'now' };
  const { from } = parseTime(first, context);
  const { to } = parseTime(last, context);
  return periodOf(from, to, since === undefined ? last : first);
}

/**
 * The period asked for, null if none of the options is given. Without `--until` it ends now, without
 * `--since` it begins with 1970.
 */
export function parsePeriod(options: PeriodOptions, context: PeriodContext): Period | null {
  refuseMixtures(options);
  const { date, last } = options;
  if (date !== undefined) {
    const written = { option: '--date', value: date };
    const span = parseDate(date.trim(), context);
    if (span === null) {
      throw unusable(written, DATE_HELP);
    }
    return periodOf(span.from, span.to, written);
  }
  if (last !== undefined) {
    const written = { option: '--last', value: last };
    const from = parseAge(last.trim(), context);
    if (from === null) {
      throw unusable(written, LAST_HELP);
    }
    return periodOf(from, context.now.getTime(), written);
  }
  const range = options.since !== undefined || options.until !== undefined;
  return range ? parseRange(options, context) : null;
}
