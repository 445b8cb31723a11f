/** Lines through the real parser, their rows as plain objects: no store, no files. */
import assert from 'node:assert/strict';
import { BlockParser } from '../../ingest/pipeline/block-parser.ts';
import type { ClockOptions } from '../../ingest/pipeline/clock.ts';
import { SendmailDialect } from '../../ingest/sendmail/sendmail-dialect.ts';
import type { Column } from '../../src/model/columns.ts';
import { LINE_OUTCOMES } from '../../src/model/vocabulary.ts';
import type { ColumnSpec, TableName } from '../../src/store/schema.ts';
import { EVENT_TABLES, TABLES } from '../../src/store/schema.ts';
import { TEST_CLOCK } from '../support/load-log.ts';

/** A row's values by column, NULLs and empty queue ids left out. */
export type Values = Record<string, string | number>;

export interface ReadRow {
  readonly table: string;
  /** Of the line, from 1. */
  readonly line: number;
  readonly values: Values;
}

export interface ReadLines {
  /** `parsed`, or the outcome and why. */
  readonly outcomes: readonly string[];
  readonly rows: readonly ReadRow[];
  /** UTC of each line in ISO form, `never` for a line without a stamp. */
  readonly times: readonly string[];
  readonly parser: BlockParser;
}

export function makeParser(clock: ClockOptions = TEST_CLOCK): BlockParser {
  return new BlockParser({ dialects: [(block) => new SendmailDialect(block)] }, clock);
}

/** Reads whole lines as one block. */
export function readLines(lines: readonly string[], parser = makeParser()): ReadLines {
  parser.parse(Buffer.from(lines.map((line) => `${line}\n`).join('')), 0);
  return results(parser);
}

/** What the parser holds of the block it read last. */
export function results(parser: BlockParser): ReadLines {
  const { block } = parser;
  const outcomes: string[] = Array.from(
    { length: block.lines.count },
    (_, line) => LINE_OUTCOMES[block.lines.outcome[line] ?? 0] ?? '?',
  );
  for (const { line, why } of block.unparsed) outcomes[line] = `${outcomes[line]}: ${why}`;
  const times = Array.from({ length: block.lines.count }, (_, line) => {
    const seconds = block.lines.time[line] ?? Number.NaN;
    return Number.isNaN(seconds) ? 'never' : new Date(seconds * 1000).toISOString();
  });
  return { outcomes, times, rows: rowsOfBlock(parser), parser };
}

function rowsOfBlock(parser: BlockParser): ReadRow[] {
  const batch = parser.block.toBatch(1, 1000);
  const arena = Buffer.from(batch.arena.buffer, batch.arena.byteOffset, batch.arenaLength);
  const found: ReadRow[] = [];
  for (const { table, rows, columns } of batch.tables) {
    if (!(EVENT_TABLES as readonly string[]).includes(table)) continue;
    for (let row = 0; row < rows; row += 1) {
      const all = valuesOf(arena, columns, { table: table as TableName, row });
      const { logged_at, host, instance, mta, source_id, line_number: line, ...values } = all;
      if (values.queue_id === '') delete values.queue_id;
      found.push({ table, line: Number(line), values });
    }
  }
  return found.sort((a, b) => a.line - b.line);
}

function valuesOf(
  arena: Buffer,
  columns: readonly Column[],
  { table, row }: { readonly table: TableName; readonly row: number },
): Values {
  const values: Values = {};
  TABLES[table].forEach((spec: ColumnSpec, index) => {
    const column = columns[index];
    const value = column === undefined ? undefined : cell(arena, column, row, spec);
    if (value !== undefined) values[spec.name] = value;
  });
  return values;
}

function cell(
  arena: Buffer,
  column: Column,
  row: number,
  spec: ColumnSpec,
): string | number | undefined {
  if ('starts' in column) {
    const start = column.starts[row] ?? 0;
    const length = column.lengths[row] ?? -1;
    return length < 0 ? undefined : arena.toString('utf8', start, start + length);
  }
  if ('codes' in column) return spec.labels?.[column.codes[row] ?? 255];
  const numbers = 'micros' in column ? column.micros : column.values;
  const number = numbers[row];
  return number === undefined || Number.isNaN(number) ? undefined : number;
}

/** One text of the daemon behind a header, with a queue id unless it is said to have none. */
export function lineOf(text: string, id = '6AO600aa001001'): string {
  const prefix = id === '' ? '' : `${id}: `;
  return `Nov 24 06:00:05 mx1 sm-mta[1001]: ${prefix}${text}`;
}

/** The rows of one text: `table` and values, without the queue id. */
export function rowsOf(text: string, id?: string): (Values & { table: string })[] {
  return readLines([lineOf(text, id)]).rows.map(({ table, values }) => {
    const { queue_id, ...rest } = values;
    return { table, ...rest };
  });
}

/** The only row of one text. */
export function rowOf(text: string, id?: string): Values & { table: string } {
  const rows = rowsOf(text, id);
  const [row] = rows;
  if (rows.length !== 1 || row === undefined) throw new Error(`${rows.length} rows of: ${text}`);
  return row;
}

type Expected = Readonly<Record<string, string | number | undefined>>;

/** Asserts that the text makes one row, which has these values; an undefined one must be absent. */
export function assertRow(text: string, expected: Expected, id?: string): void {
  assertHas(rowOf(text, id), expected, text);
}

/** Asserts the rows of a text, each by the values named for it. */
export function assertRows(text: string, expected: readonly Expected[], id?: string): void {
  const rows = rowsOf(text, id);
  assert.equal(rows.length, expected.length, text);
  rows.forEach((row, index) => {
    assertHas(row, expected[index] ?? {}, text);
  });
}

function assertHas(row: Values, expected: Expected, text: string): void {
  const named = Object.fromEntries(Object.keys(expected).map((name) => [name, row[name]]));
  assert.deepEqual(named, expected, text);
}

/** Asserts what the ledger says of a text. */
export function assertOutcome(text: string, outcome: string, id?: string): void {
  assert.deepEqual(readLines([lineOf(text, id)]).outcomes, [outcome], text);
}
