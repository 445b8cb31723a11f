/**
 * Folders that other users may write into, held open so that nobody can exchange what lies under a path between
 * the look at it and its use (openat(2) by way of /proc/self/fd).
 *
 * Promises: no symbolic link is followed below a folder that is held; whether a user may do something is judged
 * by the mode of what was opened, as the system would judge it for him.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, mkdir, open, realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { KeyedTurns } from './mailbox-lock.ts';

/** In whose name files are made. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const OPEN_FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const making = new KeyedTurns();
export const MAY_READ = 4;
export const MAY_WRITE = 2;
export const MAY_SEARCH = 1;

/** Whether the owner may do all of `what` to the file. */
export function isAllowed(file: Stats, { uid, gid }: Owner, what: number): boolean {
  if (uid === 0) return true;
  let shift = 0;
  if (file.uid === uid) shift = 6;
  else if (file.gid === gid) shift = 3;
  return ((file.mode >> shift) & what) === what;
}

/** Only root can give a file away; everybody else writes as himself. */
export const isRoot = () => process.geteuid?.() === 0;

export class Folder {
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Links above the folder are followed, as for its owner. */
  static async open(path: string): Promise<Folder> {
    return new Folder(await open(await realpath(path), OPEN_FOLDER));
  }

  /** The folder of a file, with every folder above it open to the owner; throws EACCES otherwise. */
  static async openFor(file: string, owner: Owner): Promise<Folder> {
    const path = await realpath(dirname(file));
    let folder = await Folder.open('/');
    for (const name of path.split('/').filter((part) => part !== '')) {
      const above = folder;
      try {
        folder = await above.child(name);
      } finally {
        await above.close();
      }
      if (isAllowed(await folder.stat(), owner, MAY_SEARCH)) continue;
      await folder.close();
      throw Object.assign(new Error(`no way to ${file}`), { code: 'EACCES' });
    }
    return folder;
  }

  /** A name in this folder, for any call that takes a path. */
  pathOf(name: string): string {
    return `/proc/self/fd/${this.#handle.fd}/${basename(name)}`;
  }

  async stat(): Promise<Stats> {
    return await this.#handle.stat();
  }

  async child(name: string): Promise<Folder> {
    return new Folder(await open(this.pathOf(name), OPEN_FOLDER));
  }

  /** The folder of that name, made for the owner where there is none; somebody else's is refused. */
  async ownChild(name: string, owner: Owner): Promise<Folder> {
    const { dev, ino } = await this.stat();
    // Between its making and its giving away another delivery would take it for somebody else's.
    await making.run(`${dev}:${ino}:${name}`, () => this.#make(name, owner));
    const folder = await this.child(name);
    try {
      const { uid } = await folder.stat();
      if (isRoot() && uid !== owner.uid) {
        throw Object.assign(new Error(`${name} is not his`), { code: 'EACCES' });
      }
    } catch (error) {
      await folder.close();
      throw error;
    }
    return folder;
  }

  async #make(name: string, owner: Owner): Promise<void> {
    try {
      await mkdir(this.pathOf(name), 0o700);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
      throw error;
    }
    if (!isRoot()) return;
    const folder = await this.child(name);
    try {
      await folder.#handle.chown(owner.uid, owner.gid);
    } finally {
      await folder.close();
    }
  }

  async openFile(name: string, flags: number, mode: number): Promise<FileHandle> {
    return await open(this.pathOf(name), flags | constants.O_NOFOLLOW, mode);
  }

  /** Makes names that were made or moved here survive a power cut. */
  async sync(): Promise<void> {
    await this.#handle.sync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
