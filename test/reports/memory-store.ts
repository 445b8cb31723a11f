/**
 * A store for tests: the real tables and views in DuckDB's memory, and a Query that answers as the
 * interface promises (ISO times, plain numbers, nested lists as arrays). Rows are given by name; what is
 * left out is NULL, and every row has a host.
 */
import {
  type DuckDBConnection,
  DuckDBInstance,
  DuckDBListValue,
  DuckDBStructValue,
  DuckDBTimestampValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import { createTables } from '../../src/store/duckdb/ddl.ts';
import { VIEWS } from '../../src/store/duckdb/views.ts';
import type { EventTable } from '../../src/store/schema.ts';
import type { Bindings, JsonValue, Query, QueryResult } from '../../src/store/store.ts';

export type Cell = string | number | null;
export type GivenRow = Readonly<Record<string, Cell>>;

function toJson(value: DuckDBValue): JsonValue {
  if (value instanceof DuckDBTimestampValue) {
    return new Date(Number(value.micros / 1000n)).toISOString();
  }
  if (value instanceof DuckDBListValue) {
    return value.items.map(toJson);
  }
  if (value instanceof DuckDBStructValue) {
    return Object.fromEntries(Object.entries(value.entries).map(([k, v]) => [k, toJson(v)]));
  }
  if (typeof value === 'bigint') {
    return Number(value);
  }
  return value === null || typeof value !== 'object' ? (value ?? null) : String(value);
}

function toParameter(value: Bindings[string]): DuckDBValue {
  return value instanceof Date ? new DuckDBTimestampValue(BigInt(value.getTime()) * 1000n) : value;
}

const literal = (cell: Cell): string => {
  if (cell === null) {
    return 'NULL';
  }
  return typeof cell === 'number' ? String(cell) : `'${cell.replaceAll("'", "''")}'`;
};

export class MemoryStore implements Query {
  readonly #connection: DuckDBConnection;

  private constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  static async open(): Promise<MemoryStore> {
    const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
    const connection = await instance.connect();
    for (const statement of [...createTables(), ...VIEWS]) {
      await connection.run(statement);
    }
    return new MemoryStore(connection);
  }

  async run(sql: string): Promise<void> {
    await this.#connection.run(sql);
  }

  async insert(table: string, row: GivenRow): Promise<void> {
    const names = Object.keys(row).join(', ');
    const values = Object.values(row).map(literal).join(', ');
    await this.run(`INSERT INTO raw.${table} (${names}) VALUES (${values})`);
  }

  /** An event of host mx1, `at` being a time of day of 24 Nov 2026, or a date and time, in UTC. */
  async event(table: EventTable, at: string, row: GivenRow): Promise<void> {
    const stamp = at.length > 8 ? at : `2026-11-24 ${at}`;
    const fixed = { logged_at: stamp, host: 'mx1', mta: 'sendmail', source_id: 1, line_number: 1 };
    await this.insert(table, { ...fixed, queue_id: '', ...row });
  }

  async query(sql: string, bindings: Bindings = {}): Promise<QueryResult> {
    const values = Object.fromEntries(
      Object.entries(bindings).map(([name, value]) => [name, toParameter(value)]),
    );
    const reader = await this.#connection.runAndReadAll(sql, values);
    const columns = reader.columnNames();
    const rows = reader
      .getRows()
      .map((row) => Object.fromEntries(columns.map((name, i) => [name, toJson(row[i] ?? null)])));
    return { columns, rows };
  }

  close(): void {
    this.#connection.closeSync();
  }
}
