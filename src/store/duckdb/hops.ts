/**
 * Messages handed from one queue of ours to another, found after each load: the receiving server named the
 * queue id it gave the message, and that id is in the store with the same message-id and a later arrival.
 *
 * A remote server may name any id it likes, even one of ours; so the id must belong to a message with the
 * same message-id that arrived after the one it is said to continue, and around the time of the hand-over.
 */

/** Times around the source's rows within which the other half of a hop is looked for. */
const REACH = 'INTERVAL 1 DAY';

/** Bound: $source, the source just loaded. Runs in the transaction of the load. */
export const FIND_HOPS = `
WITH span AS (
  SELECT min(logged_at) - ${REACH} AS first_at, max(logged_at) + ${REACH} AS last_at FROM (
    SELECT logged_at FROM raw.deliveries WHERE source_id = $source
    UNION ALL SELECT logged_at FROM raw.envelopes WHERE source_id = $source)
),
handed AS (
  SELECT DISTINCT d.host, d.queue_id, raw.next_queue_id(d.reply) AS next_queue_id, d.logged_at
  FROM raw.deliveries d, span
  WHERE d.status = 'sent' AND d.reply IS NOT NULL AND d.logged_at BETWEEN span.first_at AND span.last_at
),
found AS (
  SELECT h.host, h.queue_id, n.host AS next_host, n.queue_id AS next_queue_id, min(h.logged_at) AS handed_at
  FROM handed h
  JOIN raw.envelopes n ON n.queue_id = h.next_queue_id AND n.accepted = 'yes'
    AND n.logged_at BETWEEN h.logged_at - INTERVAL 1 HOUR AND h.logged_at + INTERVAL 1 HOUR
  LEFT JOIN raw.envelopes o ON o.host = h.host AND o.queue_id = h.queue_id
  WHERE n.queue_id <> h.queue_id
    AND (o.queue_id IS NULL OR (o.message_id = n.message_id AND o.logged_at <= n.logged_at + INTERVAL 2 SECOND))
  GROUP BY ALL
)
INSERT INTO raw.hops
SELECT f.host, f.queue_id, f.next_host, f.next_queue_id, f.handed_at FROM found f
WHERE NOT EXISTS (
  SELECT 1 FROM raw.hops k WHERE k.host = f.host AND k.queue_id = f.queue_id
    AND k.next_host = f.next_host AND k.next_queue_id = f.next_queue_id)`;
