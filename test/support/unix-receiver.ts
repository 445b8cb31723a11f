/** A Unix datagram socket that a test reads, as a syslog daemon would read /dev/log. */
import { unlinkSync } from 'node:fs';
import { loadLibc, unixSocketAddress } from '../../src/system/libc.ts';

export class UnixReceiver {
  readonly #libc = loadLibc();
  readonly #path: string;
  readonly #fd: number;
  readonly #bytes = Buffer.alloc(65_536);

  constructor(path: string) {
    const { AF_UNIX, SOCK_DGRAM } = this.#libc.constants;
    const address = unixSocketAddress(path);
    this.#path = path;
    this.#fd = this.#libc.socket(AF_UNIX, SOCK_DGRAM, 0);
    if (this.#libc.bind(this.#fd, address, address.length) < 0) throw new Error(`bind: ${path}`);
  }

  /** All that has come. */
  read(): string[] {
    const { MSG_DONTWAIT } = this.#libc.constants;
    const messages: string[] = [];
    for (;;) {
      const length = Number(
        this.#libc.recv(this.#fd, this.#bytes, this.#bytes.length, MSG_DONTWAIT),
      );
      if (length < 0) return messages;
      messages.push(this.#bytes.toString('latin1', 0, length));
    }
  }

  /** As a daemon that ends: its socket's file is gone as well. */
  close(): void {
    this.#libc.close(this.#fd);
    unlinkSync(this.#path);
  }
}
