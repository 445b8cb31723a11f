/**
 * Locks of a mailbox file, so that ourselves, other delivery agents and the user's mail reader write it in turns:
 * one writer a path in this process, then NAME.lock beside the file (mail.local's and procmail's way), then
 * a lock on the file itself where the system's locks are at hand.
 *
 * A lock file older than five minutes is one that a crash left behind; so is, at once, one that names a process of
 * this machine that is gone.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { readFile, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from './sysexits.ts';

/** fcntl(2)'s locks. */
export interface FileLock {
  tryLock(fd: number): boolean;
  unlock(fd: number): void;
}

/** For systems without: the lock file alone must do. */
export const NO_FILE_LOCK: FileLock = { tryLock: () => true, unlock: () => undefined };

const STALE_MS = 5 * 60_000;
const RETRY_MS = 50;

/** Runs one task a key at a time, in the order of asking. */
export class KeyedTurns {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.then(task, task);
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(key, settled);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }
}

/** Throws EBUSY when another keeps the lock for all that time. */
export async function withDotLock<T>(
  lockPath: string,
  waitMs: number,
  task: () => Promise<T>,
): Promise<T> {
  await takeDotLock(lockPath, waitMs);
  try {
    return await task();
  } finally {
    await unlink(lockPath).catch(() => undefined);
  }
}

async function takeDotLock(lockPath: string, waitMs: number): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  for (let waited = 0; ; waited += RETRY_MS) {
    try {
      // At once, so that a crash leaves none without a name in it.
      const file = openSync(lockPath, flags, 0o444);
      try {
        writeSync(file, `${process.pid} ${hostname()}\n`);
      } finally {
        closeSync(file);
      }
      return;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    if (await isStale(lockPath)) await unlink(lockPath).catch(() => undefined);
    else if (waited >= waitMs) throw busy(lockPath);
    else await sleep(RETRY_MS);
  }
}

async function isStale(lockPath: string): Promise<boolean> {
  const found = await stat(lockPath).catch(() => null);
  if (found === null) return false;
  return Date.now() - found.mtimeMs > STALE_MS || (await isOfTheDead(lockPath));
}

/** Only of our own form: a mere number may be of another machine's process. */
async function isOfTheDead(lockPath: string): Promise<boolean> {
  const text = await readFile(lockPath, 'latin1').catch(() => '');
  const [, pid = '', host = ''] = /^(\d{1,10}) (\S+)\n$/.exec(text) ?? [];
  if (pid === '' || host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return errorCode(error) === 'ESRCH';
  }
}

export async function withFileLock<T>(
  lock: FileLock,
  fd: number,
  waitMs: number,
  task: () => Promise<T>,
): Promise<T> {
  for (let waited = 0; !lock.tryLock(fd); waited += RETRY_MS) {
    if (waited >= waitMs) throw busy(`file ${fd}`);
    await sleep(RETRY_MS);
  }
  try {
    return await task();
  } finally {
    lock.unlock(fd);
  }
}

function busy(what: string): Error {
  return Object.assign(new Error(`${what} is locked`), { code: 'EBUSY' });
}
