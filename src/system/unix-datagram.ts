/**
 * Datagrams to a Unix socket such as /dev/log, over one connected socket that is made again when the
 * receiver was restarted (unix(7), connect(2)).
 *
 * Promise: never waits and never throws; where there is no room at the moment, the outcome says so.
 */
import type { Libc } from './libc.ts';
import { errnoName, loadLibc, unixSocketAddress } from './libc.ts';

export type DatagramOutcome =
  | { readonly kind: 'sent' }
  /** The receiver's queue is full: try again a little later. */
  | { readonly kind: 'full' }
  | { readonly kind: 'failed'; readonly error: string };

const FULL = new Set(['EAGAIN', 'EWOULDBLOCK', 'ENOBUFS', 'EINTR']);
/** The receiver of before is gone; another may be there by now. */
const GONE = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTCONN', 'EPIPE', 'EDESTADDRREQ', 'ENOENT']);

export class UnixDatagramSender {
  readonly #path: string;
  #fd = -1;

  constructor(path: string) {
    this.#path = path;
  }

  send(bytes: Uint8Array): DatagramOutcome {
    try {
      const wasConnected = this.#fd >= 0;
      const first = this.#sendOnce(bytes);
      if (first.kind !== 'failed' || !wasConnected || !GONE.has(first.error)) return first;
      return this.#sendOnce(bytes);
    } catch (error) {
      return { kind: 'failed', error: error instanceof Error ? error.message : String(error) };
    }
  }

  close(): void {
    if (this.#fd < 0) return;
    loadLibc().close(this.#fd);
    this.#fd = -1;
  }

  #sendOnce(bytes: Uint8Array): DatagramOutcome {
    const libc = loadLibc();
    const refused = this.#fd < 0 ? this.#connect(libc) : undefined;
    if (refused !== undefined) return { kind: 'failed', error: refused };
    const { MSG_DONTWAIT, MSG_NOSIGNAL } = libc.constants;
    const count = Number(libc.send(this.#fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL));
    if (count >= 0) return { kind: 'sent' };
    const error = errnoName(libc.errno());
    if (FULL.has(error)) return { kind: 'full' };
    if (GONE.has(error)) this.close();
    return { kind: 'failed', error };
  }

  /** Why not, if it could not be done. */
  #connect(libc: Libc): string | undefined {
    const { AF_UNIX, SOCK_DGRAM } = libc.constants;
    const address = unixSocketAddress(this.#path);
    const fd = libc.socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd < 0) return errnoName(libc.errno());
    if (libc.connect(fd, address, address.length) < 0) {
      const error = errnoName(libc.errno());
      libc.close(fd);
      return error;
    }
    this.#fd = fd;
    return undefined;
  }
}
