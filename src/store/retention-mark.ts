/**
 * From when on a store has its rows. What lies before was dropped by retention; of that time there are
 * hourly counts alone (the view `hourly`).
 */
import type { Query } from './store.ts';

export interface RetentionMark {
  /** Epoch second, the start of a UTC hour: rows from before it are gone. */
  readonly from: number;
  /** The site's day that begins then, as in 2026-01-31. */
  readonly day: string;
}

const HAS_MARK =
  "SELECT count(*) AS n FROM information_schema.tables WHERE table_schema = 'raw' AND table_name = 'retention'";

/** The mark of a store that may be of an older maillog, and so have none. */
export async function findRetentionMark(query: Query): Promise<RetentionMark | undefined> {
  const { rows } = await query.query(HAS_MARK);
  return Number(rows[0]?.n ?? 0) > 0 ? readRetentionMark(query) : undefined;
}

/** The mark of a store whose schema is up to date; undefined if no row was ever dropped. */
export async function readRetentionMark(query: Query): Promise<RetentionMark | undefined> {
  const { rows } = await query.query(
    'SELECT epoch(keep_from)::BIGINT AS keep_from, day FROM raw.retention ORDER BY keep_from DESC LIMIT 1',
  );
  const [row] = rows;
  return row === undefined ? undefined : { from: Number(row.keep_from), day: String(row.day) };
}

/** What is to be said of a period that begins before the mark; undefined if all of its rows are there. */
export function droppedRows(mark: RetentionMark | undefined, start: Date): string | undefined {
  if (mark === undefined || start.getTime() / 1000 >= mark.from) return undefined;
  return `rows before ${mark.day} were dropped by retention; only hourly counts of them are left`;
}
