/**
 * DuckDB's result values as JSON has them: times ISO 8601 in UTC with Z, counts numbers, absent null.
 */
import type { DuckDBValue } from '@duckdb/node-api';
import {
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampValue,
} from '@duckdb/node-api';
import type { JsonValue } from '../store.ts';

export function toJson(value: DuckDBValue): JsonValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof DuckDBTimestampValue) return isoTime(value.micros);
  if (value instanceof DuckDBDecimalValue) return value.toDouble();
  if (value instanceof DuckDBDateValue) return value.toString();
  if (value instanceof DuckDBListValue) return value.items.map(toJson);
  if (value instanceof DuckDBStructValue) {
    return Object.fromEntries(
      Object.entries(value.entries).map(([key, item]) => [key, toJson(item)]),
    );
  }
  if (value instanceof DuckDBMapValue) {
    return Object.fromEntries(
      value.entries.map(({ key, value: item }) => [String(key), toJson(item)]),
    );
  }
  return String(value);
}

/** `2026-11-24T06:51:15Z`, with a fraction only when there is one. */
function isoTime(micros: bigint): string {
  const milliseconds = Number(micros / 1000n);
  const date = new Date(milliseconds);
  if (Number.isNaN(date.getTime())) return String(micros);
  const rest = micros % 1_000_000n;
  const seconds = date.toISOString().slice(0, -5);
  if (rest === 0n) return `${seconds}Z`;
  const fraction = ((rest + 1_000_000n) % 1_000_000n)
    .toString()
    .padStart(6, '0')
    .replace(/0+$/, '');
  return `${seconds}.${fraction}Z`;
}
