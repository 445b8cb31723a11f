/**
 * The message detective: everything the log tells of one address, queue id or message-id, over all hosts
 * and queues the message passed, in order of time.
 */

/** Queue ids that the word names, with those the same message had before and after, and its children. */
const RELATED = `
named AS (
  SELECT coalesce(host, '') AS host, queue_id FROM envelopes
  WHERE queue_id = $word OR message_id IN ($word, $bracketed) OR lower(sender) = $address
  UNION SELECT coalesce(host, ''), queue_id FROM deliveries WHERE queue_id = $word OR lower(recipient) = $address
  UNION SELECT coalesce(host, ''), queue_id FROM rejections
    WHERE queue_id IS NOT NULL AND (queue_id = $word OR lower(recipient) = $address OR lower(sender) = $address)
  UNION SELECT coalesce(host, ''), queue_id FROM queue_events WHERE queue_id = $word OR child_queue_id = $word
  UNION SELECT coalesce(host, ''), child_queue_id FROM queue_events WHERE child_queue_id = $word),
followed AS (
  SELECT host, queue_id FROM named
  UNION SELECT coalesce(h.next_host, ''), h.next_queue_id FROM hops h JOIN named n ON h.queue_id = n.queue_id AND coalesce(h.host, '') = n.host
  UNION SELECT coalesce(h.host, ''), h.queue_id FROM hops h JOIN named n ON h.next_queue_id = n.queue_id AND coalesce(h.next_host, '') = n.host),
related AS (
  SELECT host, queue_id FROM followed
  UNION SELECT f.host, q.child_queue_id FROM queue_events q JOIN followed f ON q.queue_id = f.queue_id AND coalesce(q.host, '') = f.host
  WHERE q.child_queue_id IS NOT NULL)`;

const JOINED = "JOIN related r ON r.queue_id = t.queue_id AND r.host = coalesce(t.host, '')";

/** Events of the related queue ids, and what concerned the address without one. */
export const TRACE_SQL = `
WITH ${RELATED},
events AS (
  SELECT t.logged_at, t.host, t.queue_id, CASE WHEN t.complete THEN 'arrived' ELSE 'offered' END AS event,
    t.sender, NULL AS recipient, coalesce(t.relay_host, t.relay_ip) AS relay, NULL AS dsn,
    concat_ws(', ', t.size || ' bytes', t.nrcpts || ' recipients', t.message_id, t.protocol,
      'login ' || t.auth_user) AS detail, 1 AS turn
  FROM envelopes t ${JOINED}
  UNION ALL
  SELECT t.logged_at, t.host, t.queue_id, t.status, NULL, t.recipient, coalesce(t.relay_host, t.relay_ip, t.mailer),
    t.dsn, concat_ws(', ', nullif(t.reply, ''), nullif(t.bounce_class::VARCHAR, ''), 'after ' || t.delay || ' s'), 3
  FROM deliveries t ${JOINED}
  UNION ALL
  SELECT t.logged_at, t.host, t.queue_id, t.action::VARCHAR, t.sender, t.recipient, coalesce(t.client_host, t.client_ip),
    t.dsn, concat_ws(' ', t.code::VARCHAR, t.reason, '(' || t.rule || ')'), 2
  FROM rejections t ${JOINED}
  UNION ALL
  SELECT t.logged_at, t.host, t.queue_id, t.what::VARCHAR, NULL, NULL, NULL, NULL, concat_ws(' ', t.child_queue_id, t.detail), 4
  FROM queue_events t ${JOINED}
  UNION ALL
  SELECT t.logged_at, t.host, t.queue_id, t.action::VARCHAR, t.sender, t.recipient, coalesce(t.client_host, t.client_ip),
    t.dsn, concat_ws(' ', t.code::VARCHAR, t.reason, '(' || t.rule || ')'), 2
  FROM rejections t WHERE t.queue_id IS NULL AND (lower(t.recipient) = $address OR lower(t.sender) = $address))
SELECT DISTINCT ON (logged_at, host, queue_id, event, recipient, detail)
  logged_at, host, queue_id, event, sender, recipient, relay, dsn, detail
FROM events
WHERE logged_at >= $start AND logged_at < $end
ORDER BY logged_at, turn, queue_id, recipient
LIMIT $limit`;

/** The parameters of `TRACE_SQL` for one word. */
export function traceBindings(
  word: string,
): Readonly<Record<'word' | 'bracketed' | 'address', string>> {
  const bare = word.replace(/^<(.*)>$/, '$1');
  return { word, bracketed: `<${bare}>`, address: bare.toLowerCase() };
}
