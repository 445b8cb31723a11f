/**
 * Attempts that did not end well at once: deferred, queued, bounced and the like. A tenth of all, kept with
 * their reasons; what became of the deferred ones afterwards is looked up for their entries only.
 */
import { type Fact, IN_PERIOD, KEY, LOOK_BACK_DAYS, QUARTER } from './fact.ts';

const COLUMNS = `recipient, recipient_domain, coalesce(relay_host, relay_ip) AS relay, mailer, delay_ms, bounce_class,
    coalesce(reply, stat) AS reason`;

export const TROUBLES: Fact = {
  name: 'troubles',
  needs: [],
  kept: true,
  sql: `SELECT ${KEY} AS k, host, queue_id, logged_at, ${COLUMNS}, status,
    status IN ('deferred', 'queued', 'quarantined') AS is_open
  FROM raw.deliveries WHERE ${IN_PERIOD} AND status <> 'sent'`,
};

/** Deliveries, in the period, of entries that also had to wait in it. */
export const RETRIED: Fact = {
  name: 'retried',
  needs: [TROUBLES],
  kept: true,
  sql: `SELECT t.k, d.logged_at, d.recipient
  FROM raw.deliveries d
  JOIN (SELECT DISTINCT k, host, queue_id FROM troubles WHERE is_open) t ON t.host = d.host AND t.queue_id = d.queue_id
  WHERE ${IN_PERIOD.replaceAll('logged_at', 'd.logged_at')} AND d.status = 'sent'`,
};

/** Entries with recipients that were tried or queued and got no last word: how many. */
export const UNFINISHED: Fact = {
  name: 'unfinished',
  needs: [TROUBLES, RETRIED],
  kept: false,
  sql: `SELECT k, count(*) AS recipients FROM (
    SELECT k, recipient
    FROM (SELECT k, recipient, is_open FROM troubles UNION ALL SELECT k, recipient, false FROM retried)
    GROUP BY k, recipient HAVING bool_and(is_open)
  ) GROUP BY k`,
};

/** The latest attempt for each recipient of an entry that was given up, a last word before all others. */
const LATEST = `QUALIFY row_number() OVER (PARTITION BY given_up_at, e.k, recipient
      ORDER BY is_open, logged_at DESC) = 1`;

/**
 * Recipients given up in the queue: no line of its own says so, only their last deferral before the
 * notice. That deferral lies before the period if there was no attempt in it any more.
 */
export const EXPIRED: Fact = {
  name: 'expired',
  needs: [TROUBLES, RETRIED],
  kept: true,
  sql: `WITH ends AS MATERIALIZED (
    SELECT host, queue_id, ${KEY} AS k, logged_at AS given_up_at FROM raw.queue_events
    WHERE ${IN_PERIOD} AND what = 'expired'),
  stale AS MATERIALIZED (SELECT * FROM ends WHERE k NOT IN (SELECT k FROM troubles WHERE is_open)),
  latest AS (
    SELECT e.given_up_at, e.k, t.recipient, t.recipient_domain, t.relay, t.mailer, t.delay_ms, t.bounce_class, t.reason,
      t.status::VARCHAR AS status
    FROM ends e JOIN (SELECT * FROM troubles UNION ALL BY NAME SELECT *, false AS is_open FROM retried) t ON t.k = e.k
    WHERE t.logged_at <= e.given_up_at
    ${LATEST}
    UNION ALL
    SELECT e.given_up_at, e.k, ${COLUMNS}, status::VARCHAR
    FROM (SELECT *, status NOT IN ('sent', 'relayed', 'bounced', 'discarded') AS is_open FROM raw.deliveries
      WHERE logged_at < $start::TIMESTAMP AND logged_at >= $start::TIMESTAMP - INTERVAL ${LOOK_BACK_DAYS} DAY) d
    JOIN stale e ON e.host = d.host AND e.queue_id = d.queue_id
    ${LATEST})
  SELECT * EXCLUDE (status) FROM latest WHERE status IN ('deferred', 'queued')`,
};

/** The same by mailer, quarter of an hour and status. */
export const TRIES: Fact = {
  name: 'tries',
  needs: [TROUBLES, EXPIRED],
  kept: true,
  sql: `SELECT mailer, ${QUARTER} AS quarter, status::VARCHAR AS status, count(*) AS attempts FROM troubles GROUP BY ALL
  UNION ALL
  SELECT mailer, ${QUARTER.replace('logged_at', 'given_up_at')}, 'expired', count(*) FROM expired GROUP BY ALL`,
};

/** A text without the first, which differs from line to line. Nothing is taken out for nothing. */
const without = (text: string, part: string): string =>
  `replace(${text}, coalesce(nullif(${part}, ''), ' '), CASE WHEN ${part} <> '' THEN '*' ELSE ' ' END)`;

/**
 * What failed or had to wait, with its reason. The recipient and the host that a reason names are taken
 * out of it, or each failure would be a reason of its own.
 */
export const FAILURES: Fact = {
  name: 'failures',
  needs: [TROUBLES, EXPIRED],
  kept: true,
  sql: `SELECT k, is_deferral, recipient_domain AS domain, recipient, delay_ms, coalesce(bounce_class, 'Uncategorized') AS bounce_class,
    ${without(without('reason', 'recipient'), 'relay')} AS reason
  FROM (
    SELECT k, status = 'deferred' AS is_deferral, recipient_domain, recipient, relay, delay_ms,
      bounce_class::VARCHAR AS bounce_class, reason
    FROM troubles WHERE status IN ('bounced', 'deferred')
    UNION ALL
    SELECT k, false, recipient_domain, recipient, relay, delay_ms, 'MessageExpired', reason FROM expired)`,
};
