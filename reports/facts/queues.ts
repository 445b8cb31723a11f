/**
 * Hand-overs between queues of ours, and entries that are no messages of their own: small sets of keys to
 * be looked up while the large tables are scanned.
 */
import { aroundPeriod, type Fact, KEY, keyOf } from './fact.ts';

/** Hand-overs about the time of the period: from which entry, to which id, as which entry. */
export const HANDED: Fact = {
  name: 'handed',
  needs: [],
  kept: true,
  sql: `SELECT ${KEY} AS k, ${keyOf(KEY, 'next_queue_id')} AS hand_over, next_host, next_queue_id
  FROM raw.hops WHERE ${aroundPeriod('handed_at', 1)}`,
};

/** Tells a recipient that was handed to a queue of ours from one that was delivered. */
export const HAND_OVERS: Fact = {
  name: 'hand_overs',
  needs: [HANDED],
  kept: false,
  sql: 'SELECT DISTINCT hand_over FROM handed',
};

/** Envelopes that were complete, but whose message was refused behind its data: never accepted. */
export const REFUSED: Fact = {
  name: 'refused',
  needs: [],
  kept: true,
  sql: `SELECT DISTINCT ${KEY} AS k, host, queue_id FROM raw.rejections
  WHERE stage IN ('data', 'content') AND action IN ('reject', 'tempfail') AND queue_id <> ''
    AND ${aroundPeriod('logged_at', 1)}`,
};

/**
 * Hand-overs whose reply named no id, found by message-id: told by their moment and the host handed to.
 */
export const UNNAMED: Fact = {
  name: 'unnamed',
  needs: [],
  kept: true,
  sql: `SELECT ${KEY} AS k, handed_at, next_host FROM raw.hops WHERE NOT named AND ${aroundPeriod('handed_at', 1)}`,
};

/** Whether the delivery `d` is such a hand-over `u`. */
export const IS_UNNAMED =
  'u.k = d.k AND u.handed_at = d.logged_at AND raw.names_host(d.relay_host, d.relay_ip, u.next_host)';

/** Entries that are no messages: refused ones, and those that came from another queue of ours. */
export const NO_MESSAGES: Fact = {
  name: 'no_messages',
  needs: [REFUSED, HANDED],
  kept: false,
  sql: 'SELECT host, queue_id FROM refused UNION SELECT next_host, next_queue_id FROM handed',
};
