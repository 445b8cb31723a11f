/**
 * Opening the store for a command: read-only for answers, as a writer for loads. A daemon that owns the file
 * is asked first; where none answers the file is opened itself, and DuckDB is loaded only then. What can go
 * wrong is said in the catalogue's words; a store that is busy is waited for, since cron jobs meet and
 * daemons start and end: each time it is tried both ways.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileError, maillogError } from '../model/errors.ts';
import type { DuckDbStore, OpenOptions } from '../store/duckdb/duckdb-store.ts';
import { RemoteStore } from '../store/remote/client.ts';
import { PROTOCOL } from '../store/remote/protocol.ts';
import { socketPathOf } from '../store/remote/socket-path.ts';
import type { ReadStore } from '../store/store.ts';
import { explainStoreError } from './explain-store-error.ts';

/** How long a command waits for the owner of the store to finish, or to answer. */
export const PATIENCE_MS = 10_000;
export const PAUSE_MS = 200;
/** Enough for a transaction of a million lines; what is more goes to a temporary file. */
const WRITER_MEMORY = '512MB';
/** A load parses on one processor; a second thread in the store costs more than it brings. */
const WRITER_THREADS = 1;

/** Opens an existing store for reading. */
export async function openReader(path: string): Promise<ReadStore> {
  if (!existsSync(path)) throw maillogError('E_STORE_MISSING', { path });
  return openPatiently({ path, readOnly: true });
}

/** Opens the store for writing, making it if need be, and brings its schema up to date. */
export async function openWriter(path: string): Promise<DuckDbStore | RemoteStore> {
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
    throw explainStoreError(path, error);
  }
}

/** A store in memory, for reports straight from files. */
export async function openMemory(): Promise<DuckDbStore> {
  const { DuckDbStore } = await import('../store/duckdb/duckdb-store.ts');
  const store = await DuckDbStore.open({ path: ':memory:' });
  await store.migrate();
  return store;
}

/** What came of one try: a store, or why not and whether to try again. */
type Outcome =
  | { readonly kind: 'store'; readonly store: DuckDbStore | RemoteStore }
  | { readonly kind: 'busy' | 'forbidden' | 'failed'; readonly error: Error };

async function openPatiently(options: OpenOptions): Promise<DuckDbStore | RemoteStore> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const outcome = await openOnce(options, deadline);
    if (outcome.kind === 'store') return outcome.store;
    if (outcome.kind !== 'busy' || Date.now() > deadline) throw outcome.error;
    await sleep(PAUSE_MS);
  }
}

async function openOnce(options: OpenOptions, deadline: number): Promise<Outcome> {
  const asked = await askDaemon(options.path, deadline);
  if (asked !== undefined && asked.kind !== 'forbidden') return asked;
  const opened = await openFile(options);
  // The file is in use by whoever listens on the socket that may not be used.
  return opened.kind === 'busy' && asked !== undefined ? asked : opened;
}

async function openFile(options: OpenOptions): Promise<Outcome> {
  const { DuckDbStore } = await import('../store/duckdb/duckdb-store.ts');
  try {
    return { kind: 'store', store: await DuckDbStore.open(options) };
  } catch (error) {
    const explained = explainStoreError(options.path, error);
    return { kind: explained.code === 'E_STORE_LOCKED' ? 'busy' : 'failed', error: explained };
  }
}

/** Undefined when nobody listens: there is no socket, or it was left behind. */
async function askDaemon(path: string, deadline: number): Promise<Outcome | undefined> {
  const socket = socketPathOf(path);
  let store: RemoteStore;
  try {
    store = await RemoteStore.connect(socket);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'EACCES' || code === 'EPERM') {
      return { kind: 'forbidden', error: maillogError('E_NO_ACCESS', { path: socket }, error) };
    }
    // A daemon that has as many clients as it takes lets others wait (EAGAIN).
    return code === 'EAGAIN' ? silent(path, error) : undefined;
  }
  return greet(path, store, deadline);
}

async function greet(path: string, store: RemoteStore, deadline: number): Promise<Outcome> {
  const silence = setTimeout(() => void store.close(), Math.max(PAUSE_MS, deadline - Date.now()));
  try {
    const { protocol, pid, version } = await store.hello();
    if (protocol === PROTOCOL) return { kind: 'store', store };
    await store.close();
    const owner = `process ${pid} (maillog ${version}, which does not understand this one)`;
    return { kind: 'failed', error: maillogError('E_STORE_LOCKED', { path, owner }) };
  } catch (error) {
    await store.close();
    return silent(path, error);
  } finally {
    clearTimeout(silence);
  }
}

/** It listens, but is starting, ending or has too many clients. */
function silent(path: string, cause: unknown): Outcome {
  const owner = 'a maillog daemon that does not answer';
  return { kind: 'busy', error: maillogError('E_STORE_LOCKED', { path, owner }, cause) };
}
