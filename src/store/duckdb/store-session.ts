/**
 * The part of a store that is one connection's: what a Sink does, as SQL and chunks within that connection's
 * transaction. Who owns the file, and whose turn it is to write, is decided by those who use it.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { RowBatch } from '../../model/columns.ts';
import type { RetentionMark } from '../retention-mark.ts';
import { readRetentionMark } from '../retention-mark.ts';
import type {
  Bindings,
  Checkpoint,
  LineCounts,
  LineKey,
  Progress,
  QueryResult,
  Row,
  SourceIdentity,
} from '../store.ts';
import { StaleSource } from '../store.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { HopFinder } from './hops.ts';
import { countLines } from './lines-seen.ts';
import { queryWith } from './query.ts';
import { markDirty, REFRESH_ROLLUPS } from './rollups.ts';

export class StoreSession {
  readonly #connection: DuckDBConnection;
  /** Open while batches may come; kept from one transaction to the next, since opening it costs more. */
  #writer: ChunkWriter | undefined;
  #open = false;
  readonly #correlatesAtCommit: boolean;

  /**
   * `correlatesAtCommit`: hops are found in the transaction that brings the rows. Else somebody calls
   * `correlate` from time to time, since many small commits would spend more on it than on themselves.
   */
  constructor(connection: DuckDBConnection, correlatesAtCommit: boolean) {
    this.#connection = connection;
    this.#correlatesAtCommit = correlatesAtCommit;
  }

  /** A transaction is open. */
  get isOpen(): boolean {
    return this.#open;
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
    this.#open = true;
    if (this.#writer !== undefined) return;
    const writer = new ChunkWriter(this.#connection);
    await writer.open();
    this.#writer = writer;
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
        now()::TIMESTAMP, now()::TIMESTAMP, NULL, 0)`,
      {
        id,
        name: source.name,
        headLength: source.headLength,
        headDigest: source.headDigest,
      },
    );
  }

  async append(batch: RowBatch): Promise<void> {
    if (this.#writer === undefined || !this.#open) throw new Error('append without begin');
    this.#writer.write(batch);
  }

  async hasOtherSources(sourceId: number): Promise<boolean> {
    const { rows } = await this.query(
      'SELECT count(*) AS n FROM raw.sources WHERE source_id <> $source AND lines_read > 0',
      { source: sourceId },
    );
    return Number(rows[0]?.n ?? 0) > 0;
  }

  keepFrom(): Promise<RetentionMark | undefined> {
    return readRetentionMark(this);
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
    if (progress.hours.length > 0) await this.#connection.run(markDirty(progress.hours));
  }

  async commit(): Promise<void> {
    this.#writer?.flush();
    try {
      if (this.#correlatesAtCommit) await this.#findHops();
      await this.#connection.run('COMMIT');
      this.#open = false;
    } catch (error) {
      // DuckDB has rolled it back already; all that may be left is a writer that failed.
      await this.rollback().catch(() => undefined);
      throw error;
    }
  }

  /** Finds the hops of all rows that nobody has looked at yet, in a transaction of its own. */
  async correlate(): Promise<void> {
    await this.#connection.run('BEGIN');
    try {
      await this.#findHops();
      await this.#connection.run('COMMIT');
    } catch (error) {
      await this.#connection.run('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  async #findHops(): Promise<void> {
    const { rows } = await this.query(
      'SELECT source_id, hops_line FROM raw.sources WHERE hops_line < line_number',
    );
    for (const { source_id: source, hops_line: line } of rows) {
      const finder = new HopFinder(this.#connection);
      const hours = await finder.find({ source: Number(source), line: Number(line) });
      if (hours.length > 0) await this.#connection.run(markDirty(hours));
    }
    if (rows.length > 0) {
      await this.#connection.run(
        'UPDATE raw.sources SET hops_line = line_number WHERE hops_line < line_number',
      );
    }
  }

  async refreshRollups(): Promise<void> {
    await inTransaction(this.#connection, REFRESH_ROLLUPS);
  }

  /** Nothing where no transaction is open. */
  async rollback(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    // An appender that failed once is of no more use.
    this.#writer?.abandon();
    this.#writer = undefined;
    await this.#connection.run('ROLLBACK');
  }

  query(sql: string, bindings: Bindings = {}): Promise<QueryResult> {
    return queryWith(this.#connection, sql, bindings);
  }

  /** What is not committed is gone. */
  close(): void {
    this.#open = false;
    this.#writer?.abandon();
    this.#writer = undefined;
    this.#connection.closeSync();
  }

  async #run(sql: string, bindings: Bindings): Promise<void> {
    await this.query(sql, bindings);
  }
}

/** Runs the statements as one transaction: all of them or none. */
export async function inTransaction(
  connection: DuckDBConnection,
  statements: readonly string[],
): Promise<void> {
  await connection.run('BEGIN');
  try {
    for (const statement of statements) await connection.run(statement);
    await connection.run('COMMIT');
  } catch (error) {
    await connection.run('ROLLBACK').catch(() => undefined);
    throw error;
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
