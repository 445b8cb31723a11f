/**
 * SQL from outside: one statement that reads, on a connection that can do nothing else. Refused before it
 * runs if it is more than one statement or of any kind but SELECT and EXPLAIN; and DuckDB itself may no
 * longer open files, load extensions or change its settings (`enable_external_access`, `lock_configuration`).
 */
import { StatementType } from '@duckdb/node-api';
import { maillogError } from '../../model/errors.ts';
import type { QueryResult } from '../store.ts';
import type { DuckDbStore } from './duckdb-store.ts';

const READING: ReadonlySet<StatementType> = new Set([StatementType.SELECT, StatementType.EXPLAIN]);

export async function safeQuery(store: DuckDbStore, sql: string): Promise<QueryResult> {
  await store.shutDoors();
  const kind = await store.soleStatementType(sql).catch((error: unknown) => {
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
    return await store.query(sql);
  } catch (error) {
    throw badSql(error);
  }
}

/** DuckDB's own words; what it refuses for its closed doors is a matter of permission. */
function badSql(error: unknown): Error {
  const [problem = ''] = String(error instanceof Error ? error.message : error).split('\n\n');
  const refused = /^(?:Permission Error|Invalid Configuration Error)/.test(problem);
  return maillogError(
    refused ? 'E_NOT_READ_ONLY' : 'E_BAD_SQL',
    { problem: problem.replace(/\s+/g, ' ') },
    error,
  );
}
