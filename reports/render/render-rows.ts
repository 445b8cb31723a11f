/**
 * The rows of one answer in the format asked for: what `query`, `top`, `series` and `trace` print.
 *
 * Promise: the same columns in the same order in every format, and nothing in it can drive a terminal
 * that shows it.
 */
import type { QueryResult } from '../../src/store/store.ts';
import { type CellKind, inferKind } from './cells.ts';
import { renderCsv } from './csv.ts';
import { renderJsonRows } from './json.ts';
import type { TextStyle } from './text-style.ts';
import { renderTable, type Table } from './text-table.ts';

export const ROW_FORMATS = ['text', 'json', 'csv'] as const;
export type RowFormat = (typeof ROW_FORMATS)[number];

export interface RowOptions {
  readonly style: TextStyle;
  /** Whether a terminal shows it: CSV is then escaped for it too. */
  readonly isTerminal: boolean;
  readonly heading?: string;
  /** What columns mean; the others are judged by their values. */
  readonly kinds?: Readonly<Record<string, CellKind>>;
  /** What columns are called in text; the others by their own names. */
  readonly titles?: Readonly<Record<string, string>>;
  /** The column to draw as bars in text. */
  readonly bar?: string;
}

function tableOf({ columns, rows }: QueryResult, options: RowOptions): Table {
  const { heading, kinds = {}, titles = {}, bar } = options;
  return {
    ...(heading === undefined ? {} : { heading }),
    ...(bar === undefined ? {} : { bar }),
    columns: columns.map((key) => ({
      key,
      title: titles[key] ?? key,
      kind: kinds[key] ?? inferKind(rows, key),
    })),
    rows,
  };
}

export function renderRows(result: QueryResult, format: RowFormat, options: RowOptions): string {
  switch (format) {
    case 'text':
      return renderTable(tableOf(result, options), options.style);
    case 'json':
      return renderJsonRows(result.rows);
    case 'csv':
      return renderCsv(result.columns, result.rows, { forTerminal: options.isTerminal });
  }
}
