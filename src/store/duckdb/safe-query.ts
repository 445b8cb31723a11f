/**
 * SQL from outside: one statement that reads, on a connection that can do nothing else. Refused before it
 * runs if it is more than one statement or of any kind but SELECT and EXPLAIN; and DuckDB itself may no
 * longer open files, load extensions or change its settings (`enable_external_access`, `lock_configuration`).
 */
import { StatementType } from '@duckdb/node-api';
import { MaillogError, maillogError } from '../../model/errors.ts';
import type { ExportFormat, QueryResult } from '../store.ts';
import { StoreBroken } from './store-broken.ts';

const READING: ReadonlySet<StatementType> = new Set([StatementType.SELECT, StatementType.EXPLAIN]);

/** What SQL from outside is run on. */
export interface SafeTarget {
  shutDoors(): Promise<void>;
  soleStatementType(sql: string): Promise<StatementType | undefined>;
}

export interface QueryTarget extends SafeTarget {
  query(sql: string): Promise<QueryResult>;
}

export interface ExportTarget extends Pick<SafeTarget, 'soleStatementType'> {
  copyTo(select: string, path: string, format: ExportFormat): Promise<number>;
}

export interface ExportRequest {
  readonly select: string;
  readonly path: string;
  readonly format: ExportFormat;
}

export function safeQuery(target: QueryTarget, sql: string): Promise<QueryResult> {
  return safely(target, sql, () => target.query(sql));
}

/** Runs `query`, which runs `sql`, once that is known to read and can do nothing else. */
export async function safely<T>(
  target: SafeTarget,
  sql: string,
  query: () => Promise<T>,
): Promise<T> {
  await target.shutDoors();
  const kind = await target.soleStatementType(sql).catch((error: unknown) => {
    throw badSql(error);
  });
  if (kind === undefined)
    throw maillogError('E_NOT_READ_ONLY', { problem: 'there must be exactly one statement' });
  if (!READING.has(kind)) {
    throw maillogError('E_NOT_READ_ONLY', {
      problem: `this is a ${StatementType[kind]} statement`,
    });
  }
  try {
    return await query();
  } catch (error) {
    throw badSql(error);
  }
}

/** Writes the rows of one SELECT to a file that whoever asks may write. */
export async function safeExport(
  target: ExportTarget,
  { select, path, format }: ExportRequest,
): Promise<number> {
  const kind = await target.soleStatementType(select).catch((error: unknown) => {
    throw badSql(error);
  });
  if (kind !== StatementType.SELECT || !/^\s*(?:SELECT|WITH|FROM)\b/i.test(select)) {
    throw maillogError('E_NOT_READ_ONLY', { problem: 'export takes a view or one SELECT' });
  }
  try {
    // The statement stands inside another: without what may end it.
    return await target.copyTo(select.replace(/[\s;]+$/, ''), path, format);
  } catch (error) {
    if (/No space left on device/i.test(String(error))) {
      throw maillogError('E_DISK_FULL', { path }, error);
    }
    throw badSql(error);
  }
}

/** DuckDB's own words; what it refuses for its closed doors is a matter of permission. */
function badSql(error: unknown): Error {
  if (error instanceof MaillogError || error instanceof StoreBroken) return error;
  const [problem = ''] = String(error instanceof Error ? error.message : error).split('\n\n');
  const refused = /^(?:Permission Error|Invalid Configuration Error)/.test(problem);
  return maillogError(
    refused ? 'E_NOT_READ_ONLY' : 'E_BAD_SQL',
    { problem: problem.replace(/\s+/g, ' ') },
    error,
  );
}
