/**
 * Rows as comma-separated values (RFC 4180: CRLF, quotes doubled).
 *
 * Promise: a text that a spreadsheet would run as a formula begins with an apostrophe instead (OWASP,
 * "CSV Injection"); numbers keep their sign. Shown on a terminal, texts are also safe for it. Absent
 * values are empty.
 */
import type { JsonValue, Row } from '../../src/store/store.ts';
import { terminalText } from './terminal-text.ts';

const END = '\r\n';
/** Also the full-width forms, which spreadsheets of East Asian locales take for the same. */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
/** A semicolon or tab separates where the locale says so: quoted, neither begins a new cell. */
const NEEDS_QUOTES = /[",;\t\r\n]|^\s|\s$/;

export interface CsvOptions {
  readonly forTerminal?: boolean;
}

function textField(raw: string, forTerminal: boolean): string {
  const text = forTerminal ? terminalText(raw) : raw;
  const inert = FORMULA.test(text) ? `'${text}` : text;
  return NEEDS_QUOTES.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

export function csvField(value: JsonValue | undefined, forTerminal = false): string {
  if (value === null || value === undefined) {
    return '';
  }
  if (typeof value === 'number' || typeof value === 'boolean') {
    return String(value);
  }
  return textField(typeof value === 'string' ? value : JSON.stringify(value), forTerminal);
}

/** One line, with its end. */
export function csvLine(values: readonly (JsonValue | undefined)[], forTerminal = false): string {
  return values.map((value) => csvField(value, forTerminal)).join(',') + END;
}

export function renderCsv(
  columns: readonly string[],
  rows: readonly Row[],
  { forTerminal = false }: CsvOptions = {},
): string {
  const lines = rows.map((row) =>
    csvLine(
      columns.map((column) => row[column]),
      forTerminal,
    ),
  );
  return csvLine(columns, forTerminal) + lines.join('');
}
