/**
 * Advisory locks on open files, as mail programs lock mailboxes and sendmail its statistics: fcntl(2) and
 * flock(2) at once, since some programs ask for the one and some for the other.
 *
 * Promises: never waits; between descriptors of one process flock tells them apart, which fcntl does not.
 * A lock ends with `unlock`, with the descriptor, or with the process. As POSIX has it, the fcntl lock ends
 * when the process closes *any* descriptor of the file: do not open a locked file a second time.
 */
import { endianness } from 'node:os';
import { errnoName, loadLibc } from './libc.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

interface FcntlNumbers {
  readonly F_SETLK: number;
  readonly F_WRLCK: number;
  readonly F_UNLCK: number;
  readonly structSize: number;
  readonly typeAt: number;
  /** BSD's kernel sees one lock where Linux sees two: there flock alone keeps out fcntl as well. */
  readonly isOneKind: boolean;
}

const NUMBERS: Readonly<Record<string, FcntlNumbers>> = {
  linux: { F_SETLK: 6, F_WRLCK: 1, F_UNLCK: 2, structSize: 32, typeAt: 0, isOneKind: false },
  darwin: { F_SETLK: 8, F_WRLCK: 3, F_UNLCK: 2, structSize: 24, typeAt: 20, isOneKind: true },
};

/** Another program has the lock: these are the answers that say so. */
const HELD = new Set(['EAGAIN', 'EWOULDBLOCK', 'EACCES']);

/**
 * Locks the whole file for writing; false if somebody else has it. Throws where no lock can be had at all
 * (a descriptor that is closed or not writable, a file system without locks).
 */
export function tryLock(fd: number): boolean {
  const libc = loadLibc();
  // flock first: giving fcntl's lock back would take it from another descriptor of this process.
  if (!succeeded('flock', libc.flock(fd, LOCK_EX | LOCK_NB))) return false;
  if (fcntlLock(fd, 'F_WRLCK')) return true;
  libc.flock(fd, LOCK_UN);
  return false;
}

/** Gives the lock back; one that was not held is no error. */
export function unlock(fd: number): void {
  loadLibc().flock(fd, LOCK_UN);
  fcntlLock(fd, 'F_UNLCK');
}

function fcntlLock(fd: number, kind: 'F_WRLCK' | 'F_UNLCK'): boolean {
  const libc = loadLibc();
  const numbers = NUMBERS[process.platform];
  if (numbers === undefined || numbers.isOneKind) return true;
  // SEEK_SET, from 0 to the end however far it moves: all zero but the kind.
  const lock = Buffer.alloc(numbers.structSize);
  if (endianness() === 'LE') lock.writeInt16LE(numbers[kind], numbers.typeAt);
  else lock.writeInt16BE(numbers[kind], numbers.typeAt);
  return succeeded('fcntl', libc.fcntlLock(fd, numbers.F_SETLK, lock));
}

function succeeded(call: string, result: number): boolean {
  if (result >= 0) return true;
  const name = errnoName(loadLibc().errno());
  if (HELD.has(name)) return false;
  throw new Error(`${call}: ${name}`);
}
