/**
 * Messages that came in, counted in one scan by sender, by client, by quarter of an hour and by protocol.
 * Rows of one kind have the columns of the others NULL; `cut` says which they are.
 */
import { type Fact, IN_PERIOD, KEY, QUARTER } from './fact.ts';
import { FROM_OWN, REFUSED } from './queues.ts';

/** Values of `cut`: bits of GROUPING_ID(sender, client, quarter, protocol), 0 for what is grouped by. */
export const ARRIVALS_BY = { sender: 0b0111, client: 0b1011, quarter: 0b1101, protocol: 0b1110 };

export const ARRIVALS: Fact = {
  name: 'arrivals',
  needs: [REFUSED, FROM_OWN],
  kept: true,
  sql: `SELECT GROUPING_ID(sender, client, quarter, protocol) AS cut, sender, client, quarter, protocol, tls_version,
    any_value(sender_domain) AS sender_domain, any_value(relay_host) AS client_host,
    count(*) AS messages, sum(size) AS bytes, sum(nrcpts) AS recipients
  FROM (
    SELECT ${KEY} AS k, sender, sender_domain, coalesce(relay_ip, relay_host) AS client, relay_host,
      ${QUARTER} AS quarter, protocol, tls_version, size::DOUBLE AS size, nrcpts::DOUBLE AS nrcpts
    FROM raw.envelopes WHERE ${IN_PERIOD} AND accepted = 'yes'
  ) e
  LEFT JOIN refused r ON r.k = e.k
  LEFT JOIN from_own o ON o.k = e.k
  WHERE r.k IS NULL AND o.k IS NULL
  GROUP BY GROUPING SETS ((sender), (client), (quarter), (protocol, tls_version))`,
};

/** Messages by sender; letter case does not make another sender. */
export const SENDERS: Fact = {
  name: 'senders',
  needs: [ARRIVALS],
  kept: true,
  sql: `SELECT lower(sender) AS sender, any_value(sender_domain) AS domain, sum(messages) AS messages,
    sum(bytes) AS bytes, sum(recipients) AS recipients
  FROM arrivals WHERE cut = ${ARRIVALS_BY.sender} GROUP BY lower(sender)`,
};

/** Messages by the domain of their sender. */
export const SENDER_DOMAINS: Fact = {
  name: 'sender_domains',
  needs: [SENDERS],
  kept: true,
  sql: `SELECT lower(domain) AS domain, count(*) AS senders, sum(messages) AS messages,
    sum(bytes) AS bytes, sum(recipients) AS recipients
  FROM senders WHERE domain IS NOT NULL GROUP BY lower(domain)`,
};

/** Messages by the host that handed them to us, known by its address. */
export const CLIENTS: Fact = {
  name: 'clients',
  needs: [ARRIVALS],
  kept: true,
  sql: `SELECT client, client_host, messages, bytes, recipients
  FROM arrivals WHERE cut = ${ARRIVALS_BY.client} AND client IS NOT NULL`,
};
