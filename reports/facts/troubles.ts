/**
 * Attempts that did not end well at once: deferred, queued, bounced and the like. A tenth of all, kept with
 * their reasons; what became of the deferred ones afterwards is looked up for their entries only.
 */
import { type Fact, IN_PERIOD, KEY, QUARTER, without } from './fact.ts';

const COLUMNS = `recipient, recipient_domain, coalesce(relay_host, relay_ip) AS relay, mailer, delay, bounce_class,
    coalesce(reply, stat) AS reason`;

const IS_OPEN = `status IN ('deferred', 'queued', 'quarantined')`;

export const TROUBLES: Fact = {
  name: 'troubles',
  needs: [],
  kept: true,
  sql: `SELECT ${KEY} AS k, host, queue_id, logged_at, ${COLUMNS}, status,
    ${IS_OPEN} AS is_open
  FROM raw.deliveries WHERE ${IN_PERIOD} AND status <> 'sent'`,
};

/** Entries given up in the queue, and when. */
const ENDS: Fact = {
  name: 'ends',
  needs: [],
  kept: true,
  sql: `SELECT host, queue_id, ${KEY} AS k, logged_at AS given_up_at FROM raw.queue_events
  WHERE ${IN_PERIOD} AND what = 'expired'`,
};

/** Deliveries, in the period, of entries that also had to wait or were given up in it. */
export const RETRIED: Fact = {
  name: 'retried',
  needs: [TROUBLES, ENDS],
  kept: true,
  sql: `SELECT t.k, d.logged_at, d.recipient
  FROM raw.deliveries d
  JOIN (SELECT k, host, queue_id FROM troubles WHERE is_open UNION SELECT k, host, queue_id FROM ends) t
    ON t.host = d.host AND t.queue_id = d.queue_id
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

/** Longest time between two attempts for a recipient. */
const RETRY_DAYS = 2;

/**
 * Recipients given up in the queue: no line of its own says so, only their last deferral before the
 * notice. That deferral lies before the period if there was no attempt in it any more.
 */
export const EXPIRED: Fact = {
  name: 'expired',
  needs: [TROUBLES, RETRIED, ENDS],
  kept: true,
  sql: `WITH attempts AS (
    SELECT e.given_up_at, e.k, t.* EXCLUDE (k)
    FROM ends e JOIN (
      SELECT k, logged_at, recipient, recipient_domain, relay, mailer, delay, bounce_class, reason, status, is_open
      FROM troubles
      UNION ALL BY NAME SELECT k, logged_at, recipient, false AS is_open FROM retried) t ON t.k = e.k
    WHERE t.logged_at <= e.given_up_at
    UNION ALL
    SELECT e.given_up_at, e.k, logged_at, ${COLUMNS}, status, ${IS_OPEN}
    FROM raw.deliveries d JOIN ends e ON e.host = d.host AND e.queue_id = d.queue_id
    WHERE d.logged_at < $start::TIMESTAMP AND d.logged_at >= $start::TIMESTAMP - INTERVAL ${RETRY_DAYS} DAY)
  SELECT * EXCLUDE (logged_at, status, is_open) FROM (
    SELECT * FROM attempts
    QUALIFY row_number() OVER (PARTITION BY given_up_at, k, recipient ORDER BY is_open, logged_at DESC) = 1
  ) WHERE status IN ('deferred', 'queued')`,
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

/**
 * What failed or had to wait, with its reason. The recipient and the host that a reason names are taken
 * out of it, or each failure would be a reason of its own.
 */
export const FAILURES: Fact = {
  name: 'failures',
  needs: [TROUBLES, EXPIRED],
  kept: true,
  sql: `SELECT k, is_deferral, recipient_domain AS domain, recipient, delay, coalesce(bounce_class, 'Uncategorized') AS bounce_class,
    ${without(without('reason', 'recipient'), 'relay')} AS reason
  FROM (
    SELECT k, status = 'deferred' AS is_deferral, recipient_domain, recipient, relay, delay,
      bounce_class::VARCHAR AS bounce_class, reason
    FROM troubles WHERE status IN ('bounced', 'deferred')
    UNION ALL
    SELECT k, false, recipient_domain, recipient, relay, delay, 'MessageExpired', reason FROM expired)`,
};
