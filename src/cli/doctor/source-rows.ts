/**
 * What the store knows of each source and each host: one pass over the times of all rows, however many
 * sources there are.
 */
import { EVENT_TABLES } from '../../store/schema.ts';
import type { Checkpoint, LineCounts, Query, Row } from '../../store/store.ts';

/** A source with its ledger, where it was left, and what its rows tell. */
export interface StoredSource {
  readonly id: number;
  readonly name: string;
  readonly checkpoint: Checkpoint;
  readonly counts: LineCounts;
  /** Milliseconds. */
  readonly readAt: number;
  /** Time of its newest event in milliseconds; null without any. */
  readonly newest: number | null;
  /** Mail programs whose lines it has. */
  readonly mtas: readonly string[];
}

export interface StoredHost {
  readonly host: string;
  /** Milliseconds. */
  readonly newest: number;
  /** Of the week before its newest event: days, and of the last day hours, in which it logged. */
  readonly days: number;
  readonly hours: number;
}

/** A message of a host: when it was logged, in milliseconds, and its queue id, which tells when it came. */
export interface Stamped {
  readonly host: string;
  readonly queueId: string;
  readonly loggedAt: number;
}

const eventsOf = (columns: string, filter = ''): string =>
  EVENT_TABLES.map((table) => `SELECT ${columns} FROM raw.${table} ${filter}`).join(' UNION ALL ');

const SOURCES = `SELECT source_id, name, head_length, head_digest, byte_offset, line_number, tail_length, tail_digest,
  bytes, lines_read, lines_parsed, lines_foreign, lines_unsupported, lines_malformed, lines_duplicate,
  epoch(last_read_at) AS read_at
FROM raw.sources ORDER BY last_read_at DESC, source_id DESC`;

const SEEN = `SELECT source_id, mta::VARCHAR AS mta, host, epoch(max(logged_at)) AS newest
FROM (${eventsOf('source_id, mta, host, logged_at')}) GROUP BY ALL`;

/** Each host by its own newest event, which lies at most `since` days back. */
const ACTIVITY = `WITH seen AS (
  SELECT host, date_trunc('hour', logged_at) AS hour, max(logged_at) AS newest
  FROM (${eventsOf('host, logged_at', 'WHERE logged_at >= $since')}) GROUP BY ALL
), last AS (SELECT host, max(newest) AS newest FROM seen GROUP BY host)
SELECT last.host AS host, epoch(last.newest) AS newest,
  count(DISTINCT hour::DATE) FILTER (hour > last.newest - INTERVAL 7 DAY) AS days,
  count(DISTINCT hour) FILTER (hour > last.newest - INTERVAL 1 DAY) AS hours
FROM last JOIN seen ON seen.host = last.host GROUP BY ALL`;

/** The newest messages of each host: an old mistake that was mended is none. */
const STAMPED = `SELECT host, unnest(arg_max({queue_id: queue_id, logged_at: epoch(logged_at)}, logged_at, 200)) AS message
FROM raw.envelopes WHERE queue_id <> '' GROUP BY host`;

/** How far back hosts are looked at: a week of silence, and the week before it. */
const DAYS_BACK = 15;
const DAY = 86_400_000;

export interface StoreView {
  /** The latest read first. */
  readonly sources: readonly StoredSource[];
  readonly hosts: readonly StoredHost[];
  readonly stamped: readonly Stamped[];
}

export async function readStoreView(store: Query, now: Date): Promise<StoreView> {
  const [sources, seen] = [await store.query(SOURCES), await store.query(SEEN)];
  const bySource = new Map<unknown, Row[]>();
  for (const row of seen.rows) {
    const own = bySource.get(row.source_id);
    if (own === undefined) bySource.set(row.source_id, [row]);
    else own.push(row);
  }
  const since = new Date(now.getTime() - DAYS_BACK * DAY);
  const activity = await store.query(ACTIVITY, { since });
  const stamped = await store.query(STAMPED);
  return {
    sources: sources.rows.map((row) => sourceOf(row, bySource.get(row.source_id) ?? [])),
    hosts: activity.rows.map(hostOf).filter(({ host }) => host !== ''),
    stamped: stamped.rows.map(stampedOf),
  };
}

/** `own`: what was seen of it, by mail program and host. */
function sourceOf(row: Row, own: readonly Row[]): StoredSource {
  const times = own.map(({ newest }) => Number(newest) * 1000);
  const counts = countsOf(row);
  return {
    id: Number(row.source_id),
    name: String(row.name),
    counts,
    readAt: Number(row.read_at) * 1000,
    newest: times.length === 0 ? null : Math.max(...times),
    mtas: [...new Set(own.map(({ mta }) => String(mta)))].sort(),
    checkpoint: {
      sourceId: Number(row.source_id),
      headLength: Number(row.head_length),
      headDigest: String(row.head_digest),
      offset: Number(row.byte_offset),
      lines: Number(row.line_number),
      tailLength: Number(row.tail_length),
      tailDigest: String(row.tail_digest),
      cursor: null,
      counts,
    },
  };
}

function countsOf(row: Row): LineCounts {
  const lines = (outcome: string): number => Number(row[`lines_${outcome}`] ?? 0);
  return {
    read: lines('read'),
    bytes: Number(row.bytes ?? 0),
    parsed: lines('parsed'),
    foreign: lines('foreign'),
    unsupported: lines('unsupported'),
    malformed: lines('malformed'),
    duplicate: lines('duplicate'),
  };
}

function hostOf({ host, newest, days, hours }: Row): StoredHost {
  return {
    host: String(host),
    newest: Number(newest) * 1000,
    days: Number(days),
    hours: Number(hours),
  };
}

function stampedOf({ host, message }: Row): Stamped {
  const { queue_id: queueId, logged_at: loggedAt } = message as Row;
  return { host: String(host), queueId: String(queueId), loggedAt: Number(loggedAt) * 1000 };
}

/** Of a source's lines that were not understood: the most frequent reason and the newest lines with it. */
export interface NotUnderstood {
  readonly why: string;
  readonly lines: readonly string[];
}

const notUnderstood = (ids: readonly number[]): string => `SELECT source_id, why, lines FROM (
  SELECT source_id, why, count(*) AS amount, arg_max(line, unparsed_lines.line_number, 20) AS lines
  FROM raw.unparsed_lines JOIN raw.sources USING (source_id)
  WHERE source_id IN (${ids.join(', ')})
    -- What is no mail server's counts where there is nothing else.
    AND (outcome <> 'foreign' OR lines_unsupported + lines_malformed = 0)
  GROUP BY source_id, why)
QUALIFY row_number() OVER (PARTITION BY source_id ORDER BY amount DESC, why) = 1`;

/** By number of the source. */
export async function readNotUnderstood(
  store: Query,
  ids: readonly number[],
): Promise<ReadonlyMap<number, NotUnderstood>> {
  if (ids.length === 0) return new Map();
  const { rows } = await store.query(notUnderstood(ids));
  return new Map(
    rows.map(({ source_id, why, lines }) => [
      Number(source_id),
      { why: String(why), lines: different((lines as readonly unknown[]).map(String)) },
    ]),
  );
}

const SHOWN = 3;
/** Numbers, times, queue ids, addresses. */
const NUMBERED = /\w*\d\w*/g;

/** Lines that differ in more than numbers tell more. */
function different(lines: readonly string[]): readonly string[] {
  const kinds = new Map(lines.map((line) => [line.replaceAll(NUMBERED, '0'), line]));
  return [...kinds.values()].slice(0, SHOWN);
}
