/** Connections that did not behave: probes, attacks, floods, lost and silent clients. */
import { IN_PERIOD } from '../facts/fact.ts';
import { count, section, text } from '../section.ts';

/** Plain comings and goings are no news. */
const NEWS = `${IN_PERIOD} AND what NOT IN ('connect', 'disconnect')`;

export const PROBES = section({
  id: 'probes',
  title: 'Odd connections by kind',
  question: 'Which connections probed, attacked, flooded or broke off?',
  needs: [],
  columns: [
    text('what', 'what'),
    count('connections', 'times'),
    count('clients', 'addresses'),
    text('detail', 'for example'),
  ],
  sql: () => `SELECT what::VARCHAR AS what, count(*) AS connections, count(DISTINCT coalesce(client_ip, client_host)) AS clients,
    min(detail) AS detail
  FROM connections WHERE ${NEWS} GROUP BY what ORDER BY connections DESC, what`,
});

/** Broken and silent connections happen to anyone; these do not. */
const HOSTILE = `${IN_PERIOD} AND what IN ('pregreet', 'flood', 'rate_limit', 'probe', 'attack')`;

export const PROBING_CLIENTS = section({
  id: 'probing_clients',
  title: 'Clients that probed or attacked',
  question: 'Who probes or attacks us?',
  needs: [],
  columns: [
    text('client', 'address'),
    text('host', 'host'),
    count('connections', 'times'),
    text('kinds', 'what'),
  ],
  sql: ({
    top,
  }) => `SELECT coalesce(client_ip, client_host) AS client, any_value(client_host) AS host, count(*) AS connections,
    string_agg(DISTINCT what::VARCHAR, ', ' ORDER BY what::VARCHAR) AS kinds
  FROM connections WHERE ${HOSTILE} AND coalesce(client_ip, client_host) IS NOT NULL
  GROUP BY coalesce(client_ip, client_host) ORDER BY connections DESC, client LIMIT ${top}`,
});
