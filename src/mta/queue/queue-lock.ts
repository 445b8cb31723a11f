/**
 * One MTA at a time has a queue: a file `lock` in it names the process that does, with its start time and
 * the boot it belongs to, since process ids come again. A lock whose process is gone is taken over.
 */
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const NAME = 'lock';
/** Takers who race for a stale lock; each round one of them wins. */
const ROUNDS = 5;
/** Of /proc/PID/stat behind the name in brackets: field 22 of proc(5). */
const START_TIME = 19;

export interface LockOwner {
  readonly pid: number;
  readonly startedAt: string;
}

export type LockResult =
  | { readonly kind: 'taken'; readonly release: () => void }
  | { readonly kind: 'held'; readonly owner: LockOwner };

export function takeQueueLock(folder: string): LockResult {
  const path = join(folder, NAME);
  const mine = join(folder, `${NAME}.${process.pid}.${randomUUID().slice(0, 8)}`);
  const token = JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid) ?? '' });
  writeFileSync(mine, `${token}\n`, { mode: 0o600, flag: 'wx' });
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      if (tryLink(mine, path)) return { kind: 'taken', release: () => releaseLock(path, token) };
      const owner = liveOwner(path);
      if (owner !== undefined) return { kind: 'held', owner };
      removeStale(path, mine);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return { kind: 'held', owner: readOwner(path) ?? { pid: 0, startedAt: '' } };
}

/** The living process that has the queue; undefined where none has. */
export function queueOwner(folder: string): LockOwner | undefined {
  return liveOwner(join(folder, NAME));
}

/** A hard link is made whole or not at all, and never over another. */
function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

function releaseLock(path: string, token: string): void {
  if (readText(path)?.trim() === token) rmSync(path, { force: true });
}

function liveOwner(path: string): LockOwner | undefined {
  const owner = readOwner(path);
  return owner !== undefined && isAlive(owner) ? owner : undefined;
}

/** Moved away first: what was moved may be a new lock by now, which is put back. */
function removeStale(path: string, mine: string): void {
  const aside = `${mine}.stale`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  const owner = readOwner(aside);
  if (owner !== undefined && isAlive(owner)) tryLink(aside, path);
  rmSync(aside, { force: true });
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function readOwner(path: string): LockOwner | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    const { pid, startedAt } = value as { pid?: unknown; startedAt?: unknown };
    if (typeof pid !== 'number' || typeof startedAt !== 'string') return undefined;
    return { pid, startedAt };
  } catch {
    return undefined;
  }
}

function isAlive({ pid, startedAt }: LockOwner): boolean {
  const started = startOf(pid);
  if (started !== undefined) return started === startedAt;
  if (readText('/proc/self/stat') !== undefined) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** When the process started, in ticks of this boot; undefined where there is none such, or no /proc. */
function startOf(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const boot = readText('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return `${boot}:${fields[START_TIME] ?? ''}`;
}
