/**
 * Deliveries (somebody else took the mail for a recipient), counted in one scan by recipient, by its domain,
 * by the host that took them, by mailer and quarter of an hour, by delay, and by queue entry. A row has the
 * columns of one of these, the others are NULL; `cut` says which it is.
 *
 * Recipients handed to another queue of ours are there as well, with `relayed` true, except that they are
 * no deliveries: they count for their entry and their mailer only.
 */
import { ACCEPTED, has, IS_SIMPLE } from './entries.ts';
import { type Fact, IN_PERIOD, KEY, keyOf, QUARTER } from './fact.ts';
import { HAND_OVERS, IS_UNNAMED, UNNAMED } from './queues.ts';

/** Values of `cut`: GROUPING_ID of the six, a 0 for what is grouped by. */
export const DELIVERED_BY = {
  recipient: 0b011111,
  domain: 0b101111,
  relay: 0b110111,
  mailer: 0b111011,
  delay: 0b111101,
  entry: 0b111110,
} as const;

export const DELIVERED: Fact = {
  name: 'delivered',
  needs: [HAND_OVERS, UNNAMED, ACCEPTED],
  kept: true,
  sql: `SELECT GROUPING_ID(recipient, recipient_domain, relay, mailer, delay, entry) AS cut,
    recipient, recipient_domain, relay, mailer, quarter, delay, relayed,
    entry,
    count(k) AS deliveries, sum(size) AS bytes, sum(delay) AS waited
  FROM (
    SELECT d.*, CASE WHEN d.k IS NOT NULL THEN a.size END AS size, h.hand_over IS NOT NULL OR u.k IS NOT NULL AS relayed,
      CASE WHEN d.k IS NULL OR (${IS_SIMPLE}) IS NOT TRUE THEN coalesce(a.k, d.k) END AS entry
    FROM (
      SELECT ${KEY} AS k, recipient, recipient_domain, coalesce(relay_host, relay_ip) AS relay, mailer,
        ${QUARTER} AS quarter, delay, reply, logged_at, relay_host, relay_ip
      FROM raw.deliveries WHERE ${IN_PERIOD} AND status = 'sent'
    ) d
    FULL JOIN accepted a ON a.k = d.k
    LEFT JOIN hand_overs h ON h.hand_over = CASE WHEN ${has('handed')} THEN ${keyOf('d.k', 'raw.next_queue_id(d.reply)')} END
    LEFT JOIN unnamed u ON ${IS_UNNAMED}
  )
  GROUP BY GROUPING SETS ((recipient, relayed), (recipient_domain, relayed), (relay, relayed), (mailer, quarter, relayed),
    (delay, relayed), (entry))`,
};

/** Deliveries by recipient; letter case does not make another recipient. */
export const RECIPIENTS: Fact = {
  name: 'recipients',
  needs: [DELIVERED],
  kept: true,
  sql: `SELECT lower(recipient) AS recipient, sum(deliveries) AS deliveries, sum(bytes) AS bytes
  FROM delivered WHERE cut = ${DELIVERED_BY.recipient} AND recipient IS NOT NULL AND NOT relayed GROUP BY lower(recipient)`,
};

/** Deliveries by the domain of their recipient, which the parser folds. */
export const RECIPIENT_DOMAINS: Fact = {
  name: 'recipient_domains',
  needs: [DELIVERED],
  kept: false,
  sql: `SELECT recipient_domain AS domain, deliveries, bytes, waited
  FROM delivered WHERE cut = ${DELIVERED_BY.domain} AND recipient_domain IS NOT NULL AND NOT relayed`,
};
