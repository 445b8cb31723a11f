/**
 * A batch of rows as a message: which tables and how many rows in the parameters; two payloads, the arena
 * and the columns' cells one column after another, each beginning at a multiple of eight bytes.
 *
 * Promise: a decoded batch is right in all that a store relies on without looking: kinds and lengths of
 * columns, slices inside the arena, labels of the set, texts valid UTF-8. Cells of the machine's byte order,
 * since both ends are on one machine.
 */
import { isUtf8 } from 'node:buffer';
import type { Column, RowBatch, TableRows } from '../../model/columns.ts';
import { NULL_LABEL, NULL_LENGTH } from '../../model/columns.ts';
import type { ColumnSpec, TableName } from '../schema.ts';
import { TABLES } from '../schema.ts';
import { arrayOf, objectOf, textOf, wholeOf } from './params.ts';
import { WireError } from './wire.ts';

export interface EncodedBatch {
  readonly params: { readonly tables: readonly (readonly [string, number])[] };
  readonly payloads: readonly Uint8Array[];
}

const ALIGNMENT = 8;
const MOST_ROWS = 2 ** 24;

/** Shares no memory with the batch but the arena's. */
export function encodeBatch(batch: RowBatch): EncodedBatch {
  const parts = batch.tables.flatMap(({ columns, rows }) =>
    columns.flatMap((column) => cellsOf(column, rows)),
  );
  const cells = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + padded(byteLength), 0));
  let at = 0;
  for (const part of parts) {
    cells.set(part, at);
    at += padded(part.byteLength);
  }
  return {
    params: { tables: batch.tables.map(({ table, rows }) => [table, rows]) },
    payloads: [batch.arena.subarray(0, batch.arenaLength), cells],
  };
}

function padded(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

function cellsOf(column: Column, rows: number): Uint8Array[] {
  switch (column.kind) {
    case 'time':
      return [bytesOf(column.micros.subarray(0, rows))];
    case 'label':
      return [column.codes.subarray(0, rows)];
    case 'text':
    case 'blob':
      return [bytesOf(column.starts.subarray(0, rows)), bytesOf(column.lengths.subarray(0, rows))];
    case 'u8':
    case 'u16':
    case 'u32':
    case 'u64':
    case 'i32':
    case 'f64':
      return [bytesOf(column.values.subarray(0, rows))];
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array | Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The batch, or WireError. */
export function decodeBatch(params: unknown, payloads: readonly Uint8Array[]): RowBatch {
  const [arena, cells] = payloads;
  if (arena === undefined || cells === undefined || payloads.length > 2) {
    throw new WireError('a batch has two payloads');
  }
  const reader = new CellReader(aligned(cells));
  const tables = arrayOf(objectOf(params).tables, 'tables').map((entry) => {
    const [table, rows] = arrayOf(entry, 'table');
    return readTable(textOf(table, 'table'), wholeOf(rows, 'rows', MOST_ROWS), reader);
  });
  if (!reader.isAtEnd) throw new WireError('a batch has cells that are of no column');
  if (new Set(tables.map(({ table }) => table)).size < tables.length) {
    throw new WireError('a batch has a table twice');
  }
  checkTexts(arena, tables);
  return { arena, arenaLength: arena.length, tables };
}

function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % ALIGNMENT === 0 ? bytes : bytes.slice();
}

function readTable(table: string, rows: number, reader: CellReader): TableRows {
  if (!Object.hasOwn(TABLES, table)) throw new WireError(`there is no table ${table}`);
  const specs: readonly ColumnSpec[] = TABLES[table as TableName];
  return { table, rows, columns: specs.map((spec) => readColumn(spec, rows, reader)) };
}

function readColumn(spec: ColumnSpec, rows: number, reader: CellReader): Column {
  switch (spec.kind) {
    case 'time':
      return { kind: 'time', micros: reader.doubles(rows) };
    case 'label': {
      const codes = reader.bytes(rows);
      checkLabels(codes, spec);
      return { kind: 'label', codes };
    }
    case 'text':
    case 'blob':
      return { kind: spec.kind, starts: reader.integers(rows), lengths: reader.integers(rows) };
    case 'u8':
    case 'u16':
    case 'u32':
    case 'u64':
    case 'i32':
    case 'f64':
      return { kind: spec.kind, values: reader.doubles(rows) };
  }
}

function checkLabels(codes: Uint8Array, { name, labels = [] }: ColumnSpec): void {
  const count = labels.length;
  for (const code of codes) {
    if (code >= count && code !== NULL_LABEL) throw new WireError(`${name} has no label ${code}`);
  }
}

class CellReader {
  readonly #cells: Uint8Array;
  #at = 0;

  constructor(cells: Uint8Array) {
    this.#cells = cells;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#cells.length;
  }

  doubles(count: number): Float64Array {
    const { buffer, byteOffset } = this.bytes(count * Float64Array.BYTES_PER_ELEMENT);
    return new Float64Array(buffer, byteOffset, count);
  }

  integers(count: number): Int32Array {
    const { buffer, byteOffset } = this.bytes(count * Int32Array.BYTES_PER_ELEMENT);
    return new Int32Array(buffer, byteOffset, count);
  }

  bytes(length: number): Uint8Array {
    const start = this.#at;
    this.#at += padded(length);
    if (this.#at > this.#cells.length) throw new WireError('a batch has too few cells');
    return this.#cells.subarray(start, start + length);
  }
}

/**
 * Slices are inside the arena and texts are UTF-8. An arena is text up to the first blob: checked at once,
 * slices of it need only begin and end between characters. Others are looked at one by one.
 */
function checkTexts(arena: Uint8Array, tables: readonly TableRows[]): void {
  const columns = tables.flatMap(({ rows, columns: all }) =>
    all.flatMap((column) =>
      column.kind === 'text' || column.kind === 'blob' ? [{ rows, ...column }] : [],
    ),
  );
  let textEnd = arena.length;
  for (const column of columns) {
    const first = checkPlaces(arena.length, column);
    if (column.kind === 'blob') textEnd = Math.min(textEnd, first);
  }
  if (!isUtf8(arena.subarray(0, textEnd))) textEnd = 0;
  for (const column of columns) {
    if (column.kind === 'text') checkCharacters(arena, textEnd, column);
  }
}

interface Slices {
  readonly rows: number;
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
}

/** Where the first slice begins. */
function checkPlaces(size: number, { rows, starts, lengths }: Slices): number {
  let first = size;
  for (let row = 0; row < rows; row += 1) {
    const [start, length] = [starts[row] ?? 0, lengths[row] ?? NULL_LENGTH];
    if (length === NULL_LENGTH) continue;
    if (length < 0 || start < 0 || start + length > size) {
      throw new WireError('a batch has a text outside its arena');
    }
    if (start < first) first = start;
  }
  return first;
}

function checkCharacters(
  arena: Uint8Array,
  textEnd: number,
  { rows, starts, lengths }: Slices,
): void {
  for (let row = 0; row < rows; row += 1) {
    const [start, length] = [starts[row] ?? 0, lengths[row] ?? NULL_LENGTH];
    if (length <= 0) continue;
    const end = start + length;
    const isText =
      end <= textEnd
        ? !isInside(arena, start) && (end === textEnd || !isInside(arena, end))
        : isUtf8(arena.subarray(start, end));
    if (!isText) throw new WireError('a batch has a text that is not UTF-8');
  }
}

/** In UTF-8 (RFC 3629) the bytes of a character after its first are 10xxxxxx. */
function isInside(bytes: Uint8Array, at: number): boolean {
  return ((bytes[at] ?? 0) & 0xc0) === 0x80;
}
