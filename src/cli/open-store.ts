/**
 * Opening the store for a command: read-only for answers, as a writer for loads. What can go wrong is said
 * in the catalogue's words; a store that is busy is waited for, since cron jobs meet.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileError, maillogError } from '../model/errors.ts';
import type { DuckDbStore, OpenOptions } from '../store/duckdb/duckdb-store.ts';

/** How long a command waits for the owner of the store to finish. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 200;
/** Enough for a transaction of a million lines; what is more goes to a temporary file. */
const WRITER_MEMORY = '512MB';
/** A load parses on one processor; a second thread in the store costs more than it brings. */
const WRITER_THREADS = 1;

/** Opens an existing store for reading. */
export function openReader(path: string): Promise<DuckDbStore> {
  if (!existsSync(path)) throw maillogError('E_STORE_MISSING', { path });
  return openPatiently({ path, readOnly: true });
}

/** Opens the store for writing, making it if need be, and brings its schema up to date. */
export async function openWriter(path: string): Promise<DuckDbStore> {
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (error) {
    throw fileError(error, dirname(path));
  }
  const store = await openPatiently({ path, memoryLimit: WRITER_MEMORY, threads: WRITER_THREADS });
  try {
    await store.migrate();
    return store;
  } catch (error) {
    await store.close();
    if (/schema version/.test(String(error))) throw maillogError('E_STORE_NEWER', { path }, error);
    throw error;
  }
}

/** A store in memory, for reports straight from files. */
export async function openMemory(): Promise<DuckDbStore> {
  const { DuckDbStore } = await import('../store/duckdb/duckdb-store.ts');
  const store = await DuckDbStore.open({ path: ':memory:' });
  await store.migrate();
  return store;
}

async function openPatiently(options: OpenOptions): Promise<DuckDbStore> {
  const { DuckDbStore } = await import('../store/duckdb/duckdb-store.ts');
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await DuckDbStore.open(options);
    } catch (error) {
      const text = String(error);
      const locked = /lock/i.test(text);
      if (!locked || Date.now() > deadline) throw explain(options.path, text, error);
    }
    await sleep(PAUSE_MS);
  }
}

function explain(path: string, text: string, cause: unknown): Error {
  const pid = /PID (\d+)/.exec(text)?.[1];
  if (/lock/i.test(text)) {
    return maillogError(
      'E_STORE_LOCKED',
      { path, owner: pid === undefined ? 'another process' : `process ${pid}` },
      cause,
    );
  }
  if (/permission denied/i.test(text)) return maillogError('E_NO_ACCESS', { path }, cause);
  const problem = text.replace(/^Error: /, '').split('\n')[0] ?? 'it cannot be opened';
  return maillogError('E_NOT_A_STORE', { path, problem }, cause);
}
