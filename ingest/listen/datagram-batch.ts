/**
 * Datagrams one behind the other in one buffer that can be transferred between threads: true length, kept
 * length (32 bits each), kept bytes.
 */
const BATCH_SIZE = 256 * 1024;
const PREFIX = 8;

export interface Datagram {
  readonly bytes: Uint8Array;
  /** Before it was cut. */
  readonly length: number;
}

export class DatagramBatch {
  readonly #bytes = new Uint8Array(new ArrayBuffer(BATCH_SIZE));
  readonly #view = new DataView(this.#bytes.buffer);
  #filled = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** A batch takes one datagram at least, however long. */
  hasRoom(length: number): boolean {
    return this.#count === 0 || this.#filled + PREFIX + length <= BATCH_SIZE;
  }

  add(from: Uint8Array, kept: number, length: number): void {
    const size = Math.min(kept, length, BATCH_SIZE - PREFIX - this.#filled);
    this.#view.setUint32(this.#filled, length, true);
    this.#view.setUint32(this.#filled + 4, size, true);
    this.#bytes.set(from.subarray(0, size), this.#filled + PREFIX);
    this.#filled += PREFIX + size;
    this.#count += 1;
  }

  /** What was added, in a buffer of its own. */
  take(): ArrayBuffer {
    const bytes = this.#bytes.buffer.slice(0, this.#filled);
    this.#filled = 0;
    this.#count = 0;
    return bytes;
  }
}

export class BatchReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(batch: ArrayBuffer) {
    this.#bytes = new Uint8Array(batch);
    this.#view = new DataView(batch);
  }

  /** Undefined at the end. */
  next(): Datagram | undefined {
    if (this.#at + PREFIX > this.#bytes.length) return undefined;
    const length = this.#view.getUint32(this.#at, true);
    const start = this.#at + PREFIX;
    this.#at = start + this.#view.getUint32(this.#at + 4, true);
    return { bytes: this.#bytes.subarray(start, this.#at), length };
  }
}
