/** Counts over time: one row a step and group, steps without mail included. */
export interface SeriesKind {
  readonly question: string;
  /** Rows of (at, series, amount) in the period. */
  readonly sql: string;
}

const period = 'logged_at >= $start AND logged_at < $end';

/** What can be counted, by the name `--by` gives it. */
export const SERIES = {
  status: {
    question: 'What became of deliveries?',
    sql: `SELECT logged_at, status AS series, 1 AS amount FROM deliveries WHERE ${period}`,
  },
  mailer: {
    question: 'Which mailers delivered?',
    sql: `SELECT logged_at, coalesce(mailer, 'none') AS series, 1 AS amount FROM deliveries WHERE status = 'sent' AND ${period}`,
  },
  messages: {
    question: 'How many messages came in?',
    sql: `SELECT logged_at, 'messages' AS series, 1 AS amount FROM messages WHERE NOT from_own_queue AND ${period}`,
  },
  bytes: {
    question: 'How many bytes came in?',
    sql: `SELECT logged_at, 'bytes' AS series, size AS amount FROM messages WHERE NOT from_own_queue AND ${period}`,
  },
  rejections: {
    question: 'What was refused, and at which stage?',
    sql: `SELECT logged_at, stage::VARCHAR AS series, 1 AS amount FROM rejections WHERE action IN ('reject', 'tempfail') AND ${period}`,
  },
  host: {
    question: 'Which of our hosts accepted messages?',
    sql: `SELECT logged_at, coalesce(host, 'none') AS series, 1 AS amount FROM messages WHERE ${period}`,
  },
  auth: {
    question: 'How did logins go?',
    sql: `SELECT logged_at, outcome::VARCHAR AS series, 1 AS amount FROM auth_events WHERE ${period}`,
  },
} as const satisfies Readonly<Record<string, SeriesKind>>;

export type SeriesName = keyof typeof SERIES;
export const SERIES_NAMES = Object.keys(SERIES) as readonly SeriesName[];

/** `$step` is seconds, `$shift` the site's offset from UTC in seconds, so that days begin at its midnight. */
export function seriesSql(name: SeriesName): string {
  return `
WITH counted AS (
  SELECT to_timestamp(floor((epoch(logged_at) + $shift) / $step) * $step - $shift)::TIMESTAMP AS step_at,
    series, sum(amount)::UBIGINT AS amount
  FROM (${SERIES[name].sql}) GROUP BY ALL),
steps AS (
  SELECT unnest(range(
    (floor((epoch($start::TIMESTAMP) + $shift) / $step) * $step - $shift)::BIGINT, epoch($end::TIMESTAMP)::BIGINT, $step::BIGINT)) AS step),
names AS (SELECT DISTINCT series FROM counted)
SELECT to_timestamp(s.step)::TIMESTAMP AS "at", n.series, coalesce(c.amount, 0) AS amount
FROM steps s CROSS JOIN names n
LEFT JOIN counted c ON c.step_at = to_timestamp(s.step)::TIMESTAMP AND c.series = n.series
ORDER BY 1, 2`;
}
