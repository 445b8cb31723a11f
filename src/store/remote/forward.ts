/**
 * Carries requests from the thread that owns the sockets to the thread that owns the store, over a
 * MessagePort. Payloads are moved, not copied: whoever sent one cannot use it any more.
 */
import type { MessagePort } from 'node:worker_threads';
import { toFailure } from './protocol.ts';
import type { RequestHandler, WireReply, WireRequest } from './wire.ts';

type ToServer =
  | {
      readonly kind: 'request';
      readonly call: number;
      readonly session: string;
      readonly request: WireRequest;
    }
  | { readonly kind: 'end'; readonly call: number; readonly session: string };

interface ToClient {
  readonly call: number;
  readonly reply?: WireReply;
}

/** The store's side. */
export class PortServer {
  readonly #port: MessagePort;
  readonly #handler: RequestHandler;

  constructor(port: MessagePort, handler: RequestHandler) {
    this.#port = port;
    this.#handler = handler;
    port.on('message', (message: ToServer) => void this.#take(message));
  }

  close(): void {
    this.#port.close();
  }

  async #take(message: ToServer): Promise<void> {
    const { call, session } = message;
    if (message.kind === 'end') {
      await this.#handler.endSession(session).catch(() => undefined);
      this.#send({ call }, []);
      return;
    }
    const reply = await this.#handler.handle(session, message.request);
    this.#send({ call, reply }, reply.payloads);
  }

  #send(message: ToClient, payloads: readonly Uint8Array[]): void {
    this.#port.postMessage(message, movable(payloads));
  }
}

/** The sockets' side: what answers there, seen from here. */
export class PortClient implements RequestHandler {
  readonly #port: MessagePort;
  readonly #pending = new Map<number, (message: ToClient | undefined) => void>();
  #lastCall = 0;
  #isClosed = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (message: ToClient) => {
      const settle = this.#pending.get(message.call);
      this.#pending.delete(message.call);
      settle?.(message);
    });
    port.on('close', () => this.#end());
  }

  async handle(session: string, request: WireRequest): Promise<WireReply> {
    const call = this.#next();
    const message: ToServer = { kind: 'request', call, session, request };
    const answer = await this.#send(message, request.payloads);
    if (answer?.reply !== undefined) return answer.reply;
    const error = toFailure(new Error('the store is closed'));
    return { id: request.id, ok: false, error, payloads: [] };
  }

  async endSession(session: string): Promise<void> {
    await this.#send({ kind: 'end', call: this.#next(), session }, []);
  }

  close(): void {
    this.#port.close();
  }

  #next(): number {
    this.#lastCall += 1;
    return this.#lastCall;
  }

  /** Undefined when the other side has gone. */
  #send(message: ToServer, payloads: readonly Uint8Array[]): Promise<ToClient | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#pending.set(message.call, resolve);
      this.#port.postMessage(message, movable(payloads));
    });
  }

  #end(): void {
    this.#isClosed = true;
    for (const settle of this.#pending.values()) settle(undefined);
    this.#pending.clear();
  }
}

/** Memory that a payload has for itself; what shares its memory with others is copied. */
function movable(payloads: readonly Uint8Array[]): ArrayBuffer[] {
  const whole = payloads.filter(({ buffer, byteLength }) => byteLength === buffer.byteLength);
  return [...new Set(whole.map(({ buffer }) => buffer as ArrayBuffer))];
}
