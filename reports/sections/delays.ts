/**
 * How long mail took from its arrival to its delivery. Percentiles are nearest-rank: a value that really
 * occurred, at least so many percent of the deliveries being as fast.
 */
import { DELIVERED, DELIVERED_BY, RECIPIENT_DOMAINS } from '../facts/delivered.ts';
import { IN_PERIOD, KEY, keyOf } from '../facts/fact.ts';
import { HAND_OVERS, IS_UNNAMED, UNNAMED } from '../facts/queues.ts';
import { count, seconds, section, text } from '../section.ts';

const PERCENTILES = [50, 90, 95, 99] as const;
const COLUMNS = [
  seconds('p50', '50 %'),
  seconds('p90', '90 %'),
  seconds('p95', '95 %'),
  seconds('p99', '99 %'),
  seconds('longest', 'longest'),
  seconds('mean', 'mean'),
] as const;

const rank = (percentile: number): string =>
  `min(delay) FILTER (upto * 100 >= total * ${percentile}) AS p${percentile}`;

export const DELAYS = section({
  id: 'delays',
  title: 'Time to delivery',
  question: 'How long did delivery take?',
  needs: [DELIVERED],
  columns: [count('deliveries', 'deliveries'), ...COLUMNS],
  sql: () => `SELECT max(total)::BIGINT AS deliveries, ${PERCENTILES.map(rank).join(', ')},
    max(delay) AS longest, round(sum(delay * deliveries) / max(total), 3) AS mean
  FROM (SELECT delay, deliveries, sum(deliveries) OVER (ORDER BY delay) AS upto, sum(deliveries) OVER () AS total
    FROM delivered WHERE cut = ${DELIVERED_BY.delay} AND delay IS NOT NULL AND NOT relayed)
  HAVING count(*) > 0`,
});

/** One late message makes no slow destination where most have thousands: 1 in 10,000 deliveries count. */
const LEAST_SHARE = 10_000;

export const DELAYS_BY_DESTINATION = section({
  id: 'delays_by_destination',
  title: 'Slowest destinations',
  question: 'Which domains does mail take longest to reach?',
  needs: [RECIPIENT_DOMAINS, HAND_OVERS, UNNAMED],
  columns: [text('domain', 'domain'), count('deliveries', 'deliveries'), ...COLUMNS],
  sql: ({ top }) => `WITH slowest AS MATERIALIZED (
    SELECT domain FROM recipient_domains
    WHERE waited > 0 AND deliveries * ${LEAST_SHARE} >= (SELECT sum(deliveries) FROM recipient_domains)
    ORDER BY waited / deliveries DESC, domain LIMIT ${top})
  SELECT domain, deliveries, ${PERCENTILES.map((p, i) => `q[${i + 1}] AS p${p}`).join(', ')}, longest, mean
  FROM (
    SELECT recipient_domain AS domain, count(*) AS deliveries, max(delay) AS longest,
      round(avg(delay), 3) AS mean,
      quantile_disc(delay, [${PERCENTILES.map((p) => p / 100).join(', ')}]) AS q
    FROM (
      SELECT recipient_domain, delay, ${keyOf(KEY, 'raw.next_queue_id(reply)')} AS hand_over,
        ${KEY} AS k, logged_at, relay_host, relay_ip FROM raw.deliveries
      WHERE ${IN_PERIOD} AND status = 'sent' AND delay IS NOT NULL
        AND recipient_domain IN (SELECT domain FROM slowest)
    ) d WHERE (hand_over IS NULL OR hand_over NOT IN (SELECT hand_over FROM hand_overs))
      AND NOT EXISTS (SELECT 1 FROM unnamed u WHERE ${IS_UNNAMED})
    GROUP BY recipient_domain
  ) ORDER BY mean DESC, domain`,
});
