/**
 * Messages handed from one queue of ours to another, found after each load: the receiving server named the
 * queue id it gave the message, and that id is in the store with the same message-id and a later arrival.
 *
 * A remote server may name any id it likes, even one of ours; so the id must belong to a message with the
 * same message-id that arrived after the one it is said to continue, and around the time of the hand-over.
 */

/** Hours around a load within which the other half of a hop is looked for. */
export const HOP_REACH_HOURS = 24;

/** Bound: $from and $to, times around the rows just loaded. Runs in the transaction of the load. */
export const FIND_HOPS = `
INSERT INTO raw.hops
SELECT f.* FROM (
  SELECT h.host, h.queue_id, n.host AS next_host, n.queue_id AS next_queue_id, min(h.logged_at) AS handed_at
  FROM (
    SELECT host, queue_id, raw.next_queue_id(reply) AS next_queue_id, logged_at FROM raw.deliveries
    WHERE status = 'sent' AND reply IS NOT NULL AND logged_at BETWEEN $from AND $to
  ) h
  JOIN raw.envelopes n ON n.queue_id = h.next_queue_id AND n.accepted = 'yes' AND n.queue_id <> h.queue_id
    AND n.logged_at BETWEEN h.logged_at - INTERVAL 1 HOUR AND h.logged_at + INTERVAL 1 HOUR
  LEFT JOIN raw.envelopes o ON o.host = h.host AND o.queue_id = h.queue_id
  WHERE h.next_queue_id IS NOT NULL AND (o.queue_id IS NULL
    OR (o.message_id = n.message_id AND o.logged_at <= n.logged_at + INTERVAL 2 SECOND))
  GROUP BY ALL
) f
WHERE NOT EXISTS (
  SELECT 1 FROM raw.hops k WHERE k.host = f.host AND k.queue_id = f.queue_id
    AND k.next_host = f.next_host AND k.next_queue_id = f.next_queue_id)`;
