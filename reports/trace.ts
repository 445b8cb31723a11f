/**
 * The message detective: everything the log tells of one address, queue id or message-id, over all hosts
 * and queues the message passed, each message's story in one piece.
 *
 * A story is what hops and notices join: queue entries, each a host and a queue id, since two hosts may use
 * the same id. Its legs are numbered along the way of the message, and rows are in the order of legs, within one
 * by the clock of its host: no order is ever taken from clocks of two hosts.
 */
import { Buffer } from 'node:buffer';
import { isQueueId, QueueIdClock } from '../src/format/queue-id.ts';

/** How far along its way an entry may be: more than sendmail lets a message travel (MaxHopCount, 25). */
const MOST_LEGS = 64;

/** Entries that one trace follows; the bound also tells the planner that they are few beside what is stored. */
const MOST_ENTRIES = 10_000;

/** A clock that differs by no more is none worth telling of. */
const SAME_CLOCK_SECONDS = 2;

/** The entries that the word names. What it cannot be by its form is not looked for. */
const NAMED = `named AS MATERIALIZED (
  SELECT host, queue_id FROM raw.envelopes WHERE logged_at BETWEEN $from AND $to AND (($id AND queue_id = $word)
    OR ($text AND (message_id IN ($word, $bracketed) OR lower(sender) = $address)))
  UNION SELECT host, queue_id FROM raw.deliveries WHERE logged_at BETWEEN $from AND $to
    AND (($id AND queue_id = $word) OR ($text AND lower(recipient) = $address))
  UNION SELECT host, queue_id FROM raw.rejections WHERE logged_at BETWEEN $from AND $to AND queue_id <> ''
    AND (($id AND queue_id = $word) OR ($text AND (lower(recipient) = $address OR lower(sender) = $address)))
  UNION SELECT host, queue_id FROM raw.queue_events
    WHERE $id AND logged_at BETWEEN $from AND $to AND (queue_id = $word OR child_queue_id = $word))`;

/** Hops and notices, from one entry to the next: `left_at` is by the clock of the first. */
const EDGES = `edges AS MATERIALIZED (
  SELECT host, queue_id, next_host, next_queue_id, handed_at AS left_at, named, true AS is_hop FROM raw.hops
  UNION ALL
  SELECT host, queue_id, host, child_queue_id, logged_at, true, false FROM raw.queue_events
  WHERE child_queue_id <> '' AND child_queue_id <> queue_id)`;

/** From each of the named entries to all that it is joined with, there and back: a set, so it ends. */
const STORIES = `links AS MATERIALIZED (
  SELECT host, queue_id, next_host, next_queue_id FROM edges
  UNION ALL SELECT next_host, next_queue_id, host, queue_id FROM edges),
reached AS (
  SELECT host, queue_id, host AS first_host, queue_id AS first_id FROM named WHERE queue_id <> ''
  UNION
  SELECT l.next_host, l.next_queue_id, r.first_host, r.first_id
  FROM reached r JOIN links l ON l.host = r.host AND l.queue_id = r.queue_id),
entries AS MATERIALIZED (
  SELECT host, queue_id, min((first_host, first_id)) AS story FROM reached GROUP BY host, queue_id
  ORDER BY story, host, queue_id LIMIT ${MOST_ENTRIES})`;

const OF_ENTRIES = 'JOIN entries n ON n.host = t.host AND n.queue_id = t.queue_id';

/** What is stored of these entries; refusals as the view `rejections` tells them. */
const STORED = `arrivals AS MATERIALIZED (SELECT t.*, n.story FROM raw.envelopes t ${OF_ENTRIES}),
attempts AS MATERIALIZED (SELECT t.*, n.story FROM raw.deliveries t ${OF_ENTRIES}),
notes AS MATERIALIZED (SELECT t.*, n.story FROM raw.queue_events t ${OF_ENTRIES}),
verdicts AS MATERIALIZED (SELECT t.*, n.story FROM raw.rejections t ${OF_ENTRIES}),
refused AS (
  SELECT r.* REPLACE (coalesce(m.action, r.action) AS action, coalesce(m.rule, r.rule) AS rule,
    coalesce(r.code, m.code) AS code, coalesce(r.dsn, m.dsn) AS dsn)
  FROM verdicts r
  LEFT JOIN (
    SELECT host, queue_id, any_value(action) AS action, any_value(rule) AS rule, any_value(code) AS code, any_value(dsn) AS dsn
    FROM verdicts WHERE extent = 'message' AND stage IN ('data', 'content') GROUP BY host, queue_id
  ) m ON m.host = r.host AND m.queue_id = r.queue_id AND r.extent = 'recipient' AND r.stage = 'data' AND r.code IS NULL
  WHERE r.extent <> 'message' OR NOT EXISTS (SELECT 1 FROM verdicts o WHERE o.host = r.host AND o.queue_id = r.queue_id
    AND o.extent = 'recipient' AND o.stage IN ('data', 'content')))`;

/**
 * When each entry began, by its host's clock: its envelope's line, else what the delay of its first attempt says;
 * and how far along the way it is, with the seconds that the message had spent in the queues before.
 */
const WAY = `own_edges AS MATERIALIZED (
  SELECT e.* FROM edges e JOIN entries n ON n.host = e.host AND n.queue_id = e.queue_id),
born AS MATERIALIZED (
  SELECT n.host, n.queue_id, n.story, coalesce(a.at_first, d.at_first, c.at_first) AS born_at FROM entries n
  LEFT JOIN (SELECT host, queue_id, min(logged_at) AS at_first FROM arrivals GROUP BY ALL) a
    ON a.host = n.host AND a.queue_id = n.queue_id
  LEFT JOIN (SELECT host, queue_id, min(logged_at - to_seconds(coalesce(delay, 0))) AS at_first FROM attempts GROUP BY ALL) d
    ON d.host = n.host AND d.queue_id = n.queue_id
  LEFT JOIN (SELECT next_host, next_queue_id, min(left_at) AS at_first FROM own_edges GROUP BY ALL) c
    ON c.next_host = n.host AND c.next_queue_id = n.queue_id),
way AS (
  SELECT host, queue_id, 0 AS depth, 0::DOUBLE AS before, true AS is_hop FROM born b
  WHERE NOT EXISTS (SELECT 1 FROM own_edges e WHERE e.next_host = b.host AND e.next_queue_id = b.queue_id)
  UNION
  SELECT e.next_host, e.next_queue_id, w.depth + 1, w.before + coalesce(epoch_ms(e.left_at) - epoch_ms(b.born_at), 0) / 1000,
    e.is_hop AND w.is_hop
  FROM way w JOIN own_edges e ON e.host = w.host AND e.queue_id = w.queue_id
  JOIN born b ON b.host = w.host AND b.queue_id = w.queue_id
  WHERE w.depth < ${MOST_LEGS}),
placed AS MATERIALIZED (
  SELECT b.*, coalesce(w.before, 0) AS before, coalesce(w.is_hop, true) AS is_hop,
    row_number() OVER (PARTITION BY b.story ORDER BY coalesce(w.depth, 0), b.born_at, b.host, b.queue_id) AS leg
  FROM born b LEFT JOIN (
    SELECT host, queue_id, max(depth) AS depth, max(before) AS before, bool_and(is_hop) AS is_hop FROM way GROUP BY ALL
  ) w ON w.host = b.host AND w.queue_id = b.queue_id)`;

const PEER = 'coalesce(t.relay_host, t.relay_ip)';
const NONE = 'NULL::VARCHAR';
const LATE = `epoch_ms(b.born_at) - epoch_ms(d.logged_at)`;

/** Attempts with where they led; a recipient given up in the queue has an attempt of its own, as in `deliveries`. */
const ATTEMPTS = `led AS (
  SELECT d.*, e.next_queue_id IS NOT NULL AS is_relayed, e.next_host,
    CASE WHEN e.next_host <> d.host THEN
      CASE WHEN ${LATE} > ${SAME_CLOCK_SECONDS * 1000} THEN ${LATE}
        WHEN ${LATE} + coalesce(d.xdelay, 0) * 1000 < ${-SAME_CLOCK_SECONDS * 1000} THEN ${LATE} + coalesce(d.xdelay, 0) * 1000 END
    END / 1000 AS clock_skew
  FROM attempts d
  LEFT JOIN own_edges e ON e.is_hop AND d.status = 'sent' AND e.host = d.host AND e.queue_id = d.queue_id
    AND CASE WHEN e.named THEN e.next_queue_id = raw.next_queue_id(d.reply)
      ELSE e.left_at = d.logged_at AND raw.names_host(d.relay_host, d.relay_ip, e.next_host) END
  LEFT JOIN born b ON b.host = e.next_host AND b.queue_id = e.next_queue_id),
given_up AS (
  SELECT d.* REPLACE (q.logged_at AS logged_at) FROM notes q
  JOIN attempts d ON d.host = q.host AND d.queue_id = q.queue_id AND d.logged_at <= q.logged_at
  WHERE q.what = 'expired'
  QUALIFY row_number() OVER (PARTITION BY q.logged_at, d.host, d.queue_id, d.recipient
    ORDER BY d.logged_at DESC, d.source_id DESC, d.line_number DESC) = 1)`;

const attempt = (from: string, status: string, led: string): string => `
  SELECT t.logged_at, t.host, t.queue_id, ${status} AS event, ${NONE} AS sender, t.recipient,
    coalesce(t.relay_host, t.relay_ip, t.mailer) AS relay, t.dsn,
    concat_ws(', ', nullif(t.reply, ''), nullif(t.bounce_class::VARCHAR, ''), 'after ' || t.delay || ' s') AS detail,
    3 AS turn, ${led}, NULL::UBIGINT AS size, NULL::UINTEGER AS nrcpts, ${NONE} AS message_id, t.reply AS said
  FROM ${from} t`;

const refusal = (from: string, queueId: string): string => `
  SELECT t.logged_at, t.host, ${queueId}, t.action::VARCHAR, t.sender, t.recipient, coalesce(t.client_host, t.client_ip),
    t.dsn, concat_ws(' ', t.code::VARCHAR, t.reason, '(' || t.rule || ')'), 2, NULL, NULL, NULL, NULL, NULL, t.reason
  FROM ${from}`;

const EVENTS = `events AS (
  ${attempt('led', "CASE WHEN t.is_relayed THEN 'relayed' ELSE t.status::VARCHAR END", 't.clock_skew, t.next_host')}
  UNION ALL ${attempt("(SELECT * FROM given_up WHERE status IN ('deferred', 'queued'))", "'expired'", 'NULL, NULL')}
  UNION ALL
  SELECT t.logged_at, t.host, t.queue_id, CASE WHEN t.accepted = 'yes' THEN 'arrived' ELSE 'offered' END,
    t.sender, NULL, ${PEER}, NULL, concat_ws(', ', t.size || ' bytes', t.nrcpts || ' recipients', t.message_id, t.protocol,
      'login ' || t.auth_user), 1, NULL, NULL, t.size, t.nrcpts, t.message_id, NULL
  FROM arrivals t
  UNION ALL ${refusal(
    `(SELECT r.* REPLACE (coalesce(r.sender, a.sender) AS sender, coalesce(r.client_host, a.relay_host) AS client_host,
      coalesce(r.client_ip, a.relay_ip) AS client_ip)
    FROM refused r LEFT JOIN arrivals a ON a.host = r.host AND a.queue_id = r.queue_id) t`,
    't.queue_id',
  )}
  UNION ALL
  SELECT t.logged_at, t.host, t.queue_id, t.what::VARCHAR, NULL, NULL, NULL, NULL, concat_ws(' ', t.child_queue_id, t.detail), 4,
    NULL, NULL, NULL, NULL, NULL, NULL
  FROM notes t
  UNION ALL ${refusal(
    "raw.rejections t WHERE $text AND t.queue_id = '' AND (lower(t.recipient) = $address OR lower(t.sender) = $address)",
    'NULL',
  )})`;

/** Columns for people and programs, in this order; those behind them are for the sentences of `trace-text.ts`. */
export const TRACE_COLUMNS = [
  'logged_at',
  'host',
  'queue_id',
  'event',
  'sender',
  'recipient',
  'relay',
  'dsn',
  'detail',
  'message',
  'leg',
  'spent',
  'clock_skew',
] as const;

/**
 * Events of the related entries, and refusals of the address without one. `spent` are the seconds the message
 * spent in this queue until then, `in_all` those with the queues before, each by its own host's clock.
 */
export const TRACE_SQL = `
WITH RECURSIVE ${[NAMED, EDGES, STORIES, STORED, WAY, ATTEMPTS, EVENTS].join(',\n')},
told AS (
  SELECT DISTINCT ON (logged_at, t.host, t.queue_id, event, recipient, detail)
    t.*, p.story, p.leg, p.is_hop, p.before,
    (epoch_ms(t.logged_at) - epoch_ms(p.born_at)) / 1000 AS spent
  FROM events t LEFT JOIN placed p ON p.host = t.host AND p.queue_id = t.queue_id
  WHERE logged_at >= $start AND logged_at < $end
  ORDER BY turn, sender, relay, dsn, said),
begun AS (
  SELECT *, coalesce(min(logged_at) OVER (PARTITION BY story), logged_at) AS story_at FROM told WHERE story IS NOT NULL
  UNION ALL SELECT *, logged_at FROM told WHERE story IS NULL)
SELECT logged_at, nullif(host, '') AS host, queue_id, event, sender, recipient, relay, dsn, detail,
  CASE WHEN story IS NOT NULL THEN dense_rank() OVER (PARTITION BY story IS NULL ORDER BY story_at, story) END AS message,
  leg, spent, clock_skew, next_host, size, nrcpts, message_id, said, is_hop, before + spent AS in_all
FROM begun
ORDER BY story_at, story, leg, logged_at, turn, recipient, event, detail, host, queue_id, sender, relay, dsn
LIMIT $limit`;

const DAY_MS = 86_400_000;
/** A queue id is made when its message arrives; what is logged of it later ends with the queue's lifetime. */
const BEFORE_ID_DAYS = 2;
const AFTER_ID_DAYS = 60;

export interface TraceBindings {
  readonly [name: string]: string | boolean | Date;
}

/** The parameters of `TRACE_SQL` for one word, without `start`, `end` and `limit`. */
export function traceBindings(word: string): TraceBindings {
  const bare = word.replace(/^<(.*)>$/, '$1');
  const made = queueIdTime(word);
  return {
    word,
    bracketed: `<${bare}>`,
    address: bare.toLowerCase(),
    id: !/[@<>]/.test(word),
    text: made === null,
    from: new Date(made === null ? 0 : made - BEFORE_ID_DAYS * DAY_MS),
    to: made === null ? new Date('2200-01-01T00:00:00Z') : new Date(made + AFTER_ID_DAYS * DAY_MS),
  };
}

/** When a sendmail queue id was made, in ms; null of any other word. */
function queueIdTime(word: string): number | null {
  const bytes = Buffer.from(word);
  if (bytes.length < 14 || !isQueueId(bytes, 0, bytes.length)) return null;
  const seconds = new QueueIdClock(new Date().getUTCFullYear() + 1).secondsOf(
    bytes,
    0,
    bytes.length,
  );
  return seconds < 0 ? null : seconds * 1000;
}
