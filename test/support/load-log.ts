/** A log given as text, read into a store in memory by the real parser and the real store. */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { BlockParser } from '../../ingest/pipeline/block-parser.ts';
import type { ClockOptions } from '../../ingest/pipeline/clock.ts';
import type { SourceResult } from '../../ingest/pipeline/ingest.ts';
import { ingestSource } from '../../ingest/pipeline/ingest.ts';
import { SendmailDialect } from '../../ingest/sendmail/sendmail-dialect.ts';
import type { SourceItem } from '../../ingest/source/line-blocks.ts';
import { DuckDbStore } from '../../src/store/duckdb/duckdb-store.ts';
import type { Row } from '../../src/store/store.ts';

export interface LoadedLog {
  readonly store: DuckDbStore;
  readonly result: SourceResult;
  rows(sql: string): Promise<readonly Row[]>;
}

/** The site's zone is UTC and it is the end of 2026, unless the clock says otherwise. */
export const TEST_CLOCK: ClockOptions = {
  defaultZone: () => 0,
  latest: Date.UTC(2026, 11, 31) / 1000,
};

export async function openStore(path = ':memory:'): Promise<DuckDbStore> {
  const store = await DuckDbStore.open({ path });
  await store.migrate();
  return store;
}

/** Reads `text` as one source into `store`. */
export function loadInto(
  store: DuckDbStore,
  text: string | Uint8Array,
  clock: ClockOptions = TEST_CLOCK,
): Promise<SourceResult> {
  const bytes = Buffer.from(text);
  const parser = new BlockParser({ dialects: [(block) => new SendmailDialect(block)] }, clock);
  const head = bytes.subarray(0, 4096);
  const headDigest = createHash('sha256').update(head).digest('hex');
  return ingestSource(
    {
      identity: { name: 'test.log', headLength: head.length, headDigest },
      known: undefined,
      clock,
      items: asItems(bytes),
    },
    store,
    parser,
    { batchLines: 1_000_000, keepUnparsed: 1000, checkDuplicates: true },
  );
}

async function* asItems(bytes: Buffer): AsyncGenerator<SourceItem> {
  if (bytes.length > 0)
    yield { kind: 'lines', bytes, offset: 0, unterminated: bytes.at(-1) !== 0x0a };
}

export async function loadLog(text: string | Uint8Array, clock?: ClockOptions): Promise<LoadedLog> {
  const store = await openStore();
  const result = await loadInto(store, text, clock);
  return { store, result, rows: async (sql) => (await store.query(sql)).rows };
}
