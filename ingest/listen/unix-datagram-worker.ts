/**
 * Reads the datagrams of a Unix socket in a thread of its own, since it has to wait in poll(2), and hands them
 * on in batches.
 *
 * Promise: at most MOST_BATCHES are under way; beyond them nothing is read, the socket's queue fills, and
 * senders wait in send(2), as they do for any log socket.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { errnoName, loadLibc } from '../../src/system/libc.ts';
import { DatagramBatch } from './datagram-batch.ts';
import { HEAD_LENGTH } from './listener.ts';
import {
  MOST_BATCHES,
  OUTSTANDING,
  STOP,
  StopWord,
  type WorkerTask,
} from './unix-datagram-task.ts';

/** The stop wakes the poll; this is for systems where it would not. */
const POLL_MS = 1_000;
const CREDIT_WAIT_MS = 100;
const PAUSE_AFTER_ERROR_MS = 100;
/** After shutdown(2) an empty queue looks like an empty datagram, over and over. */
const MOST_EMPTY = 16;

const libc = loadLibc();
const { MSG_DONTWAIT, MSG_TRUNC, POLLIN } = libc.constants;

class Reader {
  readonly #task: WorkerTask;
  readonly #shared: Int32Array;
  readonly #scratch: Buffer;
  readonly #descriptors = Buffer.alloc(8);
  readonly #batch = new DatagramBatch();

  constructor(task: WorkerTask) {
    this.#task = task;
    this.#shared = new Int32Array(task.shared);
    // One byte more tells a datagram that is too long.
    this.#scratch = Buffer.alloc(task.maxLine + 1);
    new DataView(this.#descriptors.buffer, this.#descriptors.byteOffset).setInt32(
      0,
      task.fd,
      IS_LE,
    );
    new DataView(this.#descriptors.buffer, this.#descriptors.byteOffset).setInt16(4, POLLIN, IS_LE);
  }

  run(): void {
    for (;;) {
      const stop = Atomics.load(this.#shared, STOP);
      if (stop === StopWord.now) return;
      if (!this.#hasCredit()) continue;
      const isLast = stop === StopWord.whenEmpty;
      const ready = libc.poll(this.#descriptors, 1, isLast ? 0 : POLL_MS);
      if (ready < 0) this.#failed('poll');
      else if (ready > 0) this.#read();
      if (this.#batch.count > 0) this.#send();
      else if (isLast) return;
    }
  }

  #hasCredit(): boolean {
    const outstanding = Atomics.load(this.#shared, OUTSTANDING);
    if (outstanding < MOST_BATCHES) return true;
    Atomics.wait(this.#shared, OUTSTANDING, outstanding, CREDIT_WAIT_MS);
    return false;
  }

  /** All there is, or a batch full. */
  #read(): void {
    const { maxLine, fd } = this.#task;
    let empty = 0;
    while (empty < MOST_EMPTY && this.#batch.hasRoom(maxLine)) {
      const length = libc.recv(fd, this.#scratch, this.#scratch.length, MSG_DONTWAIT | MSG_TRUNC);
      if (length < 0) {
        this.#failed('recv');
        return;
      }
      if (length === 0) empty += 1;
      else this.#batch.add(this.#scratch, length > maxLine ? HEAD_LENGTH : length, length);
    }
  }

  #send(): void {
    Atomics.add(this.#shared, OUTSTANDING, 1);
    const bytes = this.#batch.take();
    parentPort?.postMessage(bytes, [bytes]);
  }

  #failed(call: string): void {
    const name = errnoName(libc.errno());
    if (name === 'EAGAIN' || name === 'EWOULDBLOCK' || name === 'EINTR') return;
    parentPort?.postMessage(`${call}: ${name}`);
    Atomics.wait(this.#shared, STOP, 0, PAUSE_AFTER_ERROR_MS);
  }
}

const IS_LE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

new Reader(workerData as WorkerTask).run();
