/**
 * Rows under construction: one builder per table, columns as growing typed arrays in the schema's order.
 * Dialects write only their own columns; the columns that every event begins with are filled from the
 * line table when the block is done, because the time of a line is known only then.
 */
import type { Column, TableRows } from '../../src/model/columns.ts';
import { NULL_LABEL, NULL_LENGTH } from '../../src/model/columns.ts';
import type { ColumnSpec, TableName } from '../../src/store/schema.ts';
import { TABLES } from '../../src/store/schema.ts';

const INITIAL_ROWS = 1024;
const NO_INTS = new Int32Array(0);
const NO_CODES = new Uint8Array(0);
const NO_VALUES = new Float64Array(0);

/** Position of each column of a table by name, e.g. `columnsOf('deliveries').recipient`. */
export function columnsOf(table: TableName): Readonly<Record<string, number>> {
  return Object.fromEntries(TABLES[table].map((column, index) => [column.name, index]));
}

export class TableBuilder {
  readonly table: TableName;
  readonly #specs: readonly ColumnSpec[];
  rows = 0;
  #row = 0;
  /** For each row the line it came from, as an index into the block's line table. */
  lines: Int32Array = new Int32Array(INITIAL_ROWS);
  readonly #starts: Int32Array[];
  readonly #lengths: Int32Array[];
  readonly #codes: Uint8Array[];
  readonly #values: Float64Array[];

  constructor(table: TableName) {
    this.table = table;
    this.#specs = TABLES[table];
    const of = <T>(kinds: readonly string[], make: () => T, none: T): T[] =>
      this.#specs.map((column) => (kinds.includes(column.kind) ? make() : none));
    this.#starts = of(['text', 'blob'], () => new Int32Array(INITIAL_ROWS), NO_INTS);
    this.#lengths = of(
      ['text', 'blob'],
      () => new Int32Array(INITIAL_ROWS).fill(NULL_LENGTH),
      NO_INTS,
    );
    this.#codes = of(['label'], () => new Uint8Array(INITIAL_ROWS).fill(NULL_LABEL), NO_CODES);
    this.#values = of(
      ['time', 'u8', 'u16', 'u32', 'u64', 'i32', 'f64'],
      () => new Float64Array(INITIAL_ROWS).fill(Number.NaN),
      NO_VALUES,
    );
  }

  /** Starts a row of NULLs for the line; the setters below write to it. Returns its number. */
  add(line: number): number {
    const row = this.rows;
    if (row === this.lines.length) this.#grow();
    this.lines[row] = line;
    this.#row = row;
    this.rows = row + 1;
    return row;
  }

  /** Makes an earlier row the one the setters write to. */
  select(row: number): void {
    this.#row = row;
  }

  text(column: number, start: number, end: number): void {
    (this.#starts[column] as Int32Array)[this.#row] = start;
    (this.#lengths[column] as Int32Array)[this.#row] = end - start;
  }

  label(column: number, code: number): void {
    (this.#codes[column] as Uint8Array)[this.#row] = code;
  }

  number(column: number, value: number): void {
    (this.#values[column] as Float64Array)[this.#row] = value;
  }

  textStart(row: number, column: number): number {
    return this.#starts[column]?.[row] ?? 0;
  }

  textLength(row: number, column: number): number {
    return this.#lengths[column]?.[row] ?? NULL_LENGTH;
  }

  numberAt(row: number, column: number): number {
    return this.#values[column]?.[row] ?? Number.NaN;
  }

  /** Copies all columns of one row, but for its line, to a new row of another line. */
  repeat(row: number, line: number): void {
    const copy = this.add(line);
    for (let column = 0; column < this.#specs.length; column += 1) {
      copyCell(this.#starts[column], row, copy);
      copyCell(this.#lengths[column], row, copy);
      copyCell(this.#codes[column], row, copy);
      copyCell(this.#values[column], row, copy);
    }
  }

  /** Drops rows whose line `isDropped` names, keeping the order of the rest. */
  dropLines(isDropped: (line: number) => boolean): void {
    let kept = 0;
    for (let row = 0; row < this.rows; row += 1) {
      if (isDropped(this.lines[row] ?? 0)) continue;
      if (kept !== row) this.#move(row, kept);
      kept += 1;
    }
    this.truncate(kept);
  }

  #move(from: number, to: number): void {
    this.lines[to] = this.lines[from] ?? 0;
    for (let column = 0; column < this.#specs.length; column += 1) {
      copyCell(this.#starts[column], from, to);
      copyCell(this.#lengths[column], from, to);
      copyCell(this.#codes[column], from, to);
      copyCell(this.#values[column], from, to);
    }
  }

  /** Forgets rows from `rows` on. */
  truncate(rows: number): void {
    for (const lengths of this.#lengths) lengths.fill(NULL_LENGTH, rows, this.rows);
    for (const codes of this.#codes) codes.fill(NULL_LABEL, rows, this.rows);
    for (const values of this.#values) values.fill(Number.NaN, rows, this.rows);
    this.rows = rows;
  }

  /** The rows as the store takes them; valid until the next `truncate`. */
  toRows(): TableRows {
    const columns = this.#specs.map((spec, index) => this.#column(spec, index));
    return { table: this.table, rows: this.rows, columns };
  }

  #column({ kind }: ColumnSpec, index: number): Column {
    switch (kind) {
      case 'text':
      case 'blob': {
        const starts = this.#starts[index] ?? NO_INTS;
        return { kind, starts, lengths: this.#lengths[index] ?? NO_INTS };
      }
      case 'label':
        return { kind, codes: this.#codes[index] ?? NO_CODES };
      case 'time':
        return { kind, micros: this.#values[index] ?? NO_VALUES };
      case 'u8':
      case 'u16':
      case 'u32':
      case 'u64':
      case 'i32':
      case 'f64':
        return { kind, values: this.#values[index] ?? NO_VALUES };
    }
  }

  #grow(): void {
    const size = this.lines.length * 2;
    this.lines = grown(this.lines, new Int32Array(size));
    for (let column = 0; column < this.#specs.length; column += 1) {
      const { kind } = this.#specs[column] as ColumnSpec;
      if (kind === 'text' || kind === 'blob') {
        this.#starts[column] = grown(this.#starts[column] ?? NO_INTS, new Int32Array(size));
        this.#lengths[column] = grown(
          this.#lengths[column] ?? NO_INTS,
          new Int32Array(size).fill(NULL_LENGTH),
        );
      } else if (kind === 'label') {
        this.#codes[column] = grown(
          this.#codes[column] ?? NO_CODES,
          new Uint8Array(size).fill(NULL_LABEL),
        );
      } else {
        this.#values[column] = grown(
          this.#values[column] ?? NO_VALUES,
          new Float64Array(size).fill(Number.NaN),
        );
      }
    }
  }
}

type Cells = Int32Array | Uint8Array | Uint32Array | Float64Array;

/** `larger` with the cells of `old` in it. */
export function grown<T extends Cells>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}

function copyCell(cells: Cells | undefined, from: number, to: number): void {
  if (cells !== undefined && cells.length > 0) cells[to] = cells[from] ?? 0;
}
