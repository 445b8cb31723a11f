/**
 * Records in memory, one behind the other, as they will stand in the file. The buffer grows as it must and
 * gives large memory back when it is emptied.
 */
import { Buffer } from 'node:buffer';
import type { RecordContent } from './record.ts';
import { encodeRecord, HEADER_BYTES } from './record.ts';

const INITIAL_BYTES = 256 * 1024;
/** What an emptied buffer may keep. */
const KEPT_BYTES = 2 * 1024 * 1024;

export class RecordBuffer {
  #bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** A view of all records; good until the next `add` or `clear`. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  add(content: RecordContent, session: number): void {
    const needed = this.#length + HEADER_BYTES + content.bytes.length;
    if (needed > this.#bytes.length) this.#grow(needed);
    this.#length += encodeRecord(this.#bytes, this.#length, content, session);
  }

  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
