/** The methods that read: maillog's own SQL, SQL from outside, and exports. */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReaderConnection } from '../duckdb/reader-pool.ts';
import { safeExport, safely } from '../duckdb/safe-query.ts';
import type { SharedStore } from '../duckdb/shared-store.ts';
import { StoreBroken } from '../duckdb/store-broken.ts';
import type { Bindings, ExportFormat } from '../store.ts';
import { decodeBindings, textOf } from './params.ts';
import type { Answer } from './protocol.ts';
import { RowEncoder } from './protocol.ts';
import type { Method, Session } from './server.ts';
import { WireError } from './wire.ts';

/** `limit`: bytes of an answer's rows. */
export function answerMethods(store: SharedStore, limit: number): Readonly<Record<string, Method>> {
  const rowsOf = async (
    reader: ReaderConnection,
    sql: string,
    bindings: Bindings,
  ): Promise<Answer> => {
    const rows = new RowEncoder(limit);
    const columns = await reader.stream(sql, bindings, (chunk) => rows.add(chunk));
    return { result: columns, payloads: rows.payloads };
  };
  return {
    query: ({ params, session }) => {
      const sql = textOf(params.sql, 'sql');
      const bindings = decodeBindings(params.bindings);
      return reading(store, session, (reader) => rowsOf(reader, sql, bindings));
    },
    userQuery: ({ params, session }) => {
      const sql = textOf(params.sql, 'sql');
      return reading(store, session, (reader) =>
        safely(reader, sql, () => rowsOf(reader, sql, {})),
      );
    },
    exportTo: ({ params, session }) => {
      const select = textOf(params.select, 'select');
      const format = formatOf(params.format);
      const name = `export-${randomBytes(16).toString('hex')}.${format.toLowerCase()}`;
      const path = join(store.exportFolder, name);
      session.exports.add(path);
      return reading(store, session, async (reader) => {
        const rows = await safeExport(reader, { select, path, format });
        store.shareExport(path);
        return { result: { path, rows } };
      });
    },
    dropExport: async ({ params, session }) => {
      const path = textOf(params.path, 'path');
      if (!session.exports.delete(path)) throw new WireError('there is no such export');
      await rm(path, { force: true });
      return {};
    },
    checkpoint: async () => {
      await store.checkpoint();
      return {};
    },
  };
}

function formatOf(value: unknown): ExportFormat {
  if (value === 'CSV' || value === 'PARQUET') return value;
  throw new WireError('format is none that may be');
}

/** Asks once more when the store had to be opened again under the question: a writer met a full disk, say. */
async function reading(
  store: SharedStore,
  session: Session,
  work: (reader: ReaderConnection) => Promise<Answer>,
): Promise<Answer> {
  const { openings } = store;
  try {
    return await readingOnce(store, session, work);
  } catch (error) {
    if (error instanceof StoreBroken) await store.reopen();
    else if (store.openings === openings || session.signal.aborted) throw error;
    return readingOnce(store, session, work);
  }
}

/** Works with a connection for answers; what runs there ends when the client goes. */
async function readingOnce(
  store: SharedStore,
  { signal }: Session,
  work: (reader: ReaderConnection) => Promise<Answer>,
): Promise<Answer> {
  const reader = await store.reader(signal);
  const interrupt = (): void => reader.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    signal.throwIfAborted();
    return await work(reader);
  } finally {
    signal.removeEventListener('abort', interrupt);
    reader.release();
  }
}
