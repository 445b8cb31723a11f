/**
 * Syslog over a Unix datagram socket, which is what libc's syslog(3) writes to (/dev/log) and what sendmail
 * uses. Node has no such sockets; see `src/system` and `unix-datagram-worker.ts`.
 *
 * Promise: nothing is lost: while the inlet is full nothing is read, and senders wait.
 */
import { Worker } from 'node:worker_threads';
import { loadLibc } from '../../src/system/libc.ts';
import type { UnixAddress } from './address.ts';
import { BatchReader, type Datagram } from './datagram-batch.ts';
import { LineOfMessage } from './line-of-message.ts';
import {
  EventGate,
  type ListenContext,
  type Listener,
  type ListenerCounters,
  Tally,
} from './listener.ts';
import { OUTSTANDING, STOP, StopWord, type WorkerTask } from './unix-datagram-task.ts';
import { UnixSocketFile } from './unix-socket-file.ts';

/** As the compiler names it. */
const WORKER = new URL('./unix-datagram-worker.js', import.meta.url);
const RESTART_MS = 1_000;
/** Anybody may log, as with /dev/log. */
export const LOG_SOCKET_MODE = 0o666;

export interface UnixDatagramOptions {
  /** Stands in as the host of messages without one, which are all of libc's. */
  readonly hostName: string;
  readonly mode?: number;
}

export class UnixDatagramListener implements Listener {
  readonly #address: UnixAddress;
  readonly #options: UnixDatagramOptions;
  readonly #context: ListenContext;
  readonly #events: EventGate;
  readonly #tally = new Tally();
  readonly #lines = new LineOfMessage();
  readonly #shared = new Int32Array(new SharedArrayBuffer(8));
  readonly #batches: BatchReader[] = [];
  #file: UnixSocketFile | undefined;
  #exited: Promise<void> = Promise.resolve();
  #restart: NodeJS.Timeout | undefined;
  #isStopping = false;
  #drained: () => void = () => undefined;

  constructor(address: UnixAddress, context: ListenContext, options: UnixDatagramOptions) {
    this.#address = address;
    this.#context = context;
    this.#options = options;
    this.#events = new EventGate(context.onEvent);
    context.inlet.onRoom(() => this.#drain());
  }

  async start(): Promise<UnixAddress> {
    const { mode = LOG_SOCKET_MODE } = this.#options;
    const file = new UnixSocketFile(loadLibc(), this.#address.path, mode);
    this.#file = file;
    this.#startWorker(file);
    return this.#address;
  }

  async stop(): Promise<void> {
    const file = this.#file;
    if (file === undefined || this.#isStopping) return;
    this.#isStopping = true;
    clearTimeout(this.#restart);
    file.shutDown();
    this.#tellWorker(StopWord.whenEmpty);
    const patience = setTimeout(
      () => this.#tellWorker(StopWord.now),
      this.#context.limits.stopGraceMs,
    );
    await this.#exited;
    clearTimeout(patience);
    file.close();
    await this.#untilDrained();
  }

  counters(): ListenerCounters {
    return this.#tally.snapshot();
  }

  #startWorker({ fd }: UnixSocketFile): void {
    const { buffer: shared } = this.#shared;
    const task: WorkerTask = {
      fd,
      maxLine: this.#context.limits.maxLine,
      shared: shared as SharedArrayBuffer,
    };
    const worker = new Worker(WORKER, { workerData: task });
    worker.on('message', (message: ArrayBuffer | string) => {
      if (typeof message === 'string') this.#failed(message);
      else this.#batches.push(new BatchReader(message));
      this.#drain();
    });
    worker.on('error', (error) => this.#failed(String(error)));
    this.#exited = new Promise((resolve) => {
      worker.once('exit', () => {
        if (!this.#isStopping) this.#restartWorker();
        resolve();
      });
    });
  }

  #restartWorker(): void {
    this.#failed('the thread that reads the socket ended; it is started again');
    this.#restart = setTimeout(() => {
      if (this.#file !== undefined) this.#startWorker(this.#file);
    }, RESTART_MS);
  }

  #tellWorker(word: number): void {
    Atomics.store(this.#shared, STOP, word);
    Atomics.notify(this.#shared, STOP);
    Atomics.notify(this.#shared, OUTSTANDING);
  }

  #drain(): void {
    const { inlet } = this.#context;
    while (!inlet.isFull) {
      const [batch] = this.#batches;
      if (batch === undefined) break;
      const datagram = batch.next();
      if (datagram !== undefined) this.#put(datagram);
      else {
        this.#batches.shift();
        Atomics.sub(this.#shared, OUTSTANDING, 1);
        Atomics.notify(this.#shared, OUTSTANDING);
      }
    }
    if (this.#batches.length === 0) this.#drained();
  }

  #put({ bytes, length }: Datagram): void {
    const { inlet, limits } = this.#context;
    this.#tally.frames += 1;
    this.#tally.bytes += length;
    const kind = length > limits.maxLine ? 'overlong' : 'line';
    if (kind === 'overlong') this.#tally.overlong += 1;
    const line = this.#lines.read(bytes, this.#options.hostName);
    if (line.length === 0) return;
    try {
      inlet.put({ kind, bytes: line, length }, 0);
    } catch (error) {
      this.#tally.dropped += 1;
      this.#failed(String(error));
    }
  }

  /** What does not find room until then is counted as dropped. */
  async #untilDrained(): Promise<void> {
    if (this.#batches.length > 0) {
      await new Promise<void>((resolve) => {
        const patience = setTimeout(resolve, this.#context.limits.stopGraceMs);
        this.#drained = () => {
          clearTimeout(patience);
          resolve();
        };
      });
    }
    for (const batch of this.#batches.splice(0)) {
      while (batch.next() !== undefined) this.#tally.dropped += 1;
    }
  }

  #failed(detail: string): void {
    this.#tally.errors += 1;
    this.#events.report('error', `${this.#address.path}: ${detail}`);
  }
}
