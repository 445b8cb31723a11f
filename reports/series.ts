/**
 * Counts over time: one row a step and group, steps without mail included.
 *
 * Of a time whose rows were dropped by retention the hourly roll-ups tell the same numbers, hour by hour:
 * steps shorter than an hour have them all in the step with which the hour begins.
 */
export interface SeriesKind {
  readonly question: string;
  /** Rows of (logged_at, series, amount) in the period, from the rows themselves. */
  readonly sql: string;
  /** The same of the view `hourly`: its rows, what tells them apart, and what is counted. */
  readonly hourly: { readonly where: string; readonly series: string; readonly amount: string };
}

const period = 'logged_at >= $start AND logged_at < $end';
const MESSAGES_IN = "measure = 'messages' AND series = 'message'";

/** What can be counted, by the name `--by` gives it. */
export const SERIES = {
  status: {
    question: 'What became of deliveries?',
    sql: `SELECT logged_at, status AS series, 1 AS amount FROM deliveries WHERE ${period}`,
    hourly: { where: "measure = 'deliveries'", series: 'series', amount: 'amount' },
  },
  mailer: {
    question: 'Which mailers delivered?',
    sql: `SELECT logged_at, coalesce(mailer, 'none') AS series, 1 AS amount FROM deliveries WHERE status = 'sent' AND ${period}`,
    hourly: {
      where: "measure = 'deliveries' AND series = 'sent'",
      series: "coalesce(detail, 'none')",
      amount: 'amount',
    },
  },
  messages: {
    question: 'How many messages came in?',
    sql: `SELECT logged_at, 'messages' AS series, 1 AS amount FROM messages WHERE NOT from_own_queue AND ${period}`,
    hourly: { where: MESSAGES_IN, series: "'messages'", amount: 'amount' },
  },
  bytes: {
    question: 'How many bytes came in?',
    sql: `SELECT logged_at, 'bytes' AS series, size AS amount FROM messages WHERE NOT from_own_queue AND ${period}`,
    hourly: { where: MESSAGES_IN, series: "'bytes'", amount: 'bytes' },
  },
  rejections: {
    question: 'What was refused, and at which stage?',
    // Not of the view `rejections`, where a line is told twice if its transaction has two from= lines.
    sql: `SELECT logged_at, stage::VARCHAR AS series, 1 AS amount FROM raw.refusals WHERE action IN ('reject', 'tempfail') AND ${period}`,
    hourly: {
      where: "measure IN ('rejections', 'other_rejections') AND series IN ('reject', 'tempfail')",
      series: 'detail',
      amount: 'amount',
    },
  },
  host: {
    question: 'Which of our hosts accepted messages?',
    sql: `SELECT logged_at, coalesce(host, 'none') AS series, 1 AS amount FROM messages WHERE ${period}`,
    hourly: { where: "measure = 'messages'", series: "coalesce(host, 'none')", amount: 'amount' },
  },
  auth: {
    question: 'How did logins go?',
    sql: `SELECT logged_at, outcome::VARCHAR AS series, 1 AS amount FROM auth_events WHERE ${period}`,
    hourly: { where: "measure = 'auth'", series: 'series', amount: 'amount' },
  },
} as const satisfies Readonly<Record<string, SeriesKind>>;

export type SeriesName = keyof typeof SERIES;
export const SERIES_NAMES = Object.keys(SERIES) as readonly SeriesName[];

/**
 * What is counted, as (logged_at, series, amount): from the rows, and for the time before `keepFrom` (epoch
 * second, the start of an hour), whose rows were dropped, from the roll-ups.
 */
export function seriesRows(name: SeriesName, keepFrom?: number): string {
  const { sql, hourly } = SERIES[name];
  if (keepFrom === undefined) return sql;
  const mark = `TIMESTAMP '${new Date(keepFrom * 1000).toISOString().slice(0, -1)}'`;
  return `SELECT * FROM (${sql}) WHERE logged_at >= ${mark}
  UNION ALL
  SELECT hour, ${hourly.series}, ${hourly.amount} FROM hourly
  WHERE ${hourly.where} AND hour >= $start AND hour < $end AND hour < ${mark}`;
}

/** `$step` is seconds, `$shift` the site's offset from UTC in seconds, so that days begin at its midnight. */
export function seriesSql(name: SeriesName, keepFrom?: number): string {
  return `
WITH counted AS (
  SELECT to_timestamp(floor((epoch(logged_at) + $shift) / $step) * $step - $shift)::TIMESTAMP AS step_at,
    series, sum(amount)::UBIGINT AS amount
  FROM (${seriesRows(name, keepFrom)}) GROUP BY ALL),
steps AS (
  SELECT unnest(range(
    (floor((epoch($start::TIMESTAMP) + $shift) / $step) * $step - $shift)::BIGINT, epoch($end::TIMESTAMP)::BIGINT, $step::BIGINT)) AS step),
names AS (SELECT DISTINCT series FROM counted)
SELECT to_timestamp(s.step)::TIMESTAMP AS "at", n.series, coalesce(c.amount, 0) AS amount
FROM steps s CROSS JOIN names n
LEFT JOIN counted c ON c.step_at = to_timestamp(s.step)::TIMESTAMP AND c.series = n.series
ORDER BY 1, 2`;
}
