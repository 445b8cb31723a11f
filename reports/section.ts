/**
 * A section of a report: one question, the SQL that answers it for a period, and what its columns mean.
 *
 * The SQL is one SELECT that may read the public views and the facts it names; its bindings are `$start`
 * and `$end`, UTC, half-open. Promise: rows are typed by the columns, so that a column cannot be shown
 * that the rows do not have.
 */
import type { Row } from '../src/store/store.ts';
import type { Fact } from './facts/fact.ts';
import type { CellKind } from './render/cells.ts';

export interface Column {
  readonly key: string;
  readonly title: string;
  readonly kind: CellKind;
}

type Value<K extends CellKind> = K extends 'text' | 'time' ? string | null : number | null;

/** A row with a value for each column. */
export type RowOf<C extends readonly Column[]> = {
  readonly [Key in C[number]['key']]: Value<Extract<C[number], { readonly key: Key }>['kind']>;
};

export interface SectionContext {
  readonly start: Date;
  readonly end: Date;
  /** IANA name of the site's time zone. */
  readonly zone: string;
  /** Rows of a top list. */
  readonly top: number;
  /** Said of a period that begins before rows are kept; see `droppedRows`. */
  readonly dropped?: string | undefined;
}

export interface Section<C extends readonly Column[] = readonly Column[]> {
  readonly id: string;
  readonly title: string;
  readonly question: string;
  readonly columns: C;
  readonly needs: readonly Fact[];
  /** The column whose numbers are also drawn as bars. */
  readonly bar?: C[number]['key'];
  sql(context: SectionContext): string;
  /** Makes the section's rows of the query's, where these are not yet what is to be shown. */
  shape?(rows: readonly Row[], context: SectionContext): readonly RowOf<C>[];
}

/** States a section; the row type follows from its columns. */
export function section<const C extends readonly Column[]>(definition: Section<C>): Section<C> {
  return definition;
}

export const text = <const K extends string>(key: K, title: string) =>
  ({ key, title, kind: 'text' }) as const;
export const time = <const K extends string>(key: K, title: string) =>
  ({ key, title, kind: 'time' }) as const;
export const count = <const K extends string>(key: K, title: string) =>
  ({ key, title, kind: 'count' }) as const;
export const bytes = <const K extends string>(key: K, title: string) =>
  ({ key, title, kind: 'bytes' }) as const;
export const seconds = <const K extends string>(key: K, title: string) =>
  ({ key, title, kind: 'seconds' }) as const;
export const percent = <const K extends string>(key: K, title: string) =>
  ({ key, title, kind: 'percent' }) as const;

/** A number as a row has it: sums of nothing are none. */
export const numberOf = (row: Row, key: string): number => Number(row[key] ?? 0);

/** As in JSON: UTC with Z, a fraction only when there is one. */
export const isoTime = (date: Date): string => date.toISOString().replace('.000Z', 'Z');
