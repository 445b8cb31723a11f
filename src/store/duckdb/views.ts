/**
 * The public views: the contract for users' SQL. Correlation happens here, in SQL, by host and queue id,
 * so that lines may arrive in any order and a message may begin before the log does.
 *
 * Promise: a view's columns are only added to, never renamed, reordered or dropped.
 */
import { HOURLY_VIEW } from './rollups.ts';

const EVENT_COLUMNS = (alias: string): string =>
  `${alias}.logged_at, nullif(${alias}.host, '') AS host, ${alias}.instance, ${alias}.mta, nullif(${alias}.queue_id, '') AS queue_id`;

/**
 * Accepted into a queue: the envelope was logged with all that an accepted message has, and no refusal
 * after its data was logged for the same id.
 */
const MESSAGES = `CREATE OR REPLACE VIEW messages AS
SELECT ${EVENT_COLUMNS('e')},
  e.sender, e.sender_domain, e.size, e.nrcpts, e.message_id, e.relay_host, e.relay_ip, e.protocol,
  e.auth_user, e.auth_mech, e.tls_version, e.class, e.body_type, e.daemon,
  h.next_queue_id IS NOT NULL AS from_own_queue
FROM raw.envelopes e
LEFT JOIN (SELECT DISTINCT next_host, next_queue_id FROM raw.hops) h
  ON h.next_host = e.host AND h.next_queue_id = e.queue_id
LEFT JOIN (
  SELECT DISTINCT host, queue_id FROM raw.rejections
  WHERE stage IN ('data', 'content') AND action IN ('reject', 'tempfail') AND queue_id <> ''
) r ON r.host = e.host AND r.queue_id = e.queue_id
WHERE e.accepted = 'yes' AND r.queue_id IS NULL`;

/** Every offered envelope with a from= line, accepted or not (an extension of the contract). */
const ENVELOPES = `CREATE OR REPLACE VIEW envelopes AS
SELECT ${EVENT_COLUMNS('e')},
  e.sender, e.sender_domain, e.size, e.nrcpts, e.message_id, e.relay_host, e.relay_ip, e.protocol,
  e.auth_user, e.auth_mech, e.tls_version, e.class, e.body_type, e.daemon,
  e.accepted = 'yes' AS complete
FROM raw.envelopes e`;

/** The text by which a server names the queue id it gave our message, NULL when it names none. */
const NEXT_QUEUE_ID = `CREATE OR REPLACE MACRO raw.next_queue_id(reply) AS rtrim(CASE
  WHEN ends_with(reply, ' Message accepted for delivery') THEN split_part(reply, ' ', -5)
  WHEN contains(reply, 'queued as ') THEN split_part(substr(reply, instr(reply, 'queued as ') + 10), ' ', 1)
  WHEN contains(reply, 'id=') THEN split_part(substr(reply, instr(reply, 'id=') + 3), ' ', 1)
END, '.,;)>]')`;

/** Whether a peer's name or address means this host: equal, or one is short and the other's first label. */
const NAMES_HOST = `CREATE OR REPLACE MACRO raw.names_host(peer_host, peer_ip, of_host) AS of_host <> '' AND (
  coalesce(lower(peer_host) = lower(of_host)
    OR (NOT (contains(peer_host, '.') AND contains(of_host, '.'))
      AND split_part(lower(peer_host), '.', 1) = split_part(lower(of_host), '.', 1)), false)
  OR coalesce(peer_ip = of_host, false))`;

const IS_LOOPBACK = `CREATE OR REPLACE MACRO raw.is_loopback(peer_host, peer_ip) AS
  coalesce(starts_with(peer_ip, '127.') OR peer_ip = '::1', lower(peer_host) = 'localhost', false)`;

/** Whether a delivery is one of these hand-overs, whose replies named no id. */
const HANDED_UNNAMED = `CREATE OR REPLACE MACRO raw.handed_unnamed(hand_overs, handed, peer_host, peer_ip) AS
  coalesce(len(list_filter(hand_overs, lambda h: h.handed_at = handed AND raw.names_host(peer_host, peer_ip, h.next_host))) > 0, false)`;

const deliveryColumns = (loggedAt: string, status: string, xdelay: string): string =>
  `${loggedAt} AS logged_at, nullif(d.host, '') AS host, d.instance, d.mta, nullif(d.queue_id, '') AS queue_id,
  d.recipient, d.recipient_domain, d.original_recipient, d.controlling_user, d.mailer, d.relay_host, d.relay_ip,
  d.delay, ${xdelay} AS xdelay, d.delay_before_queue, d.delay_in_queue, d.delay_connect, d.delay_transmit,
  d.dsn, ${status} AS status, d.reply, d.bounce_class, d.stat`;

/**
 * One row per recipient and attempt; a message given up in the queue adds one \`expired\` row for each
 * recipient still deferred, with the last reason, since no line of its own says so.
 */
const DELIVERIES = `CREATE OR REPLACE VIEW deliveries AS
SELECT ${deliveryColumns(
  'd.logged_at',
  `CASE WHEN h.next_ids IS NOT NULL AND d.status = 'sent' AND (list_contains(h.next_ids, raw.next_queue_id(d.reply))
      OR raw.handed_unnamed(h.unnamed, d.logged_at, d.relay_host, d.relay_ip))
    THEN 'relayed' ELSE d.status::VARCHAR END`,
  'd.xdelay',
)}, d.transactions
FROM raw.deliveries d
LEFT JOIN (
  SELECT host, queue_id, coalesce(list(next_queue_id) FILTER (named), []) AS next_ids,
    list({handed_at: handed_at, next_host: next_host}) FILTER (NOT named) AS unnamed
  FROM raw.hops GROUP BY ALL
) h
  ON h.host = d.host AND h.queue_id = d.queue_id
UNION ALL
SELECT ${deliveryColumns('d.given_up_at', `'expired'`, 'NULL')}, 0 AS transactions
FROM (
  SELECT a.*, q.logged_at AS given_up_at
  FROM raw.queue_events q
  JOIN raw.deliveries a ON a.host = q.host AND a.queue_id = q.queue_id AND a.logged_at <= q.logged_at
  WHERE q.what = 'expired'
  QUALIFY row_number() OVER (
    PARTITION BY q.logged_at, a.host, a.queue_id, a.recipient
    ORDER BY a.logged_at DESC, a.source_id DESC, a.line_number DESC) = 1
) d
WHERE d.status IN ('deferred', 'queued')`;

/**
 * Refusals, each told once: where the recipients of a refused message are named one by one, the line about
 * the whole message steps back and lends them its verdict, rule and code, which their own lines lack.
 */
const REFUSALS = `CREATE OR REPLACE VIEW raw.refusals AS
SELECT r.* REPLACE (
  coalesce(m.action, r.action) AS action, coalesce(m.rule, r.rule) AS rule,
  coalesce(r.code, m.code) AS code, coalesce(r.dsn, m.dsn) AS dsn)
FROM raw.rejections r
LEFT JOIN (
  SELECT host, queue_id, any_value(action) AS action, any_value(rule) AS rule, any_value(code) AS code, any_value(dsn) AS dsn
  FROM raw.rejections WHERE extent = 'message' AND stage IN ('data', 'content') AND queue_id <> '' GROUP BY host, queue_id
) m ON m.host = r.host AND m.queue_id = r.queue_id AND r.extent = 'recipient' AND r.stage = 'data' AND r.code IS NULL
LEFT JOIN (
  SELECT DISTINCT host, queue_id FROM raw.rejections
  WHERE extent = 'recipient' AND stage IN ('data', 'content') AND queue_id <> ''
) o ON o.host = r.host AND o.queue_id = r.queue_id AND r.extent = 'message'
WHERE o.queue_id IS NULL`;

/** What we refused; a line without its client or sender borrows them from its transaction's from= line. */
const REJECTIONS = `CREATE OR REPLACE VIEW rejections AS
SELECT ${EVENT_COLUMNS('r')}, r.stage, r.action, r.rule, r.code, r.dsn,
  coalesce(r.client_host, e.relay_host) AS client_host, coalesce(r.client_ip, e.relay_ip) AS client_ip,
  r.helo, coalesce(r.sender, e.sender) AS sender, r.recipient, r.reason
FROM raw.refusals r
LEFT JOIN raw.envelopes e ON e.host = r.host AND e.queue_id = r.queue_id
  AND e.logged_at BETWEEN r.logged_at - INTERVAL 1 DAY AND r.logged_at + INTERVAL 1 DAY`;

const AUTH_EVENTS = `CREATE OR REPLACE VIEW auth_events AS
SELECT ${EVENT_COLUMNS('a')}, a.service, a.outcome, a.mechanism, a.auth_user AS "user",
  a.client_host, a.client_ip, a.reason
FROM raw.auth_events a`;

const TLS_SESSIONS = `CREATE OR REPLACE VIEW tls_sessions AS
SELECT ${EVENT_COLUMNS('t')}, t.side, t.peer_host, t.peer_ip, t.version, t.cipher, t.bits, t.verify
FROM raw.tls_sessions t`;

const CONNECTIONS = `CREATE OR REPLACE VIEW connections AS
SELECT ${EVENT_COLUMNS('c')}, c.what, c.client_host, c.client_ip, c.detail FROM raw.connections c`;

const QUEUE_EVENTS = `CREATE OR REPLACE VIEW queue_events AS
SELECT ${EVENT_COLUMNS('q')}, q.what, q.child_queue_id, q.detail FROM raw.queue_events q`;

const DAEMON_EVENTS = `CREATE OR REPLACE VIEW daemon_events AS
SELECT ${EVENT_COLUMNS('d')}, d.what, d.severity, d.detail FROM raw.daemon_events d`;

const LEDGER = `CREATE OR REPLACE VIEW ledger AS
SELECT name AS source, bytes, lines_read, lines_parsed, lines_foreign, lines_unsupported, lines_malformed,
  lines_duplicate, byte_offset, first_read_at, last_read_at
FROM raw.sources`;

const UNPARSED_LINES = `CREATE OR REPLACE VIEW unparsed_lines AS
SELECT s.name AS source, u.byte_offset, u.line, u.why, u.outcome, u.line_number
FROM raw.unparsed_lines u JOIN raw.sources s ON s.source_id = u.source_id`;

const HOPS = `CREATE OR REPLACE VIEW hops AS
SELECT handed_at, nullif(host, '') AS host, queue_id, nullif(next_host, '') AS next_host, next_queue_id, named
FROM raw.hops`;

const INCIDENTS = `CREATE OR REPLACE VIEW incidents AS
SELECT kind, actor, started_at, ended_at, detected_at, score, severity, evidence FROM raw.incidents`;

/** All views, in an order in which each may use those before it. */
export const VIEWS: readonly string[] = [
  NEXT_QUEUE_ID,
  NAMES_HOST,
  IS_LOOPBACK,
  HANDED_UNNAMED,
  MESSAGES,
  ENVELOPES,
  DELIVERIES,
  REFUSALS,
  REJECTIONS,
  AUTH_EVENTS,
  TLS_SESSIONS,
  CONNECTIONS,
  QUEUE_EVENTS,
  DAEMON_EVENTS,
  LEDGER,
  UNPARSED_LINES,
  HOPS,
  INCIDENTS,
  HOURLY_VIEW,
];

/** Names of the public views, for help texts, `schema` and completion. */
export const VIEW_NAMES: readonly string[] = [
  'messages',
  'deliveries',
  'rejections',
  'auth_events',
  'tls_sessions',
  'connections',
  'queue_events',
  'daemon_events',
  'ledger',
  'unparsed_lines',
  'incidents',
  'envelopes',
  'hops',
  'hourly',
];
