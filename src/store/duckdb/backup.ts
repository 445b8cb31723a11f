/**
 * Backup and restore of a store's file, each whole or not at all.
 *
 * A backup is a copy of the file while nobody writes and the write-ahead log is empty; answers go on
 * meanwhile. The file is copied and checked by child processes: in a process that has it open, any other
 * descriptor of it that is closed would give up DuckDB's lock (fcntl(2)), and opening it twice would go
 * unnoticed. What was written aside is durable and checked before it takes its name.
 *
 * The check reads every block that holds data (DuckDB keeps a checksum of each), and compares schema version,
 * ledger sums and numbers of rows with what the store said while it was copied.
 */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MaillogError } from '../../model/errors.ts';
import { fileError, maillogError } from '../../model/errors.ts';
import type { Answer, Job, StoreSummary } from './backup-child.ts';
import { SCHEMA_VERSION } from './migrations.ts';

/** What a backup needs of whoever owns the store. */
export interface BackupAccess {
  /**
   * Takes the writer's turn, writes the log into the file and calls `work` with what the store holds
   * (`storeSummary`); nobody writes until `work` has ended.
   */
  checkpoint(work: (held: StoreSummary) => Promise<void>): Promise<void>;
  /** Copies the store's file, in another process; durable when done. In a daemon and else: `copyStore`. */
  copy(aside: string): Promise<void>;
  /** What a file that is not open here holds, having read all of it, in another process: `checkStore`. */
  verify(path: string): Promise<StoreSummary>;
}

export interface BackupResult {
  readonly path: string;
  readonly bytes: number;
  readonly summary: StoreSummary;
}

export interface RestoreRequest {
  readonly backup: string;
  readonly db: string;
  /** Whether a store that is there may be replaced. */
  readonly force: boolean;
}

export interface RestoreResult extends BackupResult {
  /** Where the replaced store is now; undefined if there was none. */
  readonly kept: string | undefined;
}

const CHILD = fileURLToPath(new URL('./backup-child.js', import.meta.url));
const OWNER_ONLY = 0o600;

/** Writes a backup over whatever is at `target`; who calls has asked whether it may. */
export async function backupStore(access: BackupAccess, target: string): Promise<BackupResult> {
  const aside = asideOf(target);
  removeStore(aside);
  try {
    let held: StoreSummary | undefined;
    await access.checkpoint(async (summary) => {
      held = summary;
      await access.copy(aside);
    });
    const summary = await access.verify(aside);
    const differs = differenceOf(held ?? {}, summary);
    if (differs !== undefined) {
      throw maillogError('E_STORE_FAILED', { problem: `the copy is not the store: ${differs}` });
    }
    return { ...take(aside, target), summary };
  } catch (error) {
    removeStore(aside);
    throw error;
  }
}

/** Puts a backup in the place of a store that nobody has open; the old one is kept beside it. */
export async function restoreStore(request: RestoreRequest): Promise<RestoreResult> {
  const { backup, db, force } = request;
  if (existsSync(db)) {
    if (isSame(backup, db)) {
      throw maillogError('E_USAGE', { problem: `${backup} is the database itself` });
    }
    if (!force) throw isThere(db);
    await refuseOwned(db);
  }
  const summary = await checkStore(backup);
  if ((summary.schema_version ?? 0) > SCHEMA_VERSION) {
    throw maillogError('E_STORE_NEWER', { path: backup });
  }
  const aside = asideOf(db);
  removeStore(aside);
  try {
    await copyStore(backup, aside);
    if (existsSync(db)) await refuseOwned(db);
    const kept = setAside(db);
    return { ...take(aside, db), summary, kept };
  } catch (error) {
    removeStore(aside);
    throw error;
  }
}

/** The failure of writing where something is, unasked. */
export function isThere(path: string): MaillogError {
  const problem = 'it is there already; give --force to write over it';
  return maillogError('E_FILE_FAILED', { path, problem });
}

/** Whether two names are of one file. */
export function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}

/** Copies a store's file whose log is empty, in another process; durable when done. */
export async function copyStore(from: string, to: string): Promise<void> {
  const answer = await ask({ what: 'copy', from, to });
  if (answer.kind === 'failed') throw failureOf(answer, from, to);
}

/** What a store's file holds, having read all of it, in another process. */
export async function checkStore(path: string): Promise<StoreSummary> {
  const answer = await ask({ what: 'check', path });
  if (answer.kind === 'failed') throw failureOf(answer, path, path);
  return answer.kind === 'summary' ? answer.summary : {};
}

/** A store that cannot be opened may be replaced; one that another process writes to may not. */
async function refuseOwned(db: string): Promise<void> {
  const answer = await ask({ what: 'open', path: db });
  if (answer.kind === 'failed' && isLock(answer.problem)) throw failureOf(answer, db, db);
}

/** Runs a job in a child; whatever becomes of it is an answer. */
function ask(job: Job): Promise<Answer> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [CHILD, JSON.stringify(job)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said: Buffer[] = [];
    const complained: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => said.push(part));
    child.stderr.on('data', (part: Buffer) => complained.push(part));
    child.on('error', (error) => resolve({ kind: 'failed', code: '', problem: error.message }));
    child.on('close', (code, signal) => {
      const text = Buffer.concat(said).toString('utf8');
      const ended = signal === null ? `ended with ${code}` : `was ended by ${signal}`;
      const problem = Buffer.concat(complained).toString('utf8').trim() || `the child ${ended}`;
      resolve(code === 0 && text !== '' ? (JSON.parse(text) as Answer) : failed(problem));
    });
  });
}

const failed = (problem: string): Answer => ({ kind: 'failed', code: '', problem });

const isLock = (problem: string): boolean => /could not set lock/i.test(problem);

function failureOf(
  { code, problem }: Answer & { readonly kind: 'failed' },
  from: string,
  to: string,
): MaillogError {
  if (code !== '') {
    // A disk is full where something is written; all else may be said of what is read.
    const path = existsSync(from) ? to : from;
    return fileError(Object.assign(new Error(problem), { code }), path);
  }
  if (isLock(problem)) {
    const pid = /PID (\d+)/.exec(problem)?.[1];
    const owner = pid === undefined ? 'another process' : `process ${pid}`;
    return maillogError('E_STORE_LOCKED', { path: from, owner });
  }
  return maillogError('E_NOT_A_STORE', { path: from, problem: problem.split('\n')[0] ?? problem });
}

function differenceOf(held: StoreSummary, found: StoreSummary): string | undefined {
  const names = new Set([...Object.keys(held), ...Object.keys(found)]);
  const different = [...names].find((name) => held[name] !== found[name]);
  if (different === undefined) return undefined;
  return `${different} is ${found[different] ?? 'missing'}, was ${held[different] ?? 'missing'}`;
}

const asideOf = (path: string): string => `${path}.${process.pid}.tmp`;

/** A store's file and its log. */
function removeStore(path: string): void {
  for (const name of [path, `${path}.wal`]) rmSync(name, { force: true });
}

/** Gives what was written aside its name, durably. */
function take(aside: string, path: string): { readonly path: string; readonly bytes: number } {
  try {
    chmodSync(aside, OWNER_ONLY);
    // A log without its file would be taken for the new one's.
    rmSync(`${path}.wal`, { force: true });
    renameSync(aside, path);
    syncFolder(dirname(path));
    return { path, bytes: statSync(path).size };
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Keeps a store under another name, its log included; it keeps its own until another takes it. */
function setAside(db: string): string | undefined {
  if (!existsSync(db)) return undefined;
  const kept = `${db}.before-restore`;
  try {
    removeStore(kept);
    for (const ending of ['', '.wal']) {
      if (existsSync(db + ending)) keepAs(db + ending, kept + ending);
    }
    return kept;
  } catch (error) {
    throw fileError(error, kept);
  }
}

/** Where a file system has no hard links, there is a moment without the file. */
function keepAs(path: string, kept: string): void {
  try {
    linkSync(path, kept);
  } catch {
    renameSync(path, kept);
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
