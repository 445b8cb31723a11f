/**
 * Deliveries and the other outcomes of attempts. Deliveries (somebody else took the mail for a recipient)
 * are counted in one scan by recipient, by the host that took them, by mailer and quarter of an hour, and
 * by delay; what was handed to another queue of ours is left out, as in the view `deliveries`.
 */
import { type Fact, IN_PERIOD, KEY, LOOK_BACK_DAYS, QUARTER } from './fact.ts';
import { FATES, has } from './fates.ts';
import { HANDED_ON } from './queues.ts';

/** Values of `cut`: bits of GROUPING_ID(recipient, relay, mailer, delay_ms), 0 for what is grouped by. */
export const DELIVERED_BY = { recipient: 0b0111, relay: 0b1011, mailer: 0b1101, delay: 0b1110 };

export const DELIVERED: Fact = {
  name: 'delivered',
  needs: [HANDED_ON, FATES],
  kept: true,
  sql: `SELECT GROUPING_ID(recipient, relay, mailer, delay_ms) AS cut, recipient, relay, mailer, quarter, delay_ms,
    any_value(recipient_domain) AS domain, count(*) AS deliveries, sum(size) AS bytes, sum(delay_ms::DOUBLE) AS waited
  FROM (
    SELECT ${KEY} AS k, recipient, recipient_domain, coalesce(relay_host, relay_ip) AS relay, mailer,
      ${QUARTER} AS quarter, delay_ms, reply
    FROM raw.deliveries WHERE ${IN_PERIOD} AND status = 'sent'
  ) d
  JOIN fates f ON f.k = d.k
  LEFT JOIN handed_on h ON h.k = CASE WHEN ${has('handed')} THEN hash(d.k, raw.next_queue_id(d.reply)) END
  WHERE h.k IS NULL
  GROUP BY GROUPING SETS ((recipient), (relay), (mailer, quarter), (delay_ms))`,
};

const LOOKING_BACK = `d.logged_at >= $start::TIMESTAMP - INTERVAL ${LOOK_BACK_DAYS} DAY`;

/**
 * Recipients given up in the queue: no line of its own says so, only the last deferral before the notice.
 * One row for each recipient still waiting then, as in the view.
 */
export const EXPIRED: Fact = {
  name: 'expired',
  needs: [],
  kept: true,
  sql: `WITH ends AS (SELECT host, queue_id, logged_at AS given_up_at FROM raw.queue_events
    WHERE ${IN_PERIOD} AND what = 'expired'),
  waiting AS MATERIALIZED (
    SELECT e.given_up_at, d.* FROM raw.deliveries d
    JOIN ends e ON d.host = e.host AND d.queue_id = e.queue_id AND d.logged_at <= e.given_up_at
    WHERE d.status IN ('deferred', 'queued') AND d.logged_at < $end::TIMESTAMP AND ${LOOKING_BACK}
    QUALIFY row_number() OVER (PARTITION BY e.given_up_at, d.host, d.queue_id, d.recipient
      ORDER BY d.logged_at DESC, d.source_id DESC, d.byte_offset DESC) = 1),
  finished AS (
    SELECT d.host, d.queue_id, d.recipient, d.logged_at FROM raw.deliveries d
    JOIN (SELECT DISTINCT host, queue_id FROM waiting) w ON w.host = d.host AND w.queue_id = d.queue_id
    WHERE d.status NOT IN ('deferred', 'queued') AND d.logged_at < $end::TIMESTAMP AND ${LOOKING_BACK})
  SELECT w.* FROM waiting w LEFT JOIN finished f ON f.host = w.host AND f.queue_id = w.queue_id
    AND f.recipient = w.recipient AND f.logged_at >= w.logged_at AND f.logged_at <= w.given_up_at
  WHERE f.host IS NULL`,
};

/** All attempts by mailer, quarter of an hour and the word of their line; \`sent\` includes hand-overs. */
export const ATTEMPTS: Fact = {
  name: 'attempts',
  needs: [EXPIRED],
  kept: true,
  sql: `SELECT mailer, ${QUARTER} AS quarter, status::VARCHAR AS status, count(*) AS attempts,
    sum(transactions::DOUBLE) AS transactions
  FROM raw.deliveries WHERE ${IN_PERIOD} GROUP BY ALL
  UNION ALL
  SELECT mailer, epoch_us(given_up_at) // 900000000, 'expired', count(*), 0 FROM expired GROUP BY ALL`,
};
