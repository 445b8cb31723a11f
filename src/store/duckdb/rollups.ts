/**
 * Hourly roll-ups: what charts and long periods read instead of millions of rows. An hour's figures are
 * always taken anew from the public views, never added up from pieces, because a later line may change an
 * earlier hour: a refusal after the data, a hop found, a late source.
 *
 * A load marks the hours it touched as dirty in the transaction of its rows. The view `hourly` reads the
 * roll-up for clean hours and the rows themselves for dirty ones, so it is right at any moment, whether the
 * refresh has run or not.
 *
 * Retention drops rows and keeps their hours' figures: what lies before its mark is never dirty again, or
 * the figures would be taken anew from what is left.
 */

export const CREATE_ROLLUPS: readonly string[] = [
  'CREATE TABLE raw.hourly (hour TIMESTAMP, host VARCHAR, measure VARCHAR, series VARCHAR, detail VARCHAR, amount UBIGINT, bytes UBIGINT)',
  'CREATE TABLE raw.dirty_hours (hour TIMESTAMP)',
];

/** One row once rows were dropped: those before `keep_from`, the start of a UTC hour, are none of the store's. */
export const CREATE_RETENTION =
  'CREATE TABLE raw.retention (keep_from TIMESTAMP NOT NULL, day VARCHAR NOT NULL, pruned_at TIMESTAMP)';

/** Hours before and after a new line whose figures it may change: refusals, hops and clocks are that near. */
const REACH = [-1, 0, 1];

/** Marks hours, given as hours since 1970, and their neighbours, but for those whose rows were dropped. */
export function markDirty(hours: readonly number[]): string {
  const reached = new Set(hours.flatMap((hour) => REACH.map((step) => hour + step)));
  return `INSERT INTO raw.dirty_hours
SELECT to_timestamp(hour * 3600)::TIMESTAMP FROM (SELECT unnest([${[...reached].join(', ')}]::BIGINT[]) AS hour)
WHERE to_timestamp(hour * 3600)::TIMESTAMP NOT IN (SELECT hour FROM raw.dirty_hours)
  AND to_timestamp(hour * 3600)::TIMESTAMP >= coalesce((SELECT max(keep_from) FROM raw.retention), '-infinity')`;
}

const HOUR = "date_trunc('hour', logged_at)";

interface Measure {
  readonly name: string;
  /** The view counted, or a part of it. */
  readonly from: string;
  /** By what its rows are told apart. */
  readonly series: string;
  readonly detail?: string;
  readonly bytes?: string;
}

const MEASURES: readonly Measure[] = [
  {
    name: 'messages',
    from: 'messages',
    series: "CASE WHEN from_own_queue THEN 'hop' ELSE 'message' END",
    bytes: 'size',
  },
  { name: 'deliveries', from: 'deliveries', series: 'status', detail: 'mailer' },
  {
    name: 'rejections',
    from: "(SELECT logged_at, nullif(host, '') AS host, action, stage FROM raw.refusals WHERE stage <> 'other')",
    series: 'action::VARCHAR',
    detail: 'stage::VARCHAR',
  },
  {
    // Of commands that bring no mail; apart, since they are not counted as refused mail.
    name: 'other_rejections',
    from: "(SELECT logged_at, nullif(host, '') AS host, action FROM raw.refusals WHERE stage = 'other')",
    series: 'action::VARCHAR',
    detail: "'other'",
  },
  { name: 'auth', from: 'auth_events', series: 'outcome::VARCHAR' },
  { name: 'connections', from: 'connections', series: 'what::VARCHAR' },
];

/** For stores older than the measure `other_rejections`. */
export const RETAKE_OTHER_REJECTIONS: readonly string[] = [
  `INSERT INTO raw.dirty_hours SELECT DISTINCT ${HOUR} FROM raw.rejections
WHERE stage = 'other' AND ${HOUR} NOT IN (SELECT hour FROM raw.dirty_hours)`,
];

/** The figures of all dirty hours, from the views: counts, and sizes where there are any. */
const FIGURES = MEASURES.map(
  ({ name, from, series, detail = 'NULL::VARCHAR', bytes = '0' }) =>
    `SELECT ${HOUR} AS hour, coalesce(host, '') AS host, '${name}' AS measure, ${series} AS series,
    ${detail} AS detail, count(*) AS amount, sum(${bytes})::UBIGINT AS bytes
  FROM ${from} WHERE ${HOUR} IN (SELECT hour FROM raw.dirty_hours) GROUP BY ALL`,
).join('\nUNION ALL\n');

export const HOURLY_VIEW = `CREATE OR REPLACE VIEW hourly AS
SELECT hour, nullif(host, '') AS host, measure, series, detail, amount, bytes FROM (
  SELECT * FROM raw.hourly WHERE hour NOT IN (SELECT hour FROM raw.dirty_hours)
  UNION ALL
  ${FIGURES})`;

/** Brings the roll-up up to date; to be run as one transaction. */
export const REFRESH_ROLLUPS: readonly string[] = [
  'DELETE FROM raw.hourly WHERE hour IN (SELECT hour FROM raw.dirty_hours)',
  `INSERT INTO raw.hourly ${FIGURES}`,
  'DELETE FROM raw.dirty_hours',
];
