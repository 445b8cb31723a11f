/**
 * The connection to a filter: packets there and back, each wait with its limit. Every failure is a MilterError
 * in sendmail's words, and the connection is closed then.
 */
import { connect, type Socket } from 'node:net';
import type { FilterTarget } from './filter-config.ts';
import { MilterError, type Packet, PacketReader } from './protocol.ts';

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  ETIMEDOUT: 'Connection timed out',
  EPIPE: 'Broken pipe',
};
/** Packets that were not asked for; a filter that sends more is not waited for. */
const MOST_WAITING = 10_000;

export class FilterLink {
  readonly #socket: Socket;
  readonly #reader = new PacketReader();
  readonly #packets: Packet[] = [];
  #failure: MilterError | null = null;
  #wake: () => void = () => undefined;

  static open(target: FilterTarget, timeoutMs: number): Promise<FilterLink> {
    const socket =
      target.kind === 'unix'
        ? connect({ path: target.path })
        : connect({ host: target.host, port: target.port });
    const where = target.kind === 'unix' ? '' : ` by ${target.host}`;
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        socket.destroy();
        reject(new MilterError(`error connecting to filter: ${why}`));
      };
      const timer = setTimeout(() => fail(`Connection timed out${where}`), timeoutMs);
      socket.once('error', (error) => {
        clearTimeout(timer);
        fail(words(error) + where);
      });
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.removeAllListeners('error');
        resolve(new FilterLink(socket));
      });
    });
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('error', (error) => this.#fail(`read returned -1: ${words(error)}`));
    socket.on('close', () => this.#fail('read returned 0: Connection closed'));
    socket.on('data', (bytes) => this.#take(bytes));
  }

  /** Resolves when it is written, or can be buffered. */
  async send(bytes: Buffer, timeoutMs: number): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    if (this.#socket.write(bytes)) return;
    const isDrained = () => !this.#socket.writableNeedDrain;
    this.#socket.once('drain', () => this.#wake());
    await this.#until(isDrained, timeoutMs, 'timeout before data write');
  }

  async receive(timeoutMs: number): Promise<Packet> {
    await this.#until(() => this.#packets.length > 0, timeoutMs, 'timeout before data read');
    const packet = this.#packets.shift();
    if (packet === undefined) throw new MilterError('nothing to read');
    return packet;
  }

  /** Sends what is left and closes. */
  close(last?: Buffer): void {
    this.#failure ??= new MilterError('closed');
    if (last !== undefined) this.#socket.end(last);
    this.#socket.destroySoon();
  }

  #take(bytes: Buffer): void {
    try {
      this.#packets.push(...this.#reader.push(bytes));
      if (this.#packets.length > MOST_WAITING) throw new MilterError('too many packets');
      this.#wake();
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  #fail(why: string): void {
    this.#failure ??= new MilterError(why);
    this.#socket.destroy();
    this.#wake();
  }

  async #until(isDone: () => boolean, timeoutMs: number, late: string): Promise<void> {
    const timer = setTimeout(() => this.#fail(late), timeoutMs);
    try {
      while (!isDone()) {
        if (this.#failure !== null) throw this.#failure;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

function words(error: NodeJS.ErrnoException): string {
  return WORDS[error.code ?? ''] ?? error.message;
}
