/** The main thread's end of the store's thread: starts it, hears it, asks it, ends it. */
import { MessageChannel, Worker } from 'node:worker_threads';
import { maillogError } from '../../model/errors.ts';
import { PortClient } from '../../store/remote/forward.ts';
import type { FromStore, StoreStatus, ToStore } from './messages.ts';
import type { StorePlan } from './plan.ts';

/** How long a status may be waited for. */
const PATIENCE_MS = 5000;

export class StoreClient {
  /** Questions to the store, for the control server. */
  readonly questions: PortClient;
  readonly #worker: Worker;
  readonly #listeners = new Set<(message: FromStore) => void>();
  /** Of those that wait for a message; a listener of the thread for each would outlive the answers. */
  readonly #failures = new Set<(error: Error) => void>();
  #asked = 0;

  private constructor(worker: Worker, questions: PortClient) {
    this.#worker = worker;
    this.questions = questions;
    worker.on('message', (message: FromStore) => {
      for (const listener of this.#listeners) listener(message);
    });
    worker.on('error', (error) => {
      for (const fail of this.#failures) fail(error);
    });
  }

  /** Resolves when the database is open; rejects with the catalogue's words when it cannot be. */
  static async start(plan: StorePlan, hear: (message: FromStore) => void): Promise<StoreClient> {
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(new URL('./store-thread.js', import.meta.url), {
      workerData: { plan, questions: port2 },
      transferList: [port2],
      name: 'store',
    });
    const client = new StoreClient(worker, new PortClient(port1));
    client.#listeners.add(hear);
    const first = await client.#next((message) =>
      message.kind === 'ready' || message.kind === 'failed' ? message : undefined,
    );
    if (first.kind === 'ready') return client;
    await worker.terminate();
    throw openingFailed(plan.db, first.message);
  }

  send(message: ToStore): void {
    this.#worker.postMessage(message);
  }

  /** Tells the store of a listener's spool; the place from which the store has to be given what is in it. */
  async openSpool(name: string, key: string, folder: string): Promise<number> {
    const answer = this.#next((message) =>
      message.kind === 'spool' && message.key === key ? message : undefined,
    );
    this.send({ kind: 'spool', name, key, folder });
    return (await answer).position;
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
    const stopped = this.#next((message) => (message.kind === 'stopped' ? true : undefined));
    this.send({ kind: 'stop' });
    await stopped;
    this.questions.close();
    await this.#worker.terminate();
  }

  /** Called when the thread ends without having been asked to: there is nothing left to serve. */
  onDeath(listener: (reason: string) => void): void {
    this.#worker.on('error', (error) => listener(error.stack ?? String(error)));
    this.#worker.on('exit', (code) => listener(`the store's thread ended with code ${code}`));
  }

  /** The first message that `pick` makes something of. */
  #next<T>(pick: (message: FromStore) => T | undefined, patience?: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const finish = (act: () => void): void => {
        clearTimeout(timer);
        this.#listeners.delete(listener);
        this.#failures.delete(fail);
        act();
      };
      const fail = (error: Error): void => finish(() => reject(error));
      const listener = (message: FromStore): void => {
        const picked = pick(message);
        if (picked !== undefined) finish(() => resolve(picked));
      };
      const timer =
        patience === undefined
          ? undefined
          : setTimeout(() => finish(() => reject(new Error('the store is busy'))), patience);
      this.#failures.add(fail);
      this.#listeners.add(listener);
    });
  }
}

function openingFailed(db: string, message: string): Error {
  const pid = /PID (\d+)/.exec(message)?.[1];
  if (/lock/i.test(message)) {
    const owner = pid === undefined ? 'another process' : `process ${pid}`;
    return maillogError('E_STORE_LOCKED', { path: db, owner });
  }
  return maillogError('E_NOT_A_STORE', { path: db, problem: message.split('\n')[0] ?? message });
}
