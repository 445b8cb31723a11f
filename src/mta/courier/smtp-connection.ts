/**
 * One connection to an SMTP or LMTP server: replies in, commands and messages out, and TLS in between.
 *
 * Promises: every wait has an end (the phase's, and the session's as a whole, which a server that sends a byte now
 * and then cannot stretch); bytes that came before a TLS handshake are never taken for what comes inside it;
 * all that goes wrong is a LinkError with the name of the system's error, `EOF` for a server that hung up.
 */
import { connect as connectSocket, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type RemoteReply, ReplyReader } from './reply-reader.ts';
import { errorCode } from './sysexits.ts';

export class LinkError extends Error {
  override readonly name = 'LinkError';
  readonly code: string;

  constructor(code: string, cause?: unknown) {
    super(`connection failed: ${code}`, { cause });
    this.code = code;
  }
}

/** Where to, and from where. */
export type ConnectionTarget =
  | { readonly address: string; readonly port: number; readonly sourceAddress?: string }
  | { readonly path: string };

export interface ConnectionLimits {
  readonly connectMs: number;
  readonly sessionMs: number;
}

export interface ClientTls {
  /** PEM. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface TlsFacts {
  readonly version: string;
  readonly verify: 'OK' | 'FAIL';
  readonly cipher: string;
  readonly bits: number;
}

/** More replies than commands were ever under way. */
const MOST_WAITING = 512;

interface Waiter {
  resolve(reply: RemoteReply): void;
  reject(error: LinkError): void;
}

export class SmtpConnection {
  #socket: Socket;
  #reader = new ReplyReader();
  readonly #replies: RemoteReply[] = [];
  #waiter: Waiter | null = null;
  #error: LinkError | null = null;
  readonly #sessionTimer: NodeJS.Timeout;

  private constructor(socket: Socket, sessionMs: number) {
    this.#socket = socket;
    this.#sessionTimer = setTimeout(() => this.#fail(new LinkError('ETIMEDOUT')), sessionMs);
    this.#listen();
  }

  static async connect(
    target: ConnectionTarget,
    limits: ConnectionLimits,
  ): Promise<SmtpConnection> {
    const socket = openSocket(target);
    await ready(socket, 'connect', limits.connectMs);
    socket.setNoDelay(true);
    return new SmtpConnection(socket, limits.sessionMs);
  }

  /** Without a name for a Unix socket. */
  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? '';
  }

  async readReply(timeoutMs: number): Promise<RemoteReply> {
    const reply = this.#replies.shift();
    if (reply !== undefined) return reply;
    if (this.#error !== null) throw this.#error;
    const timer = setTimeout(() => this.#fail(new LinkError('ETIMEDOUT')), timeoutMs);
    try {
      return await new Promise((resolve, reject) => {
        this.#waiter = { resolve, reject };
      });
    } finally {
      clearTimeout(timer);
      this.#waiter = null;
    }
  }

  /** Resolves when the system has taken it, or when there is nobody to take it: reading tells why. */
  async write(bytes: string | Buffer, timeoutMs: number): Promise<void> {
    if (this.#error !== null) {
      // A server that said why and hung up is heard first.
      if (this.#replies.length > 0) return;
      throw this.#error;
    }
    const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    if (this.#socket.write(data)) return;
    await this.#drained(timeoutMs);
  }

  async startTls(options: ClientTls, timeoutMs: number): Promise<TlsFacts> {
    if (this.#reader.hasRest || this.#replies.length > 0) {
      throw new LinkError('EPROTO', new Error('bytes before the handshake'));
    }
    const plain = this.#socket;
    plain.removeAllListeners();
    const socket = connectTls({
      socket: plain,
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ...options,
    });
    this.#socket = socket;
    this.#reader = new ReplyReader();
    await ready(socket, 'secureConnect', timeoutMs);
    this.#listen();
    return factsOf(socket);
  }

  close(): void {
    clearTimeout(this.#sessionTimer);
    this.#error ??= new LinkError('EOF');
    this.#socket.on('error', () => undefined);
    this.#socket.destroy();
  }

  #listen(): void {
    this.#socket.on('data', (bytes: Buffer) => this.#take(bytes));
    this.#socket.on('error', (error) => this.#fail(new LinkError(errorCode(error), error)));
    this.#socket.on('end', () => this.#fail(new LinkError('EOF')));
    this.#socket.on('close', () => this.#fail(new LinkError('EOF')));
  }

  #take(bytes: Buffer): void {
    this.#replies.push(...this.#reader.read(bytes));
    if (this.#reader.isFlooded || this.#replies.length > MOST_WAITING) {
      this.#fail(new LinkError('EOF', new Error('more than any reply has')));
      return;
    }
    const waiter = this.#waiter;
    if (waiter === null) return;
    const reply = this.#replies.shift();
    if (reply === undefined) return;
    this.#waiter = null;
    waiter.resolve(reply);
  }

  #fail(error: LinkError): void {
    if (this.#error !== null) return;
    this.#error = error;
    clearTimeout(this.#sessionTimer);
    this.#socket.destroy();
    this.#waiter?.reject(error);
  }

  #drained(timeoutMs: number): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(new LinkError('ETIMEDOUT')), timeoutMs);
      const settle = () => {
        clearTimeout(timer);
        socket.off('drain', settle);
        socket.off('close', settle);
        if (this.#error === null || this.#replies.length > 0) resolve();
        else reject(this.#error);
      };
      socket.on('drain', settle);
      socket.on('close', settle);
      if (this.#error !== null) settle();
    });
  }
}

function openSocket(target: ConnectionTarget): Socket {
  if ('path' in target) return connectSocket({ path: target.path });
  const { address, port, sourceAddress } = target;
  const isOfFamily =
    sourceAddress !== undefined && sourceAddress.includes(':') === address.includes(':');
  return connectSocket({
    host: address,
    port,
    ...(isOfFamily ? { localAddress: sourceAddress } : {}),
  });
}

/** Waits for the event; the socket is gone if it does not come. */
function ready(socket: Socket, event: string, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error: LinkError | null) => {
      clearTimeout(timer);
      socket.removeAllListeners();
      if (error === null) {
        resolve();
        return;
      }
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => settle(new LinkError('ETIMEDOUT')), timeoutMs);
    socket.once(event, () => settle(null));
    socket.once('error', (error) => settle(new LinkError(errorCode(error), error)));
    socket.once('close', () => settle(new LinkError('ECONNRESET')));
  });
}

function factsOf(socket: TLSSocket): TlsFacts {
  const { name } = socket.getCipher();
  return {
    version: socket.getProtocol() ?? '',
    verify: socket.authorized ? 'OK' : 'FAIL',
    cipher: name,
    bits: /128/.test(name) ? 128 : 256,
  };
}
