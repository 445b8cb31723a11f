/** A disk of 16 MB, to be filled: only for a user who may mount one; others pass the test by. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export async function withTinyDisk(
  disk: string,
  work: (disk: string) => Promise<void>,
): Promise<void> {
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk], { stdio: 'ignore' });
  } catch {
    return;
  }
  try {
    await work(disk);
  } finally {
    execFileSync('umount', [disk]);
  }
}

/** Leaves room for a few kilobytes. */
export function fillDisk(path: string): void {
  const { bavail, bsize } = statfsSync(dirname(path));
  writeFileSync(path, Buffer.alloc(Math.max(0, bavail * bsize - 20_000)));
}
