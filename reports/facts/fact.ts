/**
 * A fact is a named common table expression that several sections read: it is computed once however many
 * sections of a report ask for it, which is what keeps a whole report within a few scans of the tables.
 *
 * Promise: a fact agrees with the public views (`messages`, `deliveries`, `rejections`) for the period
 * [$start, $end); it reads the raw tables only to scan them once.
 */

export interface Fact {
  readonly name: string;
  /** Facts that must stand before it. */
  readonly needs: readonly Fact[];
  readonly sql: string;
  /**
   * Worked out once and kept. Left to the engine if false: better for a fact with one reader, of which
   * it then computes only the columns that are read.
   */
  readonly kept: boolean;
}

/** The period as a condition on `logged_at`. */
export const IN_PERIOD = 'logged_at >= $start::TIMESTAMP AND logged_at < $end::TIMESTAMP';

/** The period and a margin, for lines that tell of the same mail but may lie across its edges. */
export const aroundPeriod = (column: string, days: number): string =>
  `${column} >= $start::TIMESTAMP - INTERVAL ${days} DAY
    AND ${column} < $end::TIMESTAMP + INTERVAL ${days} DAY`;

/**
 * A queue entry's name, unique over all hosts, the id first since names are compared from their beginning.
 * Kept as text: DuckDB's hash() gave two of 242,284 real ids one number, and two messages must never be
 * taken for one.
 */
export const keyOf = (host: string, queueId: string): string => `${queueId} || ' ' || ${host}`;
export const KEY = keyOf('host', 'queue_id');

/** The queue ids of a few of such keys, in one text. They hold no blanks. */
export const queueIdsOf = (keys: string): string =>
  `array_to_string(list_sort(list_transform(${keys}, lambda x: split_part(x, ' ', 1))), ' ')`;

/** Longest time a message may have been in the queue before the period (RFC 5321 4.5.4.1: 4-5 days). */
export const LOOK_BACK_DAYS = 14;

/** The quarter of an hour of a line since 1970: every zone's hours begin on one. */
export const QUARTER = 'epoch_us(logged_at) // 900000000';
export const QUARTER_MS = 900_000;

/**
 * A text with a star for each occurrence of another, which differs from line to line: reasons become alike.
 * Nothing is done for an empty one.
 */
export const without = (text: string, part: string): string =>
  `replace(${text}, coalesce(${part}, ''), '*')`;
