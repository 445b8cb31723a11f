/**
 * The file of a Unix datagram socket: bound where none is, or where one was left behind that nobody reads;
 * removed at the end if it is still ours.
 */
import { chmodSync, lstatSync, type Stats, unlinkSync } from 'node:fs';
import { errnoName, type Libc, unixSocketAddress } from '../../src/system/libc.ts';

const RECEIVE_BUFFER = 8 * 1024 * 1024;

export class UnixSocketFile {
  readonly fd: number;
  readonly #path: string;
  readonly #libc: Libc;
  readonly #inode: number;

  /** Binds the path; throws an error that says what to do. */
  constructor(libc: Libc, path: string, mode: number) {
    this.#libc = libc;
    this.#path = path;
    removeStale(libc, path);
    const address = unixSocketAddress(path);
    this.fd = openSocket(libc);
    if (libc.bind(this.fd, address, address.length) < 0) {
      const name = errnoName(libc.errno());
      libc.close(this.fd);
      throw new Error(`cannot listen on ${path}: ${name}${HINTS[name] ?? ''}`);
    }
    chmodSync(path, mode);
    this.#inode = lstatSync(path).ino;
    this.#enlargeBuffer();
  }

  /** No more datagrams come in; those that have can be read still. */
  shutDown(): void {
    if (statOf(this.#path)?.ino === this.#inode) unlinkSync(this.#path);
    this.#libc.shutdown(this.fd, this.#libc.constants.SHUT_RD);
  }

  close(): void {
    this.#libc.close(this.fd);
  }

  /** Linux counts datagrams of this kind against the sender; other systems go by this. */
  #enlargeBuffer(): void {
    const { SOL_SOCKET, SO_RCVBUF } = this.#libc.constants;
    const value = new Uint8Array(Int32Array.of(RECEIVE_BUFFER).buffer);
    this.#libc.setsockopt(this.fd, SOL_SOCKET, SO_RCVBUF, { value });
  }
}

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: '; its folder does not exist',
  EACCES: '; this user may not write to its folder',
  EADDRINUSE: '; another program was faster',
};

function openSocket(libc: Libc): number {
  const fd = libc.socket(libc.constants.AF_UNIX, libc.constants.SOCK_DGRAM, 0);
  if (fd < 0) throw new Error(`no socket to be had: ${errnoName(libc.errno())}`);
  return fd;
}

function removeStale(libc: Libc, path: string): void {
  const stats = statOf(path);
  if (stats === undefined) return;
  if (!stats.isSocket())
    throw new Error(`cannot listen on ${path}: a file that is no socket is there`);
  const fd = openSocket(libc);
  const address = unixSocketAddress(path);
  const isRefused =
    libc.connect(fd, address, address.length) < 0 && errnoName(libc.errno()) === 'ECONNREFUSED';
  libc.close(fd);
  if (!isRefused) throw new Error(`cannot listen on ${path}: another program reads it`);
  unlinkSync(path);
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}
