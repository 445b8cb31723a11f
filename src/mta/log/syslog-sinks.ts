/**
 * The log to a syslog daemon: over a Unix datagram socket such as /dev/log, as syslog(3) does, or over UDP
 * (RFC 5426). Facility mail.
 *
 * Promises: nothing waits for the daemon. Over the socket nothing is lost while the queue has room: a daemon
 * that is slow or restarted gets everything in order. UDP may lose; a line is a datagram.
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnixDatagramSender } from '../../system/unix-datagram.ts';
import { localMessage, remoteMessage, Stamps, structuredMessage } from './line-form.ts';
import { LineQueue } from './line-queue.ts';
import type { LogLine, LogSink, SinkProblem } from './log-sink.ts';

interface CommonOptions {
  /** IANA name. */
  readonly zone: string;
  readonly onProblem: SinkProblem;
  readonly retryMs?: number;
}

export interface UnixSinkOptions extends CommonOptions {
  readonly path: string;
}

export interface UdpSinkOptions extends CommonOptions {
  readonly host: string;
  readonly port: number;
  readonly form?: 'rfc3164' | 'rfc5424';
}

/** A full queue of the receiver is looked at again this often, this many times. */
const FULL_WAIT_MS = 2;
const FULL_TRIES = 500;

const retryOf = ({ retryMs }: CommonOptions) => (retryMs === undefined ? {} : { retryMs });

export class UnixSink implements LogSink {
  readonly #stamps: Stamps;
  readonly #sender: UnixDatagramSender;
  readonly #queue: LineQueue;
  /** Of the batch that is under way. */
  #sent = 0;

  constructor(options: UnixSinkOptions) {
    this.#stamps = new Stamps(options.zone);
    this.#sender = new UnixDatagramSender(options.path);
    this.#queue = new LineQueue({
      name: options.path,
      deliver: (lines) => this.#deliver(lines),
      onProblem: options.onProblem,
      ...retryOf(options),
    });
  }

  write(line: LogLine): void {
    this.#queue.put(line);
  }

  reopen(): void {}

  flush(): Promise<void> {
    return this.#queue.flush();
  }

  async close(): Promise<void> {
    await this.#queue.close();
    this.#sender.close();
  }

  async #deliver(lines: readonly LogLine[]): Promise<void> {
    for (let line = lines[this.#sent]; line !== undefined; line = lines[this.#sent]) {
      await this.#send(Buffer.from(localMessage(line, this.#stamps), 'latin1'));
      this.#sent += 1;
    }
    this.#sent = 0;
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let tries = 0; tries < FULL_TRIES; tries += 1) {
      const outcome = this.#sender.send(bytes);
      if (outcome.kind === 'sent') return;
      if (outcome.kind === 'failed') throw new Error(outcome.error);
      await sleep(FULL_WAIT_MS);
    }
    throw new Error('nobody reads it');
  }
}

export class UdpSink implements LogSink {
  readonly #options: UdpSinkOptions;
  readonly #stamps: Stamps;
  readonly #queue: LineQueue;
  #socket: Promise<Socket> | undefined;

  constructor(options: UdpSinkOptions) {
    this.#options = options;
    this.#stamps = new Stamps(options.zone);
    this.#queue = new LineQueue({
      name: `udp://${options.host}:${options.port}`,
      deliver: (lines) => this.#deliver(lines),
      onProblem: options.onProblem,
      ...retryOf(options),
    });
  }

  write(line: LogLine): void {
    this.#queue.put(line);
  }

  reopen(): void {}

  flush(): Promise<void> {
    return this.#queue.flush();
  }

  async close(): Promise<void> {
    await this.#queue.close();
    const socket = await this.#socket?.catch(() => undefined);
    socket?.close();
  }

  /** A host that refuses has lost what was sent: only a name that is not found is tried again. */
  async #deliver(lines: readonly LogLine[]): Promise<void> {
    this.#socket ??= this.#open();
    const socket = await this.#socket.catch((error: unknown) => {
      this.#socket = undefined;
      throw error;
    });
    const form = this.#options.form === 'rfc5424' ? structuredMessage : remoteMessage;
    for (const line of lines) {
      const bytes = Buffer.from(form(line, this.#stamps), 'latin1');
      await new Promise<void>((resolve) => {
        socket.send(bytes, () => resolve());
      });
    }
  }

  async #open(): Promise<Socket> {
    const { host, port } = this.#options;
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    return await new Promise<Socket>((resolve, reject) => {
      const failed = (error: Error) => {
        socket.close();
        reject(error);
      };
      socket.once('error', failed);
      socket.connect(port, host, () => {
        socket.off('error', failed);
        // Of a port where nobody listens: datagrams may be lost, and the daemon may come.
        socket.on('error', () => undefined);
        resolve(socket);
      });
    });
  }
}
