/**
 * What a store holds, without where it came from: two stores with equal digests hold the same rows as often,
 * whatever the names, the order and the cuts of the files they were made of.
 */
import { DuckDbStore } from '../../src/store/duckdb/duckdb-store.ts';
import { EVENT_TABLES } from '../../src/store/schema.ts';
import type { Row } from '../../src/store/store.ts';

export interface StoreDigest {
  /** By table: how many rows, and the sum of their hashes. */
  readonly tables: Readonly<Record<string, string>>;
  /** Sums over all sources. */
  readonly ledger: Row;
}

const LEDGER = `SELECT sum(lines_read) AS read, sum(lines_parsed) AS parsed, sum(lines_foreign) AS "foreign",
  sum(lines_unsupported) AS unsupported, sum(lines_malformed) AS malformed, sum(lines_duplicate) AS duplicate
  FROM ledger`;

export async function digestOf(path: string): Promise<StoreDigest> {
  const store = await DuckDbStore.open({ path, readOnly: true });
  try {
    const tables: Record<string, string> = {};
    for (const table of EVENT_TABLES) {
      const { rows } = await store.query(
        `SELECT count(*) AS n, coalesce(sum(hash(t)::HUGEINT), 0)::VARCHAR AS digest
         FROM (SELECT * EXCLUDE (source_id, line_number) FROM raw.${table}) t`,
      );
      tables[table] = `${rows[0]?.n} rows ${rows[0]?.digest}`;
    }
    const { rows } = await store.query(LEDGER);
    return { tables, ledger: rows[0] ?? {} };
  } finally {
    await store.close();
  }
}

/** Whether each source's ledger, and so their sum, adds up. */
export async function ledgerAddsUp(path: string): Promise<boolean> {
  const store = await DuckDbStore.open({ path, readOnly: true });
  try {
    const { rows } = await store.query(
      `SELECT count(*) AS n FROM ledger WHERE lines_read <>
         lines_parsed + lines_foreign + lines_unsupported + lines_malformed + lines_duplicate`,
    );
    return rows[0]?.n === 0;
  } finally {
    await store.close();
  }
}
