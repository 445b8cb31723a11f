/**
 * Retention: rows older than a day are dropped, the hourly roll-ups and the ledger of that time stay.
 *
 * Promises:
 * - The view `hourly` gives the same figures before, during and after. First, in one transaction, roll-ups
 *   are brought up to date and the mark is set from which on rows are kept (`raw.retention`); from then on no
 *   hour before it is taken anew. Then rows go, a day in each transaction, so that others write in between.
 *   Killed anywhere, the next run does what is left.
 * - Messages are not cut in two: rows from before the mark stay while their message, or one of ours that it
 *   was handed to or came from, has rows after it. Views join by queue id over any time, and figures of hours
 *   after the mark may be taken anew.
 */
import { fromWallClock, toWallClock } from '../../model/zone.ts';
import type { RetentionMark } from '../retention-mark.ts';
import { readRetentionMark } from '../retention-mark.ts';
import type { EventTable } from '../schema.ts';
import { EVENT_TABLES } from '../schema.ts';
import type { Query } from '../store.ts';
import { REFRESH_ROLLUPS } from './rollups.ts';

/** What retention needs of whoever owns the store. */
export interface RetentionAccess extends Query {
  /**
   * Runs the statements as one transaction on one connection, in the writer's turn. For each the rows it
   * changed. If one fails, nothing of them is left, and it rejects.
   */
  transact(statements: readonly string[]): Promise<readonly number[]>;
  /** Writes the log into the file and frees what was deleted. */
  checkpoint(): Promise<void>;
}

export interface PruneRequest {
  /** Epoch second at which the first day begins that is kept. */
  readonly before: number;
  /** That day, as in 2026-01-31. */
  readonly day: string;
  /** Only counts. */
  readonly dryRun?: boolean;
}

export interface Space {
  readonly fileBytes: number;
  /** Of these, what nothing is stored in: new rows go there first. */
  readonly freeBytes: number;
}

export interface PruneResult {
  /** The first day whose rows are kept; later than asked for if more was dropped before. */
  readonly day: string;
  readonly dryRun: boolean;
  /** Rows dropped, or that would be, by table. */
  readonly tables: Readonly<Record<string, number>>;
  /** Rows from before the day that stay, since their message goes on after it. */
  readonly goingOn: number;
  readonly space: { readonly before: Space; readonly after: Space };
}

const DAY_SECONDS = 86_400;
/** A message that is alive has a line at least this often (compare RETRY_DAYS of the reports). */
const SILENCE_DAYS = 2;
/** No queue keeps a message for longer; senders give up after five days (RFC 5321 4.5.4.1). */
const LONGEST_IN_QUEUE_DAYS = 14;

/** Tables whose rows the views join by queue id. */
const JOINED = ['envelopes', 'deliveries', 'rejections', 'queue_events'] as const;
const isJoined = (table: EventTable): boolean => (JOINED as readonly string[]).includes(table);

/** The first day kept, `keepDays` whole days of the site before today. */
export function firstDayKept(
  now: Date,
  keepDays: number,
  zone: string,
): { readonly before: number; readonly day: string } {
  const day = DAY_SECONDS * 1000;
  const today = Math.floor(toWallClock(now.getTime(), zone) / day) * day;
  const midnight = today - keepDays * day;
  return {
    before: fromWallClock(midnight, zone) / 1000,
    day: new Date(midnight).toISOString().slice(0, 10),
  };
}

/** `transact` over a connection that nobody else uses meanwhile. */
export async function transactOver(
  query: Query,
  statements: readonly string[],
): Promise<readonly number[]> {
  await query.query('BEGIN');
  try {
    const changed: number[] = [];
    for (const statement of statements) {
      const { rows } = await query.query(statement);
      changed.push(Number(rows[0]?.Count ?? 0));
    }
    await query.query('COMMIT');
    return changed;
  } catch (error) {
    await query.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** Drops the rows of all days before one. May be repeated, and called while others read and write. */
export async function pruneStore(
  access: RetentionAccess,
  request: PruneRequest,
): Promise<PruneResult> {
  const mark = await markFor(access, request);
  const before = await spaceOf(access);
  const run = new Prune(access, mark);
  const tables = request.dryRun === true ? await run.count() : await run.drop();
  if (request.dryRun !== true) await access.checkpoint();
  const after = request.dryRun === true ? before : await spaceOf(access);
  const goingOn = await run.goingOn();
  const { dryRun = false } = request;
  return { day: mark.day, dryRun, tables, goingOn, space: { before, after } };
}

/** Roll-ups are of UTC hours: in zones whose days begin within one, that hour's rows stay. */
async function markFor(query: Query, { before, day }: PruneRequest): Promise<RetentionMark> {
  const from = Math.floor(before / 3600) * 3600;
  const known = await readRetentionMark(query);
  return known !== undefined && known.from >= from ? known : { from, day };
}

async function spaceOf(query: Query): Promise<Space> {
  const { rows } = await query.query(
    'SELECT block_size * total_blocks AS file, block_size * free_blocks AS free FROM pragma_database_size()',
  );
  return { fileBytes: Number(rows[0]?.file ?? 0), freeBytes: Number(rows[0]?.free ?? 0) };
}

/** A time within SQL. */
const at = (second: number): string =>
  `TIMESTAMP '${new Date(second * 1000).toISOString().slice(0, 19)}'`;

/** Queue ids with rows after the mark, and those a hop joins to them. */
function goingOnSql(mark: number): string {
  const until = at(mark + SILENCE_DAYS * DAY_SECONDS);
  const rows = JOINED.map(
    (table) => `SELECT host, queue_id FROM raw.${table}
    WHERE logged_at >= ${at(mark)} AND logged_at < ${until} AND queue_id <> ''`,
  ).join(' UNION ');
  return `WITH alive AS MATERIALIZED (${rows})
  SELECT host, queue_id FROM alive
  UNION SELECT h.host, h.queue_id FROM raw.hops h JOIN alive a ON a.host = h.next_host AND a.queue_id = h.next_queue_id
  UNION SELECT h.next_host, h.next_queue_id FROM raw.hops h JOIN alive a ON a.host = h.host AND a.queue_id = h.queue_id`;
}

const isGoingOn = (ids: string, host: string, id: string): string =>
  `EXISTS (SELECT 1 FROM ${ids} g WHERE g.host = ${host} AND g.queue_id = ${id})`;

/** Rows that go, as (table, condition); `ids` is where the queue ids stand that go on, null if none can. */
function conditions(
  from: number,
  to: number,
  ids: string | null,
): readonly { readonly table: string; readonly where: string }[] {
  const within = (column: string): string => `${column} >= ${at(from)} AND ${column} < ${at(to)}`;
  const unless = (...tests: readonly string[]): string =>
    ids === null ? '' : tests.map((test) => ` AND NOT ${test}`).join('');
  return [
    ...EVENT_TABLES.map((table) => ({
      table,
      where:
        within('logged_at') +
        (isJoined(table) ? unless(isGoingOn(ids ?? '', 't.host', 't.queue_id')) : ''),
    })),
    {
      table: 'hops',
      where:
        within('handed_at') +
        unless(
          isGoingOn(ids ?? '', 't.host', 't.queue_id'),
          isGoingOn(ids ?? '', 't.next_host', 't.next_queue_id'),
        ),
    },
    // Second 0 stands for lines without a stamp, whose age nobody knows.
    { table: 'lines_seen', where: `second >= ${Math.max(1, from)} AND second < ${to}` },
  ];
}

/**
 * Unparsed lines have no time of their own. They go with the lines before the first event of their source
 * that is kept; of a source without such, all that was read before the mark or stands beside old events.
 */
function unparsedCondition(mark: number): string {
  const events = EVENT_TABLES.map(
    (table) => `SELECT source_id, line_number, logged_at FROM raw.${table}`,
  ).join(' UNION ALL ');
  return `EXISTS (
  SELECT 1 FROM raw.sources s LEFT JOIN (
    SELECT source_id, min(line_number) FILTER (logged_at >= ${at(mark)}) AS first_kept
    FROM (${events}) WHERE source_id IN (SELECT source_id FROM raw.unparsed_lines) GROUP BY source_id
  ) e ON e.source_id = s.source_id
  WHERE s.source_id = t.source_id AND (t.line_number < e.first_kept
    OR (e.first_kept IS NULL AND (e.source_id IS NOT NULL OR s.last_read_at < ${at(mark)}))))`;
}

class Prune {
  readonly #access: RetentionAccess;
  readonly #mark: RetentionMark;
  readonly #dropped: Record<string, number> = Object.fromEntries(
    [...EVENT_TABLES, 'hops', 'lines_seen', 'unparsed_lines'].map((table) => [table, 0]),
  );

  constructor(access: RetentionAccess, mark: RetentionMark) {
    this.#access = access;
    this.#mark = mark;
  }

  async drop(): Promise<Readonly<Record<string, number>>> {
    const { from } = this.#mark;
    await this.#setMark();
    await this.#transact([{ table: 'unparsed_lines', where: unparsedCondition(from) }]);
    for (const day of await this.#days()) await this.#dropDay(day);
    return this.#dropped;
  }

  /** What `drop` would drop. */
  async count(): Promise<Readonly<Record<string, number>>> {
    const { from } = this.#mark;
    const old = from - LONGEST_IN_QUEUE_DAYS * DAY_SECONDS;
    const all = [
      ...conditions(0, old, null),
      ...conditions(old, from, `(${goingOnSql(from)})`),
      { table: 'unparsed_lines', where: unparsedCondition(from) },
    ];
    for (const { table, where } of all) {
      const sql = `SELECT count(*) AS n FROM raw.${table} t WHERE ${where}`;
      const { rows } = await this.#access.query(sql);
      this.#dropped[table] = (this.#dropped[table] ?? 0) + Number(rows[0]?.n ?? 0);
    }
    return this.#dropped;
  }

  /** Rows from before the mark that stay. */
  async goingOn(): Promise<number> {
    const { from } = this.#mark;
    const since = at(from - LONGEST_IN_QUEUE_DAYS * DAY_SECONDS);
    const counts = JOINED.map(
      (table) => `SELECT count(*) AS n FROM raw.${table} t WHERE logged_at >= ${since}
      AND logged_at < ${at(from)} AND ${isGoingOn('ids', 't.host', 't.queue_id')}`,
    ).join(' UNION ALL ');
    const { rows } = await this.#access.query(
      `WITH ids AS MATERIALIZED (${goingOnSql(from)}) SELECT sum(n)::BIGINT AS n FROM (${counts})`,
    );
    return Number(rows[0]?.n ?? 0);
  }

  async #setMark(): Promise<void> {
    const { from, day } = this.#mark;
    await this.#access.transact([
      ...REFRESH_ROLLUPS,
      'DELETE FROM raw.retention',
      `INSERT INTO raw.retention VALUES (${at(from)}, '${day.replaceAll("'", "''")}', now()::TIMESTAMP)`,
    ]);
  }

  /** UTC days, in days since 1970, of which there are rows from before the mark. */
  async #days(): Promise<readonly number[]> {
    const { from } = this.#mark;
    const days = [
      ...EVENT_TABLES.map(
        (table) => `SELECT epoch(logged_at) // ${DAY_SECONDS} AS day FROM raw.${table}
        WHERE logged_at < ${at(from)}`,
      ),
      `SELECT second // ${DAY_SECONDS} AS day FROM raw.lines_seen WHERE second > 0 AND second < ${from}`,
      `SELECT epoch(handed_at) // ${DAY_SECONDS} AS day FROM raw.hops WHERE handed_at < ${at(from)}`,
    ];
    const { rows } = await this.#access.query(
      `SELECT DISTINCT day::BIGINT AS day FROM (${days.join(' UNION ALL ')}) ORDER BY day`,
    );
    return rows.map(({ day }) => Number(day));
  }

  async #dropDay(day: number): Promise<void> {
    const mark = this.#mark.from;
    const from = day * DAY_SECONDS;
    const to = Math.min(from + DAY_SECONDS, mark);
    const isNear = to > mark - LONGEST_IN_QUEUE_DAYS * DAY_SECONDS;
    if (!isNear) return this.#transact(conditions(from, to, null));
    const name = 'prune_going_on';
    return this.#transact(
      conditions(from, to, name),
      `CREATE OR REPLACE TEMP TABLE ${name} AS ${goingOnSql(mark)}`,
      `DROP TABLE ${name}`,
    );
  }

  /** Deletes, between what is to be done first and last. */
  async #transact(
    rows: readonly { readonly table: string; readonly where: string }[],
    first?: string,
    last?: string,
  ): Promise<void> {
    const deletes = rows.map(({ table, where }) => `DELETE FROM raw.${table} t WHERE ${where}`);
    const around = (statement: string | undefined): readonly string[] =>
      statement === undefined ? [] : [statement];
    const changed = await this.#access.transact([...around(first), ...deletes, ...around(last)]);
    const counts = changed.slice(around(first).length);
    rows.forEach(({ table }, index) => {
      this.#dropped[table] = (this.#dropped[table] ?? 0) + (counts[index] ?? 0);
    });
  }
}
