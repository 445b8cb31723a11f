/**
 * One value of a row as text, by what its column means.
 *
 * Promise: what comes out is one line and safe on a terminal, whatever was in the row.
 */
import { formatInZone } from '../../src/model/zone.ts';
import type { JsonValue, Row } from '../../src/store/store.ts';
import {
  ABSENT,
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  formatPlain,
} from './numbers.ts';
import { terminalText } from './terminal-text.ts';

/** `percent` columns hold shares of one (0.25); `plain` numbers get no separators (codes, years). */
export type CellKind = 'text' | 'time' | 'plain' | 'count' | 'bytes' | 'seconds' | 'percent';

const NUMBER_FORMATS: Readonly<Record<CellKind, (number: number) => string>> = {
  text: formatPlain,
  time: formatPlain,
  plain: formatPlain,
  count: formatCount,
  bytes: formatBytes,
  seconds: formatDuration,
  percent: formatPercent,
};

export function isNumberKind(kind: CellKind): boolean {
  return kind !== 'text' && kind !== 'time';
}

function formatTime(text: string, zone: string | null): string {
  const instant = Date.parse(text);
  return zone === null || Number.isNaN(instant) ? text : formatInZone(instant, zone, 'seconds');
}

export function formatCell(
  value: JsonValue | undefined,
  kind: CellKind,
  zone: string | null,
): string {
  if (value === null || value === undefined) {
    return ABSENT;
  }
  if (typeof value === 'number') {
    return NUMBER_FORMATS[kind](value);
  }
  if (typeof value === 'string') {
    return terminalText(kind === 'time' ? formatTime(value, zone) : value);
  }
  return terminalText(JSON.stringify(value));
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;

/** What a column of unknown meaning holds, by its values. */
export function inferKind(rows: readonly Row[], column: string): CellKind {
  const values = rows.map((row) => row[column]).filter((v) => v !== null && v !== undefined);
  if (values.length === 0) {
    return 'text';
  }
  if (values.every((value) => typeof value === 'number')) {
    return 'plain';
  }
  const areTimes = values.every((value) => typeof value === 'string' && ISO_TIME.test(value));
  return areTimes ? 'time' : 'text';
}
