/**
 * One DuckDB file for many users inside the thread that owns it: loads take turns, answers are given
 * meanwhile, and nothing that comes from outside can open a file but in the folder for exports.
 *
 * A database that could not be written is of no more use until it is opened again (`reopen`): calls reject
 * with StoreBroken till then. Nothing committed is lost; who held a turn gets TurnLost, unless the failed
 * call was its own.
 */
import { chmodSync, chownSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Bindings, Query, QueryResult } from '../store.ts';
import { openInstance } from './duckdb-store.ts';
import { migrate } from './migrate.ts';
import { assertNotOpenHere } from './open-here.ts';
import { queryWith } from './query.ts';
import type { ReaderConnection } from './reader-pool.ts';
import { ReaderPool } from './reader-pool.ts';
import { SharedSink } from './shared-sink.ts';
import { isBroken, isInvalidated, StoreBroken } from './store-broken.ts';
import type { Priority } from './write-turns.ts';
import { WriteTurns } from './write-turns.ts';

export interface SharedStoreOptions {
  readonly path: string;
  /** DuckDB's memory limit, e.g. `512MB`. */
  readonly memoryLimit?: string;
  /** DuckDB's threads; all processors unless given. */
  readonly threads?: number;
  /** The only folder that DuckDB may write to besides its own files; made if need be. */
  readonly exportFolder: string;
  /** The number of the group that may read exports; else only the owner may. */
  readonly exportGroup?: number | undefined;
  /** Queries that run at once; by the threads of libuv's pool unless given. */
  readonly readers?: number;
  /** Size of the write-ahead log at which it is written to the file. */
  readonly checkpointThreshold?: string;
}

/** Names of exports, by which leftovers of a crash are known. */
export const EXPORT_NAME = /^export-[0-9a-f]{32}\.(?:csv|parquet)$/;

/**
 * Transactions of one block make no pause that a reader would notice, whatever this is (16 MB to 1 GB were
 * tried); a smaller one costs the writer time, a larger one the next start after a crash.
 */
const CHECKPOINT_THRESHOLD = '64MB';
/** Permissions of the folder for exports, and of what is in it. */
const FOLDER_OF_OWNER = 0o700;
const FOLDER_OF_GROUP = 0o750;
const FILE_OF_GROUP = 0o640;
const MOST_READERS = 8;
/** Threads of libuv's pool that readers must leave: for the writer, and for reading log files. */
const SPARE_THREADS = 2;

interface Opened {
  readonly instance: DuckDBInstance;
  readonly own: DuckDBConnection;
}

export class SharedStore {
  readonly path: string;
  readonly exportFolder: string;
  readonly #options: SharedStoreOptions;
  readonly #turns = new WriteTurns();
  readonly #readers: ReaderPool;
  readonly #sinks = new Set<SharedSink>();
  readonly #running = new Set<Promise<unknown>>();
  /** Undefined while it could not be opened again. */
  #opened: Opened | undefined;
  #broken: StoreBroken | undefined;
  #reopening: Promise<void> | undefined;
  /** How often it was opened again, counted from when that begins. */
  openings = 0;
  #isClosed = false;

  private constructor(options: SharedStoreOptions, opened: Opened) {
    this.#options = options;
    this.path = options.path;
    this.exportFolder = options.exportFolder;
    this.#opened = opened;
    this.#readers = new ReaderPool(
      options.readers ?? usualReaders(),
      () => this.#connect(),
      (work) => this.#run(work, isInvalidated),
    );
  }

  /** Opens, migrates and shuts all doors. Rejects with what DuckDB says when another process has it. */
  static async open(options: SharedStoreOptions): Promise<SharedStore> {
    prepareExports(options);
    for (const name of readdirSync(options.exportFolder)) {
      if (EXPORT_NAME.test(name)) rmSync(join(options.exportFolder, name), { force: true });
    }
    const real = { ...options, exportFolder: realpathSync(options.exportFolder) };
    return new SharedStore(real, await open(real));
  }

  /** A way to write, with a connection of its own. `begin` waits for its turn. */
  sink(priority: Priority): SharedSink {
    const sink = new SharedSink(priority, {
      turns: this.#turns,
      connect: () => this.#connect(),
      run: (work) => this.#run(work, isBroken),
      onClose: () => this.#sinks.delete(sink),
    });
    this.#sinks.add(sink);
    return sink;
  }

  /** A connection for answers; waits while too many are in use. */
  async reader(signal?: AbortSignal): Promise<ReaderConnection> {
    await this.#reopening?.catch(() => undefined);
    if (this.#broken !== undefined) throw this.#broken;
    return this.#readers.take(signal);
  }

  /** An export has been written: those who may fetch it can read it, whatever the umask. */
  shareExport(path: string): void {
    const { exportGroup } = this.#options;
    if (exportGroup === undefined) return;
    chownSync(path, -1, exportGroup);
    chmodSync(path, FILE_OF_GROUP);
  }

  /** Writes what is in the log to the file itself. Takes a turn. */
  async checkpoint(): Promise<void> {
    await this.inTurn((query) => query.query('CHECKPOINT'));
  }

  /** Upkeep: `work` has the store to write for itself, and begins and ends its transactions. */
  async inTurn<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const turn = await this.#turns.take('bulk');
    const ask = (sql: string, bindings: Bindings): Promise<QueryResult> => {
      if (this.#opened === undefined) throw new Error('the store is closed');
      return queryWith(this.#opened.own, sql, bindings);
    };
    try {
      return await work({
        query: (sql, bindings = {}) => this.#run(async () => ask(sql, bindings), isBroken),
      });
    } finally {
      turn.release();
    }
  }

  /** Closes a broken database and opens it again; nothing when it is whole. Rejects if it cannot be. */
  reopen(): Promise<void> {
    if (this.#reopening !== undefined) return this.#reopening;
    if (this.#broken === undefined) return Promise.resolve();
    this.#reopening = this.#openAgain().finally(() => {
      this.#reopening = undefined;
    });
    return this.#reopening;
  }

  /** Ends what runs, rolls back what is open and closes the file. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#turns.close(new Error('the store is closed'));
    await this.#reopening?.catch(() => undefined);
    await this.#closeAll();
  }

  async #openAgain(): Promise<void> {
    this.openings += 1;
    await this.#closeAll();
    this.#opened = await open(this.#options);
    this.#broken = undefined;
  }

  async #closeAll(): Promise<void> {
    this.#readers.interrupt();
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    await Promise.all([...this.#sinks].map((sink) => sink.reset()));
    this.#readers.close();
    this.#opened?.own.closeSync();
    this.#opened?.instance.closeSync();
    this.#opened = undefined;
  }

  #connect(): Promise<DuckDBConnection> {
    if (this.#opened === undefined) return Promise.reject(new Error('the store is closed'));
    return this.#opened.instance.connect();
  }

  async #run<T>(work: () => Promise<T>, breaks: (error: unknown) => boolean): Promise<T> {
    await this.#reopening;
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#isClosed) throw new Error('the store is closed');
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      if (!breaks(error)) throw error;
      this.#broken ??= new StoreBroken(this.path, error);
      throw this.#broken;
    } finally {
      this.#running.delete(running);
    }
  }
}

/** Its permissions are set whatever the umask, and also where it was there before. */
function prepareExports({ exportFolder, exportGroup }: SharedStoreOptions): void {
  mkdirSync(exportFolder, { recursive: true, mode: FOLDER_OF_OWNER });
  if (exportGroup !== undefined) chownSync(exportFolder, -1, exportGroup);
  chmodSync(exportFolder, exportGroup === undefined ? FOLDER_OF_OWNER : FOLDER_OF_GROUP);
}

async function open(options: SharedStoreOptions): Promise<Opened> {
  const { path, memoryLimit, threads, exportFolder } = options;
  mkdirSync(dirname(path), { recursive: true });
  await assertNotOpenHere(path);
  const instance = await openInstance({ path, memoryLimit, threads });
  try {
    const own = await instance.connect();
    await own.run("SET GLOBAL TimeZone = 'UTC'");
    await migrate(own);
    const threshold = options.checkpointThreshold ?? CHECKPOINT_THRESHOLD;
    await own.run(`SET GLOBAL checkpoint_threshold = '${threshold}'`);
    await own.run(`SET GLOBAL allowed_directories = ['${exportFolder.replaceAll("'", "''")}/']`);
    await own.run('SET GLOBAL enable_external_access = false');
    await own.run('SET GLOBAL lock_configuration = true');
    return { instance, own };
  } catch (error) {
    instance.closeSync();
    throw error;
  }
}

function usualReaders(): number {
  const threads = Number(process.env.UV_THREADPOOL_SIZE) || 4;
  return Math.min(MOST_READERS, Math.max(1, threads - SPARE_THREADS));
}
