/**
 * Top lists: who or what stands out, by messages, bytes or recipients. One statement a list; names are
 * folded to lower case, since mail systems compare domains so and people write addresses as they like.
 */
export const TOP_MEASURES = ['messages', 'bytes', 'recipients'] as const;
export type TopMeasure = (typeof TOP_MEASURES)[number];

export interface TopList {
  /** What the list shows, in a few words. */
  readonly question: string;
  /** Names the grouped column and brings messages, bytes and recipients; $start and $end bound. */
  readonly sql: string;
}

/** Messages accepted from outside our own queues, grouped by one expression. */
const ofMessages = (key: string, expression: string): string => `
SELECT ${expression} AS ${key}, count(*) AS messages, sum(size)::UBIGINT AS bytes, sum(nrcpts)::UBIGINT AS recipients
FROM messages
WHERE NOT from_own_queue AND logged_at >= $start AND logged_at < $end AND ${expression} IS NOT NULL
GROUP BY 1`;

/** Successful deliveries grouped by one expression; the size is that of the message, where its arrival is known. */
const ofDeliveries = (key: string, expression: string): string => `
SELECT ${expression} AS ${key}, count(DISTINCT coalesce(d.host, '') || ' ' || d.queue_id) AS messages,
  coalesce(sum(m.size), 0)::UBIGINT AS bytes, count(*) AS recipients
FROM deliveries d
LEFT JOIN (SELECT host, queue_id, any_value(size) AS size FROM messages GROUP BY ALL) m
  ON m.queue_id = d.queue_id AND m.host IS NOT DISTINCT FROM d.host
WHERE d.status = 'sent' AND d.logged_at >= $start AND d.logged_at < $end AND ${expression} IS NOT NULL
GROUP BY 1`;

/** Why mail did not go through: what others said when they failed or put us off, and what we refused. */
const REASONS = `
SELECT reason, sum(messages)::UBIGINT AS messages, 0 AS bytes, sum(recipients)::UBIGINT AS recipients FROM (
  SELECT status || ': ' || coalesce(nullif(reply, ''), stat, dsn, 'no reason given') AS reason,
    count(DISTINCT coalesce(host, '') || ' ' || queue_id) AS messages, count(*) AS recipients
  FROM deliveries
  WHERE status IN ('bounced', 'deferred', 'expired') AND logged_at >= $start AND logged_at < $end
  GROUP BY 1
  UNION ALL
  SELECT action::VARCHAR || ' (' || rule || '): ' || coalesce(reason, 'no reason given') AS reason,
    count(*) AS messages, count(recipient) AS recipients
  FROM rejections
  WHERE logged_at >= $start AND logged_at < $end
  GROUP BY 1)
GROUP BY 1`;

/** The lists by name, as `maillog top NAME` knows them. */
export const TOP_LISTS = {
  senders: { question: 'Who sent most?', sql: ofMessages('sender', 'lower(sender)') },
  recipients: {
    question: 'Who received most?',
    sql: ofDeliveries('recipient', 'lower(d.recipient)'),
  },
  'sender-domains': {
    question: 'Which domains sent most?',
    sql: ofMessages('sender_domain', 'sender_domain'),
  },
  'recipient-domains': {
    question: 'Which domains received most?',
    sql: ofDeliveries('recipient_domain', 'd.recipient_domain'),
  },
  relays: {
    question: 'Which hosts took most of our mail?',
    sql: ofDeliveries('relay', 'coalesce(d.relay_host, d.relay_ip)'),
  },
  clients: {
    question: 'Which hosts gave us most mail?',
    sql: ofMessages('client', 'coalesce(relay_host, relay_ip)'),
  },
  'auth-users': {
    question: 'Which accounts sent most?',
    sql: ofMessages('auth_user', 'auth_user'),
  },
  reasons: { question: 'Why did mail not go through?', sql: REASONS },
} as const satisfies Readonly<Record<string, TopList>>;

export type TopName = keyof typeof TOP_LISTS;
export const TOP_NAMES = Object.keys(TOP_LISTS) as readonly TopName[];

/** The whole statement: the list in order, cut at `$limit`. */
export function topSql(name: TopName, measure: TopMeasure): string {
  return `SELECT * FROM (${TOP_LISTS[name].sql}) ORDER BY ${measure} DESC, 1 LIMIT $limit`;
}
