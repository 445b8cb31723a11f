/**
 * The main thread's end of the store's thread: starts it, hears it, asks it, ends it.
 *
 * Promise: whoever waits for an answer is told when the thread has gone; nobody waits for ever.
 */
import { MessageChannel, Worker } from 'node:worker_threads';
import { MaillogError } from '../../model/errors.ts';
import { PortClient } from '../../store/remote/forward.ts';
import type { FromStore, StoreStatus, ToStore } from './messages.ts';
import type { StorePlan } from './plan.ts';

/** How long a status may be waited for. */
const PATIENCE_MS = 5000;

interface Waiter {
  /** True when the message was the one waited for. */
  readonly take: (message: FromStore) => boolean;
  readonly fail: (error: Error) => void;
}

export class StoreClient {
  /** Questions to the store, for the control server. */
  readonly questions: PortClient;
  readonly #worker: Worker;
  readonly #waiting = new Set<Waiter>();
  readonly #exited: Promise<void>;
  #died: ((reason: string) => void) | undefined;
  #gone: Error | undefined;
  #asked = 0;

  private constructor(worker: Worker, questions: PortClient, hear: (message: FromStore) => void) {
    this.#worker = worker;
    this.questions = questions;
    worker.on('message', (message: FromStore) => {
      hear(message);
      for (const waiter of this.#waiting) if (waiter.take(message)) this.#waiting.delete(waiter);
    });
    worker.on('error', (error) => this.#over(error.stack ?? String(error)));
    this.#exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        this.#over(`the store's thread ended with code ${code}`);
        resolve();
      });
    });
  }

  /**
   * Resolves when the database is open; rejects with the catalogue's words when it cannot be, or when the
   * signal ends the waiting for it.
   */
  static async start(
    plan: StorePlan,
    hear: (message: FromStore) => void,
    signal: AbortSignal,
  ): Promise<StoreClient> {
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(new URL('./store-thread.js', import.meta.url), {
      workerData: { plan, questions: port2 },
      transferList: [port2],
      name: 'store',
    });
    const client = new StoreClient(worker, new PortClient(port1), hear);
    const giveUp = (): void => client.send({ kind: 'stop' });
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      const first = await client.#next((message) =>
        message.kind === 'ready' || message.kind === 'failed' ? message : undefined,
      );
      if (first.kind === 'ready') return client;
      throw new MaillogError(first.code, first.message);
    } catch (error) {
      client.#gone ??= new Error('the database could not be opened');
      client.questions.close();
      await worker.terminate();
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  send(message: ToStore): void {
    this.#worker.postMessage(message);
  }

  /** Tells the store of a listener's spool; the place from which the store has to be given what is in it. */
  async openSpool(name: string, key: string, folder: string): Promise<number> {
    const answer = this.#next((message) =>
      (message.kind === 'spool' || message.kind === 'no spool') && message.key === key
        ? message
        : undefined,
    );
    this.send({ kind: 'spool', name, key, folder });
    const said = await answer;
    if (said.kind === 'spool') return said.position;
    throw new MaillogError('E_STORE_FAILED', said.reason);
  }

  async status(): Promise<StoreStatus> {
    this.#asked += 1;
    const id = this.#asked;
    const answer = this.#next(
      (message) => (message.kind === 'status' && message.id === id ? message.status : undefined),
      PATIENCE_MS,
    );
    this.send({ kind: 'status', id });
    return answer;
  }

  /** Everything that is there is taken first. */
  async stop(): Promise<void> {
    if (this.#gone === undefined) {
      this.#died = undefined;
      const stopped = this.#next((message) => (message.kind === 'stopped' ? true : undefined));
      this.send({ kind: 'stop' });
      await stopped;
    }
    this.questions.close();
    await this.#worker.terminate();
    await this.#exited;
  }

  /** Called when the thread ends without having been asked to: there is nothing left to serve. */
  onDeath(listener: (reason: string) => void): void {
    this.#died = listener;
    if (this.#gone !== undefined) listener(this.#gone.message);
  }

  #over(reason: string): void {
    if (this.#gone !== undefined) return;
    this.#gone = new Error(reason);
    // Nobody answers there any more.
    this.questions.close();
    for (const { fail } of this.#waiting) fail(this.#gone);
    this.#waiting.clear();
    this.#died?.(reason);
  }

  /** The first message that `pick` makes something of. */
  #next<T>(pick: (message: FromStore) => T | undefined, patience?: number): Promise<T> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    return new Promise<T>((resolve, reject) => {
      const waiter: Waiter = {
        take: (message) => {
          const picked = pick(message);
          if (picked === undefined) return false;
          clearTimeout(timer);
          resolve(picked);
          return true;
        },
        fail: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      const late = (): void => {
        this.#waiting.delete(waiter);
        reject(new Error('the database does not answer'));
      };
      const timer = patience === undefined ? undefined : setTimeout(late, patience);
      this.#waiting.add(waiter);
    });
  }
}
