/**
 * The system calls that Node has not, bound to the C library: datagrams on Unix sockets (unix(7), socket(2),
 * recv(2)) and advisory locks (fcntl(2), flock(2)).
 *
 * Promise: Linux and macOS are known; elsewhere `loadLibc` throws an error that says so. Results are those of
 * C: -1 and `errno()`.
 */
import { endianness } from 'node:os';
import koffi from 'koffi';

export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  setsockopt(fd: number, level: number, name: number, option: Setting): number;
  shutdown(fd: number, how: number): number;
  poll(descriptors: Uint8Array, count: number, timeoutMs: number): number;
  recv(fd: number, into: Uint8Array, size: number, flags: number): number;
  send(fd: number, bytes: Uint8Array, size: number, flags: number): number;
  sendto(fd: number, bytes: Uint8Array, flags: number, address: Uint8Array): number;
  /** fcntl(2) with a pointer to a struct flock. */
  fcntlLock(fd: number, command: number, lock: Uint8Array): number;
  flock(fd: number, operation: number): number;
  close(fd: number): number;
  errno(): number;
  readonly constants: LibcConstants;
}

interface Setting {
  readonly value: Uint8Array;
}

export interface LibcConstants {
  readonly AF_UNIX: number;
  readonly SOCK_DGRAM: number;
  readonly SOL_SOCKET: number;
  readonly SO_RCVBUF: number;
  readonly MSG_DONTWAIT: number;
  /** Makes recv tell the true length; 0 where the system has no such thing. */
  readonly MSG_TRUNC: number;
  readonly MSG_NOSIGNAL: number;
  readonly POLLIN: number;
  readonly SHUT_RD: number;
  readonly pathLimit: number;
}

const COMMON = { AF_UNIX: 1, POLLIN: 1, SHUT_RD: 0 };
const CONSTANTS: Readonly<Record<string, LibcConstants>> = {
  linux: {
    ...COMMON,
    // With SOCK_CLOEXEC, so that children do not keep the socket open.
    SOCK_DGRAM: 2 | 0o2000000,
    SOL_SOCKET: 1,
    SO_RCVBUF: 8,
    MSG_DONTWAIT: 0x40,
    MSG_TRUNC: 0x20,
    MSG_NOSIGNAL: 0x4000,
    pathLimit: 107,
  },
  darwin: {
    ...COMMON,
    SOCK_DGRAM: 2,
    SOL_SOCKET: 0xffff,
    SO_RCVBUF: 0x1002,
    MSG_DONTWAIT: 0x80,
    MSG_TRUNC: 0,
    MSG_NOSIGNAL: 0x80000,
    pathLimit: 103,
  },
};

let loaded: Libc | undefined;

export function loadLibc(): Libc {
  loaded ??= bindLibc();
  return loaded;
}

/** errno in words, where it is one that people can do something about. */
export function errnoName(errno: number): string {
  const known = Object.entries(koffi.os.errno).find(([, value]) => value === errno);
  return known?.[0] ?? `errno ${errno}`;
}

/** struct sockaddr_un; a name that begins with `@` is in Linux' abstract space. */
export function unixSocketAddress(path: string, platform = process.platform): Buffer {
  const name = Buffer.from(path, 'utf8');
  const limit = CONSTANTS[platform]?.pathLimit ?? 0;
  if (name.length === 0 || name.length > limit || name.includes(0)) {
    throw new Error(`${path}: the path of a socket has 1 to ${limit} bytes`);
  }
  const isAbstract = platform === 'linux' && path.startsWith('@');
  if (isAbstract) name[0] = 0;
  const end = isAbstract ? [] : [Buffer.alloc(1)];
  return Buffer.concat([familyOf(platform, name.length + 2), name, ...end]);
}

/** A number of two bytes on Linux; on macOS a byte for the length goes before one for the family. */
function familyOf(platform: string, length: number): Buffer {
  if (platform === 'darwin') return Buffer.from([length, COMMON.AF_UNIX]);
  return Buffer.from(endianness() === 'LE' ? [COMMON.AF_UNIX, 0] : [0, COMMON.AF_UNIX]);
}

function bindLibc(): Libc {
  const constants = CONSTANTS[process.platform];
  if (constants === undefined) {
    throw new Error(`the system calls of ${process.platform} are not known`);
  }
  const library = koffi.load(null);
  const fcntl = library.func('int fcntl(int, int, ...)');
  const setsockopt = library.func('int setsockopt(int, int, int, const void *, unsigned int)');
  const sendto = library.func(
    'long sendto(int, const void *, size_t, int, const void *, unsigned int)',
  );
  return {
    constants,
    errno: () => koffi.errno(),
    socket: library.func('int socket(int, int, int)'),
    bind: library.func('int bind(int, const void *, unsigned int)'),
    connect: library.func('int connect(int, const void *, unsigned int)'),
    shutdown: library.func('int shutdown(int, int)'),
    close: library.func('int close(int)'),
    poll: library.func('int poll(void *, unsigned long, int)'),
    recv: library.func('long recv(int, void *, size_t, int)'),
    send: library.func('long send(int, const void *, size_t, int)'),
    flock: library.func('int flock(int, int)'),
    fcntlLock: (fd, command, lock) => fcntl(fd, command, 'const void *', lock),
    setsockopt: (fd, level, name, { value }) => setsockopt(fd, level, name, value, value.length),
    sendto: (fd, bytes, flags, address) =>
      sendto(fd, bytes, bytes.length, flags, address, address.length),
  };
}
