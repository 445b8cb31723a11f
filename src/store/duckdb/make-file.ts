/**
 * Makes an empty database file: written aside, then given its name. DuckDB refuses a file whose first bytes
 * it could not write to their end (the disk was full, the process was killed), and would do so for ever.
 *
 * Promise: afterwards the name leads to a whole database or, when this rejects, to what it led to before. A
 * file that another process made meanwhile stays.
 */
import { existsSync, linkSync, renameSync, rmSync } from 'node:fs';

/** `write` makes a database under the name it is given, and closes it. */
export async function makeFile(
  path: string,
  write: (aside: string) => Promise<void>,
): Promise<void> {
  const aside = `${path}.${process.pid}.tmp`;
  remove(aside);
  try {
    await write(aside);
    giveName(aside, path);
  } finally {
    remove(aside);
  }
}

/** Not by renaming where it can be helped: that would replace what another process has just made. */
function giveName(aside: string, path: string): void {
  try {
    linkSync(aside, path);
  } catch (error) {
    if (existsSync(path)) return;
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
    renameSync(aside, path);
  }
}

function remove(aside: string): void {
  for (const name of [aside, `${aside}.wal`]) rmSync(name, { force: true });
}
