/** The hosts mail came from and the hosts it was handed to. */
import { CLIENTS } from '../facts/arrivals.ts';
import { DELIVERED, DELIVERED_BY } from '../facts/delivered.ts';
import { bytes, count, seconds, section, text } from '../section.ts';

const CLIENT_COLUMNS = [
  text('client', 'address'),
  text('host', 'host'),
  count('messages', 'messages'),
  bytes('bytes', 'size'),
] as const;

const selectClients = (order: string, top: number): string =>
  `SELECT client, client_host AS host, messages::BIGINT AS messages, bytes::BIGINT AS bytes
  FROM clients ORDER BY ${order} LIMIT ${top}`;

export const CLIENTS_BY_MESSAGES = section({
  id: 'clients',
  title: 'Hosts we got mail from, by messages',
  question: 'Which hosts handed us the most messages?',
  needs: [CLIENTS],
  columns: CLIENT_COLUMNS,
  bar: 'messages',
  sql: ({ top }) => selectClients('messages DESC, bytes DESC, client', top),
});

export const CLIENTS_BY_BYTES = section({
  id: 'clients_by_bytes',
  title: 'Hosts we got mail from, by size',
  question: 'Which hosts handed us the most bytes?',
  needs: [CLIENTS],
  columns: CLIENT_COLUMNS,
  bar: 'bytes',
  sql: ({ top }) => selectClients('bytes DESC, messages DESC, client', top),
});

const RELAY_COLUMNS = [
  text('relay', 'host'),
  count('deliveries', 'deliveries'),
  bytes('bytes', 'size'),
  seconds('mean_delay', 'mean delay'),
] as const;

const selectRelays = (order: string, top: number): string =>
  `SELECT relay, deliveries, coalesce(bytes, 0)::BIGINT AS bytes, round(waited / deliveries, 3) AS mean_delay
  FROM delivered WHERE cut = ${DELIVERED_BY.relay} AND relay IS NOT NULL AND NOT relayed ORDER BY ${order} LIMIT ${top}`;

export const RELAYS_BY_DELIVERIES = section({
  id: 'relays',
  title: 'Hosts we handed mail to, by deliveries',
  question: 'Which hosts took the most mail from us?',
  needs: [DELIVERED],
  columns: RELAY_COLUMNS,
  bar: 'deliveries',
  sql: ({ top }) => selectRelays('deliveries DESC, bytes DESC, relay', top),
});

export const RELAYS_BY_BYTES = section({
  id: 'relays_by_bytes',
  title: 'Hosts we handed mail to, by size',
  question: 'Which hosts took the most bytes from us?',
  needs: [DELIVERED],
  columns: RELAY_COLUMNS,
  bar: 'bytes',
  sql: ({ top }) => selectRelays('bytes DESC NULLS LAST, deliveries DESC, relay', top),
});
