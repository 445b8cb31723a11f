/**
 * One plain file, read while it grows, whatever name it bears. The open handle stands for the content: a
 * rename or a removal changes nothing, and the system cannot give its inode to another file.
 *
 * Each read begins with bytes that are known already: where they differ, the file was truncated and
 * written anew, or another content was copied into it, and it is `replaced`. A last line without newline
 * waits to be completed; once the file has lost its name or is left alone for good, it is taken as it is.
 */
import type { BigIntStats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Checkpoint, Sink } from '../../src/store/store.ts';
import type { LiveRead, LiveSource, SourceStart } from '../live/live-source.ts';
import { PRIMING_BYTES, wholeLines } from '../live/live-source.ts';
import { explainError } from '../source/byte-reader.ts';
import { digest, findCheckpoint, readIdentity } from '../source/identity.ts';
import type { FileInput } from '../source/input.ts';
import { LineCutter, type LineItem, MAX_LINE } from '../source/line-blocks.ts';
import { QUIET_MS } from '../source/open-source.ts';

/** Bytes before the place to read from that must be as they were. */
const OVERLAP = 1024;
/** Most bytes of one block: a transaction of this size delays others little. */
export const TAIL_BLOCK = 2 * 1024 * 1024;

const IDLE: LiveRead = { kind: 'idle' };
const REPLACED: LiveRead = { kind: 'replaced' };

export class FileTail implements LiveSource {
  readonly urgent = false;
  /** The system's name for the content, `device:inode`. */
  readonly key: string;
  /** Nobody will write to it any more but who still has it open: it was rotated away or removed. */
  finished = false;
  readonly #handle: FileHandle;
  #path: string;
  #size: number;
  /** Since when the file has not grown, milliseconds. */
  #quietSince: number;
  #cutter = new LineCutter(0, MAX_LINE);
  readonly #queue: LineItem[] = [];
  /** Where the next read of the file begins. */
  #position = 0;
  /** The bytes before `#position`. */
  #seen: Buffer = Buffer.alloc(0);
  /** Length and digest of the head the source was recognised by; checked by the first read. */
  #head: { readonly length: number; readonly digest: string } | undefined;
  #tookRest = false;

  private constructor(path: string, handle: FileHandle, stats: BigIntStats) {
    this.#path = path;
    this.#handle = handle;
    this.key = `${stats.dev}:${stats.ino}`;
    this.#size = Number(stats.size);
    this.#quietSince = Math.min(Date.now(), Number(stats.mtimeMs));
  }

  static async open(path: string): Promise<FileTail> {
    const handle = await open(path, 'r');
    return new FileTail(path, handle, await handle.stat({ bigint: true }));
  }

  get name(): string {
    return this.#path;
  }

  get backlog(): number {
    return Math.max(0, this.#size - this.#position);
  }

  /** A line that was begun is waiting for its end. */
  get isWithinLine(): boolean {
    return this.#cutter.held > 0;
  }

  /** Milliseconds since it last grew. */
  get quietFor(): number {
    return Date.now() - this.#quietSince;
  }

  moved(path: string): void {
    this.#path = path;
  }

  async start(sink: Sink): Promise<SourceStart | undefined> {
    const { size, mtimeMs } = await this.#handle.stat();
    this.#size = size;
    if (size === 0) return undefined;
    const input = this.#input(size);
    const known = await findCheckpoint(input, await sink.checkpoints());
    const identity = known === undefined ? await readIdentity(input) : this.#identityOf(known);
    if (identity.headLength === 0) return undefined;
    const offset = known?.offset ?? 0;
    await this.#seek(offset);
    this.#head = { length: identity.headLength, digest: identity.headDigest };
    const from = Math.max(0, offset - PRIMING_BYTES);
    const before = wholeLines(await this.#bytes(from, offset - from), from === 0);
    return { identity, known, latest: Math.min(Date.now(), mtimeMs) / 1000, before };
  }

  async read(): Promise<LiveRead> {
    const next = this.#queue.shift();
    if (next !== undefined) return { kind: 'block', item: next };
    if (this.#tookRest) return { kind: 'ended' };
    try {
      return await this.#readMore();
    } catch (error) {
      return { kind: 'ended', problem: explainError(error) };
    }
  }

  committed(): void {}

  async close(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
  }

  #identityOf({ headLength, headDigest }: Checkpoint): SourceStart['identity'] {
    return { name: this.#path, headLength, headDigest };
  }

  /** By its descriptor: the name may lead elsewhere by now. */
  #input(fileSize: number): FileInput {
    const folder = process.platform === 'linux' ? '/proc/self/fd' : '/dev/fd';
    return { kind: 'file', name: this.#path, path: `${folder}/${this.#handle.fd}`, fileSize };
  }

  async #seek(offset: number): Promise<void> {
    this.#queue.length = 0;
    this.#cutter = new LineCutter(offset, MAX_LINE);
    this.#position = offset;
    this.#tookRest = false;
    const overlap = Math.min(OVERLAP, offset);
    this.#seen = await this.#bytes(offset - overlap, overlap);
  }

  async #bytes(offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length);
    const { bytesRead } = await this.#handle.read(bytes, 0, length, offset);
    return bytes.subarray(0, bytesRead);
  }

  async #readMore(): Promise<LiveRead> {
    const { size } = await this.#handle.stat();
    if (size !== this.#size) this.#quietSince = Date.now();
    this.#size = size;
    if (size < this.#position) return REPLACED;
    if (size === this.#position) return this.#atEnd();
    const overlap = this.#seen.length;
    const room = Math.min(size - this.#position, TAIL_BLOCK);
    const bytes = await this.#bytes(this.#position - overlap, overlap + room);
    if (!bytes.subarray(0, overlap).equals(this.#seen) || !this.#hasHead(bytes)) return REPLACED;
    return this.#cut(bytes.subarray(overlap), bytes);
  }

  /** The first bytes are those the source was recognised by. */
  #hasHead(bytes: Buffer): boolean {
    const head = this.#head;
    this.#head = undefined;
    if (head === undefined || this.#position > 0 || bytes.length < head.length) return true;
    return digest(bytes.subarray(0, head.length)) === head.digest;
  }

  #cut(fresh: Buffer, withOverlap: Buffer): LiveRead {
    const buffer = Buffer.allocUnsafe(this.#cutter.held + fresh.length);
    const { held } = this.#cutter;
    this.#cutter.carryOver(buffer);
    fresh.copy(buffer, held);
    this.#queue.push(...this.#cutter.cut(buffer));
    this.#position += fresh.length;
    this.#seen = Buffer.from(withOverlap.subarray(-OVERLAP));
    const item = this.#queue.shift();
    return item === undefined ? IDLE : { kind: 'block', item };
  }

  /** What of a line without newline, once nobody will complete it? */
  #atEnd(): LiveRead {
    if (!this.finished || this.quietFor < QUIET_MS) return IDLE;
    const rest = this.#cutter.rest();
    this.#tookRest = true;
    if (rest === undefined) return { kind: 'ended' };
    return { kind: 'block', item: rest };
  }
}
