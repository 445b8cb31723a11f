/**
 * What a store is, seen from outside: a Sink that takes batches exactly once and a Query that only reads.
 * DuckDB stands behind it today; nothing here names it.
 */
import type { RowBatch } from '../model/columns.ts';
import type { LineOutcome } from '../model/vocabulary.ts';

/** A source is its content, not its name: the digest of its first bytes (decompressed) identifies it. */
export interface SourceIdentity {
  /** The name it is read under now: a path, or `-`. For people only. */
  readonly name: string;
  /** Bytes covered by `headDigest`: all of a small source, else the first 4096. */
  readonly headLength: number;
  readonly headDigest: string;
}

/** Lines by what became of them, and bytes read. */
export type LineCounts = Record<LineOutcome | 'read' | 'bytes', number>;

/** How far a source has been taken, with a digest of the bytes before that point to recognise it by. */
export interface Checkpoint {
  readonly sourceId: number;
  readonly headLength: number;
  readonly headDigest: string;
  readonly offset: number;
  /** Lines before `offset`. */
  readonly lines: number;
  readonly tailLength: number;
  readonly tailDigest: string;
  /** Where a source that counts no bytes goes on from (the journal); else null. */
  readonly cursor: string | null;
  readonly counts: LineCounts;
}

/** What a commit says of the source besides its rows. */
export interface Progress {
  /** Hours since 1970 UTC in which lines were added: their roll-ups must be taken anew. */
  readonly hours: readonly number[];
  readonly offset: number;
  /** Lines before `offset`. */
  readonly lines: number;
  readonly tailLength: number;
  readonly tailDigest: string;
  readonly cursor: string | null;
  /** Number of the first line of this transaction in the source. */
  readonly firstLine: number;
  readonly counts: LineCounts;
}

/** A line's identity, and how often it occurs: at most in one other source, and in this one. */
export interface LineKey {
  readonly second: number;
  readonly hash: number;
  readonly count: number;
  readonly own: number;
}

/**
 * Somebody else has taken the source further since its checkpoint was read: a second reader of the same
 * content. Whoever meets it looks the source up again and goes on from there.
 */
export class StaleSource extends Error {
  override readonly name = 'StaleSource';
}

/** Takes rows. One transaction is open from `begin` to `commit` or `rollback`; it may hold several sources. */
export interface Sink {
  migrate(): Promise<void>;
  /** Sources whose head has one of these lengths; the caller compares digests. */
  checkpoints(): Promise<readonly Checkpoint[]>;
  /** The checkpoint of a source that is known by its digest alone: one without a head of its own. */
  checkpointOf(headDigest: string): Promise<Checkpoint | undefined>;
  begin(): Promise<void>;
  /**
   * Registers a source (or a new name of a known one) in the transaction; its number. Throws StaleSource if
   * the source is no longer where `known` says.
   */
  enter(source: SourceIdentity, known?: Checkpoint): Promise<number>;
  append(batch: RowBatch): Promise<void>;
  /** Rows from before this second, the start of a site's day, were dropped and are not taken again. */
  keepFrom(): Promise<{ readonly from: number; readonly day: string } | undefined>;
  /** Whether lines of any other source are in the store: else none can be a duplicate. */
  hasOtherSources(sourceId: number): Promise<boolean>;
  /** Lines of other sources that bear a stamp in [from, to] (epoch seconds), as often as they occur. */
  linesSeen(sourceId: number, from: number, to: number): Promise<readonly LineKey[]>;
  /** Ledger and checkpoint of a source whose rows were appended in this transaction. */
  advance(sourceId: number, progress: Progress): Promise<void>;
  /** Rows, ledgers and checkpoints become durable together. */
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /**
   * Finds what joins rows of different batches and sources (hops). Where many commit, it is to be called from
   * time to time; else it is done already.
   */
  correlate(): Promise<void>;
  /** Brings roll-ups up to date; answers are right without it, but slower. */
  refreshRollups(): Promise<void>;
  close(): Promise<void>;
}

export type Scalar = string | number | bigint | boolean | null;
/** Values bound to `$name` parameters; a Date binds as a UTC timestamp. */
export type Bindings = Readonly<Record<string, Scalar | Date>>;
/** Result values as JSON has them: times ISO 8601 with Z, counts numbers, absent values null. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };
export type Row = Readonly<Record<string, JsonValue>>;

export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

/** Reads. Never writes, never touches a file or the network on behalf of the SQL it is given. */
export interface Query {
  query(sql: string, bindings?: Bindings): Promise<QueryResult>;
}

export type ExportFormat = 'PARQUET' | 'CSV';

/** A store opened for answers: by its owner's process, or through the daemon that owns it. */
export interface ReadStore extends Query {
  /** SQL from outside: one statement that reads, and nothing else. */
  userQuery(sql: string): Promise<QueryResult>;
  /** Writes the rows of one SELECT over the file at `path`; how many there were. */
  exportTo(select: string, path: string, format: ExportFormat): Promise<number>;
  close(): Promise<void>;
}

/** A store opened for loads. */
export interface WriteStore extends Sink {
  /** Others write too: transactions are to be short, and another reader may overtake this one. */
  readonly isShared: boolean;
}

/**
 * The turn to write was lost with all that was not committed: its holder was silent for too long, or the
 * store had to be opened again. Whoever meets it looks its source up again and goes on from there.
 */
export class TurnLost extends Error {
  override readonly name = 'TurnLost';
}
