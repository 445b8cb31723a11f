/**
 * Where the daemon of a database listens: a socket beside the file. The name of a socket has room for 107
 * bytes only (unix(7)); a longer one is reached through the folder's descriptor, where there is /proc.
 */
import { closeSync, constants, existsSync, openSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileError, maillogError } from '../../model/errors.ts';

const LONGEST = 107;
const DESCRIPTORS = '/proc/self/fd';

/** By the file itself, whatever links lead to it. */
export function socketPathOf(db: string): string {
  return `${realPath(resolve(db))}.sock`;
}

function realPath(path: string): string {
  for (const [known, rest] of [
    [path, ''],
    [dirname(path), basename(path)],
  ] as const) {
    try {
      return join(realpathSync(known), rest);
    } catch {
      // Not there yet.
    }
  }
  return path;
}

/** A name by which the system takes the socket, good until `release`. */
export function usablePath(path: string): { readonly name: string; release(): void } {
  if (Buffer.byteLength(path) <= LONGEST) return { name: path, release: () => {} };
  if (!existsSync(DESCRIPTORS)) {
    const problem = `its name has more than ${LONGEST} bytes`;
    throw maillogError('E_CANNOT_LISTEN', { address: path, problem });
  }
  const folder = openFolder(dirname(path));
  return {
    name: `${DESCRIPTORS}/${folder}/${basename(path)}`,
    release: () => closeSync(folder),
  };
}

function openFolder(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    throw fileError(error, path);
  }
}

export async function withUsablePath<T>(
  path: string,
  use: (name: string) => Promise<T>,
): Promise<T> {
  const usable = usablePath(path);
  try {
    return await use(usable.name);
  } finally {
    usable.release();
  }
}
