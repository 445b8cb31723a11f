/** Heavy senders: envelope addresses, letter case folded, and their domains. */
import { ARRIVALS, ARRIVALS_BY, SENDERS } from '../facts/arrivals.ts';
import { bytes, count, section, text } from '../section.ts';

const COLUMNS = [
  text('sender', 'sender'),
  count('messages', 'messages'),
  bytes('bytes', 'size'),
  count('recipients', 'recipients'),
] as const;

/** The null sender of bounces is shown as it is written in SMTP. */
const select = (order: string, top: number): string =>
  `SELECT CASE sender WHEN '' THEN '<>' ELSE sender END AS sender, messages::BIGINT AS messages,
    bytes::BIGINT AS bytes, recipients::BIGINT AS recipients
  FROM senders ORDER BY ${order} LIMIT ${top}`;

export const SENDERS_BY_MESSAGES = section({
  id: 'senders',
  title: 'Senders by messages',
  question: 'Who sent the most messages?',
  needs: [SENDERS],
  columns: COLUMNS,
  bar: 'messages',
  sql: ({ top }) => select('messages DESC, bytes DESC, sender', top),
});

export const SENDERS_BY_BYTES = section({
  id: 'senders_by_bytes',
  title: 'Senders by size',
  question: 'Who sent the most bytes?',
  needs: [SENDERS],
  columns: COLUMNS,
  bar: 'bytes',
  sql: ({ top }) => select('bytes DESC, messages DESC, sender', top),
});

const DOMAIN_COLUMNS = [
  text('domain', 'domain'),
  count('messages', 'messages'),
  bytes('bytes', 'size'),
  count('recipients', 'recipients'),
] as const;

const selectDomains = (order: string, top: number): string =>
  `SELECT sender_domain AS domain, messages, bytes::BIGINT AS bytes, recipients::BIGINT AS recipients
  FROM arrivals WHERE cut = ${ARRIVALS_BY.domain} AND sender_domain IS NOT NULL ORDER BY ${order} LIMIT ${top}`;

export const SENDER_DOMAINS_BY_MESSAGES = section({
  id: 'sender_domains',
  title: 'Sender domains by messages',
  question: 'Which domains sent the most messages?',
  needs: [ARRIVALS],
  columns: DOMAIN_COLUMNS,
  bar: 'messages',
  sql: ({ top }) => selectDomains('messages DESC, bytes DESC, domain', top),
});

export const SENDER_DOMAINS_BY_BYTES = section({
  id: 'sender_domains_by_bytes',
  title: 'Sender domains by size',
  question: 'Which domains sent the most bytes?',
  needs: [ARRIVALS],
  columns: DOMAIN_COLUMNS,
  bar: 'bytes',
  sql: ({ top }) => selectDomains('bytes DESC, messages DESC, domain', top),
});
