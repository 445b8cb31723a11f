/** What we refused, as in the view `rejections` but for what that borrows from other lines. */
import { aroundPeriod, type Fact, IN_PERIOD } from './fact.ts';

export const REFUSALS: Fact = {
  name: 'refusals',
  needs: [],
  kept: true,
  sql: `SELECT logged_at, host, queue_id, stage, action, rule, code, reason, sender, recipient, client_host, client_ip
  FROM raw.refusals WHERE ${IN_PERIOD}`,
};

/** What made the client's command or message fail. */
export const IS_REFUSAL = `action IN ('reject', 'tempfail') AND stage <> 'other'`;

/** Refusals by client. A line that does not name it borrows it from the from= line of its transaction. */
export const REFUSED_CLIENTS: Fact = {
  name: 'refused_clients',
  needs: [REFUSALS],
  kept: true,
  sql: `WITH nameless AS (
    SELECT host, queue_id, count(*) AS refusals FROM refusals
    WHERE ${IS_REFUSAL} AND client_ip IS NULL AND client_host IS NULL AND queue_id <> '' GROUP BY host, queue_id),
  borrowed AS (
    SELECT any_value(n.refusals) AS refusals, any_value(e.relay_host) AS client_host, any_value(e.relay_ip) AS client_ip
    FROM raw.envelopes e JOIN nameless n ON n.host = e.host AND n.queue_id = e.queue_id
    WHERE ${aroundPeriod('e.logged_at', 1)} GROUP BY n.host, n.queue_id)
  SELECT coalesce(client_ip, client_host) AS client, any_value(client_host) AS client_host, sum(refusals) AS refusals
  FROM (
    SELECT client_ip, client_host, 1 AS refusals FROM refusals
    WHERE ${IS_REFUSAL} AND (client_ip IS NOT NULL OR client_host IS NOT NULL)
    UNION ALL SELECT client_ip, client_host, refusals FROM borrowed
  ) WHERE client_ip IS NOT NULL OR client_host IS NOT NULL
  GROUP BY coalesce(client_ip, client_host)`,
};
