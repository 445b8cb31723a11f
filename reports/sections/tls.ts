/** Encryption: what was negotiated, and how much mail came in without any. */
import { ARRIVALS, ARRIVALS_BY } from '../facts/arrivals.ts';
import { IN_PERIOD } from '../facts/fact.ts';
import { count, percent, section, text } from '../section.ts';

export const TLS_SESSIONS = section({
  id: 'tls',
  title: 'TLS versions and ciphers',
  question: 'How are connections encrypted?',
  needs: [],
  columns: [
    text('side', 'we were'),
    text('version', 'version'),
    text('cipher', 'cipher'),
    count('sessions', 'sessions'),
    percent('share', 'share'),
  ],
  sql: ({
    top,
  }) => `SELECT side, version, cipher, sessions, sessions / sum(sessions) OVER (PARTITION BY side) AS share
  FROM (SELECT side::VARCHAR AS side, version, cipher, count(*) AS sessions
    FROM tls_sessions WHERE ${IN_PERIOD} GROUP BY ALL)
  ORDER BY side DESC, sessions DESC, version, cipher LIMIT ${top}`,
});

/** Names of encrypted protocols (RFC 3848, RFC 6531). Local submission has no protocol at all. */
const ENCRYPTED = ['SMTP', 'ESMTP', 'LMTP', 'UTF8SMTP', 'UTF8LMTP']
  .flatMap((name) => [`'${name}S'`, `'${name}SA'`])
  .join(', ');

const TRANSPORT = `CASE WHEN tls_version IS NOT NULL OR upper(protocol) IN (${ENCRYPTED}) THEN 'encrypted'
    WHEN protocol IS NULL THEN 'local' ELSE 'plain text' END`;

export const TLS_SHARE = section({
  id: 'tls_share',
  title: 'Mail received with and without encryption',
  question: 'How much mail came in as plain text?',
  needs: [ARRIVALS],
  columns: [text('transport', 'came in'), count('messages', 'messages'), percent('share', 'share')],
  bar: 'messages',
  sql: () => `SELECT transport, sum(messages)::BIGINT AS messages, sum(messages) / sum(sum(messages)) OVER () AS share
  FROM (SELECT ${TRANSPORT} AS transport, messages FROM arrivals WHERE cut = ${ARRIVALS_BY.protocol})
  GROUP BY transport ORDER BY messages DESC, transport`,
});
