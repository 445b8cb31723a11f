/**
 * Answers the requests of the control socket, in the thread that owns the store. Each session has its own
 * way in: a sink whose calls run one after another, and as many answers at once as the store gives.
 *
 * A session that holds the turn to write and is silent loses it, so that a client that was stopped or hangs
 * does not keep the store from others. A store that broke is opened again before the failure is told.
 */
import { rm } from 'node:fs/promises';
import type { SharedSink } from '../duckdb/shared-sink.ts';
import type { SharedStore } from '../duckdb/shared-store.ts';
import { StoreBroken } from '../duckdb/store-broken.ts';
import type { Priority } from '../duckdb/write-turns.ts';
import { answerMethods } from './answer-methods.ts';
import type { Fields } from './params.ts';
import { objectOf } from './params.ts';
import type { Answer, Hello } from './protocol.ts';
import { toFailure } from './protocol.ts';
import { sinkMethods } from './sink-methods.ts';
import type { RequestHandler, WireReply, WireRequest } from './wire.ts';
import { MAX_REPLY, WireError } from './wire.ts';

/** A request as a method sees it. */
export interface Call {
  readonly params: Fields;
  readonly payloads: readonly Uint8Array[];
  readonly session: Session;
}

export type Method = (call: Call) => Promise<Answer>;

export interface StoreServerOptions {
  readonly hello: Hello;
  /** How long a session may hold the turn in silence. */
  readonly turnPatienceMs?: number;
  /** Bytes of an answer's rows. */
  readonly maxReply?: number;
  /** Sessions that write live; others wait behind them. */
  readonly priorityOf?: (session: string) => Priority;
}

const TURN_PATIENCE_MS = 5000;
/** What an answer needs besides its rows. */
const REPLY_HEAD = 1024 * 1024;

/** What one client has of the store. */
export class Session {
  readonly id: string;
  readonly exports = new Set<string>();
  readonly #ended = new AbortController();
  readonly #store: SharedStore;
  readonly #priority: Priority;
  readonly #patience: number;
  #sink: SharedSink | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #silence: NodeJS.Timeout | undefined;

  constructor(id: string, store: SharedStore, priority: Priority, patience: number) {
    this.id = id;
    this.#store = store;
    this.#priority = priority;
    this.#patience = patience;
  }

  /** Aborted when the client has gone. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Works with the session's sink, after what was asked of it before. */
  write<T>(work: (sink: SharedSink) => Promise<T>): Promise<T> {
    clearTimeout(this.#silence);
    const result = this.#last.then(async () => {
      this.signal.throwIfAborted();
      this.#sink ??= this.#store.sink(this.#priority);
      return work(this.#sink);
    });
    const done = result.then(
      () => undefined,
      () => undefined,
    );
    this.#last = done;
    void done.then(() => {
      if (this.#last === done) this.#watch();
    });
    return result;
  }

  async end(): Promise<void> {
    clearTimeout(this.#silence);
    this.#ended.abort(new Error('the client has gone'));
    await this.#last;
    clearTimeout(this.#silence);
    await this.#sink?.close();
    for (const path of this.exports) await rm(path, { force: true });
  }

  #watch(): void {
    const sink = this.#sink;
    if (sink?.holdsTurn !== true || this.signal.aborted) return;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#last = this.#last.then(() => sink.expire());
    }, this.#patience);
  }
}

export class StoreServer implements RequestHandler {
  readonly #store: SharedStore;
  readonly #options: StoreServerOptions;
  readonly #methods = new Map<string, Method>();
  readonly #sessions = new Map<string, Session>();

  constructor(store: SharedStore, options: StoreServerOptions) {
    this.#store = store;
    this.#options = options;
    const rows = (options.maxReply ?? MAX_REPLY) - REPLY_HEAD;
    const methods = { ...sinkMethods(), ...answerMethods(store, rows) };
    for (const [name, method] of Object.entries(methods)) this.register(name, method);
    this.register('hello', async () => ({ result: options.hello }));
  }

  /** Adds a method; one of that name is replaced. */
  register(name: string, method: Method): void {
    this.#methods.set(name, method);
  }

  async handle(session: string, request: WireRequest): Promise<WireReply> {
    const { id } = request;
    try {
      const { result, payloads = [] } = await this.#answer(session, request);
      return { id, ok: true, result, payloads };
    } catch (error) {
      return { id, ok: false, error: toFailure(await this.#mend(error)), payloads: [] };
    }
  }

  async endSession(id: string): Promise<void> {
    const session = this.#sessions.get(id);
    this.#sessions.delete(id);
    await session?.end();
  }

  async #answer(id: string, { method, params, payloads }: WireRequest): Promise<Answer> {
    const run = this.#methods.get(method);
    if (run === undefined) throw new WireError(`there is no method ${method}`);
    const session = this.#sessions.get(id) ?? this.#begin(id);
    return run({ params: objectOf(params ?? {}), payloads, session });
  }

  #begin(id: string): Session {
    const { priorityOf, turnPatienceMs = TURN_PATIENCE_MS } = this.#options;
    const session = new Session(id, this.#store, priorityOf?.(id) ?? 'bulk', turnPatienceMs);
    this.#sessions.set(id, session);
    return session;
  }

  async #mend(error: unknown): Promise<unknown> {
    if (!(error instanceof StoreBroken)) return error;
    // Where it cannot be opened now, the next request tries again.
    await this.#store.reopen().catch(() => undefined);
    return error.toMaillogError();
  }
}
