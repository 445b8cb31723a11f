/**
 * What sendmail adds to its statistics file, counted from its log lines instead (markstats() of stats.c and
 * its callers in 8.17; op.me, "System Log" and "StatusFile").
 *
 * Promise: one SELECT over the raw tables with the bindings `$start` and `$end`, which brings a row
 * {figure, mailer, messages, kilobytes} for each counter that is not zero.
 */

/** Which of a machine's two sendmails: the one that accepts and delivers, or the submission agent. */
export type StatisticsOf = 'mta' | 'msp';

export interface MailstatsScope {
  readonly of: StatisticsOf;
  /** Whether only the host bound as `$host` counts. */
  readonly oneHost: boolean;
}

/** Days around the period in which a message may have arrived, or tell of domains and mailers. */
const AROUND = 'INTERVAL 14 DAY';
const SURROUNDINGS = `logged_at >= $start::TIMESTAMP - ${AROUND} AND logged_at < $end::TIMESTAMP + ${AROUND}`;
const IN_PERIOD = 'logged_at >= $start::TIMESTAMP AND logged_at < $end::TIMESTAMP';

/** Tags of the submission agent and of its queue runner, which keep a file of their own (sm-client.st). */
const AGENT_TAG = "regexp_matches(instance, '^(sm-msp|sm-client|sendmail-client)')";
const TO_LOOPBACK = "(relay_ip LIKE '127.%' OR relay_ip = '::1' OR relay_host = '[127.0.0.1]')";

/** Mailers of sendmail's own that say nothing about a domain. */
const BUILT_IN = "('prog', '*file*', '*include*')";

/** What was refused without a ruleset having said so is counted nowhere (parseaddr.c, rscheck()). */
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
]
  .map((rule) => `'${rule}'`)
  .join(', ');
/** Rulesets whose refusals are logged, but not counted. */
const NOT_COUNTED =
  "('check_vrfy', 'check_expn', 'check_etrn', 'check_other', 'try_tls', 'trust_auth')";
const BY_RULESET = `action IN ('reject', 'tempfail') AND rule NOT IN (${NOT_RULESETS}) AND rule NOT LIKE 'milter %'
    AND rule NOT IN ${NOT_COUNTED}`;

/** Children of a message that sendmail writes itself and counts as received; a clone is no new message. */
const NOTICES = "('dsn', 'return_to_sender', 'postmaster_notify', 'sender_notify', 'expired')";

/** ERRORFUDGE of savemail.c: what a bounce that returns the message weighs besides it. */
const BOUNCE_TEXT = 1024;
/** Default weights in a priority (conf.h): of a recipient, of a class. Retries weigh three recipients. */
const RECIPIENT_WEIGHT = 30_000;
const CLASS_WEIGHT = 1800;
/** More than any header that is added here; what would be more is no header but another weight. */
const HEADER_MOST = 10_000;
/** A size beyond all bounds is printed as the largest number: it tells nothing. */
const LARGEST = 1_000_000_000_000_000;
/** So is a negative priority: 2^63 modulo the weight of a recipient. */
const NEGATIVE_PRIORITY = 25_808;
/** A sender is cut at 200 characters, its bracket included. */
const SENDER_MOST = 199;
/** Attempts again that lie in one minute are taken for those of one queue run: one process. */
const QUEUE_RUN = 60_000_000;

/**
 * A queue id without its sequence is what all ids of one process share: the first six characters tell
 * when its first id was made, the digits at the end are the process (queue.c, assign_queueid()).
 */
const session = (queueId: string): string =>
  `CASE WHEN regexp_matches(${queueId}, '^[0-9A-Za-z]{8}[0-9]{5,}$')
    THEN left(${queueId}, 6) || substr(${queueId}, 9) ELSE ${queueId} END`;

const kilobytes = (bytes: string): string => `ceil(${bytes} / 1000.0)`;

/** The rows of a table within the surroundings of the period that the scope names. */
const rowsOf = (table: string, { oneHost }: MailstatsScope): string =>
  `SELECT * FROM raw.${table} WHERE mta = 'sendmail' AND ${SURROUNDINGS}${oneHost ? ' AND host = $host' : ''}`;

/**
 * The ids of messages that a submission agent queued: by its tag; or as mail that did not come through the
 * daemon and that nobody but the daemon was given, where the daemon has a tag of its own or was seen to be
 * on this machine.
 */
const AGENT = `
daemon_tags AS (SELECT DISTINCT host, instance FROM e WHERE daemon IS NOT NULL),
ways AS (
  SELECT host, queue_id, bool_and(mailer = 'relay') AS only_relay, bool_or(${TO_LOOPBACK}) AS to_loopback
  FROM d WHERE mailer IS NOT NULL GROUP BY host, queue_id
),
agent_messages AS (
  SELECT host, queue_id FROM e WHERE ${AGENT_TAG}
  UNION SELECT host, queue_id FROM d WHERE ${AGENT_TAG}
  UNION SELECT e.host, e.queue_id FROM e LEFT JOIN ways w ON w.host = e.host AND w.queue_id = e.queue_id
    WHERE e.daemon IS NULL AND coalesce(w.only_relay, true) AND (coalesce(w.to_loopback, false)
      OR e.host IN (SELECT host FROM daemon_tags) AND (e.host, e.instance) NOT IN (FROM daemon_tags))
),
agent_children AS (
  SELECT q.host, q.child_queue_id AS queue_id FROM q
  JOIN agent_messages a ON a.host = q.host AND a.queue_id = q.queue_id WHERE q.child_queue_id IS NOT NULL
),
agent AS (
  FROM agent_messages UNION FROM agent_children UNION SELECT q.host, q.child_queue_id FROM q
  JOIN agent_children a ON a.host = q.host AND a.queue_id = q.queue_id WHERE q.child_queue_id IS NOT NULL
)`;

const ofScope = (alias: string, { of }: MailstatsScope): string =>
  `${of === 'mta' ? 'NOT ' : ''}(${AGENT_TAG.replace('instance', `${alias}.instance`)}
    OR EXISTS (SELECT 1 FROM agent a WHERE a.host = ${alias}.host AND a.queue_id = ${alias}.queue_id))`;

/** Each table's rows of this sendmail alone. */
const OWN_ROWS = (scope: MailstatsScope): string => `
arrivals AS (
  SELECT * FROM e WHERE ${ofScope('e', scope)}
  QUALIFY row_number() OVER (PARTITION BY host, queue_id ORDER BY accepted DESC, logged_at) = 1
),
attempts AS (SELECT * FROM d WHERE ${ofScope('d', scope)}),
refusals AS (SELECT * FROM r WHERE ${ofScope('r', scope)}),
logins AS (SELECT * FROM c WHERE ${ofScope('c', scope)}),
notices AS (
  SELECT * FROM q WHERE child_queue_id IS NOT NULL AND what IN ${NOTICES} AND ${ofScope('q', scope)}
)`;

/**
 * The mailer by which mail to a domain goes, which is also that of mail from it: \`local\` if any was
 * delivered here, or refused for want of such a user, or sent from this machine under its own name; else
 * the usual one for the domain, else the usual one. A sender cut short hides its domain.
 */
const MAILERS = ({ of }: MailstatsScope): string => `
domain_mailers AS (
  SELECT host, domain, CASE WHEN bool_or(mailer = 'local') THEN 'local' ELSE mode(mailer ORDER BY mailer) END AS mailer
  FROM (
    SELECT host, recipient_domain AS domain, mailer FROM attempts
    WHERE recipient_domain IS NOT NULL AND mailer IS NOT NULL AND mailer NOT IN ${BUILT_IN}
    UNION ALL
    SELECT host, lower(split_part(recipient, '@', -1)), 'local' FROM refusals
    WHERE rule = 'user unknown' AND stage = 'rcpt' AND contains(recipient, '@')
    UNION ALL
    SELECT DISTINCT host, sender_domain, 'local' FROM arrivals WHERE (relay_ip IS NULL OR ${TO_LOOPBACK})
      AND split_part(sender_domain, '.', 1) = lower(split_part(host, '.', 1))
  ) GROUP BY host, domain
),
usual_mailer AS (
  SELECT host, mode(mailer ORDER BY mailer) AS mailer FROM attempts
  WHERE relay_ip IS NOT NULL AND mailer NOT IN ('local', 'prog', '*file*', '*include*') GROUP BY host
),
senders AS (
  SELECT a.host, a.queue_id, CASE
    WHEN a.sender_domain = 'localhost' OR a.sender_domain IS NULL
      AND NOT coalesce(contains(a.sender, '!') OR length(a.sender) >= ${SENDER_MOST}, false) THEN 'local'
    ELSE ${of === 'mta' ? "coalesce(m.mailer, u.mailer, 'esmtp')" : "CASE m.mailer WHEN 'local' THEN 'local' ELSE 'esmtp' END"} END AS mailer
  FROM arrivals a
  LEFT JOIN domain_mailers m ON m.host = a.host AND m.domain = a.sender_domain
  LEFT JOIN usual_mailer u ON u.host = a.host
)`;

/**
 * Sizes as they were when delivered: what was logged on arrival, and the header added since. A clone is of
 * its original's size and class, a bounce of its own text's and that of what it returns, or of none.
 */
const SIZES = `
origins AS (
  SELECT q.host, q.child_queue_id AS queue_id, any_value(q.what IN ${NOTICES}) AS is_notice,
    any_value(p.size) AS size, any_value(p.class) AS class
  FROM q JOIN arrivals p ON p.host = q.host AND p.queue_id = q.queue_id
  WHERE q.child_queue_id IS NOT NULL GROUP BY q.host, q.child_queue_id
),
weighed AS (
  SELECT d.*, a.queue_id IS NOT NULL OR o.queue_id IS NOT NULL AS is_known,
    CASE WHEN o.is_notice AND d.priority > 0 THEN o.size + ${BOUNCE_TEXT} WHEN o.is_notice THEN 0
      ELSE coalesce(a.size, o.size, 0) END AS logged_size,
    CASE WHEN logged_size < ${LARGEST} THEN logged_size::BIGINT ELSE 0 END AS base,
    CASE WHEN o.is_notice THEN 0 ELSE coalesce(a.class, o.class, 0) END AS weight_class,
    CASE WHEN weight_class > 0 AND d.priority = ${NEGATIVE_PRIORITY} THEN base
      ELSE coalesce(d.priority + weight_class * ${CLASS_WEIGHT}, base) END AS weight
  FROM attempts d
  LEFT JOIN arrivals a ON a.host = d.host AND a.queue_id = d.queue_id
  LEFT JOIN origins o ON o.host = d.host AND o.queue_id = d.queue_id AND a.queue_id IS NULL
),
sized AS (
  SELECT *, base + CASE WHEN added < ${HEADER_MOST} OR NOT is_known THEN added ELSE 0 END AS bytes
  FROM (SELECT *, (weight - base) % ${RECIPIENT_WEIGHT} AS rest,
    CASE WHEN rest < 0 THEN rest + ${RECIPIENT_WEIGHT} ELSE rest END AS added FROM weighed)
)`;

/** A message counts once its data has come, whether it was taken or refused then; so does a notice. */
const MESSAGES_FROM = `
SELECT 'from' AS figure, s.mailer, count(*) AS messages,
  sum(${kilobytes(`CASE WHEN a.size < ${LARGEST} THEN a.size ELSE 0 END`)}) AS kilobytes
FROM arrivals a JOIN senders s ON s.host = a.host AND s.queue_id = a.queue_id
WHERE a.accepted = 'yes' AND a.${IN_PERIOD.replace('AND ', 'AND a.')} GROUP BY ALL
UNION ALL
SELECT 'from', 'local', count(*), sum(coalesce(${kilobytes('b.bytes')}, 0))
FROM notices n
LEFT JOIN (SELECT host, queue_id, min(bytes) AS bytes FROM sized GROUP BY host, queue_id) b
  ON b.host = n.host AND b.queue_id = n.child_queue_id
WHERE n.${IN_PERIOD.replace('AND ', 'AND n.')}`;

/**
 * One for each transaction that at least one recipient survived; LMTP answers, and logs, for each of its
 * recipients. What is appended to a file counts even if it fails (deliver.c, mailfile()).
 */
const MESSAGES_TO = `
SELECT 'to' AS figure, mailer, sum(transactions) AS messages, sum(transactions * ${kilobytes('bytes')}) AS kilobytes
FROM sized WHERE ${IN_PERIOD} AND transactions > 0 AND (status = 'sent' OR mailer = '*file*' AND xdelay IS NOT NULL)
GROUP BY ALL`;

/**
 * Attempts at other hosts with the process that made them, as far as the log tells it apart: a message's
 * first recipients and what came of it (bounces, clones) are one process's, later attempts a queue run's.
 */
const OUTGOING = `
first_deferrals AS (
  SELECT host, queue_id, recipient, min((logged_at, line_number)) AS at FROM attempts
  WHERE status IN ('deferred', 'queued') GROUP BY host, queue_id, recipient
),
outgoing AS (
  SELECT d.*, CASE WHEN (d.logged_at, d.line_number) > f.at THEN 'run ' || epoch_us(d.logged_at) // ${QUEUE_RUN}
    ELSE coalesce(o.root, d.queue_id) END AS process
  FROM attempts d
  LEFT JOIN (SELECT host, child_queue_id AS queue_id, any_value(queue_id) AS root FROM q
    WHERE child_queue_id IS NOT NULL GROUP BY host, child_queue_id) o ON o.host = d.host AND o.queue_id = d.queue_id
  LEFT JOIN first_deferrals f ON f.host = d.host AND f.queue_id = d.queue_id AND f.recipient = d.recipient
  WHERE d.relay_host IS NOT NULL OR d.relay_ip IS NOT NULL
)`;

/**
 * One refusal by a ruleset a process, the first (parseaddr.c, \`static bool logged\`). Refusals before MAIL
 * have no sender yet: they are the connection's alone. Where check_relay says to discard, what is refused
 * later counts as discarded. That of a server's certificate precedes the line of the attempt it spoils.
 */
const REJECTED = `
first_refusals AS (
  SELECT * FROM refusals r WHERE ${BY_RULESET} AND queue_id <> ''
  QUALIFY row_number() OVER (PARTITION BY host, ${session('queue_id')} ORDER BY logged_at, source_id, line_number) = 1
),
spoilt AS (
  SELECT r.host, r.logged_at, r.line_number, arg_min(d.queue_id, d.line_number) AS queue_id,
    coalesce(arg_min(d.process, d.line_number), r.source_id || ' ' || r.line_number) AS process
  FROM refusals r LEFT JOIN outgoing d ON d.source_id = r.source_id AND d.host = r.host
    AND d.line_number > r.line_number AND d.logged_at < r.logged_at + INTERVAL 5 SECOND AND contains(d.reply, r.reason)
  WHERE r.rule = 'tls_server' AND r.action IN ('reject', 'tempfail') AND r.queue_id = ''
  GROUP BY r.host, r.logged_at, r.source_id, r.line_number
  QUALIFY row_number() OVER (PARTITION BY r.host, process ORDER BY r.logged_at, r.line_number) = 1
),
discard_rules AS (SELECT * FROM refusals WHERE action = 'discard'),
counted_refusals AS (
  SELECT f.host, f.logged_at, coalesce(s.mailer, 'local') AS mailer, EXISTS (
    SELECT 1 FROM discard_rules k WHERE k.host = f.host AND k.stage = 'connect' AND k.client_ip = f.client_ip
      AND k.logged_at BETWEEN f.logged_at - INTERVAL 1 HOUR AND f.logged_at
  ) OR EXISTS (
    SELECT 1 FROM discard_rules k WHERE k.host = f.host AND k.queue_id = f.queue_id
      AND (k.logged_at, k.line_number) < (f.logged_at, f.line_number)
  ) AS is_discard
  FROM first_refusals f LEFT JOIN senders s ON s.host = f.host AND s.queue_id = f.queue_id
  UNION ALL
  SELECT p.host, p.logged_at, coalesce(s.mailer, 'local'), false
  FROM spoilt p LEFT JOIN senders s ON s.host = p.host AND s.queue_id = p.queue_id
  UNION ALL
  SELECT host, logged_at, NULL, false FROM refusals
  WHERE ${BY_RULESET} AND queue_id = '' AND rule <> 'tls_server'
),
discards AS (
  SELECT d.host, d.queue_id, min(d.logged_at) AS logged_at, coalesce(any_value(s.mailer), 'local') AS mailer
  FROM attempts d LEFT JOIN senders s ON s.host = d.host AND s.queue_id = d.queue_id
  WHERE d.status = 'discarded' GROUP BY d.host, d.queue_id
)`;

const REJECTED_ROWS = `
SELECT CASE WHEN is_discard THEN 'discarded' ELSE 'rejected' END AS figure, mailer, count(*) AS messages, 0 AS kilobytes
FROM counted_refusals WHERE ${IN_PERIOD} AND mailer IS NOT NULL GROUP BY ALL
UNION ALL SELECT 'discarded', mailer, count(*), 0 FROM discards WHERE ${IN_PERIOD} GROUP BY ALL
UNION ALL
SELECT 'quarantined', s.mailer, count(*), 0 FROM arrivals a JOIN senders s ON s.host = a.host AND s.queue_id = a.queue_id
WHERE a.accepted = 'yes' AND a.${IN_PERIOD.replace('AND ', 'AND a.')}
  AND EXISTS (SELECT 1 FROM refusals f WHERE f.host = a.host AND f.queue_id = a.queue_id AND f.action = 'quarantine')
GROUP BY ALL`;

/**
 * A connection made is known by what the other side said, or by having broken; one attempt at a message
 * makes one to a host. One accepted is known by the session's ids, or its refusal before there was any;
 * from LogLevel 12 on each is logged.
 */
const CONNECTIONS_ROWS = `
SELECT 'connections_rejected' AS figure, NULL AS mailer,
  (SELECT count(*) FROM counted_refusals WHERE ${IN_PERIOD}) + (SELECT count(*) FROM discards WHERE ${IN_PERIOD}), 0
UNION ALL SELECT 'connections_to', NULL, count(*), 0 FROM (
  SELECT DISTINCT host, relay_ip, process FROM outgoing
  WHERE ${IN_PERIOD} AND relay_ip IS NOT NULL AND (status = 'sent' OR reply SIMILAR TO '[2-5][0-9][0-9][ -].*'))
UNION ALL SELECT 'connections_from', NULL, greatest(
  (SELECT count(*) FROM logins WHERE what = 'connect' AND ${IN_PERIOD}),
  (SELECT count(*) FROM refusals WHERE stage = 'connect' AND queue_id = '' AND action IN ('reject', 'tempfail') AND ${IN_PERIOD})
  + (SELECT count(DISTINCT id) FROM (
  SELECT host || ' ' || ${session('queue_id')} AS id FROM arrivals WHERE protocol IS NOT NULL AND ${IN_PERIOD}
  UNION SELECT host || ' ' || ${session('queue_id')} FROM refusals WHERE queue_id <> '' AND ${IN_PERIOD}
    AND stage IN ('connect', 'helo', 'mail', 'rcpt', 'data', 'content', 'auth')
  UNION SELECT host || ' ' || ${session('queue_id')} FROM logins WHERE queue_id <> '' AND ${IN_PERIOD}
    AND NOT (what = 'timeout' AND detail LIKE 'client %')))), 0`;

export function mailstatsSql(scope: MailstatsScope): string {
  return `WITH e AS (${rowsOf('envelopes', scope)}), d AS (${rowsOf('deliveries', scope)}),
r AS (${rowsOf('rejections', scope)}), q AS (${rowsOf('queue_events', scope)}),
c AS (${rowsOf('connections', scope)}), ${AGENT},${OWN_ROWS(scope)},${MAILERS(scope)},${SIZES},${OUTGOING},${REJECTED}
${MESSAGES_FROM} UNION ALL ${MESSAGES_TO} UNION ALL ${REJECTED_ROWS} UNION ALL ${CONNECTIONS_ROWS}`;
}
