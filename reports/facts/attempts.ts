/**
 * The period's delivery attempts with what is known of their messages, read once from the store and kept:
 * every section about deliveries starts here. Agrees with the view `deliveries`: what was handed to
 * another queue of ours is `relayed`, recipients given up in the queue are `expired`.
 */
import { type Fact, IN_PERIOD, KEY, LOOK_BACK_DAYS, QUARTER } from './fact.ts';
import { FATES, has } from './fates.ts';
import { HANDED_ON } from './queues.ts';

const COLUMNS = `logged_at, recipient, recipient_domain, coalesce(relay_host, relay_ip) AS relay, mailer, delay_ms,
      bounce_class, transactions`;

export const ATTEMPTS: Fact = {
  name: 'attempts',
  needs: [HANDED_ON, FATES],
  kept: true,
  sql: `SELECT d.* EXCLUDE (status, reply, stat), f.flags, f.size,
    CASE WHEN h.k IS NULL THEN d.status::VARCHAR ELSE 'relayed' END AS status,
    CASE WHEN d.status <> 'sent' THEN coalesce(d.reply, d.stat) END AS reason
  FROM (SELECT ${KEY} AS k, ${COLUMNS}, status, reply, stat FROM raw.deliveries WHERE ${IN_PERIOD}) d
  JOIN fates f ON f.k = d.k
  LEFT JOIN handed_on h ON h.k = CASE WHEN d.status = 'sent' AND ${has('handed')}
    THEN hash(d.k, raw.next_queue_id(d.reply)) END`,
};

/** The latest row of each recipient of an entry that was given up, unless that was a final one. */
const LAST_ATTEMPT = `QUALIFY row_number() OVER (PARTITION BY given_up_at, e.k, recipient
      ORDER BY status IN ('deferred', 'queued'), logged_at DESC) = 1`;

/**
 * Recipients given up in the queue: no line of its own says so, only their last deferral before the
 * notice. That deferral may lie before the period.
 */
export const EXPIRED: Fact = {
  name: 'expired',
  needs: [ATTEMPTS],
  kept: true,
  sql: `WITH ends AS (
    SELECT q.host, q.queue_id, q.logged_at AS given_up_at, f.k, f.flags, f.size
    FROM raw.queue_events q JOIN fates f ON f.k = hash(q.host, q.queue_id)
    WHERE ${IN_PERIOD} AND q.what = 'expired'),
  last_attempts AS (
    SELECT e.given_up_at, a.* FROM attempts a JOIN ends e ON e.k = a.k
    WHERE a.logged_at <= e.given_up_at AND ${has('deferred', 'queued').replace('flags', 'e.flags')}
    ${LAST_ATTEMPT}
    UNION ALL
    SELECT e.given_up_at, e.k, ${COLUMNS}, e.flags, e.size, d.status::VARCHAR AS status, coalesce(d.reply, d.stat) AS reason
    FROM raw.deliveries d JOIN ends e ON e.host = d.host AND e.queue_id = d.queue_id
    WHERE NOT ${has('deferred', 'queued').replace('flags', 'e.flags')} AND d.logged_at < $start::TIMESTAMP
      AND d.logged_at >= $start::TIMESTAMP - INTERVAL ${LOOK_BACK_DAYS} DAY
    ${LAST_ATTEMPT})
  SELECT * REPLACE (given_up_at AS logged_at, 'expired' AS status) FROM last_attempts
  WHERE status IN ('deferred', 'queued')`,
};

/** Attempts by mailer, quarter of an hour and status. */
export const TRIES: Fact = {
  name: 'tries',
  needs: [ATTEMPTS, EXPIRED],
  kept: true,
  sql: `SELECT mailer, ${QUARTER} AS quarter, status, count(*) AS attempts, sum(transactions::DOUBLE) AS transactions,
    sum(CASE status WHEN 'sent' THEN size END) AS bytes, sum(CASE status WHEN 'sent' THEN delay_ms END::DOUBLE) AS waited
  FROM attempts GROUP BY ALL
  UNION ALL
  SELECT mailer, ${QUARTER}, status, count(*), 0, NULL, NULL FROM expired GROUP BY ALL`,
};

/** Values of \`cut\`: bits of GROUPING_ID(recipient, relay, delay_ms), 0 for what is grouped by. */
export const DELIVERED_BY = { recipient: 0b011, relay: 0b101, delay: 0b110 };

/** Deliveries (somebody else took the mail for a recipient) by recipient, by who took them, by delay. */
export const DELIVERED: Fact = {
  name: 'delivered',
  needs: [ATTEMPTS],
  kept: true,
  sql: `SELECT GROUPING_ID(recipient, relay, delay_ms) AS cut, recipient, relay, delay_ms,
    any_value(recipient_domain) AS domain, count(*) AS deliveries, sum(size) AS bytes, sum(delay_ms::DOUBLE) AS waited
  FROM attempts WHERE status = 'sent'
  GROUP BY GROUPING SETS ((recipient), (relay), (delay_ms))`,
};

/** Deliveries by recipient; letter case does not make another recipient. */
export const RECIPIENTS: Fact = {
  name: 'recipients',
  needs: [DELIVERED],
  kept: true,
  sql: `SELECT lower(recipient) AS recipient, any_value(domain) AS domain, sum(deliveries) AS deliveries,
    sum(bytes) AS bytes, sum(waited) AS waited
  FROM delivered WHERE cut = ${DELIVERED_BY.recipient} AND recipient IS NOT NULL GROUP BY lower(recipient)`,
};

/** Deliveries by the domain of their recipient. */
export const RECIPIENT_DOMAINS: Fact = {
  name: 'recipient_domains',
  needs: [RECIPIENTS],
  kept: true,
  sql: `SELECT lower(domain) AS domain, count(*) AS recipients, sum(deliveries) AS deliveries,
    sum(bytes) AS bytes, sum(waited) AS waited
  FROM recipients WHERE domain IS NOT NULL GROUP BY lower(domain)`,
};

/**
 * What failed or had to wait, with its reason. The recipient and the host that a reason names are taken
 * out of it, or each failure would be a reason of its own.
 */
export const FAILURES: Fact = {
  name: 'failures',
  needs: [ATTEMPTS, EXPIRED],
  kept: true,
  sql: `SELECT k, status, lower(recipient_domain) AS domain, recipient, delay_ms,
    CASE status WHEN 'expired' THEN 'MessageExpired' ELSE bounce_class::VARCHAR END AS bounce_class,
    replace(replace(reason, coalesce(nullif(recipient, ''), ' '), '*'), coalesce(nullif(relay, ''), ' '), '*') AS reason
  FROM (SELECT * FROM attempts WHERE status IN ('bounced', 'deferred')
    UNION ALL BY NAME SELECT * FROM expired)`,
};
