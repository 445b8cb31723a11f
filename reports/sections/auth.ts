/** Logins: who used their password, and who tried others'. */
import { IN_PERIOD } from '../facts/fact.ts';
import { count, section, text } from '../section.ts';

const OK = `count(*) FILTER (outcome = 'ok')`;
const FAILED = `count(*) FILTER (outcome = 'failed')`;

export const AUTH_USERS = section({
  id: 'auth_users',
  title: 'Logins by user',
  question: 'Who logged in, and whose login failed?',
  needs: [],
  columns: [
    text('service', 'service'),
    text('user', 'user'),
    count('ok', 'ok'),
    count('failed', 'failed'),
    count('clients', 'addresses'),
  ],
  sql: ({ top }) => `SELECT service::VARCHAR AS service, "user", ${OK} AS ok, ${FAILED} AS failed,
    count(DISTINCT coalesce(client_ip, client_host)) AS clients
  FROM auth_events WHERE ${IN_PERIOD} GROUP BY service, "user"
  ORDER BY failed DESC, ok DESC, "user" LIMIT ${top}`,
});

export const AUTH_CLIENTS = section({
  id: 'auth_clients',
  title: 'Failed logins by client',
  question: 'From where do failed logins come?',
  needs: [],
  columns: [
    text('client', 'address'),
    text('host', 'host'),
    count('failed', 'failed'),
    count('ok', 'ok'),
    count('users', 'users tried'),
  ],
  bar: 'failed',
  sql: ({
    top,
  }) => `SELECT coalesce(client_ip, client_host) AS client, any_value(client_host) AS host, ${FAILED} AS failed,
    ${OK} AS ok, count(DISTINCT "user") FILTER (outcome = 'failed') AS users
  FROM auth_events WHERE ${IN_PERIOD} GROUP BY coalesce(client_ip, client_host)
  HAVING ${FAILED} > 0 ORDER BY failed DESC, client LIMIT ${top}`,
});
