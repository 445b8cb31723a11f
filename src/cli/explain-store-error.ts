/**
 * What DuckDB says when a database cannot be opened, in the words of the catalogue. Its errors have no codes,
 * so its texts are read; the file's name in them is none of its words.
 */
import { fileError, MaillogError, maillogError } from '../model/errors.ts';
import { saysFull } from '../store/duckdb/store-broken.ts';

const LOCKED = /could not set lock on file/i;
const HOLDER = /\(PID (\d+)\)/;
const FORBIDDEN = /permission denied|operation not permitted|read-only file system/i;
const NEWER = /schema version \d+, this maillog knows/;

/** A failure to open `path`, whatever threw it. */
export function explainStoreError(path: string, error: unknown): MaillogError {
  if (error instanceof MaillogError) return error;
  // Of a folder that could not be made, say.
  if (error instanceof Error && 'syscall' in error) {
    return fileError(error, 'path' in error ? String(error.path) : path);
  }
  const text = error instanceof Error ? error.message : String(error);
  const said = text.replaceAll(path, '');
  if (LOCKED.test(said)) {
    const pid = HOLDER.exec(said)?.[1];
    const owner = pid === undefined ? 'another process' : `process ${pid}`;
    return maillogError('E_STORE_LOCKED', { path, owner }, error);
  }
  if (NEWER.test(said)) return maillogError('E_STORE_NEWER', { path }, error);
  if (FORBIDDEN.test(said)) return maillogError('E_NO_ACCESS', { path }, error);
  if (saysFull(said)) return maillogError('E_DISK_FULL', { path }, error);
  const problem = text.replace(/^Error: /, '').split('\n')[0] ?? 'it cannot be opened';
  return maillogError('E_NOT_A_STORE', { path, problem }, error);
}
