/**
 * Columns: what a parser fills and a store takes. Ten kinds only, so that a parser in WebAssembly and a
 * store of another make can speak them.
 *
 * A text value is not copied: it is a slice of the batch's arena (the log block itself, plus what had to
 * be rewritten). Promise: a slice is valid UTF-8 as long as the arena is.
 */

export type ColumnKind =
  | 'time'
  | 'label'
  | 'text'
  | 'blob'
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 'i32'
  | 'f64';

/** Microseconds since 1970 UTC; NaN is NULL. */
export interface TimeColumn {
  readonly kind: 'time';
  readonly micros: Float64Array;
}

/** Codes into a closed set of words; 255 is NULL. */
export interface LabelColumn {
  readonly kind: 'label';
  readonly codes: Uint8Array;
}

/** Slices of the arena, characters or mere bytes; a length of -1 is NULL. */
export interface TextColumn {
  readonly kind: 'text' | 'blob';
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
}

/** Numbers; NaN is NULL. All widths share this form, the store knows them. */
export interface NumberColumn {
  readonly kind: 'u8' | 'u16' | 'u32' | 'u64' | 'i32' | 'f64';
  readonly values: Float64Array;
}

export type Column = TimeColumn | LabelColumn | TextColumn | NumberColumn;

export const NULL_LABEL = 255;
export const NULL_LENGTH = -1;

/** Rows of one table, column by column, in the schema's order. */
export interface TableRows {
  readonly table: string;
  readonly rows: number;
  readonly columns: readonly Column[];
}

/** One or more tables whose text columns slice the same arena. */
export interface RowBatch {
  readonly arena: Uint8Array;
  /** Bytes of the arena in use. */
  readonly arenaLength: number;
  readonly tables: readonly TableRows[];
}
