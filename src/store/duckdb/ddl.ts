/**
 * The stored tables as DuckDB DDL, rendered from the neutral schema. They live in the schema `raw`; users
 * read the views of `views.ts` in `main`.
 */
import type { ColumnSpec, TableName } from '../schema.ts';
import { TABLES } from '../schema.ts';
import { CREATE_ROLLUPS } from './rollups.ts';

/** DuckDB type of one column. Labels are ENUMs: one byte a row, words for the reader. */
function typeOf(column: ColumnSpec): string {
  switch (column.kind) {
    case 'time':
      return 'TIMESTAMP';
    case 'label':
      return `ENUM (${(column.labels ?? []).map((word) => `'${word}'`).join(', ')})`;
    case 'text':
      return 'VARCHAR';
    case 'blob':
      return 'BLOB';
    case 'u8':
      return 'UTINYINT';
    case 'u16':
      return 'USMALLINT';
    case 'u32':
      return 'UINTEGER';
    case 'u64':
      return 'UBIGINT';
    case 'i32':
      return 'INTEGER';
    case 'f64':
      return 'DOUBLE';
  }
}

/** Of texts that never come again, zstd makes less than a dictionary does (an eighth less of message-ids). */
function columnOf(column: ColumnSpec): string {
  const compression = column.unique === true ? ' USING COMPRESSION zstd' : '';
  return `${column.name} ${typeOf(column)}${compression}`;
}

function createTable(name: TableName): string {
  const columns = TABLES[name].map(columnOf);
  return `CREATE TABLE raw.${name} (${columns.join(', ')})`;
}

/** Sources: the ledger and the checkpoint in one row, so that they cannot disagree. */
const SOURCES = `CREATE TABLE raw.sources (
  source_id UINTEGER NOT NULL, name VARCHAR NOT NULL, head_length UINTEGER, head_digest VARCHAR,
  byte_offset UBIGINT, line_number UBIGINT, tail_length UINTEGER, tail_digest VARCHAR, bytes UBIGINT,
  lines_read UBIGINT, lines_parsed UBIGINT, lines_foreign UBIGINT, lines_unsupported UBIGINT,
  lines_malformed UBIGINT, lines_duplicate UBIGINT, first_read_at TIMESTAMP, last_read_at TIMESTAMP)`;

/** A message handed from one queue of ours to another; `named`: by the id in the reply, not by message-id alone. */
const HOPS = `CREATE TABLE raw.hops (
  host VARCHAR, queue_id VARCHAR, next_host VARCHAR, next_queue_id VARCHAR, handed_at TIMESTAMP,
  named BOOLEAN DEFAULT true)`;

const INCIDENTS = `CREATE TABLE raw.incidents (
  kind VARCHAR, actor VARCHAR, started_at TIMESTAMP, ended_at TIMESTAMP, detected_at TIMESTAMP,
  score DOUBLE, severity VARCHAR, evidence JSON)`;

/** Statements of the first schema version, in order. */
export function createTables(): string[] {
  return [
    'CREATE SCHEMA IF NOT EXISTS raw',
    ...(Object.keys(TABLES) as TableName[]).map(createTable),
    SOURCES,
    HOPS,
    INCIDENTS,
    ...CREATE_ROLLUPS,
  ];
}
