/**
 * Raw bytes, pulled: from a file by position, or from a stream (standard input, a pipe, a device).
 *
 * Promise: reading never rejects. When the bytes end early, `failure()` says why.
 */
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';

/** Pulls bytes into the caller's buffer, so that a plain file is read without a copy. */
export interface ByteReader {
  /** True where waiting for more may take for ever: what is there is then handed on at once. */
  readonly live: boolean;
  /** Fills `target` from index `at` on; the number of bytes read, 0 at the end. */
  readInto(target: Buffer, at: number): Promise<number>;
  /** Why the bytes ended early, if they did. Meaningful once `readInto` has returned 0. */
  failure(): string | undefined;
  close(): Promise<void>;
}

/** What the operating system's error means, in words a postmaster can act on. */
export function explainError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'no such file; check the name, or quote a pattern such as "maillog*"',
    EACCES: 'permission denied; run as a user who may read it (often a member of group adm)',
    EPERM: 'permission denied; run as a user who may read it (often a member of group adm)',
    EISDIR: 'is a directory',
    ENOTDIR: 'a part of the path is not a directory',
    ELOOP: 'symbolic links go round in a circle',
    EIO: 'the device reports a read error; look at the kernel log',
    EMFILE: 'too many open files; raise the limit (ulimit -n)',
  };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return known[code] ?? error.message;
}

/** A regular file. It is opened at the first read, so that many sources may wait unopened. */
export class FileReader implements ByteReader {
  readonly live = false;
  readonly #path: string;
  #handle: FileHandle | undefined;
  #position: number;
  #failure: string | undefined;
  #closed = false;

  constructor(path: string, position = 0) {
    this.#path = path;
    this.#position = position;
  }

  async readInto(target: Buffer, at: number): Promise<number> {
    if (this.#failure !== undefined || this.#closed) return 0;
    try {
      this.#handle ??= await open(this.#path, 'r');
      const { bytesRead } = await this.#handle.read(target, at, target.length - at, this.#position);
      this.#position += bytesRead;
      return bytesRead;
    } catch (error) {
      this.#failure = explainError(error);
      return 0;
    }
  }

  failure(): string | undefined {
    return this.#failure;
  }

  /** Where the next read begins: bytes of the file, compressed or not. */
  position(): number {
    return this.#position;
  }

  /** Reads from another place from now on. */
  seek(position: number): void {
    this.#position = position;
  }

  /** When the file was last written, in milliseconds; undefined if that cannot be known. */
  async modifiedAt(): Promise<number | undefined> {
    try {
      return (await this.#handle?.stat())?.mtimeMs;
    } catch {
      return undefined;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const handle = this.#handle;
    this.#handle = undefined;
    try {
      await handle?.close();
    } catch {
      // Nothing was written: what was read stays read.
    }
  }
}

/** A stream that can be read once. What was only looked at can be put back with `unread`. */
export class StreamReader implements ByteReader {
  readonly live = true;
  readonly #stream: Readable;
  readonly #chunks: AsyncIterator<unknown>;
  #rest: Buffer = Buffer.alloc(0);
  #position = 0;
  #failure: string | undefined;
  #ended = false;
  #closed = false;

  constructor(stream: Readable) {
    this.#stream = stream;
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  async readInto(target: Buffer, at: number): Promise<number> {
    while (this.#rest.length === 0 && !this.#ended) await this.#nextChunk();
    const count = this.#rest.copy(target, at);
    this.#rest = this.#rest.subarray(count);
    this.#position += count;
    return count;
  }

  async #nextChunk(): Promise<void> {
    try {
      const { done, value } = await this.#chunks.next();
      if (done === true) this.#ended = true;
      else this.#rest = Buffer.isBuffer(value) ? value : Buffer.from(String(value), 'utf8');
    } catch (error) {
      this.#ended = true;
      // To a read that waits, the closing looks like a failure.
      if (!this.#closed) this.#failure = explainError(error);
    }
  }

  /** Puts bytes back in front; they are read again. */
  unread(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([bytes, this.#rest]);
    this.#position -= bytes.length;
  }

  failure(): string | undefined {
    return this.#failure;
  }

  position(): number {
    return this.#position;
  }

  /** Ends a read that waits, too. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#ended = true;
    this.#stream.destroy();
  }
}
