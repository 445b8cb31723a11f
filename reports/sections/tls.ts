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

/** The protocol names of RFC 3848 say whether the session was encrypted; local submission has none. */
const TRANSPORT = `CASE WHEN tls_version IS NOT NULL OR upper(protocol) SIMILAR_TO THEN 'encrypted'
    WHEN protocol IS NULL THEN 'local' ELSE 'plain text' END`.replace(
  'SIMILAR_TO',
  `IN ('SMTPS', 'ESMTPS', 'ESMTPSA', 'LMTPS', 'LMTPSA', 'UTF8SMTPS', 'UTF8SMTPSA', 'UTF8LMTPS', 'UTF8LMTPSA')`,
);

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
