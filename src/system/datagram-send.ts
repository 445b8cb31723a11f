/**
 * One datagram to a Unix socket, such as systemd's $NOTIFY_SOCKET (sd_notify(3)) or a log socket. A name that
 * begins with `@` is an abstract one.
 *
 * Promise: never waits and never throws.
 */
import { errnoName, loadLibc, unixSocketAddress } from './libc.ts';

export type SendOutcome =
  | { readonly sent: true }
  | { readonly sent: false; readonly error: string };

export function sendDatagram(path: string, bytes: Uint8Array): SendOutcome {
  try {
    const libc = loadLibc();
    const { AF_UNIX, SOCK_DGRAM, MSG_DONTWAIT, MSG_NOSIGNAL } = libc.constants;
    const address = unixSocketAddress(path);
    const fd = libc.socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd < 0) return { sent: false, error: errnoName(libc.errno()) };
    const count = libc.sendto(fd, bytes, MSG_DONTWAIT | MSG_NOSIGNAL, address);
    const outcome: SendOutcome =
      count < 0 ? { sent: false, error: errnoName(libc.errno()) } : { sent: true };
    libc.close(fd);
    return outcome;
  } catch (error) {
    return { sent: false, error: error instanceof Error ? error.message : String(error) };
  }
}
