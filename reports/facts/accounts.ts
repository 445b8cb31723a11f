/**
 * Arrivals held against outcomes: which of the messages that came in have a final outcome for every
 * recipient at the end of the period, and which entries' beginnings lie before it.
 */
import { DELIVERED, DELIVERED_BY } from './delivered.ts';
import { ACCEPTED, has, MARKS } from './entries.ts';
import { type Fact, IN_PERIOD, KEY } from './fact.ts';
import { UNFINISHED } from './troubles.ts';

/** Entries that need a thought, with all that is said of them; the simple ones are not here. */
export const ENTRIES: Fact = {
  name: 'entries',
  needs: [DELIVERED, MARKS, ACCEPTED],
  kept: true,
  sql: `WITH found AS MATERIALIZED (
    SELECT coalesce(s.k, m.k) AS k, coalesce(m.flags, 0) AS flags, coalesce(s.deliveries, 0) + coalesce(m.ended, 0) AS final
    FROM (SELECT entry AS k, deliveries FROM delivered WHERE cut = ${DELIVERED_BY.entry} AND entry IS NOT NULL) s
    FULL JOIN marks m ON m.k = s.k)
  SELECT f.k, f.flags, f.final, a.came_in, a.arrivals, a.nrcpts AS announced
  FROM found f LEFT JOIN accepted a ON a.k = f.k`,
};

/** An attempt or an end in the period, of something neither accepted in it nor made by us in it. */
const TOUCHED = `(final > 0 OR ${has('deferred', 'queued', 'quarantined', 'expired')})`;
export const CARRIED_IN = `came_in IS NOT TRUE AND ${TOUCHED} AND NOT ${has('child', 'offered', 'refused')}`;
export const NOTICE = `came_in IS NOT TRUE AND ${TOUCHED} AND ${has('child')}`;

/** Taken out of the queue, by its MTA when it was done or by its operator. */
const REMOVED: Fact = {
  name: 'removed',
  needs: [ENTRIES],
  kept: false,
  sql: `SELECT DISTINCT k FROM (SELECT ${KEY} AS k FROM raw.queue_events WHERE ${IN_PERIOD}
    AND (what = 'cancelled' OR what = 'removed' AND detail IS DISTINCT FROM 'unquarantine'))
  WHERE k IN (SELECT k FROM entries)`,
};

/**
 * The entries that came in in the period: `outcome` is complete, partly (some recipients have a final
 * outcome) or none; `seen` is NULL where the log names no recipient since the message was dropped.
 */
export const ACCOUNTS: Fact = {
  name: 'accounts',
  needs: [ENTRIES, UNFINISHED, REMOVED],
  kept: true,
  sql: `SELECT e.k, e.arrivals, e.announced,
    CASE WHEN ${has('discarded')} THEN NULL ELSE e.final + coalesce(u.recipients, 0) END AS seen,
    CASE WHEN ${has('discarded', 'expired')} OR r.k IS NOT NULL THEN 'complete'
      WHEN e.final = 0 AND u.k IS NULL AND ${has('answered')} THEN 'complete'
      WHEN e.final = 0 THEN 'none'
      WHEN u.k IS NOT NULL OR ${has('under_way')} THEN 'partly'
      ELSE 'complete' END AS outcome
  FROM entries e
  LEFT JOIN unfinished u ON u.k = e.k
  LEFT JOIN removed r ON r.k = e.k
  WHERE e.came_in`,
};

/** How many more came in, were announced for one recipient and delivered. */
export const SIMPLE: Fact = {
  name: 'simple',
  needs: [ACCEPTED, ENTRIES],
  kept: true,
  sql: `SELECT (SELECT coalesce(sum(arrivals), 0) FROM accepted)
    - (SELECT coalesce(sum(arrivals), 0) FROM entries WHERE came_in) AS entries`,
};

/** Simple ones with several deliveries: aliases. Looked for only if the sums say that there are any. */
export const EXPANDED: Fact = {
  name: 'expanded',
  needs: [DELIVERED, ENTRIES, SIMPLE],
  kept: true,
  sql: `SELECT k FROM (
    SELECT ${KEY} AS k FROM raw.deliveries WHERE ${IN_PERIOD} AND status = 'sent'
      AND (SELECT coalesce(sum(deliveries), 0) FROM delivered WHERE cut = ${DELIVERED_BY.entry} AND entry IS NULL)
        > (SELECT entries FROM simple)
  ) WHERE k NOT IN (SELECT k FROM entries) GROUP BY k HAVING count(*) > 1`,
};

/** How many queue ids are shown of a group. */
export const EXAMPLES = 5;

/** All that came in, by outcome and by how its recipients compare; keys of a few of the less usual. */
export const STATES: Fact = {
  name: 'states',
  needs: [ACCOUNTS, SIMPLE, EXPANDED],
  kept: true,
  sql: `SELECT kind, state, sum(entries)::BIGINT AS entries, flatten(list(keys) FILTER (keys IS NOT NULL)) AS keys
  FROM (
    SELECT 'outcome' AS kind, outcome AS state, sum(arrivals) AS entries, min(k, ${EXAMPLES}) AS keys
    FROM accounts GROUP BY outcome
    UNION ALL
    SELECT 'recipients', CASE WHEN seen > announced THEN 'more' WHEN seen = announced THEN 'same'
      WHEN seen = 0 THEN 'unseen' ELSE 'fewer' END AS state, sum(arrivals), min(k, ${EXAMPLES})
    FROM accounts WHERE seen IS NOT NULL AND announced IS NOT NULL GROUP BY state
    UNION ALL SELECT 'outcome', 'complete', entries, NULL FROM simple
    UNION ALL SELECT 'recipients', 'same', entries - (SELECT count(*) FROM expanded), NULL FROM simple
    UNION ALL SELECT 'recipients', 'more', count(*), min(k, ${EXAMPLES}) FROM expanded
  ) GROUP BY kind, state`,
};
