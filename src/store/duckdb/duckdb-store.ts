/**
 * The embedded store: one DuckDB file, owned by one process. Rows, ledger and checkpoint of a source
 * commit in one transaction, so that whatever kills the process, a restart neither loses nor repeats.
 *
 * DuckDB locks its file: another process cannot open it while a writer lives, and opening it twice inside
 * one process would go unnoticed and be wrong. So there is one instance, and one writer at a time.
 */
import { existsSync } from 'node:fs';
import type { DuckDBConnection, StatementType } from '@duckdb/node-api';
import { DuckDBInstance } from '@duckdb/node-api';
import type { RowBatch } from '../../model/columns.ts';
import type { RetentionMark } from '../retention-mark.ts';
import type {
  Bindings,
  Checkpoint,
  ExportFormat,
  LineKey,
  Progress,
  QueryResult,
  ReadStore,
  SourceIdentity,
  WriteStore,
} from '../store.ts';
import { makeFile } from './make-file.ts';
import { migrate, schemaVersion } from './migrate.ts';
import { copyStatement, soleStatementType } from './query.ts';
import { safeExport, safeQuery } from './safe-query.ts';
import { StoreSession } from './store-session.ts';

/**
 * The newest storage compresses best. Half of DuckDB's usual block leaves less unused behind each column
 * (a twenty-fifth of the file for a million lines); smaller still costs more time than it saves.
 */
const NEW_FILE = { storage_compatibility_version: 'latest', default_block_size: '131072' };

export interface OpenOptions {
  /** A path, or `:memory:`. */
  readonly path: string;
  readonly readOnly?: boolean;
  /** DuckDB's memory limit, e.g. `512MB`. */
  readonly memoryLimit?: string | undefined;
  /** DuckDB's threads; all processors unless given. */
  readonly threads?: number | undefined;
}

/** DuckDB on that file, which must not be open in this process. It is made where there is none. */
export async function openInstance(options: OpenOptions): Promise<DuckDBInstance> {
  const { path, readOnly } = options;
  if (readOnly !== true && path !== ':memory:' && !existsSync(path)) {
    await makeFile(path, async (aside) => (await create({ ...options, path: aside })).closeSync());
  }
  return create(options);
}

function create(options: OpenOptions): Promise<DuckDBInstance> {
  return DuckDBInstance.create(options.path, {
    ...(options.readOnly === true ? { access_mode: 'READ_ONLY' } : NEW_FILE),
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    ...(options.memoryLimit === undefined ? {} : { memory_limit: options.memoryLimit }),
    ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
  });
}

export class DuckDbStore implements ReadStore, WriteStore {
  readonly isShared = false;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #session: StoreSession;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
    this.#session = new StoreSession(connection, true);
  }

  static async open(options: OpenOptions): Promise<DuckDbStore> {
    const instance = await openInstance(options);
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    return new DuckDbStore(instance, connection);
  }

  /** Makes or upgrades tables and views; may be repeated. A newer file than this program is refused. */
  migrate(): Promise<void> {
    return migrate(this.#connection);
  }

  schemaVersion(): Promise<number> {
    return schemaVersion(this.#connection);
  }

  checkpoints(): Promise<readonly Checkpoint[]> {
    return this.#session.checkpoints();
  }

  checkpointOf(headDigest: string): Promise<Checkpoint | undefined> {
    return this.#session.checkpointOf(headDigest);
  }

  begin(): Promise<void> {
    return this.#session.begin();
  }

  enter(source: SourceIdentity, known?: Checkpoint): Promise<number> {
    return this.#session.enter(source, known);
  }

  append(batch: RowBatch): Promise<void> {
    return this.#session.append(batch);
  }

  hasOtherSources(sourceId: number): Promise<boolean> {
    return this.#session.hasOtherSources(sourceId);
  }

  linesSeen(sourceId: number, from: number, to: number): Promise<readonly LineKey[]> {
    return this.#session.linesSeen(sourceId, from, to);
  }

  advance(sourceId: number, progress: Progress): Promise<void> {
    return this.#session.advance(sourceId, progress);
  }

  commit(): Promise<void> {
    return this.#session.commit();
  }

  keepFrom(): Promise<RetentionMark | undefined> {
    return this.#session.keepFrom();
  }

  rollback(): Promise<void> {
    return this.#session.rollback();
  }

  /** Done at each commit. */
  async correlate(): Promise<void> {}

  refreshRollups(): Promise<void> {
    return this.#session.refreshRollups();
  }

  query(sql: string, bindings: Bindings = {}): Promise<QueryResult> {
    return this.#session.query(sql, bindings);
  }

  async userQuery(sql: string): Promise<QueryResult> {
    return safeQuery(this, sql);
  }

  exportTo(select: string, path: string, format: ExportFormat): Promise<number> {
    return safeExport(this, { select, path, format });
  }

  /** From here on this store opens no file, loads nothing and takes no setting. */
  async shutDoors(): Promise<void> {
    await this.#connection.run('SET enable_external_access = false');
    await this.#connection.run('SET lock_configuration = true');
  }

  /** The kind of the only statement in `sql`; undefined if there is none or more. */
  soleStatementType(sql: string): Promise<StatementType | undefined> {
    return soleStatementType(this.#connection, sql);
  }

  /** Writes the rows of a SELECT to a file; how many there were. */
  async copyTo(select: string, path: string, format: ExportFormat): Promise<number> {
    const result = await this.#connection.run(copyStatement(select, path, format));
    return Number(result.rowsChanged);
  }

  /** Writes what is in the log to the file itself, so that the file is all there is. */
  async checkpoint(): Promise<void> {
    await this.#connection.run('CHECKPOINT');
  }

  async close(): Promise<void> {
    this.#session.close();
    this.#instance.closeSync();
  }
}
