/**
 * Appends one entry to a mailbox file, whole or not at all.
 *
 * Promises: the file is regular, has one name and is not reached by a link; it is on disk when this resolves;
 * after any failure it is as long as before. Throws the system's error.
 */
import { constants, type Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { type FileLock, KeyedTurns, withDotLock, withFileLock } from './mailbox-lock.ts';
import { type Folder, isAllowed, isRoot, MAY_WRITE, type Owner } from './safe-folder.ts';

export interface AppendTarget {
  readonly folder: Folder;
  readonly name: string;
  readonly owner: Owner;
  /** Of a new file. */
  readonly mode: number;
  /** A file of another owner is refused; without it, one that the owner may not write. */
  readonly isOwnOnly: boolean;
  readonly lock: FileLock;
  readonly lockWaitMs: number;
  /** Held for the file's path, to order writers of this process. */
  readonly key: string;
}

const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK;
const turns = new KeyedTurns();

export async function appendEntry(
  target: AppendTarget,
  entry: AsyncIterable<Buffer>,
): Promise<void> {
  const { folder, name, lockWaitMs } = target;
  const lockPath = folder.pathOf(`${name}.lock`);
  await turns.run(target.key, () =>
    withDotLock(lockPath, lockWaitMs, () => appendLocked(target, entry)),
  );
}

async function appendLocked(target: AppendTarget, entry: AsyncIterable<Buffer>): Promise<void> {
  const { handle, isNew } = await openOrCreate(target);
  try {
    if (isNew && isRoot()) await handle.chown(target.owner.uid, target.owner.gid);
    checkFile(target, await handle.stat());
    await withFileLock(target.lock, handle.fd, target.lockWaitMs, () => writeWhole(handle, entry));
    if (isNew) await target.folder.sync();
  } finally {
    await handle.close();
  }
}

async function openOrCreate({
  folder,
  name,
  owner,
  mode,
  isOwnOnly,
}: AppendTarget): Promise<{ handle: FileHandle; isNew: boolean }> {
  try {
    return { handle: await folder.openFile(name, APPEND, mode), isNew: false };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const who = isRoot() ? owner : { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  // The folder of all mailboxes is the mail system's: who runs as root makes them there for users.
  const isOurFolder = isOwnOnly && isRoot();
  if (!isOurFolder && !isAllowed(await folder.stat(), who, MAY_WRITE)) throw refusal('EACCES');
  const flags = APPEND | constants.O_CREAT | constants.O_EXCL;
  return { handle: await folder.openFile(name, flags, mode), isNew: true };
}

function checkFile({ owner, isOwnOnly }: AppendTarget, file: Stats): void {
  if (!file.isFile() || file.nlink !== 1) throw refusal('EPERM');
  if (!isRoot()) return;
  const isHis = isOwnOnly ? file.uid === owner.uid : isAllowed(file, owner, MAY_WRITE);
  if (!isHis) throw refusal('EACCES');
}

function refusal(code: string): Error {
  return Object.assign(new Error('not a mailbox to write to'), { code });
}

async function writeWhole(handle: FileHandle, entry: AsyncIterable<Buffer>): Promise<void> {
  const { size } = await handle.stat();
  try {
    for await (const chunk of entry) await handle.writeFile(chunk);
    await handle.sync();
  } catch (error) {
    await handle.truncate(size);
    await handle.sync().catch(() => undefined);
    throw error;
  }
}
