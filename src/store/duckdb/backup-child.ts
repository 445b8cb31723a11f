/**
 * The child process of `backup.ts`: touches a store's file in the place of a process that may have it open.
 * Its job is JSON in the only argument, its answer JSON on standard output.
 */
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  openSync,
  statSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EVENT_TABLES } from '../schema.ts';
import type { Query } from '../store.ts';

export type Job =
  | { readonly what: 'copy'; readonly from: string; readonly to: string }
  /** Opens it for reading and closes it. */
  | { readonly what: 'open'; readonly path: string }
  /** Reads all of it. */
  | { readonly what: 'check'; readonly path: string };

/** What a store holds, as numbers by name: schema version, sums of the ledger, rows of tables. */
export type StoreSummary = Readonly<Record<string, number>>;

export type Answer =
  | { readonly kind: 'done' }
  | { readonly kind: 'summary'; readonly summary: StoreSummary }
  /** `code` as of errno(3), empty if it is none of the system's. */
  | { readonly kind: 'failed'; readonly code: string; readonly problem: string };

const COUNTED = [...EVENT_TABLES, 'unparsed_lines', 'lines_seen', 'hops', 'hourly'];
const LEDGER = ['bytes', 'byte_offset', 'lines_read', 'lines_parsed', 'lines_duplicate'];

/** Asked by whoever has the store open, and by the child of the copy. */
export async function storeSummary(query: Query): Promise<StoreSummary> {
  const sums = LEDGER.map((name) => `coalesce(sum(${name}), 0)::BIGINT AS ${name}`).join(', ');
  const counts = COUNTED.map((name) => `(SELECT count(*) FROM raw.${name}) AS ${name}`).join(', ');
  const { rows } = await query.query(
    `SELECT (SELECT max(version) FROM raw.schema_versions) AS schema_version,
      count(*) AS sources, ${sums}, ${counts} FROM raw.sources`,
  );
  return Object.fromEntries(
    Object.entries(rows[0] ?? {}).map(([name, value]) => [name, Number(value ?? 0)]),
  );
}

async function copy(from: string, to: string): Promise<void> {
  const log = statSync(`${from}.wal`, { throwIfNoEntry: false });
  if (log !== undefined && log.size > 0) {
    throw new Error(`its write-ahead log ${from}.wal is not empty: open it once with maillog`);
  }
  // A file system that can share blocks does so, and the copy costs nothing.
  copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  chmodSync(to, 0o600);
  const descriptor = openSync(to, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

async function open(path: string, isWhole: boolean): Promise<Answer> {
  // Named when it is missing, in the system's words rather than DuckDB's.
  statSync(path);
  const { DuckDbStore } = await import('./duckdb-store.ts');
  const store = await DuckDbStore.open({ path, readOnly: true, memoryLimit: '512MB' });
  try {
    if (!isWhole) return { kind: 'done' };
    await readAll(store);
    return { kind: 'summary', summary: await storeSummary(store) };
  } finally {
    await store.close();
  }
}

/** Every column of every row, so that a block that is damaged is met. */
async function readAll(query: Query): Promise<void> {
  const { rows } = await query.query(
    `SELECT schema_name || '."' || table_name || '"' AS name FROM duckdb_tables() WHERE schema_name = 'raw'`,
  );
  if (rows.length === 0) throw new Error("it is a DuckDB file, but not maillog's");
  for (const { name } of rows) await query.query(`SELECT bit_xor(hash(t)) AS h FROM ${name} t`);
}

async function perform(job: Job): Promise<Answer> {
  try {
    if (job.what !== 'copy') return await open(job.path, job.what === 'check');
    await copy(job.from, job.to);
    return { kind: 'done' };
  } catch (error) {
    const isSystem = error instanceof Error && 'syscall' in error && 'code' in error;
    const problem = error instanceof Error ? error.message : String(error);
    return { kind: 'failed', code: isSystem ? String(error.code) : '', problem };
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const answer = await perform(JSON.parse(process.argv[2] ?? '{}') as Job);
  process.stdout.write(JSON.stringify(answer));
}
