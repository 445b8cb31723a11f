/**
 * Queue entries. Most need no thought: one recipient was announced and one delivered. Those that are
 * otherwise (several recipients, a deferral, no outcome at all, no arrival) are kept one by one with what
 * the period's lines say of them.
 */
import { DELIVERY_STATUSES, type DeliveryStatus } from '../../src/model/vocabulary.ts';
import { type Fact, IN_PERIOD, KEY, keyOf, LOOK_BACK_DAYS } from './fact.ts';
import { HANDED, REFUSED } from './queues.ts';
import { TROUBLES } from './troubles.ts';

/** Bits below are the delivery statuses, each at the place of its word in the vocabulary. */
const FIRST_FREE = 1 << DELIVERY_STATUSES.length;
const STATUS_FLAGS = Object.fromEntries(DELIVERY_STATUSES.map((word, code) => [word, 1 << code]));

/** What lines say of a queue entry besides that it came in and was delivered: the bits of `flags`. */
const FLAGS = {
  ...(STATUS_FLAGS as Record<DeliveryStatus, number>),
  /** The envelope was offered but not accepted. */
  offered: FIRST_FREE,
  refused: FIRST_FREE << 1,
  /** A notice, bounce or clone: made by us, without a from= line. */
  child: FIRST_FREE << 2,
  /** Put aside at reception. */
  held: FIRST_FREE << 3,
  /** Handed to another queue of ours. */
  handed: FIRST_FREE << 4,
  /**
   * A copy with another sender or a failure notice was made of it: where it has no attempts, that is all
   * that is said (owner- aliases; alias loops, lists that cannot be read).
   */
  answered: FIRST_FREE << 5,
  /** Has lines soon after the period: an attempt was under way at its end. */
  under_way: FIRST_FREE << 6,
} as const;

type Flag = keyof typeof FLAGS;

const bits = (...flags: readonly Flag[]): number =>
  flags.reduce((sum, flag) => sum | FLAGS[flag], 0);

/** Condition on a row with flags: it has at least one of these. */
export const has = (...flags: readonly Flag[]): string => `(flags & ${bits(...flags)}) <> 0`;

const mark = (key: string, flag: Flag, from: string): string =>
  `UNION ALL SELECT ${key}, ${FLAGS[flag]}::USMALLINT, 0 FROM ${from}`;

const SOON_AFTER = `logged_at >= $end::TIMESTAMP AND logged_at < $end::TIMESTAMP + INTERVAL 1 HOUR`;

const IS_ANSWER = `what IN ('clone', 'dsn', 'return_to_sender', 'postmaster_notify')`;

/** Entries of which there is more to say, with the number of recipients that did not get it for good. */
export const MARKS: Fact = {
  name: 'marks',
  needs: [TROUBLES, HANDED, REFUSED],
  kept: true,
  sql: `SELECT k, bit_or(flag) AS flags, sum(is_end) AS ended
  FROM (
    SELECT k, 1::USMALLINT << enum_code(status)::USMALLINT AS flag, (NOT is_open)::INTEGER AS is_end FROM troubles
    ${mark('k', 'handed', 'handed')}
    ${mark('k', 'refused', 'refused')}
    ${mark(KEY, 'offered', `raw.envelopes WHERE ${IN_PERIOD} AND accepted = 'no'`)}
    ${mark(keyOf('host', 'child_queue_id'), 'child', `raw.queue_events WHERE ${IN_PERIOD} AND child_queue_id <> ''`)}
    ${mark(KEY, 'expired', `raw.queue_events WHERE ${IN_PERIOD} AND what = 'expired'`)}
    ${mark(KEY, 'answered', `raw.queue_events WHERE ${IN_PERIOD} AND ${IS_ANSWER}`)}
    ${mark(KEY, 'under_way', `raw.deliveries WHERE ${SOON_AFTER}`)}
    ${mark(KEY, 'held', `raw.rejections WHERE ${IN_PERIOD} AND action = 'quarantine' AND queue_id <> ''`)}
  ) GROUP BY k`,
};

/**
 * Attempts and ends of what came in before the period, by the delay their lines show. A minute's grace: a
 * line may be stamped later than its event, and delays are cut to seconds.
 */
const CROSSING: Fact = {
  name: 'crossing',
  needs: [],
  kept: true,
  sql: `SELECT host, queue_id FROM raw.deliveries
  WHERE ${IN_PERIOD} AND (delay IS NULL
    OR epoch(logged_at) - delay < epoch($start::TIMESTAMP) + 60)
  UNION
  SELECT host, queue_id FROM raw.queue_events WHERE ${IN_PERIOD} AND what = 'expired'`,
};

const ENVELOPES: Fact = {
  name: 'known_envelopes',
  needs: [CROSSING],
  kept: false,
  sql: `SELECT ${KEY} AS k, mta, size::DOUBLE AS size, nrcpts, true AS came_in
  FROM raw.envelopes WHERE ${IN_PERIOD} AND accepted = 'yes'
  UNION ALL
  SELECT ${keyOf('e.host', 'e.queue_id')}, mta, size::DOUBLE, NULL, false
  FROM raw.envelopes e JOIN crossing c ON c.host = e.host AND c.queue_id = e.queue_id
  WHERE e.logged_at < $start::TIMESTAMP AND e.accepted = 'yes'
    AND e.logged_at >= $start::TIMESTAMP - INTERVAL ${LOOK_BACK_DAYS} DAY`,
};

/**
 * Accepted entries, one row for each key, of the period (`came_in`) and before. Postfix uses its short ids
 * again: what has one id is then one row with the mean size. No other MTA's ids occur twice on a host.
 */
export const ACCEPTED: Fact = {
  name: 'accepted',
  needs: [ENVELOPES, MARKS],
  kept: true,
  sql: `SELECT e.k, e.size, e.nrcpts, e.came_in, e.arrivals, coalesce(m.flags, 0) AS flags
  FROM (
    SELECT k, size, nrcpts, came_in, came_in::INTEGER AS arrivals FROM known_envelopes WHERE mta <> 'postfix'
    UNION ALL
    SELECT k, avg(size), sum(nrcpts)::UINTEGER, bool_or(came_in), sum(came_in::INTEGER)::INTEGER
    FROM known_envelopes WHERE mta = 'postfix' GROUP BY k
  ) e LEFT JOIN marks m ON m.k = e.k
  WHERE m.k IS NULL OR NOT ${has('refused')}`,
};

/** Condition on a row of accepted: nothing to be said of it but that it came in for one recipient. */
export const IS_SIMPLE = 'nrcpts = 1 AND flags = 0';
