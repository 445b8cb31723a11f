/**
 * Whether this process has a file open. DuckDB's lock is the process's (fcntl(2)): it would not notice a
 * second opening from within, and both would write. Answers where /proc tells (Linux), else always no.
 */
import { readdirSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { maillogError } from '../../model/errors.ts';

const DESCRIPTORS = '/proc/self/fd';
const PATIENCE_MS = 2000;
const PAUSE_MS = 20;

export function isOpenHere(path: string): boolean {
  const wanted = statSync(path, { throwIfNoEntry: false });
  if (wanted === undefined) return false;
  return descriptors().some((name) => {
    try {
      const { dev, ino } = statSync(`${DESCRIPTORS}/${name}`);
      return dev === wanted.dev && ino === wanted.ino;
    } catch {
      // Closed meanwhile, such as that of the listing itself.
      return false;
    }
  });
}

/** Waits until what is being closed has let go of the file. */
export async function assertNotOpenHere(path: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (isOpenHere(path)) {
    if (Date.now() > deadline) {
      throw maillogError('E_STORE_FAILED', { problem: `${path} is open in this process already` });
    }
    await sleep(PAUSE_MS);
  }
}

function descriptors(): readonly string[] {
  try {
    return readdirSync(DESCRIPTORS);
  } catch {
    return [];
  }
}
