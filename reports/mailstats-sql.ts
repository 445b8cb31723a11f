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
/** A negative priority is printed as the largest number, which tells nothing. */
const PRIORITY_MOST = 1_000_000_000_000_000;

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
 * The ids of messages that a submission agent queued: by its tag; or as the command-line mail of a host
 * whose daemon has another tag; or, where both have one, by their way to the daemon on this machine.
 */
const AGENT = `
daemon_tags AS (SELECT DISTINCT host, instance FROM e WHERE daemon IS NOT NULL),
agent_messages AS (
  SELECT host, queue_id FROM e WHERE ${AGENT_TAG}
  UNION SELECT host, queue_id FROM d WHERE ${AGENT_TAG}
  UNION SELECT host, queue_id FROM e WHERE daemon IS NULL
    AND host IN (SELECT host FROM daemon_tags)
    AND NOT EXISTS (SELECT 1 FROM daemon_tags t WHERE t.host = e.host AND t.instance = e.instance)
  UNION SELECT d.host, d.queue_id FROM d JOIN e ON e.host = d.host AND e.queue_id = d.queue_id
    WHERE e.daemon IS NULL AND e.protocol IS NULL AND d.mailer = 'relay' AND ${TO_LOOPBACK.replaceAll('relay_', 'd.relay_')}
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
notices AS (
  SELECT * FROM q WHERE child_queue_id IS NOT NULL AND what IN ${NOTICES} AND ${ofScope('q', scope)}
)`;

/**
 * The mailer by which mail to a domain goes, which is also that of mail from it: \`local\` if any was
 * delivered here, or refused for want of such a user; else the usual one for it, else the usual one.
 */
const MAILERS = (scope: MailstatsScope): string => `
domain_mailers AS (
  SELECT host, recipient_domain AS domain,
    CASE WHEN bool_or(mailer = 'local') THEN 'local' ELSE mode(mailer ORDER BY mailer) END AS mailer
  FROM (
    SELECT host, recipient_domain, mailer FROM attempts
    WHERE recipient_domain IS NOT NULL AND mailer IS NOT NULL AND mailer NOT IN ${BUILT_IN}
    UNION ALL
    SELECT host, lower(split_part(recipient, '@', -1)), 'local' FROM refusals
    WHERE rule = 'user unknown' AND stage = 'rcpt' AND contains(recipient, '@')
  ) GROUP BY ALL
),
usual_mailer AS (
  SELECT host, mode(mailer ORDER BY mailer) AS mailer FROM attempts
  WHERE relay_ip IS NOT NULL AND mailer NOT IN ('local', 'prog', '*file*', '*include*') GROUP BY host
),
senders AS (
  SELECT a.host, a.queue_id, CASE WHEN a.sender_domain IS NULL THEN 'local'
    ELSE coalesce(m.mailer, ${scope.of === 'mta' ? 'u.mailer, ' : ''}'esmtp') END AS mailer
  FROM arrivals a
  LEFT JOIN domain_mailers m ON m.host = a.host AND m.domain = lower(a.sender_domain)
  LEFT JOIN usual_mailer u ON u.host = a.host
)`;

/** Sizes as they were when delivered: what was logged on arrival, and the header added since. */
const SIZES = `
children AS (
  SELECT n.host, n.child_queue_id AS queue_id, any_value(p.size) AS parent_size
  FROM notices n LEFT JOIN arrivals p ON p.host = n.host AND p.queue_id = n.queue_id GROUP BY ALL
),
sized AS (
  SELECT t.* EXCLUDE (overhead), base + CASE WHEN overhead <= ${HEADER_MOST} THEN overhead ELSE 0 END AS bytes FROM (
    SELECT x.*, (x.weight - x.base) % ${RECIPIENT_WEIGHT}
      + CASE WHEN (x.weight - x.base) % ${RECIPIENT_WEIGHT} < 0 THEN ${RECIPIENT_WEIGHT} ELSE 0 END AS overhead
    FROM (
      SELECT d.host, d.queue_id, d.logged_at, d.mailer, d.status, d.xdelay_ms, d.transactions, d.relay_host,
        d.relay_ip, d.priority, d.dsn, d.reply,
        CASE WHEN d.priority < ${PRIORITY_MOST}
          THEN d.priority::BIGINT + coalesce(a.class, 0) * ${CLASS_WEIGHT} ELSE a.size END AS weight,
        CASE WHEN a.size < ${PRIORITY_MOST} THEN a.size::BIGINT
          WHEN c.queue_id IS NOT NULL AND d.priority % ${RECIPIENT_WEIGHT} <> 0
            THEN coalesce(c.parent_size, 0)::BIGINT + ${BOUNCE_TEXT}
          ELSE 0 END AS base
      FROM attempts d
      LEFT JOIN arrivals a ON a.host = d.host AND a.queue_id = d.queue_id
      LEFT JOIN children c ON c.host = d.host AND c.queue_id = d.queue_id AND a.queue_id IS NULL
    ) x
  ) t
)`;
