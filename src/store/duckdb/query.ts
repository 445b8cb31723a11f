/** One statement with bound parameters, its rows as JSON values. */
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { DuckDBTimestampValue } from '@duckdb/node-api';
import type { Bindings, QueryResult, Row } from '../store.ts';
import { toJson } from './query-values.ts';

/** Runs `sql`; bindings it does not name are left out, so that one set serves many statements. */
export async function queryWith(
  connection: DuckDBConnection,
  sql: string,
  bindings: Bindings,
): Promise<QueryResult> {
  const prepared = await connection.prepare(sql);
  try {
    for (let index = 1; index <= prepared.parameterCount; index += 1) {
      const name = prepared.parameterName(index);
      const value = bindings[name];
      if (value === undefined) throw new Error(`no value for $${name}`);
      bind(prepared, index, value);
    }
    const reader = await prepared.runAndReadAll();
    const columns = reader.deduplicatedColumnNames();
    const rows = reader.getRows().map((values) => toRow(columns, values));
    return { columns, rows };
  } finally {
    prepared.destroySync();
  }
}

type Prepared = Awaited<ReturnType<DuckDBConnection['prepare']>>;

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
