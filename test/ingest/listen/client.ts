/** Clients of the listeners under test: a socket that remembers what it was sent. */
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { ListenAddress } from '../../../ingest/listen/address.ts';
import { waitFor } from './memory-inlet.ts';

export class Client {
  readonly socket: Socket;
  received = '';
  isClosed = false;
  error: Error | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
    });
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  static async plain(address: ListenAddress): Promise<Client> {
    const { host, port } = internet(address);
    const client = new Client(connect({ host, port }));
    await client.until('connect');
    return client;
  }

  static async tls(address: ListenAddress, options: ConnectionOptions): Promise<Client> {
    const { host, port } = internet(address);
    const client = new Client(connectTls({ host, port, rejectUnauthorized: false, ...options }));
    await client.until('secureConnect');
    return client;
  }

  /** The event, or the end. */
  async until(event: string): Promise<void> {
    await new Promise<void>((resolve) => {
      this.socket.once(event, () => resolve());
      this.socket.once('close', () => resolve());
    });
  }

  write(text: string | Buffer): void {
    this.socket.write(text as string, 'latin1');
  }

  async receives(pattern: RegExp): Promise<void> {
    await waitFor(
      () => pattern.test(this.received),
      () => `${pattern} in ${JSON.stringify(this.received)}`,
    );
  }

  async closes(): Promise<void> {
    await waitFor(
      () => this.isClosed,
      () => 'the end of the connection',
    );
  }
}

function internet(address: ListenAddress): { host: string; port: number } {
  if (address.transport === 'unix') throw new Error('no internet address');
  return address;
}
