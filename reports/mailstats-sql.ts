/**
 * What sendmail adds to its statistics file, counted from its log lines instead: markstats() and its
 * callers in sendmail 8.17 (stats.c, collect.c, savemail.c, deliver.c, parseaddr.c, daemon.c).
 *
 * Promise: one SELECT over the raw tables with the bindings `$start` and `$end`, and `$host` if there is
 * one, that brings a row {figure, mailer, messages, kilobytes} for each counter that is not zero. What
 * counts lies in the period; what explains it (arrivals, domains, first attempts) may lie days around.
 */

/** Which of a machine's two sendmails: the one that accepts and delivers, or the submission agent. */
export type StatisticsOf = 'mta' | 'msp';

export interface MailstatsScope {
  readonly of: StatisticsOf;
  /** Only the host bound as `$host`. */
  readonly oneHost: boolean;
}

const AROUND = 'INTERVAL 14 DAY';
const IN_SURROUNDINGS = `logged_at >= $start::TIMESTAMP - ${AROUND} AND logged_at < $end::TIMESTAMP + ${AROUND}`;
/** A session that began before the period counts as before it; few last longer than this. */
const IN_SESSIONS =
  't.logged_at >= $start::TIMESTAMP - INTERVAL 1 HOUR AND t.logged_at < $end::TIMESTAMP';
const inPeriod = (alias: string): string =>
  `${alias}.logged_at >= $start::TIMESTAMP AND ${alias}.logged_at < $end::TIMESTAMP`;

/** Tags of the submission agent and of its queue runner, which keep a file of their own (sm-client.st). */
const AGENT_TAG = "'^(sm-msp|sm-client|sendmail-client)'";
const TO_LOOPBACK = "(relay_ip LIKE '127.%' OR relay_ip = '::1')";
/** Mailers of sendmail's own that say nothing about a domain. */
const BUILT_IN = "('prog', '*file*', '*include*')";

/** Refusals that no ruleset spoke, by the parser's words for them. They are counted nowhere. */
const NOT_RULESETS = [
  'access',
  'address',
  'address syntax',
  'after data',
  'alias loop',
  'bad parameter',
  'bare line end',
  'headers too large',
  'message size',
  'milter',
  'over quota',
  'relaying denied',
  'sender domain',
  'sender syntax',
  'tcpwrappers',
  'too many hops',
  'too many recipients',
  'user unknown',
];
/** Rulesets that are asked without RSF_COUNT. */
const NOT_COUNTED = [
  'check_etrn',
  'check_expn',
  'check_other',
  'check_vrfy',
  'trust_auth',
  'try_tls',
];
const UNCOUNTED = [...NOT_RULESETS, ...NOT_COUNTED].map((rule) => `'${rule}'`).join(', ');
const BY_RULESET = `action IN ('reject', 'tempfail') AND rule NOT IN (${UNCOUNTED}) AND rule NOT LIKE 'milter %'`;

/** What sendmail writes itself and counts as received; a clone is no new message. */
const NOTICES = "('dsn', 'return_to_sender', 'postmaster_notify', 'sender_notify', 'expired')";

/** ERRORFUDGE: what a bounce that returns the message weighs besides it. */
const BOUNCE_TEXT = 1024;
/** Weights in a priority (conf.h); the column holds it modulo that of a recipient. */
const RECIPIENT_WEIGHT = 30_000;
const CLASS_WEIGHT = 1800;
/** A negative priority is printed as the largest number, a size beyond all bounds too: they tell nothing. */
const NEGATIVE_PRIORITY = 25_808;
const LARGEST = 1_000_000_000_000_000;
/** More than any header that is added here; what would be more is no header but another weight. */
const HEADER_MOST = 10_000;
/** A sender is cut at 200 characters, its bracket included: then its domain is hidden. */
const SENDER_MOST = 199;
/** Attempts again within one minute are taken for those of one queue run, a single process. */
const QUEUE_RUN = 60_000_000;

/**
 * A queue id without its sequence is what all ids of one process have in common: its first six characters
 * tell when the first of them was made, the digits at its end name the process (queue.c).
 */
const session = (alias: string): string =>
  `${alias}.host || ' ' || CASE WHEN regexp_matches(${alias}.queue_id, '^[0-9A-Za-z]{8}[0-9]{5,}$')
    THEN left(${alias}.queue_id, 6) || substr(${alias}.queue_id, 9) ELSE ${alias}.queue_id END`;

const kilobytes = (bytes: string): string => `ceil(${bytes} / 1000.0)`;

const joined = (one: string, other: string): string =>
  `${other}.host = ${one}.host AND ${other}.queue_id = ${one}.queue_id`;

/** The columns that are read of each table, besides those that every row begins with. */
const COLUMNS = {
  envelopes: 'sender, sender_domain, size, class, protocol, daemon, relay_ip, accepted',
  deliveries: 'recipient, mailer, relay_ip, xdelay, status, reply, transactions, priority',
  rejections: 'stage, action, rule, client_ip, recipient, reason',
  queue_events: 'what, child_queue_id',
  connections: 'what, detail',
} as const;

/**
 * The rows of all tables that tell of a message or session of the period, whichever sendmail they are of.
 * All else is left out early: the days around the period may hold a hundred times as many rows.
 */
function tables({ oneHost }: MailstatsScope): string {
  const rows = (table: keyof typeof COLUMNS, columns: string, when: string): string =>
    `SELECT ${columns} FROM raw.${table} t WHERE mta = 'sendmail' AND ${when}${oneHost ? ' AND host = $host' : ''}`;
  const wanted = (Object.keys(COLUMNS) as (keyof typeof COLUMNS)[])
    .map((table) => rows(table, 'host, queue_id', IN_SESSIONS))
    .join(' UNION ');
  const around = (alias: string, table: keyof typeof COLUMNS): string => {
    const columns = `logged_at, host, instance, queue_id, source_id, line_number, ${COLUMNS[table]}`;
    return `${alias} AS (${rows(table, columns, IN_SURROUNDINGS)} AND (host, queue_id) IN (FROM wanted))`;
  };
  return `
period_ids AS (${wanted}),
born AS (${rows('queue_events', 'host, queue_id, child_queue_id, what', IN_SURROUNDINGS)} AND child_queue_id IS NOT NULL),
wanted AS (
  FROM period_ids UNION SELECT b.host, b.queue_id FROM born b JOIN period_ids p ON p.host = b.host AND p.queue_id = b.child_queue_id
  UNION SELECT b.host, b.child_queue_id FROM born b JOIN period_ids p ON ${joined('b', 'p')}
),
${around('e', 'envelopes')},
${around('d', 'deliveries')},
${around('r', 'rejections')},
${around('q', 'queue_events')},
${around('c', 'connections')},
known_domains AS (${rows('deliveries', 'host, recipient_domain AS domain, mailer, count(*) AS n, count(relay_ip) AS remote', IN_SURROUNDINGS)}
  AND recipient_domain IS NOT NULL AND mailer NOT IN ${BUILT_IN} AND NOT regexp_matches(instance, ${AGENT_TAG})
  AND NOT (mailer = 'relay' AND coalesce(${TO_LOOPBACK}, false)) GROUP BY ALL)`;
}

/**
 * The ids of messages that a submission agent queued: by its tag; or as mail that neither came through
 * the daemon nor went any other way than to it, where it has a tag of its own or is on this machine.
 */
const AGENT = `
daemon_tags AS (SELECT DISTINCT host, instance FROM e WHERE daemon IS NOT NULL),
ways AS (
  SELECT host, queue_id, bool_and(mailer = 'relay') AS only_relay, bool_or(${TO_LOOPBACK}) AS to_loopback
  FROM d WHERE mailer IS NOT NULL GROUP BY host, queue_id
),
agent_messages AS (
  SELECT host, queue_id FROM e WHERE regexp_matches(instance, ${AGENT_TAG})
  UNION SELECT host, queue_id FROM d WHERE regexp_matches(instance, ${AGENT_TAG})
  UNION SELECT e.host, e.queue_id FROM e LEFT JOIN ways w ON ${joined('e', 'w')}
    WHERE e.daemon IS NULL AND coalesce(w.only_relay, true) AND (coalesce(w.to_loopback, false)
      OR e.host IN (SELECT host FROM daemon_tags) AND (e.host, e.instance) NOT IN (FROM daemon_tags))
),
agent_children AS (
  SELECT b.host, b.child_queue_id AS queue_id FROM born b JOIN agent_messages a ON ${joined('b', 'a')}
),
agent AS (
  FROM agent_messages UNION FROM agent_children
  UNION SELECT b.host, b.child_queue_id FROM born b JOIN agent_children a ON ${joined('b', 'a')}
)`;

/** Each table's rows of the one sendmail that is asked about. */
function ownRows({ of }: MailstatsScope): string {
  const own = (alias: string): string => `${of === 'mta' ? 'NOT ' : ''}(
    regexp_matches(${alias}.instance, ${AGENT_TAG}) OR EXISTS (SELECT 1 FROM agent a WHERE ${joined(alias, 'a')}))`;
  return `
arrivals AS (
  SELECT * FROM e WHERE ${own('e')}
  QUALIFY row_number() OVER (PARTITION BY host, queue_id ORDER BY accepted DESC, logged_at) = 1
),
attempts AS (SELECT * FROM d WHERE ${own('d')}),
refusals AS (SELECT * FROM r WHERE ${own('r')}),
sessions AS (SELECT * FROM c WHERE ${own('c')}),
notices AS (SELECT * FROM q WHERE child_queue_id IS NOT NULL AND what IN ${NOTICES} AND ${own('q')})`;
}

/**
 * The mailer of a sender is that by which mail would go to it: \`local\` for a domain of which any mail was
 * delivered here, or refused for want of the user, or sent from this machine under its own name; else the
 * usual one for the domain, else the usual one. (In submit.cf no domain but the machine's own is local.)
 */
function senders({ of }: MailstatsScope): string {
  const learnt = `
    SELECT host, domain, mailer, n FROM known_domains
    UNION ALL
    SELECT DISTINCT host, lower(split_part(recipient, '@', -1)), 'local', 1 FROM refusals
    WHERE rule = 'user unknown' AND stage = 'rcpt' AND contains(recipient, '@')
    UNION ALL`;
  return `
domain_mailers AS (
  SELECT host, domain, CASE WHEN bool_or(mailer = 'local') THEN 'local' ELSE arg_min(mailer, (-n, mailer)) END AS mailer
  FROM (${of === 'mta' ? learnt : ''}
    SELECT DISTINCT host, sender_domain AS domain, 'local' AS mailer, 1 AS n FROM arrivals WHERE (relay_ip IS NULL OR ${TO_LOOPBACK})
      AND split_part(sender_domain, '.', 1) = lower(split_part(host, '.', 1))
  ) GROUP BY host, domain
),
usual_mailers AS (
  SELECT host, arg_min(mailer, (-n, mailer)) AS mailer
  FROM (SELECT host, mailer, sum(remote) AS n FROM known_domains WHERE mailer <> 'local' AND remote > 0 GROUP BY ALL)
  GROUP BY host
),
senders AS (
  SELECT a.host, a.queue_id, CASE
    WHEN a.sender_domain = 'localhost' THEN 'local'
    WHEN a.sender_domain IS NULL AND (a.sender IS NULL OR NOT contains(a.sender, '!') AND length(a.sender) < ${SENDER_MOST})
      THEN 'local'
    WHEN m.mailer = 'local' AND contains(a.sender, '%') AND NOT starts_with(a.sender, '"') THEN coalesce(u.mailer, 'esmtp')
    ELSE coalesce(m.mailer, ${of === 'mta' ? 'u.mailer, ' : ''}'esmtp') END AS mailer
  FROM arrivals a
  LEFT JOIN domain_mailers m ON m.host = a.host AND m.domain = a.sender_domain
  LEFT JOIN usual_mailers u ON u.host = a.host
)`;
}

/**
 * Sizes as they were when delivered: what was logged on arrival, and the header added since. A clone has
 * its original's size and class; a bounce the size of its text and of what it returns, or none.
 */
const SIZES = `
origins AS (
  SELECT b.host, b.child_queue_id AS queue_id, any_value(b.what IN ${NOTICES}) AS is_notice,
    any_value(p.size) AS size, any_value(p.class) AS class
  FROM born b JOIN arrivals p ON ${joined('b', 'p')} GROUP BY b.host, b.child_queue_id
),
weighed AS (
  SELECT d.host, d.queue_id, d.logged_at, d.mailer, d.status, d.xdelay, d.transactions, a.queue_id IS NOT NULL OR o.queue_id IS NOT NULL AS is_known,
    CASE WHEN o.is_notice AND d.priority > 0 THEN o.size + ${BOUNCE_TEXT} WHEN o.is_notice THEN 0
      ELSE coalesce(a.size, o.size, 0) END AS logged_size,
    CASE WHEN logged_size < ${LARGEST} THEN logged_size::BIGINT ELSE 0 END AS base,
    CASE WHEN o.is_notice THEN 0 ELSE coalesce(a.class, o.class, 0) END AS weight_class,
    CASE WHEN weight_class > 0 AND d.priority = ${NEGATIVE_PRIORITY} THEN base
      ELSE coalesce(d.priority + weight_class * ${CLASS_WEIGHT}, base) END AS weight
  FROM attempts d
  LEFT JOIN arrivals a ON ${joined('d', 'a')}
  LEFT JOIN origins o ON ${joined('d', 'o')}
),
sized AS (
  SELECT * EXCLUDE (rest, added, base, weight), base + CASE WHEN added < ${HEADER_MOST} OR NOT is_known THEN added ELSE 0 END AS bytes
  FROM (SELECT * EXCLUDE (logged_size, weight_class), (weight - base) % ${RECIPIENT_WEIGHT} AS rest,
    CASE WHEN rest < 0 THEN rest + ${RECIPIENT_WEIGHT} ELSE rest END AS added FROM weighed)
)`;

/**
 * Attempts at other hosts with the process that made them, as far as the log tells it apart: a message's
 * first attempts and what came of it (bounces, clones) are one process's, attempts again a queue run's.
 */
const OUTGOING = `
first_deferrals AS (
  SELECT host, queue_id, recipient, min((logged_at, line_number)) AS at FROM attempts
  WHERE status IN ('deferred', 'queued') GROUP BY host, queue_id, recipient
),
roots AS (
  SELECT host, child_queue_id AS queue_id, any_value(queue_id) AS root FROM born GROUP BY host, child_queue_id
),
outgoing AS (
  SELECT d.host, d.queue_id, d.logged_at, d.source_id, d.line_number, d.relay_ip, d.status, d.reply, CASE WHEN (d.logged_at, d.line_number) > f.at THEN 'run ' || epoch_us(d.logged_at) // ${QUEUE_RUN}
    ELSE coalesce(o.root, d.queue_id) END AS process
  FROM attempts d
  LEFT JOIN roots o ON ${joined('d', 'o')}
  LEFT JOIN first_deferrals f ON ${joined('d', 'f')} AND f.recipient = d.recipient
  WHERE d.relay_ip IS NOT NULL
)`;

/**
 * One refusal by a ruleset a process, the first (\`static bool logged\` in rscheck()). One before MAIL has
 * no sender: it is the connection's alone. What is refused after a ruleset said to discard counts as
 * discarded. A refused server (tls_server) is told just before the attempt that it spoils.
 */
const REFUSED = `
first_refusals AS (
  SELECT * FROM refusals r WHERE ${BY_RULESET} AND queue_id <> ''
  QUALIFY row_number() OVER (PARTITION BY ${session('r')} ORDER BY logged_at, source_id, line_number) = 1
),
spoilt_attempts AS (
  SELECT r.host, r.logged_at, r.line_number, arg_min(d.queue_id, d.line_number) AS queue_id,
    coalesce(arg_min(d.process, d.line_number), r.source_id || ' ' || r.line_number) AS process
  FROM refusals r LEFT JOIN outgoing d ON d.source_id = r.source_id AND d.host = r.host
    AND d.line_number > r.line_number AND d.logged_at < r.logged_at + INTERVAL 5 SECOND AND contains(d.reply, r.reason)
  WHERE r.rule = 'tls_server' AND r.action IN ('reject', 'tempfail') AND r.queue_id = ''
  GROUP BY r.host, r.logged_at, r.source_id, r.line_number
),
spoilt AS (
  FROM spoilt_attempts QUALIFY row_number() OVER (PARTITION BY host, process ORDER BY logged_at, line_number) = 1
),
discard_rules AS (SELECT * FROM refusals WHERE action = 'discard'),
counted_refusals AS (
  SELECT f.host, f.logged_at, coalesce(s.mailer, 'local') AS mailer, EXISTS (
    SELECT 1 FROM discard_rules k WHERE k.host = f.host AND k.stage = 'connect' AND k.client_ip = f.client_ip
      AND k.logged_at BETWEEN f.logged_at - INTERVAL 1 HOUR AND f.logged_at
  ) OR EXISTS (
    SELECT 1 FROM discard_rules k WHERE ${joined('f', 'k')}
      AND (k.logged_at, k.line_number) < (f.logged_at, f.line_number)
  ) AS is_discard
  FROM first_refusals f LEFT JOIN senders s ON ${joined('f', 's')}
  UNION ALL
  SELECT p.host, p.logged_at, coalesce(s.mailer, 'local'), false FROM spoilt p LEFT JOIN senders s ON ${joined('p', 's')}
  UNION ALL
  SELECT host, logged_at, NULL, false FROM refusals WHERE ${BY_RULESET} AND queue_id = '' AND rule <> 'tls_server'
),
discards AS (
  SELECT d.host, d.queue_id, min(d.logged_at) AS logged_at, coalesce(any_value(s.mailer), 'local') AS mailer
  FROM attempts d LEFT JOIN senders s ON ${joined('d', 's')}
  WHERE d.status = 'discarded' GROUP BY d.host, d.queue_id
)`;

/** A message counts once its data has come, whether it was taken or refused then; so does a notice. */
const FROM_ROWS = `
SELECT 'messages_from' AS figure, s.mailer, count(*) AS messages,
  sum(${kilobytes(`CASE WHEN a.size < ${LARGEST} THEN a.size ELSE 0 END`)}) AS kilobytes
FROM arrivals a JOIN senders s ON ${joined('a', 's')}
WHERE a.accepted = 'yes' AND ${inPeriod('a')} GROUP BY s.mailer
UNION ALL
SELECT 'messages_from', 'local', count(*), sum(coalesce(${kilobytes('b.bytes')}, 0))
FROM notices n LEFT JOIN (SELECT host, queue_id, min(bytes) AS bytes FROM sized GROUP BY host, queue_id) b
  ON b.host = n.host AND b.queue_id = n.child_queue_id
WHERE ${inPeriod('n')} HAVING count(*) > 0`;

/**
 * A transaction counts if at least one recipient survived it. What is appended to a file counts even where
 * that fails (deliver.c).
 */
const TO_ROWS = `
SELECT 'messages_to', mailer, sum(transactions), sum(transactions * ${kilobytes('bytes')}) FROM sized z
WHERE ${inPeriod('z')} AND (status = 'sent' OR mailer = '*file*' AND xdelay IS NOT NULL) AND mailer IS NOT NULL
GROUP BY mailer`;

const REFUSED_ROWS = `
SELECT CASE WHEN is_discard THEN 'discarded' ELSE 'rejected' END AS verdict, mailer, count(*), 0
FROM counted_refusals f WHERE ${inPeriod('f')} AND mailer IS NOT NULL GROUP BY verdict, mailer
UNION ALL SELECT 'discarded', mailer, count(*), 0 FROM discards d WHERE ${inPeriod('d')} GROUP BY mailer
UNION ALL
SELECT 'quarantined', s.mailer, count(*), 0 FROM arrivals a JOIN senders s ON ${joined('a', 's')}
WHERE a.accepted = 'yes' AND ${inPeriod('a')}
  AND EXISTS (SELECT 1 FROM refusals f WHERE ${joined('a', 'f')} AND f.action = 'quarantine') GROUP BY s.mailer
UNION ALL SELECT 'connections_rejected', NULL, (SELECT count(*) FROM counted_refusals f WHERE ${inPeriod('f')})
  + (SELECT count(*) FROM discards d WHERE ${inPeriod('d')}), 0`;

/** A connection made is known by what the other side said; a process makes one to a host. */
const OUT_ROWS = `
SELECT 'connections_to', NULL, count(*), 0 FROM (
  SELECT DISTINCT host, relay_ip, process FROM outgoing o WHERE ${inPeriod('o')} AND relay_ip IS NOT NULL
    AND (status = 'sent' OR reply SIMILAR TO '[2-5][0-9][0-9][ -].*'))`;

/**
 * A connection accepted is known by the ids of its session, or by its refusal before there was one; from
 * LogLevel 10 on by a line of its own. Only the daemon accepts any.
 */
const inRows = ({ of }: MailstatsScope): string => `
SELECT 'connections_from', NULL, greatest(
  count(*) FILTER (kind = 'line'), count(*) FILTER (kind = 'refused') + count(DISTINCT id)), 0
FROM (
  SELECT 'line' AS kind, NULL AS id, host, instance FROM sessions c WHERE what = 'connect' AND ${inPeriod('c')}
  UNION ALL SELECT 'refused', NULL, host, instance FROM refusals f
  WHERE stage = 'connect' AND queue_id = '' AND action IN ('reject', 'tempfail') AND ${inPeriod('f')}
  UNION ALL SELECT 'id', id, any_value(host), any_value(instance) FROM (
    SELECT logged_at, host, instance, ${session('a')} AS id FROM arrivals a WHERE protocol IS NOT NULL
    UNION ALL SELECT logged_at, host, instance, ${session('f')} FROM refusals f WHERE queue_id <> ''
      AND stage IN ('connect', 'helo', 'mail', 'rcpt', 'data', 'content', 'auth')
    UNION ALL SELECT logged_at, host, instance, ${session('c')} FROM sessions c WHERE queue_id <> ''
      AND NOT (what = 'timeout' AND coalesce(detail LIKE 'client %', false))
  ) GROUP BY id HAVING min(logged_at) >= $start::TIMESTAMP AND min(logged_at) < $end::TIMESTAMP
) WHERE ${of === 'mta'} AND (host NOT IN (SELECT host FROM daemon_tags) OR (host, instance) IN (FROM daemon_tags))`;

/** What the figures' exactness hangs on. */
const EVIDENCE_ROWS = `
SELECT 'hosts', NULL, count(DISTINCT host), 0 FROM arrivals a WHERE ${inPeriod('a')}
UNION ALL SELECT 'connect_lines', NULL, count(*), 0 FROM sessions c WHERE what = 'connect' AND ${inPeriod('c')}
UNION ALL SELECT 'accepted', NULL, count(*), 0 FROM arrivals a WHERE accepted = 'yes' AND ${inPeriod('a')}
UNION ALL SELECT 'sent_lines', NULL, count(*), 0 FROM attempts d WHERE status = 'sent' AND ${inPeriod('d')}
UNION ALL SELECT 'refused_servers', NULL, count(*), 0 FROM spoilt p WHERE ${inPeriod('p')}
UNION ALL SELECT 'unknown_sizes', NULL, coalesce(sum(transactions), 0), 0 FROM sized z
  WHERE NOT is_known AND status = 'sent' AND ${inPeriod('z')}`;

export function mailstatsSql(scope: MailstatsScope): string {
  const facts = [
    tables(scope),
    AGENT,
    ownRows(scope),
    senders(scope),
    SIZES,
    OUTGOING,
    REFUSED,
  ].join(',');
  const rows = [FROM_ROWS, TO_ROWS, REFUSED_ROWS, OUT_ROWS, inRows(scope), EVIDENCE_ROWS];
  return `WITH ${facts}${rows.join('\nUNION ALL')}`;
}
