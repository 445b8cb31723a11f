/**
 * Hops: messages handed from one queue of ours to another, over all hosts whose logs are in the store.
 *
 * Two rules find them. A hand-over is a delivery that was `sent`; an arrival is an accepted envelope.
 *
 * 1. By id: the reply to the hand-over names a queue id ("6AO... Message accepted for delivery", "queued as
 *    ...", "id=..."), and an arrival near in time bears it. A remote server may name any id it likes, even
 *    one of ours; so the message-id of the arrival must be the one of our own envelope. Where our envelope is
 *    unknown (it was logged before the log begins, or it is a notice of the queue's own) or has no message-id,
 *    the connection must bear it out: the relay names the arrival's host, or the arrival's client names the
 *    host that handed over, or both are one host and the relay is its loopback.
 * 2. By message-id, where the reply names no id that we know: an arrival on another host with our envelope's
 *    message-id and sender, whose client names the host that handed over, taken from a relay that names
 *    the arrival's host. Nothing of it is a remote server's text except names of hosts; only if just one arrival fits the
 *    hand-over and just one hand-over the arrival.
 *
 * A name agrees with a host if both are equal, or one is short and the first label of the other.
 *
 * One hand-over leads to one arrival at most and one arrival comes from one hand-over: of several the one whose
 * message-id agrees is taken, then the one that the relay names, then the nearest in time. So the same id
 * on two hosts, or used again later, is no trouble.
 *
 * Clocks of two hosts may differ by a quarter of an hour: clocks without NTP drift by seconds a day, and
 * what is off by more is off by hours (a zone, which the ingest's clock tells). A wider window would only let in ids
 * that were used again. A host agrees with itself to two seconds (syslog need not keep the order).
 *
 * What is left to a liar: who is handed our message, sends it back to us and names the id that we gave it then, is
 * taken for a queue of ours, since the message did come through it. So is, by the second rule, who names
 * his hosts as ours are called for short.
 *
 * Promise: hops depend on the lines stored, not on their order or batches. Each batch is matched with what
 * is stored near it in time, in either direction, and hops that no longer hold are taken back. The cost is that
 * of planning the statements, of the new rows and of the rows near them in time, whatever else is stored.
 */
import type { DuckDBConnection, DuckDBPreparedStatement, DuckDBValue } from '@duckdb/node-api';

const TOLERANCE = "INTERVAL '15 minutes'";
/** The longest that one transaction may take: an arrival is logged at any moment of it. */
const TRANSACTION = "INTERVAL '1 hour'";
/** How late after its envelope a hand-over is still looked for. */
const QUEUE_LIFETIME = "INTERVAL '5 days'";
const ONE_CLOCK = "INTERVAL '2 seconds'";

/** Rows of the batch: those of its source behind the line at which the source stood before. */
const NEW = 'source_id = $source AND line_number > $line';

/**
 * Times of hand-overs whose hops the batch can change: its own, those of messages that arrive in it, and those
 * of messages whose envelope is in it. NULL where there are none.
 */
const BOUNDS = `
SELECT least(first_handed, first_arrived - ${TOLERANCE}) AS handed_from,
  greatest(last_handed, last_arrived + ${QUEUE_LIFETIME}) AS handed_to
FROM (
  SELECT min(logged_at) AS first_handed, max(logged_at) AS last_handed FROM raw.deliveries
  WHERE ${NEW} AND status = 'sent' AND (reply IS NOT NULL OR relay_host IS NOT NULL)
) CROSS JOIN (
  SELECT min(logged_at) AS first_arrived, max(logged_at) AS last_arrived FROM raw.envelopes WHERE ${NEW} AND accepted = 'yes'
)`;

const HANDED_WITHIN = 'logged_at BETWEEN $handed_from AND $handed_to';
const ARRIVED_WITHIN = `logged_at BETWEEN $handed_from::TIMESTAMP - ${TRANSACTION} - ${TOLERANCE} AND $handed_to::TIMESTAMP + ${TOLERANCE}`;

/** An arrival `n` logged while the transaction of `h` went on, give or take what clocks differ. */
const MEANWHILE = `n.logged_at BETWEEN h.handed_at - to_seconds(h.took) - ${TOLERANCE} AND h.handed_at + ${TOLERANCE}`;

/** A hand-over: when, where to, how many seconds it took, and when its message came into the queue at the earliest. */
const HAND_OVER = `d.host, d.queue_id, d.logged_at AS handed_at, d.relay_host, d.relay_ip,
    least(coalesce(d.xdelay, 0), 3600) AS took, raw.next_queue_id(d.reply) AS named,
    d.logged_at - coalesce(to_seconds(d.delay), ${QUEUE_LIFETIME}) - ${TRANSACTION} AS began_after`;

/** What the steps hand on to each other; emptied before use, in case a transaction was rolled back. */
const HANDED = `host VARCHAR, queue_id VARCHAR, handed_at TIMESTAMP, relay_host VARCHAR, relay_ip VARCHAR,
  took DOUBLE, named VARCHAR, began_after TIMESTAMP`;
const HOP =
  'host VARCHAR, queue_id VARCHAR, next_host VARCHAR, next_queue_id VARCHAR, handed_at TIMESTAMP, named BOOLEAN';
const SCRATCH: Readonly<Record<string, string>> = {
  hop_hosts: 'host VARCHAR',
  hop_ids: 'id VARCHAR',
  hop_pairs: `${HANDED}, next_host VARCHAR, next_queue_id VARCHAR, arrived_at TIMESTAMP,
    next_message_id VARCHAR, client_host VARCHAR, client_ip VARCHAR`,
  hop_message_ids: 'message_id VARCHAR',
  hop_arrivals:
    'host VARCHAR, queue_id VARCHAR, logged_at TIMESTAMP, message_id VARCHAR, sender VARCHAR, client VARCHAR',
  hop_handed: `${HANDED}, relay VARCHAR`,
  found_hops: HOP,
  lost_hops: HOP,
};

/** Ids whose hops the batch can change: those it names, those that arrive in it, those named for its messages. */
const NEXT_IDS = `INSERT INTO hop_ids
SELECT raw.next_queue_id(reply) AS id FROM raw.deliveries
WHERE ${NEW} AND status = 'sent' AND reply IS NOT NULL AND id <> ''
UNION
SELECT queue_id FROM raw.envelopes WHERE ${NEW} AND accepted = 'yes' AND queue_id <> ''`;
const NEXT_IDS_OF_OLD = `INSERT INTO hop_ids
SELECT raw.next_queue_id(d.reply) AS id FROM raw.deliveries d
WHERE d.status = 'sent' AND d.reply IS NOT NULL AND d.${HANDED_WITHIN} AND id <> ''
  AND d.queue_id IN (SELECT queue_id FROM raw.envelopes WHERE ${NEW}) AND id NOT IN (SELECT id FROM hop_ids)`;

/** Hand-overs and arrivals that bear the same one of these ids. */
const PAIRS = `SELECT DISTINCT h.*, n.host AS next_host, n.queue_id AS next_queue_id, n.logged_at AS arrived_at,
  n.message_id AS next_message_id, n.relay_host AS client_host, n.relay_ip AS client_ip
FROM (
  SELECT ${HAND_OVER} FROM raw.deliveries d
  WHERE d.status = 'sent' AND d.reply IS NOT NULL AND d.${HANDED_WITHIN} AND named IN (SELECT id FROM hop_ids)
) h JOIN (
  SELECT host, queue_id, logged_at, message_id, relay_host, relay_ip FROM raw.envelopes
  WHERE accepted = 'yes' AND ${ARRIVED_WITHIN} AND queue_id IN (SELECT id FROM hop_ids)
) n ON n.queue_id = h.named AND ${MEANWHILE} AND NOT (n.host = h.host AND n.queue_id = h.queue_id)`;

/** When the messages of hand-overs came into their queues at the earliest: bounds the search for their envelopes. */
const earliest = (handed: string): string => `SELECT min(began_after) FROM ${handed}`;

/** The hand-overs' own envelopes: the last before each. */
const origins = (handed: string, from: string): string => `
  SELECT p.host, p.queue_id, p.handed_at, o.message_id, o.sender, o.logged_at
  FROM raw.envelopes o JOIN (SELECT DISTINCT host, queue_id, handed_at, began_after FROM ${handed}) p
    ON p.host = o.host AND p.queue_id = o.queue_id
    AND o.logged_at BETWEEN p.began_after AND p.handed_at + ${ONE_CLOCK}
  WHERE o.logged_at >= ${from}
  QUALIFY row_number() OVER (PARTITION BY p.host, p.queue_id, p.handed_at
    ORDER BY o.logged_at DESC, o.source_id, o.line_number) = 1`;

/** The better of two pairs first; ties are broken by what the lines say, not by the order of loading. */
const BEST = `agrees DESC NULLS LAST, told DESC, connected DESC, abs(epoch_ms(arrived_at) - epoch_ms(handed_at)),
    handed_at, host, queue_id, next_host, arrived_at`;

/** Hops by id, of pairs that a table or subquery holds. */
function namedHops(from: string, earliestOrigin: string): string {
  return `WITH origins AS MATERIALIZED (${origins(from, earliestOrigin)}
), judged AS (
  SELECT p.*, nullif(o.message_id, '') = nullif(p.next_message_id, '') AS agrees,
    raw.names_host(p.relay_host, p.relay_ip, p.next_host) AS told,
    raw.names_host(p.client_host, p.client_ip, p.host)
      OR (p.host = p.next_host AND raw.is_loopback(p.relay_host, p.relay_ip)) AS connected,
    o.logged_at AS began_at
  FROM ${from} p LEFT JOIN origins o ON o.host = p.host AND o.queue_id = p.queue_id AND o.handed_at = p.handed_at
)
SELECT host, queue_id, next_host, next_queue_id, handed_at, true AS named FROM (
  SELECT * FROM judged
  WHERE coalesce(agrees, told OR connected) AND (began_at IS NULL
    OR began_at <= arrived_at + CASE WHEN host = next_host THEN ${ONE_CLOCK} ELSE ${TOLERANCE} END)
  QUALIFY row_number() OVER (PARTITION BY host, queue_id, named, handed_at ORDER BY ${BEST}) = 1
)
QUALIFY row_number() OVER (PARTITION BY next_host, next_queue_id, arrived_at ORDER BY ${BEST}) = 1`;
}

/** Peers in rows of a table that name a host of ours; each is judged once, however many rows it has. */
const peers = (from: string): string => `
  SELECT p.*, ours.host AS peer FROM (SELECT DISTINCT relay_host, relay_ip FROM ${from}) p
  JOIN hop_hosts ours ON raw.names_host(p.relay_host, p.relay_ip, ours.host)`;

const IS_PEER = (row: string): string =>
  `p.relay_host IS NOT DISTINCT FROM ${row}.relay_host AND p.relay_ip IS NOT DISTINCT FROM ${row}.relay_ip AND p.peer <> ${row}.host`;

/** Hand-overs to another host of ours whose reply named none of our ids. */
const unnamedHanded = (scope: string): string => `INSERT INTO hop_handed
WITH relays AS MATERIALIZED (${peers(`raw.deliveries d WHERE d.status = 'sent' AND ${scope}`)})
SELECT DISTINCT ${HAND_OVER}, p.peer FROM raw.deliveries d JOIN relays p ON ${IS_PEER('d')}
WHERE d.status = 'sent' AND ${scope}
  AND NOT EXISTS (SELECT 1 FROM raw.hops k WHERE k.named AND k.host = d.host AND k.queue_id = d.queue_id
    AND k.next_queue_id = raw.next_queue_id(d.reply) AND k.handed_at BETWEEN d.logged_at - ${TRANSACTION} AND d.logged_at + ${TRANSACTION})`;
const NEW_UNNAMED = unnamedHanded(NEW);
const NEAR_UNNAMED = unnamedHanded(`d.${HANDED_WITHIN}`);
const NEAR_UNNAMED_FROM_CLIENTS = unnamedHanded(
  `d.${HANDED_WITHIN} AND d.host IN (SELECT client FROM hop_arrivals)`,
);
const STORED_UNNAMED = `SELECT count(*) FROM raw.hops WHERE NOT named AND handed_at BETWEEN $handed_from AND $handed_to`;

/** Message-ids of arrivals in the batch, of those whose hop by id may have changed, and of its hand-overs. */
const MESSAGE_IDS = `INSERT INTO hop_message_ids
SELECT DISTINCT message_id FROM raw.envelopes
WHERE message_id <> '' AND ((${NEW}) OR (${ARRIVED_WITHIN} AND queue_id IN (SELECT id FROM hop_ids)))`;
const MESSAGE_IDS_HANDED = `INSERT INTO hop_message_ids
SELECT DISTINCT message_id FROM (${origins('hop_handed', '$origins_from')}) WHERE message_id <> ''`;

/** Arrivals of these message-ids from another host of ours that no reply named. */
const UNNAMED_ARRIVALS = `INSERT INTO hop_arrivals
WITH clients AS MATERIALIZED (${peers(`raw.envelopes WHERE accepted = 'yes' AND ${ARRIVED_WITHIN}`)})
SELECT e.host, e.queue_id, e.logged_at, e.message_id, e.sender, p.peer AS client
FROM raw.envelopes e JOIN clients p ON ${IS_PEER('e')}
WHERE e.accepted = 'yes' AND e.${ARRIVED_WITHIN} AND e.message_id IN (SELECT message_id FROM hop_message_ids)
  AND NOT EXISTS (SELECT 1 FROM raw.hops k WHERE k.named AND k.next_host = e.host AND k.next_queue_id = e.queue_id
    AND k.handed_at BETWEEN e.logged_at - ${TOLERANCE} AND e.logged_at + ${TOLERANCE} + ${TRANSACTION})`;

/** Hops by message-id. Senders are compared without domain where one has none: a submission's. */
const UNNAMED_HOPS = `WITH origins AS MATERIALIZED (${origins('hop_handed', '$origins_from')}
), agreeing AS (
  SELECT h.*, n.host AS next_host, n.queue_id AS next_queue_id, n.logged_at AS arrived_at
  FROM hop_handed h
  JOIN origins o ON o.host = h.host AND o.queue_id = h.queue_id AND o.handed_at = h.handed_at
  JOIN hop_arrivals n ON n.message_id = o.message_id AND n.client = h.host AND n.host = h.relay AND ${MEANWHILE}
    AND o.logged_at <= n.logged_at + ${TOLERANCE}
  WHERE lower(o.sender) = lower(n.sender) OR ((NOT contains(o.sender, '@') OR NOT contains(n.sender, '@'))
    AND split_part(lower(o.sender), '@', 1) = split_part(lower(n.sender), '@', 1))
)
SELECT host, queue_id, next_host, next_queue_id, handed_at, false AS named FROM agreeing
QUALIFY count(*) OVER (PARTITION BY host, queue_id, handed_at, relay_host, relay_ip) = 1
  AND count(*) OVER (PARTITION BY next_host, next_queue_id, arrived_at) = 1`;

const SAME = `k.host = f.host AND k.queue_id = f.queue_id AND k.next_host = f.next_host
    AND k.next_queue_id = f.next_queue_id AND k.named = f.named AND k.handed_at = f.handed_at`;

const STORED = 'raw.hops k WHERE k.handed_at BETWEEN $handed_from AND $handed_to';

/** Stored hops that the batch could change and that were not found again. */
const LOST = `INSERT INTO lost_hops
SELECT k.* FROM ${STORED} AND NOT EXISTS (SELECT 1 FROM found_hops f WHERE ${SAME})`;
const LOST_NAMED = `${LOST} AND k.named AND k.next_queue_id IN (SELECT id FROM hop_ids)`;
const LOST_UNNAMED = `${LOST} AND NOT k.named AND (k.next_host, k.next_queue_id) IN (
  SELECT (host, queue_id) FROM raw.envelopes
  WHERE ${ARRIVED_WITHIN} AND message_id IN (SELECT message_id FROM hop_message_ids))`;

const TAKE_BACK = `DELETE FROM raw.hops k USING lost_hops f WHERE ${SAME}`;
const ADD = `INSERT INTO raw.hops BY NAME
SELECT f.* FROM found_hops f WHERE NOT EXISTS (SELECT 1 FROM ${STORED} AND ${SAME})`;
/** Of the hand-overs, and before: with their neighbours, those hold any arrival of a transaction of an hour. */
const CHANGED_HOURS = `SELECT DISTINCT unnest([hour - 1, hour]) FROM (
  SELECT floor(epoch(handed_at) / 3600)::INTEGER AS hour FROM found_hops
  UNION SELECT floor(epoch(handed_at) / 3600)::INTEGER FROM lost_hops)`;

/** Hosts of ours in the neighbourhood: the second rule needs two. */
const HOSTS = `INSERT INTO hop_hosts SELECT DISTINCT host FROM raw.envelopes WHERE ${ARRIVED_WITHIN} AND host <> ''`;

const NAMED_PAIRS = `INSERT INTO hop_pairs ${PAIRS}`;
const NAMED_HOPS = namedHops('hop_pairs', '$origins_from');

export interface NewRows {
  readonly source: number;
  /** Lines of the source before the batch: its rows have higher line numbers. */
  readonly line: number;
}

/** Finds hops batch by batch, in the transaction that brings the batch. */
export class HopFinder {
  readonly #connection: DuckDBConnection;
  #values: Readonly<Record<string, DuckDBValue>> = {};

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  /**
   * Brings hops up to date with the rows of a batch. Answers the hours since 1970 whose figures, with those of the
   * hours beside them, may have changed by it, although the batch may have no line of them.
   */
  async find({ source, line }: NewRows): Promise<readonly number[]> {
    this.#values = { source: BigInt(source), line: BigInt(line) };
    const [from, to] = await this.#row(BOUNDS);
    if (from == null || to == null) return [];
    this.#values = { ...this.#values, handed_from: from, handed_to: to };
    await this.#clear(Object.keys(SCRATCH));
    const hours = await this.#findNamed();
    const hosts = await this.#change(HOSTS);
    return hosts > 1 ? [...hours, ...(await this.#findUnnamed())] : hours;
  }

  async #findNamed(): Promise<readonly number[]> {
    const ids = (await this.#change(NEXT_IDS)) + (await this.#change(NEXT_IDS_OF_OLD));
    if (ids === 0) return [];
    const pairs = await this.#change(NAMED_PAIRS);
    const found =
      pairs > 0 ? await this.#change(`INSERT INTO found_hops ${NAMED_HOPS}`, 'hop_pairs') : 0;
    return this.#replace(found, LOST_NAMED);
  }

  async #findUnnamed(): Promise<readonly number[]> {
    if (!(await this.#hasUnnamed())) return [];
    await this.#clear(['hop_handed', 'found_hops', 'lost_hops']);
    let ids = await this.#change(MESSAGE_IDS);
    if ((await this.#change(NEW_UNNAMED)) > 0) {
      ids += await this.#change(MESSAGE_IDS_HANDED, 'hop_handed');
      await this.#clear(['hop_handed']);
    }
    if (ids === 0) return [];
    const arrivals = await this.#change(UNNAMED_ARRIVALS);
    const handed = arrivals === 0 ? 0 : await this.#change(NEAR_UNNAMED_FROM_CLIENTS);
    const found =
      handed > 0 ? await this.#change(`INSERT INTO found_hops ${UNNAMED_HOPS}`, 'hop_handed') : 0;
    return this.#replace(found, LOST_UNNAMED);
  }

  /** Where every reply names an id, as is usual, the second rule has nothing to do. */
  async #hasUnnamed(): Promise<boolean> {
    if ((await this.#change(NEAR_UNNAMED)) > 0) return true;
    return Number((await this.#row(STORED_UNNAMED))[0]) > 0;
  }

  /** Puts what was found in the place of what one rule found before. */
  async #replace(found: number, lose: string): Promise<readonly number[]> {
    const lost = await this.#change(lose);
    if (lost > 0) await this.#change(TAKE_BACK);
    if (found > 0) await this.#change(ADD);
    if (found + lost === 0) return [];
    return (await this.#rows(CHANGED_HOURS)).map(([hour]) => Number(hour));
  }

  /** Made anew, since rows deleted from a temporary table would stay in its blocks. */
  async #clear(tables: readonly string[]): Promise<void> {
    for (const name of tables) {
      await this.#connection.run(`CREATE OR REPLACE TEMP TABLE ${name} (${SCRATCH[name]})`);
    }
  }

  /** Rows changed; `handed` names the hand-overs whose envelopes the statement looks for. */
  async #change(sql: string, handed?: string): Promise<number> {
    if (handed !== undefined) {
      const [from] = await this.#row(earliest(handed));
      this.#values = { ...this.#values, origins_from: from ?? null };
    }
    const statement = await this.#prepare(sql);
    try {
      return (await statement.run()).rowsChanged;
    } finally {
      statement.destroySync();
    }
  }

  async #row(sql: string): Promise<readonly DuckDBValue[]> {
    return (await this.#rows(sql))[0] ?? [];
  }

  async #rows(sql: string): Promise<readonly (readonly DuckDBValue[])[]> {
    const statement = await this.#prepare(sql);
    try {
      return (await statement.runAndReadAll()).getRows();
    } finally {
      statement.destroySync();
    }
  }

  async #prepare(sql: string): Promise<DuckDBPreparedStatement> {
    const statement = await this.#connection.prepare(sql);
    for (let index = 1; index <= statement.parameterCount; index += 1) {
      statement.bindValue(index, this.#values[statement.parameterName(index)] ?? null);
    }
    return statement;
  }
}
