/**
 * The decoders' view of compressed bytes: chunk by chunk, with the power to look ahead and put back.
 *
 * Promise: memory is one chunk. A chunk is valid until the next one is asked for.
 */
import type { ByteReader } from './byte-reader.ts';

const CHUNK_SIZE = 64 * 1024;

/** An archive that cannot be read on; thrown by decoders, caught where they are run. */
export class DamagedArchive extends Error {
  override readonly name = 'DamagedArchive';
}

export class ByteFeed {
  readonly #reader: ByteReader;
  readonly #chunk: Buffer;
  #rest: Buffer;
  #position = 0;

  constructor(reader: ByteReader, chunkSize = CHUNK_SIZE) {
    this.#reader = reader;
    this.#chunk = Buffer.allocUnsafe(chunkSize);
    this.#rest = this.#chunk.subarray(0, 0);
  }

  /** Bytes handed out and not put back. */
  get position(): number {
    return this.#position;
  }

  /** The next bytes, at least one and at most `limit`; undefined at the end. */
  async next(limit = Number.POSITIVE_INFINITY): Promise<Buffer | undefined> {
    if (this.#rest.length === 0) {
      const count = await this.#reader.readInto(this.#chunk, 0);
      if (count === 0) return undefined;
      this.#rest = this.#chunk.subarray(0, count);
    }
    const bytes = this.#rest.subarray(0, limit);
    this.#rest = this.#rest.subarray(bytes.length);
    this.#position += bytes.length;
    return bytes;
  }

  /** Puts back the last bytes of the chunk that `next` gave. */
  unread(bytes: Buffer): void {
    this.#rest = join(bytes, this.#rest);
    this.#position -= bytes.length;
  }

  /** The next `count` bytes as a copy of their own; fewer where the bytes end. */
  async take(count: number): Promise<Buffer> {
    const taken = Buffer.allocUnsafe(count);
    let filled = 0;
    while (filled < count) {
      const bytes = await this.next(count - filled);
      if (bytes === undefined) break;
      filled += bytes.copy(taken, filled);
    }
    return taken.subarray(0, filled);
  }

  /** Like `take`, and the bytes stay to be read. */
  async peek(count: number): Promise<Buffer> {
    if (this.#rest.length >= count) return this.#rest.subarray(0, count);
    const bytes = await this.take(count);
    this.unread(bytes);
    return bytes;
  }

  /** Like `take`, where fewer bytes mean a truncated archive. */
  async require(count: number): Promise<Buffer> {
    const bytes = await this.take(count);
    if (bytes.length < count) throw new DamagedArchive('the archive is truncated');
    return bytes;
  }
}

/** `first` and what comes after it as one; without a copy where they lie side by side. */
function join(first: Buffer, second: Buffer): Buffer {
  if (first.length === 0) return second;
  if (second.length === 0) return first;
  const adjacent =
    first.buffer === second.buffer && first.byteOffset + first.length === second.byteOffset;
  if (!adjacent) return Buffer.concat([first, second]);
  return Buffer.from(first.buffer, first.byteOffset, first.length + second.length);
}
