/**
 * What the spool needs of a file system, so that a test can let any of it fail, and the one error that it
 * tells: the session answers 452 4.3.1 where the disk is full and 451 4.3.0 for the rest.
 */
import {
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  stat,
  statfs,
  unlink,
} from 'node:fs/promises';

export interface SpoolHandle {
  /** Writes all of it where the last write ended. */
  writeFile(data: Uint8Array | string): Promise<void>;
  datasync(): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface SpoolFiles {
  open(path: string, flags: string | number, mode?: number): Promise<SpoolHandle>;
  readonly rename: typeof rename;
  readonly unlink: typeof unlink;
  readonly link: typeof link;
  readonly mkdir: (
    path: string,
    options: { recursive: true; mode: number },
  ) => Promise<string | undefined>;
  readonly readText: (path: string) => Promise<string>;
  readonly names: (path: string) => Promise<string[]>;
  readonly stat: (path: string) => Promise<{ readonly size: number; readonly mtimeMs: number }>;
  readonly statfs: (path: string) => Promise<{ readonly bavail: number; readonly bsize: number }>;
}

export const DISK: SpoolFiles = {
  open: (path, flags, mode) => open(path, flags, mode),
  rename,
  unlink,
  link,
  mkdir,
  readText: (path) => readFile(path, 'utf8'),
  names: (path) => readdir(path),
  stat: (path) => stat(path),
  statfs: (path) => statfs(path),
};

/** `full`: no room, try later. `broken`: the disk or the folder is not as it should be. */
export type SpoolFault = 'full' | 'broken';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export class SpoolError extends Error {
  readonly fault: SpoolFault;
  /** The system's own word, `ENOSPC`. */
  readonly code: string;

  constructor(doing: string, { cause }: { readonly cause: unknown }) {
    const code = errorCode(cause);
    super(`${doing}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'SpoolError';
    this.code = code;
    this.fault = FULL.has(code) ? 'full' : 'broken';
  }
}

export function errorCode(error: unknown): string {
  if (error instanceof SpoolError) return error.code;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

export const isMissing = (error: unknown): boolean => errorCode(error) === 'ENOENT';

/** Removes a file that may not be there. */
export async function unlinkIfThere(files: SpoolFiles, path: string): Promise<void> {
  try {
    await files.unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
