/**
 * Connections for answers, so that they are given while somebody writes. Bounded: each running query holds
 * a thread of libuv's pool, and the writer must always find one; so the others wait in order.
 *
 * Promise: nothing a reader is asked can write. Every statement runs in a transaction that is read-only.
 */
import type { DuckDBConnection, StatementType } from '@duckdb/node-api';
import type { Bindings, ExportFormat, JsonValue, Query, QueryResult } from '../store.ts';
import { copyStatement, queryWith, soleStatementType, streamWith } from './query.ts';

export interface ReaderConnection extends Query {
  /** Rows a chunk at a time, so that an answer need not be held as values; the columns' names. */
  stream(
    sql: string,
    bindings: Bindings,
    take: (rows: readonly (readonly JsonValue[])[]) => void,
  ): Promise<readonly string[]>;
  soleStatementType(sql: string): Promise<StatementType | undefined>;
  copyTo(select: string, path: string, format: ExportFormat): Promise<number>;
  /** Doors are shut for the whole instance already. */
  shutDoors(): Promise<void>;
  /** Ends what runs, and what would be run: whoever asked has gone. */
  interrupt(): void;
  /** Gives the connection back; must be called, once nothing runs on it. */
  release(): void;
}

/** Runs work on the instance; refuses when that is broken. */
export type Runner = <T>(work: () => Promise<T>) => Promise<T>;

export class ReaderPool {
  readonly #limit: number;
  readonly #connect: () => Promise<DuckDBConnection>;
  readonly #run: Runner;
  readonly #all = new Set<DuckDBConnection>();
  readonly #waiting: (() => void)[] = [];
  #idle: DuckDBConnection[] = [];
  #inUse = 0;

  constructor(limit: number, connect: () => Promise<DuckDBConnection>, run: Runner) {
    this.#limit = limit;
    this.#connect = connect;
    this.#run = run;
  }

  async take(signal?: AbortSignal): Promise<ReaderConnection> {
    signal?.throwIfAborted();
    if (this.#inUse >= this.#limit) await this.#room(signal);
    else this.#inUse += 1;
    try {
      const connection = this.#idle.pop() ?? (await this.#open());
      return new PooledReader(connection, this.#run, () => this.#giveBack(connection));
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  /** Ends all that runs. */
  interrupt(): void {
    for (const connection of this.#all) connection.interrupt();
  }

  /** Closes every connection; nothing may run. Those in use are of no more use. */
  close(): void {
    for (const connection of this.#all) connection.closeSync();
    this.#all.clear();
    this.#idle = [];
  }

  async #open(): Promise<DuckDBConnection> {
    const connection = await this.#connect();
    this.#all.add(connection);
    return connection;
  }

  /** Waits for the place of another. */
  #room(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        const at = this.#waiting.indexOf(waiter);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
      };
      const waiter = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(waiter);
    });
  }

  #giveBack(connection: DuckDBConnection): void {
    // After a reopening it is none of ours any more.
    if (this.#all.has(connection)) this.#idle.push(connection);
    this.#leave();
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#inUse -= 1;
    else next();
  }
}

class PooledReader implements ReaderConnection {
  readonly #connection: DuckDBConnection;
  readonly #run: Runner;
  #release: (() => void) | undefined;
  #stopped = false;

  constructor(connection: DuckDBConnection, run: Runner, release: () => void) {
    this.#connection = connection;
    this.#run = run;
    this.#release = release;
  }

  query(sql: string, bindings: Bindings = {}): Promise<QueryResult> {
    return this.#reading(() => queryWith(this.#connection, sql, bindings));
  }

  stream(
    sql: string,
    bindings: Bindings,
    take: (rows: readonly (readonly JsonValue[])[]) => void,
  ): Promise<readonly string[]> {
    return this.#reading(() => streamWith(this.#connection, sql, bindings, take));
  }

  soleStatementType(sql: string): Promise<StatementType | undefined> {
    return this.#run(() => soleStatementType(this.#connection, sql));
  }

  copyTo(select: string, path: string, format: ExportFormat): Promise<number> {
    return this.#reading(async () => {
      const result = await this.#connection.run(copyStatement(select, path, format));
      return Number(result.rowsChanged);
    });
  }

  async shutDoors(): Promise<void> {}

  interrupt(): void {
    this.#stopped = true;
    this.#connection.interrupt();
  }

  release(): void {
    this.#release?.();
    this.#release = undefined;
  }

  /** EXPLAIN ANALYZE runs what it explains, so the kind of a statement alone is no proof. */
  #reading<T>(work: () => Promise<T>): Promise<T> {
    return this.#run(async () => {
      if (this.#release === undefined) throw new Error('the reader was given back');
      await this.#connection.run('BEGIN TRANSACTION READ ONLY');
      try {
        if (this.#stopped) throw new Error('interrupted');
        return await work();
      } finally {
        await this.#connection.run('ROLLBACK').catch(() => undefined);
      }
    });
  }
}
