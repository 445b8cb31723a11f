/**
 * Messages that came in, counted in one scan by sender, by its domain, by client, by quarter of an hour and
 * by protocol. A row has the columns of one of these, the others are NULL; `cut` says which it is.
 */
import { type Fact, IN_PERIOD, QUARTER } from './fact.ts';
import { NO_MESSAGES } from './queues.ts';

/** Values of `cut`: GROUPING_ID of the five, a 0 for what is grouped by. */
export const ARRIVALS_BY = {
  sender: 0b01111,
  domain: 0b10111,
  client: 0b11011,
  quarter: 0b11101,
  protocol: 0b11110,
} as const;

export const ARRIVALS: Fact = {
  name: 'arrivals',
  needs: [NO_MESSAGES],
  kept: true,
  sql: `SELECT GROUPING_ID(sender, sender_domain, relay_ip, quarter, protocol) AS cut,
    sender, sender_domain, relay_ip, relay_host, quarter, protocol, tls_version,
    count(*) AS messages, sum(size) AS bytes, sum(nrcpts) AS recipients
  FROM (
    SELECT host, queue_id, sender, sender_domain, relay_ip, relay_host, ${QUARTER} AS quarter, protocol, tls_version,
      size::DOUBLE AS size, nrcpts::DOUBLE AS nrcpts
    FROM raw.envelopes WHERE ${IN_PERIOD} AND accepted = 'yes'
  ) e
  LEFT JOIN no_messages n ON n.queue_id = e.queue_id AND n.host = e.host WHERE n.queue_id IS NULL
  GROUP BY GROUPING SETS ((sender), (sender_domain), (relay_ip, relay_host), (quarter), (protocol, tls_version))`,
};

/** Messages by sender; letter case does not make another sender. */
export const SENDERS: Fact = {
  name: 'senders',
  needs: [ARRIVALS],
  kept: true,
  sql: `SELECT lower(sender) AS sender, sum(messages) AS messages, sum(bytes) AS bytes, sum(recipients) AS recipients
  FROM arrivals WHERE cut = ${ARRIVALS_BY.sender} AND sender IS NOT NULL GROUP BY lower(sender)`,
};

/** Messages by the host that handed them to us: by its address, whatever names it has. */
export const CLIENTS: Fact = {
  name: 'clients',
  needs: [ARRIVALS],
  kept: true,
  sql: `SELECT coalesce(relay_ip, relay_host) AS client, any_value(relay_host) AS client_host, sum(messages) AS messages,
    sum(bytes) AS bytes
  FROM arrivals WHERE cut = ${ARRIVALS_BY.client} AND coalesce(relay_ip, relay_host) IS NOT NULL
  GROUP BY coalesce(relay_ip, relay_host)`,
};
