/**
 * The embedded store: one DuckDB file, owned by one process. Rows, ledger and checkpoint of a source
 * commit in one transaction, so that whatever kills the process, a restart neither loses nor repeats.
 *
 * DuckDB locks its file: another process cannot open it while a writer lives, and opening it twice inside
 * one process would go unnoticed and be wrong. So there is one instance, and one writer at a time.
 */
import type { DuckDBConnection, StatementType } from '@duckdb/node-api';
import { DuckDBInstance } from '@duckdb/node-api';
import type { RowBatch } from '../../model/columns.ts';
import type { RetentionMark } from '../retention-mark.ts';
import { readRetentionMark } from '../retention-mark.ts';
import type {
  Bindings,
  Checkpoint,
  LineCounts,
  LineKey,
  Progress,
  Query,
  QueryResult,
  Row,
  Sink,
  SourceIdentity,
} from '../store.ts';
import { StaleSource } from '../store.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { FIND_HOPS, HOP_REACH_HOURS } from './hops.ts';
import { countLines } from './lines-seen.ts';
import { MIGRATIONS, SCHEMA_VERSION } from './migrations.ts';
import { queryWith } from './query.ts';
import { markDirty, REFRESH_ROLLUPS } from './rollups.ts';
import { VIEWS } from './views.ts';

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
  readonly memoryLimit?: string;
  /** DuckDB's threads; all processors unless given. */
  readonly threads?: number;
}

export class DuckDbStore implements Sink, Query {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  #writer: ChunkWriter | undefined;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  static async open(options: OpenOptions): Promise<DuckDbStore> {
    const instance = await DuckDBInstance.create(options.path, {
      ...(options.readOnly === true ? { access_mode: 'READ_ONLY' } : NEW_FILE),
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      ...(options.memoryLimit === undefined ? {} : { memory_limit: options.memoryLimit }),
      ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
    });
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    return new DuckDbStore(instance, connection);
  }

  /** Makes or upgrades tables and views; may be repeated. A newer file than this program is refused. */
  async migrate(): Promise<void> {
    await this.#connection.run('CREATE SCHEMA IF NOT EXISTS raw');
    await this.#connection.run(
      'CREATE TABLE IF NOT EXISTS raw.schema_versions (version INTEGER, applied_at TIMESTAMP)',
    );
    const current = await this.schemaVersion();
    if (current > SCHEMA_VERSION) {
      throw new Error(
        `the store has schema version ${current}, this maillog knows ${SCHEMA_VERSION}`,
      );
    }
    for (const { version, statements } of MIGRATIONS) {
      if (version > current) await this.#apply(version, statements);
    }
    if (current < SCHEMA_VERSION) for (const view of VIEWS) await this.#connection.run(view);
  }

  async schemaVersion(): Promise<number> {
    const { rows } = await this.query(
      'SELECT coalesce(max(version), 0) AS version FROM raw.schema_versions',
    );
    return Number(rows[0]?.version ?? 0);
  }

  async #apply(version: number, statements: readonly string[]): Promise<void> {
    await this.#connection.run('BEGIN');
    for (const statement of statements) await this.#connection.run(statement);
    await this.#connection.run(
      `INSERT INTO raw.schema_versions VALUES (${version}, now()::TIMESTAMP)`,
    );
    await this.#connection.run('COMMIT');
  }

  async checkpoints(): Promise<readonly Checkpoint[]> {
    const { rows } = await this.query('SELECT * FROM raw.sources WHERE head_length > 0');
    return rows.map(toCheckpoint);
  }

  async checkpointOf(headDigest: string): Promise<Checkpoint | undefined> {
    const { rows } = await this.query(
      'SELECT * FROM raw.sources WHERE head_length = 0 AND head_digest = $headDigest',
      { headDigest },
    );
    return rows[0] === undefined ? undefined : toCheckpoint(rows[0]);
  }

  async begin(): Promise<void> {
    await this.#connection.run('BEGIN');
    this.#writer = new ChunkWriter(this.#connection);
    await this.#writer.open();
  }

  async enter(source: SourceIdentity, known?: Checkpoint): Promise<number> {
    // What other sources appended in this transaction must be seen by the lookups of this one.
    this.#writer?.flush();
    if (known !== undefined) return this.#enterKnown(source.name, known);
    const id = await this.#nextSourceId();
    await this.#register(id, source);
    return id;
  }

  async #enterKnown(name: string, { sourceId, offset }: Checkpoint): Promise<number> {
    const { rows } = await this.query(
      'UPDATE raw.sources SET name = $name WHERE source_id = $sourceId AND byte_offset = $offset RETURNING source_id',
      { name, sourceId, offset },
    );
    if (rows.length === 0) throw new StaleSource(`${name} was taken further by another reader`);
    return sourceId;
  }

  async #nextSourceId(): Promise<number> {
    const { rows } = await this.query(
      'SELECT coalesce(max(source_id), 0) + 1 AS id FROM raw.sources',
    );
    return Number(rows[0]?.id ?? 1);
  }

  async #register(id: number, source: SourceIdentity): Promise<void> {
    await this.#run(
      `INSERT INTO raw.sources VALUES ($id, $name, $headLength, $headDigest, 0, 0, 0, '', 0, 0, 0, 0, 0, 0, 0,
        now()::TIMESTAMP, now()::TIMESTAMP, NULL)`,
      {
        id,
        name: source.name,
        headLength: source.headLength,
        headDigest: source.headDigest,
      },
    );
  }

  async append(batch: RowBatch): Promise<void> {
    if (this.#writer === undefined) throw new Error('append without begin');
    this.#writer.write(batch);
  }

  keepFrom(): Promise<RetentionMark | undefined> {
    return readRetentionMark(this);
  }

  async hasOtherSources(sourceId: number): Promise<boolean> {
    const { rows } = await this.query(
      'SELECT count(*) AS n FROM raw.sources WHERE source_id <> $source AND lines_read > 0',
      { source: sourceId },
    );
    return Number(rows[0]?.n ?? 0) > 0;
  }

  async linesSeen(sourceId: number, from: number, to: number): Promise<readonly LineKey[]> {
    const prepared = await this.#connection.prepare(
      'SELECT source_id, second, hashes FROM raw.lines_seen WHERE second BETWEEN $from AND $to',
    );
    try {
      prepared.bind({ from: BigInt(from), to: BigInt(to) });
      const rows = (await prepared.runAndReadAll()).getRows();
      return countLines(sourceId, rows);
    } finally {
      prepared.destroySync();
    }
  }

  async advance(sourceId: number, progress: Progress): Promise<void> {
    this.#writer?.flush();
    await this.#run(UPDATE_SOURCE, { id: sourceId, ...flatten(progress) });
    if (progress.hours.length > 0) await this.#correlate(progress.hours);
  }

  async commit(): Promise<void> {
    this.#writer?.close();
    this.#writer = undefined;
    await this.#connection.run('COMMIT');
  }

  /** What a load changes beyond its own rows: hops found, and roll-ups to be taken anew. */
  async #correlate(hours: readonly number[]): Promise<void> {
    const at = (hour: number) => new Date(hour * 3_600_000);
    const first = hours.reduce((least, hour) => Math.min(least, hour));
    const last = hours.reduce((most, hour) => Math.max(most, hour));
    const around = { from: at(first - HOP_REACH_HOURS), to: at(last + 1 + HOP_REACH_HOURS) };
    await this.#run(FIND_HOPS, around);
    await this.#connection.run(markDirty(hours));
  }

  async refreshRollups(): Promise<void> {
    await this.#connection.run('BEGIN');
    for (const statement of REFRESH_ROLLUPS) await this.#connection.run(statement);
    await this.#connection.run('COMMIT');
  }

  async rollback(): Promise<void> {
    this.#writer?.abandon();
    this.#writer = undefined;
    await this.#connection.run('ROLLBACK');
  }

  query(sql: string, bindings: Bindings = {}): Promise<QueryResult> {
    return queryWith(this.#connection, sql, bindings);
  }

  /** From here on this store opens no file, loads nothing and takes no setting. */
  async shutDoors(): Promise<void> {
    await this.#connection.run('SET enable_external_access = false');
    await this.#connection.run('SET lock_configuration = true');
  }

  /** The kind of the only statement in `sql`; undefined if there is none or more. */
  async soleStatementType(sql: string): Promise<StatementType | undefined> {
    const statements = await this.#connection.extractStatements(sql);
    if (statements.count !== 1) return undefined;
    const prepared = await statements.prepare(0);
    try {
      return prepared.statementType;
    } finally {
      prepared.destroySync();
    }
  }

  /** Writes the rows of a SELECT to a file; how many there were. */
  async copyTo(select: string, path: string, format: 'PARQUET' | 'CSV'): Promise<number> {
    const quoted = path.replaceAll("'", "''");
    const how = format === 'PARQUET' ? 'FORMAT PARQUET, COMPRESSION ZSTD' : 'FORMAT CSV, HEADER';
    const result = await this.#connection.run(`COPY (${select}) TO '${quoted}' (${how})`);
    return Number(result.rowsChanged);
  }

  /** Writes what is in the log to the file itself, so that the file is all there is. */
  async checkpoint(): Promise<void> {
    await this.#connection.run('CHECKPOINT');
  }

  async close(): Promise<void> {
    this.#writer?.abandon();
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  async #run(sql: string, bindings: Bindings): Promise<void> {
    await this.query(sql, bindings);
  }
}

const UPDATE_SOURCE = `UPDATE raw.sources SET
  byte_offset = $offset, line_number = $lines, tail_length = $tailLength, tail_digest = $tailDigest,
  cursor = $cursor, bytes = bytes + $bytes, lines_read = lines_read + $read, lines_parsed = lines_parsed + $parsed,
  lines_foreign = lines_foreign + $foreign, lines_unsupported = lines_unsupported + $unsupported,
  lines_malformed = lines_malformed + $malformed, lines_duplicate = lines_duplicate + $duplicate,
  last_read_at = now()::TIMESTAMP
  WHERE source_id = $id`;

function flatten(progress: Progress): Bindings {
  const { offset, lines, tailLength, tailDigest, cursor, counts } = progress;
  return { offset, lines, tailLength, tailDigest, cursor, ...counts };
}

function toCheckpoint(row: Row): Checkpoint {
  const number = (name: string) => Number(row[name] ?? 0);
  const counts: LineCounts = {
    bytes: number('bytes'),
    read: number('lines_read'),
    parsed: number('lines_parsed'),
    foreign: number('lines_foreign'),
    unsupported: number('lines_unsupported'),
    malformed: number('lines_malformed'),
    duplicate: number('lines_duplicate'),
  };
  return {
    sourceId: number('source_id'),
    headLength: number('head_length'),
    headDigest: String(row.head_digest ?? ''),
    offset: number('byte_offset'),
    lines: number('line_number'),
    tailLength: number('tail_length'),
    tailDigest: String(row.tail_digest ?? ''),
    cursor: typeof row.cursor === 'string' ? row.cursor : null,
    counts,
  };
}
