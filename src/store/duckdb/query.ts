/** One statement with bound parameters, its rows as JSON values. */
import type { DuckDBConnection, DuckDBValue, StatementType } from '@duckdb/node-api';
import { DuckDBTimestampValue } from '@duckdb/node-api';
import type { Bindings, ExportFormat, JsonValue, QueryResult, Row } from '../store.ts';
import { toJson } from './query-values.ts';

/** Runs `sql`; bindings it does not name are left out, so that one set serves many statements. */
export async function queryWith(
  connection: DuckDBConnection,
  sql: string,
  bindings: Bindings,
): Promise<QueryResult> {
  const prepared = await connection.prepare(sql);
  try {
    bindAll(prepared, bindings);
    const reader = await prepared.runAndReadAll();
    const columns = reader.deduplicatedColumnNames();
    const rows = reader.getRows().map((values) => toRow(columns, values));
    return { columns, rows };
  } finally {
    prepared.destroySync();
  }
}

/** The same, a chunk of rows at a time, so that no more than one is held; the columns' names. */
export async function streamWith(
  connection: DuckDBConnection,
  sql: string,
  bindings: Bindings,
  take: (rows: readonly (readonly JsonValue[])[]) => void,
): Promise<readonly string[]> {
  const prepared = await connection.prepare(sql);
  try {
    bindAll(prepared, bindings);
    const result = await prepared.stream();
    try {
      await eachChunk(result, (values) => take(values.map((row) => row.map(toJson))));
    } catch (error) {
      // Left in the middle a result would hold the database open for as long as it lives.
      connection.interrupt();
      await eachChunk(result, () => undefined).catch(() => undefined);
      throw error;
    }
    return result.deduplicatedColumnNames();
  } finally {
    prepared.destroySync();
  }
}

async function eachChunk(
  result: Awaited<ReturnType<Prepared['stream']>>,
  take: (rows: DuckDBValue[][]) => void,
): Promise<void> {
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) return;
    take(chunk.getRows());
  }
}

/** The kind of the only statement in `sql`; undefined if there is none or more. */
export async function soleStatementType(
  connection: DuckDBConnection,
  sql: string,
): Promise<StatementType | undefined> {
  const statements = await connection.extractStatements(sql);
  if (statements.count !== 1) return undefined;
  const prepared = await statements.prepare(0);
  try {
    return prepared.statementType;
  } finally {
    prepared.destroySync();
  }
}

export function copyStatement(select: string, path: string, format: ExportFormat): string {
  const quoted = path.replaceAll("'", "''");
  const how = format === 'PARQUET' ? 'FORMAT PARQUET, COMPRESSION ZSTD' : 'FORMAT CSV, HEADER';
  // A comment at the end of the SELECT must not swallow the rest.
  return `COPY (${select}\n) TO '${quoted}' (${how})`;
}

type Prepared = Awaited<ReturnType<DuckDBConnection['prepare']>>;

function bindAll(prepared: Prepared, bindings: Bindings): void {
  for (let index = 1; index <= prepared.parameterCount; index += 1) {
    const name = prepared.parameterName(index);
    const value = bindings[name];
    if (value === undefined) throw new Error(`no value for $${name}`);
    bind(prepared, index, value);
  }
}

function bind(prepared: Prepared, index: number, value: Bindings[string]): void {
  if (value === null) prepared.bindNull(index);
  else if (value instanceof Date) {
    prepared.bindTimestamp(index, new DuckDBTimestampValue(BigInt(value.getTime()) * 1000n));
  } else if (typeof value === 'number') {
    if (Number.isInteger(value)) prepared.bindBigInt(index, BigInt(value));
    else prepared.bindDouble(index, value);
  } else if (typeof value === 'bigint') prepared.bindBigInt(index, value);
  else if (typeof value === 'boolean') prepared.bindBoolean(index, value);
  else prepared.bindVarchar(index, value);
}

function toRow(columns: readonly string[], values: readonly DuckDBValue[]): Row {
  return Object.fromEntries(columns.map((name, index) => [name, toJson(values[index] ?? null)]));
}
