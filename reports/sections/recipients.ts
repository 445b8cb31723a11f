/** Heavy recipients: envelope addresses that mail was delivered to, letter case folded, and their domains. */
import { RECIPIENT_DOMAINS, RECIPIENTS } from '../facts/delivered.ts';
import { bytes, count, seconds, section, text } from '../section.ts';

const COLUMNS = [
  text('recipient', 'recipient'),
  count('deliveries', 'deliveries'),
  bytes('bytes', 'size'),
] as const;

const select = (order: string, top: number): string =>
  `SELECT recipient, deliveries::BIGINT AS deliveries, coalesce(bytes, 0)::BIGINT AS bytes
  FROM recipients ORDER BY ${order} LIMIT ${top}`;

export const RECIPIENTS_BY_DELIVERIES = section({
  id: 'recipients',
  title: 'Recipients by deliveries',
  question: 'Who got the most messages?',
  needs: [RECIPIENTS],
  columns: COLUMNS,
  bar: 'deliveries',
  sql: ({ top }) => select('deliveries DESC, bytes DESC, recipient', top),
});

export const RECIPIENTS_BY_BYTES = section({
  id: 'recipients_by_bytes',
  title: 'Recipients by size',
  question: 'Who got the most bytes?',
  needs: [RECIPIENTS],
  columns: COLUMNS,
  bar: 'bytes',
  sql: ({ top }) => select('bytes DESC NULLS LAST, deliveries DESC, recipient', top),
});

const DOMAIN_COLUMNS = [
  text('domain', 'domain'),
  count('deliveries', 'deliveries'),
  bytes('bytes', 'size'),
  seconds('mean_delay', 'mean delay'),
] as const;

const selectDomains = (order: string, top: number): string =>
  `SELECT domain, deliveries::BIGINT AS deliveries, coalesce(bytes, 0)::BIGINT AS bytes,
    round(waited / deliveries, 3) AS mean_delay
  FROM recipient_domains ORDER BY ${order} LIMIT ${top}`;

export const RECIPIENT_DOMAINS_BY_DELIVERIES = section({
  id: 'recipient_domains',
  title: 'Recipient domains by deliveries',
  question: 'Which domains got the most messages?',
  needs: [RECIPIENT_DOMAINS],
  columns: DOMAIN_COLUMNS,
  bar: 'deliveries',
  sql: ({ top }) => selectDomains('deliveries DESC, bytes DESC, domain', top),
});

export const RECIPIENT_DOMAINS_BY_BYTES = section({
  id: 'recipient_domains_by_bytes',
  title: 'Recipient domains by size',
  question: 'Which domains got the most bytes?',
  needs: [RECIPIENT_DOMAINS],
  columns: DOMAIN_COLUMNS,
  bar: 'bytes',
  sql: ({ top }) => selectDomains('bytes DESC NULLS LAST, deliveries DESC, domain', top),
});
