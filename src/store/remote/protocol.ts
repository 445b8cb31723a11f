/**
 * What client and server of the control socket agree on besides frames. Neither DuckDB nor sockets are
 * known here, so that a client loads no more than it needs.
 */

import type { ErrorCode } from '../../model/errors.ts';
import { ERRORS, MaillogError, maillogError } from '../../model/errors.ts';
import type { JsonValue, LineKey, QueryResult, Row } from '../store.ts';
import { StaleSource, TurnLost } from '../store.ts';
import { arrayOf } from './params.ts';
import type { WireFailure } from './wire.ts';
import { WireError } from './wire.ts';

/** Raised with every change that a client of another version would misunderstand. */
export const PROTOCOL = 1;

/** Who answers. */
export interface Hello {
  readonly protocol: number;
  readonly version: string;
  readonly pid: number;
  /** ISO time at which it began. */
  readonly since: string;
  readonly db: string;
}

export interface Answer {
  readonly result?: unknown;
  readonly payloads?: readonly Uint8Array[];
}

/** What went wrong, as words that `toError` makes the same error of. */
export function toFailure(error: unknown): WireFailure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof MaillogError) return { code: error.code, message };
  if (error instanceof StaleSource || error instanceof TurnLost || error instanceof WireError) {
    return { code: error.name, message };
  }
  return { code: 'Error', message };
}

export function toError({ code, message }: WireFailure): Error {
  if (Object.hasOwn(ERRORS, code)) return new MaillogError(code as ErrorCode, message);
  if (code === 'StaleSource') return new StaleSource(message);
  if (code === 'TurnLost') return new TurnLost(message);
  if (code === 'WireError') return new WireError(message);
  return new Error(message);
}

export function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

export function decodeJson(bytes: Uint8Array | undefined): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Rows as payloads, a chunk each, within a bound. */
export class RowEncoder {
  readonly payloads: Uint8Array[] = [];
  readonly #limit: number;
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(rows: readonly (readonly JsonValue[])[]): void {
    const bytes = encodeJson(rows);
    this.#bytes += bytes.byteLength;
    if (this.#bytes > this.#limit) {
      const size = `${Math.floor(this.#limit / 1024 / 1024)} MiB`;
      throw maillogError('E_STORE_FAILED', { problem: `the answer has more than ${size}` });
    }
    this.payloads.push(bytes);
  }
}

export function decodeRows(result: unknown, payloads: readonly Uint8Array[]): QueryResult {
  const columns = arrayOf(result, 'columns').map(String);
  const rows = payloads.flatMap((payload) =>
    (decodeJson(payload) as readonly (readonly JsonValue[])[]).map((values): Row => {
      return Object.fromEntries(columns.map((name, index) => [name, values[index] ?? null]));
    }),
  );
  return { columns, rows };
}

const KEY_NUMBERS = 4;

export function encodeLineKeys(keys: readonly LineKey[]): Uint8Array {
  const numbers = new Float64Array(keys.length * KEY_NUMBERS);
  keys.forEach(({ second, hash, count, own }, index) => {
    numbers.set([second, hash, count, own], index * KEY_NUMBERS);
  });
  return new Uint8Array(numbers.buffer);
}

export function decodeLineKeys(bytes: Uint8Array): readonly LineKey[] {
  const numbers = new Float64Array(bytes.slice().buffer);
  const at = (index: number): number => numbers[index] ?? 0;
  return Array.from({ length: numbers.length / KEY_NUMBERS }, (_, key) => {
    const first = key * KEY_NUMBERS;
    return { second: at(first), hash: at(first + 1), count: at(first + 2), own: at(first + 3) };
  });
}
