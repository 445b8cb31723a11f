/**
 * Column batches into DuckDB's own vectors, without making a value of each cell.
 *
 * The arena is handed to DuckDB once, as one BLOB; every longer text then is a 16-byte `duckdb_string_t`
 * (length, 4-byte prefix, pointer) that points into that copy. Texts of up to 12 bytes are inlined. The
 * appender copies what it is given, so the pointers need to live only until `write` returns.
 * Layout: DuckDB C API, `duckdb_string_t`.
 */
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import { BLOB, DuckDBDataChunk } from '@duckdb/node-api';
import type { Vector } from '@duckdb/node-bindings';
import duckdb from '@duckdb/node-bindings';
import type { Column, NumberColumn, RowBatch, TableRows, TextColumn } from '../../model/columns.ts';
import { NULL_LABEL } from '../../model/columns.ts';
import type { ColumnSpec, TableName } from '../schema.ts';
import { TABLES } from '../schema.ts';

const CHUNK_ROWS = duckdb.vector_size();
const STRING_BYTES = 16;
const INLINE_BYTES = 12;
const WORD = 2 ** 32;

/**
 * One column of a reusable chunk: written here, then copied into DuckDB's vector in one call (what
 * `vector_get_data` hands out is a copy too, of no use for writing).
 */
interface TargetVector {
  readonly vector: Vector;
  readonly width: number;
  readonly memory: ArrayBuffer;
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
  readonly words: Uint32Array;
  readonly doubles: Float64Array;
  readonly validity: Uint8Array;
  /** Whether some row of the last chunk was NULL, so that the mask must be written again. */
  dirty: boolean;
}

interface TargetTable {
  readonly appender: DuckDBAppender;
  readonly chunk: DuckDBDataChunk;
  readonly vectors: readonly TargetVector[];
}

const WIDTH: Readonly<Record<ColumnSpec['kind'], number>> = {
  time: 8,
  label: 1,
  text: STRING_BYTES,
  blob: STRING_BYTES,
  u8: 1,
  u16: 2,
  u32: 4,
  u64: 8,
  i32: 4,
  f64: 8,
};

export class ChunkWriter {
  readonly #connection: DuckDBConnection;
  readonly #tables = new Map<string, TargetTable>();
  /** Holds DuckDB's copy of the arena: replaced with each batch. */
  readonly #arenaHolder = DuckDBDataChunk.create([BLOB], 1);
  #pointerLow = 0;
  #pointerHigh = 0;
  #arena: Uint8Array = new Uint8Array(0);

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  /** Opens an appender for each table; they write into the connection's transaction. */
  async open(): Promise<void> {
    for (const name of Object.keys(TABLES) as TableName[]) {
      const appender = await this.#connection.createAppender(name, 'raw');
      const types = TABLES[name].map((_, index) => appender.columnType(index));
      const chunk = DuckDBDataChunk.create(types, CHUNK_ROWS);
      const vectors = TABLES[name].map((column, index) => target(chunk, index, column));
      this.#tables.set(name, { appender, chunk, vectors });
    }
  }

  write(batch: RowBatch): void {
    this.#setArena(batch.arena.subarray(0, batch.arenaLength));
    for (const rows of batch.tables) this.#writeTable(rows);
  }

  /** Hands everything appended to the transaction. */
  flush(): void {
    for (const { appender } of this.#tables.values()) appender.flushSync();
  }

  /** Drops what is not flushed and closes the appenders. */
  abandon(): void {
    for (const { appender } of this.#tables.values()) appender.clear();
    this.#tables.clear();
  }

  close(): void {
    for (const { appender } of this.#tables.values()) appender.closeSync();
    this.#tables.clear();
  }

  #setArena(arena: Uint8Array): void {
    this.#arena = arena;
    // Without a reset the vector would keep every arena it was ever given.
    this.#arenaHolder.reset();
    const vector = duckdb.data_chunk_get_vector(this.#arenaHolder.chunk, 0);
    duckdb.vector_assign_string_element_len(vector, 0, arena);
    const words = wordsOf(duckdb.vector_get_data(vector, STRING_BYTES));
    this.#pointerLow = words[2] ?? 0;
    this.#pointerHigh = words[3] ?? 0;
  }

  #writeTable(rows: TableRows): void {
    const table = this.#tables.get(rows.table);
    if (table === undefined) throw new Error(`no table ${rows.table}`);
    for (let from = 0; from < rows.rows; from += CHUNK_ROWS) {
      const count = Math.min(CHUNK_ROWS, rows.rows - from);
      rows.columns.forEach((column, index) => {
        const vector = table.vectors[index];
        if (vector !== undefined) this.#writeColumn(vector, column, from, count);
      });
      table.chunk.rowCount = count;
      table.appender.appendDataChunk(table.chunk);
    }
  }

  #writeColumn(vector: TargetVector, column: Column, from: number, count: number): void {
    const hadNulls = vector.dirty;
    if (hadNulls) vector.validity.fill(0xff);
    vector.dirty = false;
    this.#fillColumn(vector, column, from, count);
    duckdb.copy_data_to_vector(vector.vector, 0, vector.memory, 0, count * vector.width);
    if (hadNulls || vector.dirty) {
      const { buffer, byteLength } = vector.validity;
      duckdb.copy_data_to_vector_validity(vector.vector, 0, buffer as ArrayBuffer, 0, byteLength);
    }
  }

  #fillColumn(vector: TargetVector, column: Column, from: number, count: number): void {
    switch (column.kind) {
      case 'text':
      case 'blob':
        this.#writeText(vector, column, from, count);
        return;
      case 'label':
        writeLabels(vector, column.codes, from, count);
        return;
      case 'time':
        writeWide(vector, column.micros, from, count);
        return;
      case 'u64':
        writeWide(vector, column.values, from, count);
        return;
      case 'f64':
        writeDoubles(vector, column.values, from, count);
        return;
      case 'u8':
        writeSmall(vector, vector.bytes, column.values, { from, count });
        return;
      case 'u16':
        writeSmall(vector, vector.halves, column.values, { from, count });
        return;
      case 'u32':
      case 'i32':
        writeNarrow(vector, column, from, count);
    }
  }

  #writeText(vector: TargetVector, column: TextColumn, from: number, count: number): void {
    const { words } = vector;
    const { starts, lengths } = column;
    const arena = this.#arena;
    const low = this.#pointerLow;
    for (let row = 0; row < count; row += 1) {
      const length = lengths[from + row] ?? -1;
      const start = starts[from + row] ?? 0;
      if (length < 0) {
        setNull(vector, row);
        continue;
      }
      const at = row * 4;
      words[at] = length;
      if (length <= INLINE_BYTES) {
        words[at + 1] = partialWord(arena, start, length);
        words[at + 2] = partialWord(arena, start + 4, length - 4);
        words[at + 3] = partialWord(arena, start + 8, length - 8);
        continue;
      }
      words[at + 1] = word(arena, start);
      const pointer = low + start;
      words[at + 2] = pointer;
      words[at + 3] = pointer >= WORD ? this.#pointerHigh + 1 : this.#pointerHigh;
    }
  }
}

function target(chunk: DuckDBDataChunk, index: number, column: ColumnSpec): TargetVector {
  const vector = duckdb.data_chunk_get_vector(chunk.chunk, index);
  duckdb.vector_ensure_validity_writable(vector);
  const width = column.kind === 'label' ? labelWidth(column) : WIDTH[column.kind];
  const memory = new ArrayBuffer(CHUNK_ROWS * width);
  return {
    vector,
    width,
    memory,
    bytes: new Uint8Array(memory),
    halves: width >= 2 ? new Uint16Array(memory) : new Uint16Array(0),
    words: width >= 4 ? new Uint32Array(memory) : new Uint32Array(0),
    doubles: width >= 8 ? new Float64Array(memory) : new Float64Array(0),
    validity: new Uint8Array(CHUNK_ROWS / 8).fill(0xff),
    dirty: true,
  };
}

/** DuckDB stores an ENUM of up to 255 words in one byte. */
function labelWidth(column: ColumnSpec): number {
  if ((column.labels?.length ?? 0) > 250) throw new Error(`${column.name}: too many labels`);
  return WIDTH.label;
}

function wordsOf(data: Uint8Array): Uint32Array {
  return new Uint32Array(data.buffer, data.byteOffset, data.byteLength >> 2);
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}

/** The first `length` (at most 4) bytes at `at` as a word, zero behind them; 0 without any. */
function partialWord(bytes: Uint8Array, at: number, length: number): number {
  if (length >= 4) return word(bytes, at);
  let value = 0;
  for (let i = 0; i < length; i += 1) value |= (bytes[at + i] ?? 0) << (8 * i);
  return value;
}

function setNull(vector: TargetVector, row: number): void {
  const byte = row >> 3;
  vector.validity[byte] = (vector.validity[byte] ?? 0) & ~(1 << (row & 7));
  vector.dirty = true;
}

function writeLabels(vector: TargetVector, codes: Uint8Array, from: number, count: number): void {
  for (let row = 0; row < count; row += 1) {
    const code = codes[from + row] ?? NULL_LABEL;
    if (code === NULL_LABEL) setNull(vector, row);
    else vector.bytes[row] = code;
  }
}

/** 64-bit columns: every value is a whole number below 2^53 or clipped to it. */
function writeWide(vector: TargetVector, values: Float64Array, from: number, count: number): void {
  const { words } = vector;
  for (let row = 0; row < count; row += 1) {
    const value = values[from + row] ?? Number.NaN;
    if (Number.isNaN(value)) {
      setNull(vector, row);
      continue;
    }
    const whole = Math.min(Math.max(value, -Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
    const high = Math.floor(whole / WORD);
    words[row * 2] = whole - high * WORD;
    words[row * 2 + 1] = high;
  }
}

interface Rows {
  readonly from: number;
  readonly count: number;
}

/** Columns of one or two bytes; what is larger keeps its low bits. */
function writeSmall(
  vector: TargetVector,
  cells: Uint8Array | Uint16Array,
  values: Float64Array,
  { from, count }: Rows,
): void {
  for (let row = 0; row < count; row += 1) {
    const value = values[from + row] ?? Number.NaN;
    if (Number.isNaN(value)) setNull(vector, row);
    else cells[row] = value;
  }
}

function writeDoubles(
  vector: TargetVector,
  values: Float64Array,
  from: number,
  count: number,
): void {
  for (let row = 0; row < count; row += 1) {
    const value = values[from + row] ?? Number.NaN;
    if (Number.isNaN(value)) setNull(vector, row);
    vector.doubles[row] = value;
  }
}

function writeNarrow(
  vector: TargetVector,
  column: NumberColumn,
  from: number,
  count: number,
): void {
  const { words } = vector;
  const { values } = column;
  const least = column.kind === 'i32' ? -(2 ** 31) : 0;
  const most = column.kind === 'i32' ? 2 ** 31 - 1 : WORD - 1;
  for (let row = 0; row < count; row += 1) {
    const value = values[from + row] ?? Number.NaN;
    if (Number.isNaN(value)) setNull(vector, row);
    else words[row] = Math.min(Math.max(value, least), most);
  }
}
