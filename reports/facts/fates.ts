/**
 * What the period's lines say of each queue entry, one row per entry: did it come in, did its recipients
 * get a final outcome, is it a notice we wrote ourselves. One pass over envelopes and deliveries together.
 *
 * What the lines of one entry have in common is only host and queue id, so an id that is used again
 * within the period makes one row of two messages: `arrived` counts both, `size` is their mean.
 */
import { DELIVERY_STATUSES, type DeliveryStatus } from '../../src/model/vocabulary.ts';
import { type Fact, IN_PERIOD, KEY, LOOK_BACK_DAYS } from './fact.ts';
import { HANDED, REFUSED } from './queues.ts';

/** Bits below are the delivery statuses, each at the place of its word in the vocabulary. */
const FIRST_FREE = 1 << DELIVERY_STATUSES.length;

/** What one line says of its queue entry: the bits of `flags`. */
const FLAGS = {
  ...(Object.fromEntries(DELIVERY_STATUSES.map((word, code) => [word, 1 << code])) as Record<
    DeliveryStatus,
    number
  >),
  arrived: FIRST_FREE,
  /** Came in before the period. */
  earlier: FIRST_FREE << 1,
  /** The envelope was offered but not accepted. */
  offered: FIRST_FREE << 2,
  refused: FIRST_FREE << 3,
  /** A notice, bounce or clone: made by us, without a from= line. */
  child: FIRST_FREE << 4,
  /** Handed to another queue of ours. */
  handed: FIRST_FREE << 5,
  /** Put aside at reception. */
  held: FIRST_FREE << 6,
} as const;

type Flag = keyof typeof FLAGS;

const bits = (...flags: readonly Flag[]): number =>
  flags.reduce((sum, flag) => sum | FLAGS[flag], 0);

/** Condition on a row of fates: it has at least one of these flags. */
export const has = (...flags: readonly Flag[]): string => `(flags & ${bits(...flags)}) <> 0`;

/** Statuses of a recipient that is still in the queue. */
export const OPEN = ['deferred', 'queued', 'quarantined'] as const satisfies readonly DeliveryStatus[];
/** Statuses that are a recipient's last word. */
export const FINAL = ['sent', 'relayed', 'bounced', 'discarded'] as const satisfies readonly DeliveryStatus[];

/** Attempts and ends of messages that came in before the period, by the delay their lines show. */
const CROSSING: Fact = {
  name: 'crossing',
  needs: [],
  kept: true,
  sql: `SELECT host, queue_id FROM raw.deliveries
  WHERE ${IN_PERIOD} AND (delay_ms IS NULL
    OR epoch_ms(logged_at) - delay_ms::BIGINT < epoch_ms($start::TIMESTAMP) + 60000)
  UNION
  SELECT host, queue_id FROM raw.queue_events WHERE ${IN_PERIOD} AND what = 'expired'`,
};

const EARLIER: Fact = {
  name: 'earlier',
  needs: [CROSSING],
  kept: false,
  sql: `SELECT hash(e.host, e.queue_id) AS k, e.size
  FROM raw.envelopes e JOIN crossing c ON c.host = e.host AND c.queue_id = e.queue_id
  WHERE e.logged_at >= $start::TIMESTAMP - INTERVAL ${LOOK_BACK_DAYS} DAY
    AND e.logged_at < $start::TIMESTAMP AND e.accepted = 'yes'`,
};

const mark = (key: string, flag: Flag, from: string): string =>
  `UNION ALL SELECT ${key}, ${FLAGS[flag]}::USMALLINT, NULL, NULL FROM ${from}`;

/** One kind of line after the other. A label's code is its place in the vocabulary. */
const LINES = `SELECT ${KEY} AS k,
      (CASE accepted WHEN 'yes' THEN ${FLAGS.arrived} ELSE ${FLAGS.offered} END)::USMALLINT AS flag,
      (CASE accepted WHEN 'yes' THEN size END)::DOUBLE AS size, nrcpts::DOUBLE AS nrcpts
    FROM raw.envelopes WHERE ${IN_PERIOD}
    UNION ALL
    SELECT ${KEY}, 1::USMALLINT << enum_code(status)::USMALLINT, NULL, NULL FROM raw.deliveries WHERE ${IN_PERIOD}
    UNION ALL SELECT k, ${FLAGS.earlier}::USMALLINT, size::DOUBLE, NULL FROM earlier
    ${mark('k', 'refused', 'refused')}
    ${mark('k', 'handed', 'handed')}
    ${mark('hash(host, child_queue_id)', 'child', `raw.queue_events WHERE ${IN_PERIOD} AND child_queue_id <> ''`)}
    ${mark(KEY, 'expired', `raw.queue_events WHERE ${IN_PERIOD} AND what = 'expired'`)}
    ${mark(KEY, 'held', `raw.rejections WHERE ${IN_PERIOD} AND action = 'quarantine' AND queue_id <> ''`)}`;

export const FATES: Fact = {
  name: 'fates',
  needs: [REFUSED, HANDED, EARLIER],
  kept: true,
  sql: `SELECT k, bit_or(flag) AS flags, count(*) FILTER (flag = ${FLAGS.arrived}) AS arrived,
    count(*) FILTER ((flag & ${bits(...FINAL)}) <> 0) AS final, sum(size) / count(size) AS size, sum(nrcpts) AS announced
  FROM (${LINES}) GROUP BY k`,
};
