/** How requests of a client reach whoever answers: over a socket, or by a handler in the same process. */

import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { maillogError } from '../../model/errors.ts';
import type { Answer } from './protocol.ts';
import { toError } from './protocol.ts';
import { withUsablePath } from './socket-path.ts';
import type { RequestHandler, WireReply } from './wire.ts';
import { encodeRequest, FrameDecoder, MAX_REPLY, MAX_REQUEST, toReply, WireError } from './wire.ts';

export interface Channel {
  /** Rejects with the failure that the reply tells of, or when no reply can come any more. */
  call(method: string, params: object, payloads: readonly Uint8Array[]): Promise<Answer>;
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

export class SocketChannel implements Channel {
  readonly #stream: Duplex;
  readonly #name: string;
  readonly #decoder = new FrameDecoder(MAX_REPLY);
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #ended: Error | undefined;

  /** `name`: where the stream leads, for messages. */
  constructor(stream: Duplex, name: string) {
    this.#stream = stream;
    this.#name = name;
    stream.on('data', (bytes: Uint8Array) => this.#take(bytes));
    stream.on('error', (error) => this.#end(error));
    stream.on('close', () => this.#end(undefined));
    stream.on('end', () => this.#end(undefined));
  }

  static async connect(path: string): Promise<SocketChannel> {
    return withUsablePath(path, async (usable) => {
      const socket = connect(usable);
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('error', reject);
      });
      return new SocketChannel(socket, path);
    });
  }

  async call(method: string, params: object, payloads: readonly Uint8Array[]): Promise<Answer> {
    if (this.#ended !== undefined) throw this.#ended;
    this.#lastId += 1;
    const id = this.#lastId;
    const parts = encodeRequest({ id, method, params, payloads });
    const length = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (length > MAX_REQUEST) throw new WireError('the message is too large');
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#stream.cork();
      for (const part of parts) this.#stream.write(part);
      this.#stream.uncork();
    });
  }

  async close(): Promise<void> {
    this.#ended ??= new Error('the connection is closed');
    this.#stream.end();
    this.#stream.destroy();
  }

  #take(bytes: Uint8Array): void {
    try {
      for (const frame of this.#decoder.push(bytes)) this.#settle(toReply(frame));
    } catch (error) {
      this.#end(error);
      this.#stream.destroy();
    }
  }

  #settle(reply: WireReply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (reply.ok) pending?.resolve({ result: reply.result, payloads: reply.payloads });
    else pending?.reject(toError(reply.error));
  }

  #end(cause: unknown): void {
    this.#ended ??= maillogError('E_NO_DAEMON', { path: this.#name }, cause);
    for (const { reject } of this.#pending.values()) reject(this.#ended);
    this.#pending.clear();
  }
}

/** A client within the process of whoever answers, or beside a worker thread that does. */
export class HandlerChannel implements Channel {
  readonly #handler: RequestHandler;
  readonly #session: string;
  #lastId = 0;

  constructor(handler: RequestHandler, session: string) {
    this.#handler = handler;
    this.#session = session;
  }

  async call(method: string, params: object, payloads: readonly Uint8Array[]): Promise<Answer> {
    this.#lastId += 1;
    // Copied, since what answers may hand them on to another thread and the caller uses them again.
    const copies = payloads.map((payload) => Uint8Array.from(payload));
    const request = { id: this.#lastId, method, params, payloads: copies };
    const reply = await this.#handler.handle(this.#session, request);
    if (!reply.ok) throw toError(reply.error);
    return { result: reply.result, payloads: reply.payloads };
  }

  close(): Promise<void> {
    return this.#handler.endSession(this.#session);
  }
}
