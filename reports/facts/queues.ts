/**
 * Which queue entries were refused after all, and which were handed from one queue of ours to another.
 * Each is a small set of keys to be looked up while the large tables are scanned.
 */
import { aroundPeriod, type Fact, KEY } from './fact.ts';

/** Envelopes that were complete, but whose message was refused behind its data: never accepted. */
export const REFUSED: Fact = {
  name: 'refused',
  needs: [],
  kept: true,
  sql: `SELECT DISTINCT ${KEY} AS k FROM raw.rejections
  WHERE stage IN ('data', 'content') AND action IN ('reject', 'tempfail') AND queue_id <> ''
    AND ${aroundPeriod('logged_at', 1)}`,
};

/** Hand-overs between queues of ours about the time of the period. */
export const HANDED: Fact = {
  name: 'handed',
  needs: [],
  kept: true,
  sql: `SELECT ${KEY} AS k, next_queue_id, hash(next_host, next_queue_id) AS next_k FROM raw.hops
  WHERE ${aroundPeriod('handed_at', 1)}`,
};

/** Entries that came from another queue of ours: hops, not messages. */
export const FROM_OWN: Fact = {
  name: 'from_own',
  needs: [HANDED],
  kept: true,
  sql: 'SELECT DISTINCT next_k AS k FROM handed',
};

/** The same by entry and the id that the next queue gave: what tells a relayed recipient from a sent one. */
export const HANDED_ON: Fact = {
  name: 'handed_on',
  needs: [HANDED],
  kept: false,
  sql: 'SELECT DISTINCT hash(k, next_queue_id) AS k FROM handed',
};
