/**
 * Arrivals held against outcomes: which of the messages that came in have a final outcome for every
 * recipient at the end of the period, and which entries' beginnings lie before it. Only entries that are
 * in doubt are looked at one recipient at a time; most have as many final outcomes as recipients.
 */
import { ATTEMPTS } from './attempts.ts';
import { type Fact, IN_PERIOD, KEY } from './fact.ts';
import { FATES, has } from './fates.ts';

/** Accepted in the period. */
export const CAME_IN = `${has('arrived')} AND NOT ${has('refused')}`;
/** An attempt or an end in the period, of something neither accepted in it nor made by us in it. */
const TOUCHED = has('sent', 'relayed', 'bounced', 'discarded', 'deferred', 'queued', 'quarantined', 'expired');
export const CARRIED_IN = `${TOUCHED} AND NOT ${has('arrived', 'child', 'offered', 'refused')}`;
export const NOTICE = `${TOUCHED} AND ${has('child')} AND NOT ${has('arrived')}`;
const IN_DOUBT = `${has('deferred', 'queued', 'quarantined')} OR final < announced`;

/** Recipients that were tried or queued and have no final outcome, by entry. */
const UNFINISHED: Fact = {
  name: 'unfinished',
  needs: [ATTEMPTS],
  kept: false,
  sql: `SELECT k, count(*) AS recipients FROM (
    SELECT k, recipient FROM attempts WHERE ${has('deferred', 'queued', 'quarantined')}
    GROUP BY k, recipient HAVING bool_and(status IN ('deferred', 'queued', 'quarantined'))
  ) GROUP BY k`,
};

const DOUBTFUL: Fact = {
  name: 'doubtful',
  needs: [FATES],
  kept: true,
  sql: `SELECT k, flags, arrived, final, announced FROM fates WHERE ${CAME_IN} AND (${IN_DOUBT})`,
};

/** Taken out of the queue, by its MTA when it was done or by its operator. */
const REMOVED: Fact = {
  name: 'removed',
  needs: [DOUBTFUL],
  kept: false,
  sql: `SELECT DISTINCT k FROM (SELECT ${KEY} AS k FROM raw.queue_events WHERE ${IN_PERIOD}
    AND (what = 'cancelled' OR what = 'removed' AND detail IS DISTINCT FROM 'unquarantine'))
  WHERE k IN (SELECT k FROM doubtful)`,
};

/** Sent on as a copy with another sender (owner- aliases): the first entry has no more lines. */
const CLONED: Fact = {
  name: 'cloned',
  needs: [],
  kept: false,
  sql: `SELECT DISTINCT ${KEY} AS k FROM raw.queue_events WHERE ${IN_PERIOD} AND what = 'clone'`,
};

/** Entries with lines soon after the period: an attempt was under way at its end. */
const UNDER_WAY: Fact = {
  name: 'under_way',
  needs: [],
  kept: false,
  sql: `SELECT DISTINCT ${KEY} AS k FROM raw.deliveries
  WHERE logged_at >= $end::TIMESTAMP AND logged_at < $end::TIMESTAMP + INTERVAL 1 HOUR`,
};

/**
 * Every accepted entry: `outcome` is complete, partly (some recipients have a final outcome) or none.
 * `seen`: recipients that the log names, NULL where it names none because the message was dropped whole.
 */
export const ACCOUNTS: Fact = {
  name: 'accounts',
  needs: [FATES, UNFINISHED, DOUBTFUL, REMOVED, CLONED, UNDER_WAY],
  kept: true,
  sql: `SELECT k, arrived, announced, final AS seen, 'complete' AS outcome
  FROM fates WHERE ${CAME_IN} AND NOT (${IN_DOUBT})
  UNION ALL
  SELECT d.k, d.arrived, d.announced,
    CASE WHEN ${has('discarded')} THEN NULL ELSE d.final + coalesce(u.recipients, 0) END,
    CASE WHEN ${has('discarded', 'expired')} OR r.k IS NOT NULL THEN 'complete'
      WHEN d.final = 0 AND u.k IS NULL AND c.k IS NOT NULL THEN 'complete'
      WHEN d.final = 0 THEN 'none'
      WHEN u.k IS NOT NULL OR w.k IS NOT NULL THEN 'partly'
      ELSE 'complete' END
  FROM doubtful d
  LEFT JOIN unfinished u ON u.k = d.k
  LEFT JOIN removed r ON r.k = d.k
  LEFT JOIN cloned c ON c.k = d.k
  LEFT JOIN under_way w ON w.k = d.k`,
};
