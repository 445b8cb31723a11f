/**
 * Files that name recipients, `:include:` lists and .forward, read as safely as sendmail reads them (include() and
 * safefile()): a regular file that nobody but its owner can write, readable to the one in whose name it is read,
 * and bounded.
 */
import { constants, type Stats } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isAllowed, isRoot, MAY_READ, type Owner } from '../courier/safe-folder.ts';
import { errorCode, isTransientError, systemErrorText } from '../courier/sysexits.ts';
import { splitMembers } from './alias-file.ts';

export type ListFile =
  | {
      readonly kind: 'list';
      readonly lines: readonly (readonly string[])[];
      readonly owner: Owner;
      /** Others can write a folder above it: it may not name programs and files. */
      readonly isUnsafe: boolean;
    }
  | { readonly kind: 'missing' }
  | { readonly kind: 'error'; readonly text: string; readonly isTemporary: boolean };

export interface ListRequest {
  readonly path: string;
  /** In whose name it is read. */
  readonly reader: Owner;
  /** It must be the reader's own or root's, as a .forward file. */
  readonly isOwnOnly: boolean;
  readonly mostBytes: number;
}

const OPEN = constants.O_RDONLY | constants.O_NONBLOCK;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

export async function readListFile(request: ListRequest): Promise<ListFile> {
  const { path, isOwnOnly } = request;
  if (!path.startsWith('/')) return failure('Not an absolute path');
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    // Whoever can write a folder could point a link at what is not his.
    handle = await open(path, isOwnOnly ? OPEN | constants.O_NOFOLLOW : OPEN);
  } catch (error) {
    return openFailure(errorCode(error), isOwnOnly);
  }
  try {
    const file = await handle.stat();
    const refusal = refusalOf(file, request);
    if (refusal !== null) return failure(refusal);
    const text = (await handle.readFile()).toString('latin1');
    return {
      kind: 'list',
      lines: linesOf(text),
      owner: { uid: file.uid, gid: file.gid },
      isUnsafe: await isWritableAbove(path),
    };
  } catch (error) {
    return openFailure(errorCode(error), isOwnOnly);
  } finally {
    await handle.close();
  }
}

function failure(text: string, isTemporary = false): ListFile {
  return { kind: 'error', text, isTemporary };
}

function openFailure(code: string, isOwnOnly: boolean): ListFile {
  if (code === 'ENOENT' || (code === 'ENOTDIR' && isOwnOnly)) {
    return isOwnOnly ? { kind: 'missing' } : failure(systemErrorText(code));
  }
  if (code === 'ELOOP') return failure('Symbolic links not allowed');
  return failure(systemErrorText(code), isTransientError(code));
}

/** In sendmail's words. */
function refusalOf(file: Stats, { reader, isOwnOnly, mostBytes }: ListRequest): string | null {
  if (!file.isFile()) return 'Regular files only';
  if (isOwnOnly && file.nlink !== 1) return 'Hard links not allowed';
  if ((file.mode & OTHERS_WRITE) !== 0) return 'World writable file';
  if ((file.mode & GROUP_WRITES) !== 0) return 'Group writable file';
  if (isOwnOnly && file.uid !== reader.uid && file.uid !== 0) return 'Permission denied';
  if (isRoot() && !isAllowed(file, reader, MAY_READ)) return 'Permission denied';
  return file.size > mostBytes ? systemErrorText('EFBIG') : null;
}

async function isWritableAbove(path: string): Promise<boolean> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const found = await lstat(folder);
    const isOpen = (found.mode & (GROUP_WRITES | OTHERS_WRITE)) !== 0;
    if (!found.isSymbolicLink() && isOpen && (found.mode & STICKY) === 0) return true;
    if (folder === '/') return false;
  }
}

/** Each line is a list; `#` begins a comment line, ` #@#` a comment anywhere. */
function linesOf(text: string): readonly (readonly string[])[] {
  return text.split('\n').map((raw) => {
    const line = raw.replace(/\r$/, '');
    if (line.startsWith('#')) return [];
    return splitMembers(line.replace(/\s+#@#(?:\s.*)?$/, ''));
  });
}
