/** Rows under construction: growing, copying, dropping, forgetting. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnsOf, TableBuilder } from '../../../ingest/pipeline/table-builder.ts';

const COLUMNS = columnsOf('rejections');
const CODE = COLUMNS.code ?? 0;
const STAGE = COLUMNS.stage ?? 0;
const REASON = COLUMNS.reason ?? 0;

function filled(rows: number): TableBuilder {
  const table = new TableBuilder('rejections');
  for (let row = 0; row < rows; row += 1) {
    table.add(row * 2);
    table.number(CODE, row);
    table.label(STAGE, row % 8);
    table.text(REASON, row, row + 10);
  }
  return table;
}

const codes = (table: TableBuilder): number[] =>
  Array.from({ length: table.rows }, (_, row) => table.numberAt(row, CODE));

test('a new row is all NULL, also where another was before', () => {
  const table = filled(3);
  table.truncate(0);
  table.add(9);
  assert.ok(Number.isNaN(table.numberAt(0, CODE)));
  assert.equal(table.textLength(0, REASON), -1);
  const column = table.toRows().columns[STAGE];
  assert.equal(column?.kind === 'label' ? column.codes[0] : 0, 255);
});

test('rows are kept as the table grows', () => {
  const table = filled(5000);
  assert.equal(table.rows, 5000);
  assert.deepEqual(
    codes(table),
    Array.from({ length: 5000 }, (_, row) => row),
  );
  assert.equal(table.textStart(4999, REASON), 4999);
  assert.equal(table.lines[4999], 9998);
});

test('a repeated row is equal but for its line', () => {
  const table = filled(1024);
  table.repeat(1000, 7);
  assert.equal(table.rows, 1025);
  assert.equal(table.lines[1024], 7);
  assert.deepEqual(
    [table.numberAt(1024, CODE), table.textStart(1024, REASON), table.textLength(1024, REASON)],
    [1000, 1000, 10],
  );
});

test('lines that are dropped take all their rows with them, in order', () => {
  const table = filled(10);
  table.repeat(9, 18);
  table.dropLines((line) => line % 4 === 0);
  assert.deepEqual(codes(table), [1, 3, 5, 7, 9, 9]);
  assert.deepEqual([...table.lines.subarray(0, 6)], [2, 6, 10, 14, 18, 18]);
  table.add(99);
  assert.ok(Number.isNaN(table.numberAt(6, CODE)));
  assert.equal(table.textLength(6, REASON), -1);
});

test('an earlier row can be chosen and written', () => {
  const table = filled(3);
  table.select(1);
  table.number(CODE, 999);
  assert.deepEqual(codes(table), [0, 999, 2]);
});
