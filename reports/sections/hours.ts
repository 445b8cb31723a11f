/**
 * The period in hours of the site's clocks; in days once it is longer than two of them.
 *
 * Promise: hours without mail stand there too, an hour that the clocks pass twice is two rows, and a day
 * has the 23, 24 or 25 hours it has.
 */
import { fromWallClock, toWallClock } from '../../src/model/zone.ts';
import type { Row } from '../../src/store/store.ts';
import { ARRIVALS, ARRIVALS_BY } from '../facts/arrivals.ts';
import { DELIVERED, DELIVERED_BY } from '../facts/delivered.ts';
import { QUARTER, QUARTER_MS } from '../facts/fact.ts';
import { IS_REFUSAL, REFUSALS } from '../facts/refusals.ts';
import { TRIES } from '../facts/troubles.ts';
import {
  bytes,
  count,
  isoTime,
  numberOf,
  type RowOf,
  type SectionContext,
  section,
  time,
} from '../section.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Two days, one of them with an hour more. */
const LONGEST_BY_HOUR = 49 * HOUR;

const COLUMNS = [
  time('hour', 'from'),
  count('messages', 'came in'),
  bytes('bytes_received', 'size'),
  count('deliveries', 'delivered'),
  count('deferrals', 'delayed'),
  count('bounced', 'bounced'),
  count('rejected', 'refused'),
] as const;

type HourRow = RowOf<typeof COLUMNS>;
type Figure = Exclude<keyof HourRow, 'hour'>;
type Mutable = { -readonly [Key in keyof HourRow]: HourRow[Key] };

const FIGURES = COLUMNS.map(({ key }) => key).filter((key): key is Figure => key !== 'hour');

/** Periods up to this long are told without gaps. */
const LONGEST_WITHOUT_GAPS = 62 * DAY;

const lengthOf = ({ start, end }: SectionContext): number => end.getTime() - start.getTime();

/** The beginning of the hour or day, on the zone's clocks, that an instant lies in. */
function beginningOf(instant: number, context: SectionContext): number {
  const wall = toWallClock(instant, context.zone);
  if (lengthOf(context) > LONGEST_BY_HOUR) {
    return fromWallClock(wall - (((wall % DAY) + DAY) % DAY), context.zone);
  }
  return instant - (((wall % HOUR) + HOUR) % HOUR);
}

/** Every hour or day of the period, be there mail in it or not. */
function beginningsOf(context: SectionContext): readonly number[] {
  const length = lengthOf(context);
  if (length > LONGEST_WITHOUT_GAPS) {
    return [];
  }
  const step = length > LONGEST_BY_HOUR ? HOUR : QUARTER_MS;
  const beginnings = new Set<number>();
  for (let at = context.start.getTime(); at < context.end.getTime(); at += step) {
    beginnings.add(beginningOf(at, context));
  }
  beginnings.add(beginningOf(context.end.getTime() - 1, context));
  return [...beginnings];
}

const emptyRow = (beginning: number): Mutable => ({
  hour: isoTime(new Date(beginning)),
  messages: 0,
  bytes_received: 0,
  deliveries: 0,
  deferrals: 0,
  bounced: 0,
  rejected: 0,
});

function shape(rows: readonly Row[], context: SectionContext): readonly HourRow[] {
  if (rows.length === 0) {
    return [];
  }
  const hours = new Map(beginningsOf(context).map((at) => [at, emptyRow(at)]));
  for (const row of rows) {
    const beginning = beginningOf(numberOf(row, 'quarter') * QUARTER_MS, context);
    const hour = hours.get(beginning) ?? emptyRow(beginning);
    hours.set(beginning, hour);
    for (const figure of FIGURES) {
      hour[figure] = (hour[figure] ?? 0) + numberOf(row, figure);
    }
  }
  return [...hours].sort(([a], [b]) => a - b).map(([, hour]) => hour);
}

export const HOURS = section({
  id: 'hours',
  title: 'Hour by hour',
  question: 'When did mail come in, go out, fail?',
  needs: [ARRIVALS, DELIVERED, TRIES, REFUSALS],
  columns: COLUMNS,
  bar: 'messages',
  sql: () => `SELECT quarter, sum(messages)::BIGINT AS messages, sum(bytes)::BIGINT AS bytes_received,
    sum(deliveries)::BIGINT AS deliveries, sum(deferrals)::BIGINT AS deferrals, sum(bounced)::BIGINT AS bounced,
    sum(rejected)::BIGINT AS rejected
  FROM (
    SELECT quarter, messages, bytes, 0 AS deliveries, 0 AS deferrals, 0 AS bounced, 0 AS rejected
    FROM arrivals WHERE cut = ${ARRIVALS_BY.quarter}
    UNION ALL
    SELECT quarter, 0, 0, deliveries, 0, 0, 0 FROM delivered WHERE cut = ${DELIVERED_BY.mailer} AND NOT relayed AND quarter IS NOT NULL
    UNION ALL
    SELECT quarter, 0, 0, 0, CASE status WHEN 'deferred' THEN attempts ELSE 0 END,
      CASE status WHEN 'bounced' THEN attempts ELSE 0 END, 0 FROM tries
    UNION ALL
    SELECT ${QUARTER}, 0, 0, 0, 0, 0, 1 FROM refusals WHERE ${IS_REFUSAL}
  ) GROUP BY quarter`,
  shape,
});
