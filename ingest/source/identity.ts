/**
 * Which source is this? A source is its content: the digest of its first bytes names it, the digest of the
 * bytes before a checkpoint shows that it is still the one that was read up to there. Both are taken of the
 * decompressed bytes, so a rename, a gzip and an append change neither.
 *
 * Cost: a plain file is read at the places asked for. An archive is decompressed once per call, as far as
 * the last place asked for; `findCheckpoint` needs two passes where the head fits a checkpoint, else one
 * that ends after the head. A stream cannot be read again: its head is looked at and put back.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Checkpoint, SourceIdentity } from '../../src/store/store.ts';
import type { ByteReader } from './byte-reader.ts';
import { DecompressingReader, detectFormat, MAGIC_LENGTH } from './decompress.ts';
import { type FileInput, type Input, openFile, readHead, type StreamInput } from './input.ts';

/** Bytes that name a source, and bytes before a checkpoint that recognise it. */
export const HEAD_LENGTH = 4096;
export const TAIL_LENGTH = 4096;

const READ_SIZE = 64 * 1024;

export function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Names a source by its first bytes. An empty source has `headLength` 0, and so has one that cannot be read. */
export async function readIdentity(input: Input): Promise<SourceIdentity> {
  const head = await readSourceHead(input);
  return { name: input.name, headLength: head.length, headDigest: digest(head) };
}

async function readSourceHead(input: Input): Promise<Buffer> {
  if (input.kind === 'stream') return peekStream(input);
  const { bytes } = await openFile(input);
  try {
    return await readHead(bytes, HEAD_LENGTH);
  } finally {
    await bytes.close();
  }
}

/** Digest of a stretch of the decompressed content; undefined if the content ends before its end. */
export async function digestRange(
  input: FileInput,
  offset: number,
  length: number,
): Promise<string | undefined> {
  if (offset < 0 || length < 0) return undefined;
  // Of an empty stretch the byte before it shows that the content goes that far.
  const start = length === 0 ? Math.max(0, offset - 1) : offset;
  const { bytes } = await openFile(input, start);
  const [found] = await scanRanges(bytes, start, [{ offset, length }]);
  return found;
}

/**
 * The checkpoint up to which this content was read before: head and tail agree, the longest offset wins.
 * Undefined if there is none, for an empty source, and for a stream, which cannot be compared and read.
 */
export async function findCheckpoint(
  input: Input,
  checkpoints: readonly Checkpoint[],
): Promise<Checkpoint | undefined> {
  if (input.kind === 'stream') return undefined;
  const head = await readSourceHead(input);
  const candidates = checkpoints
    .filter(({ headLength, headDigest }) => matchesHead(head, headLength, headDigest))
    .sort((a, b) => b.offset - a.offset);
  if (candidates.length === 0) return undefined;
  const ranges = candidates.map(({ offset, tailLength }) => ({
    offset: offset - tailLength,
    length: tailLength,
  }));
  const tails = await digestRanges(input, ranges);
  return candidates.find(({ tailDigest }, index) => tails[index] === tailDigest);
}

function matchesHead(head: Buffer, length: number, expected: string): boolean {
  if (length === 0 || length > head.length) return false;
  return digest(head.subarray(0, length)) === expected;
}

interface Range {
  readonly offset: number;
  readonly length: number;
}

/** Digests of several stretches; an archive is decompressed once for all of them. */
async function digestRanges(
  input: FileInput,
  ranges: readonly Range[],
): Promise<readonly (string | undefined)[]> {
  const { bytes, format } = await openFile(input);
  if (format !== 'plain') return scanRanges(bytes, 0, ranges);
  await bytes.close();
  return Promise.all(ranges.map(({ offset, length }) => digestRange(input, offset, length)));
}

interface RunningDigest extends Range {
  readonly hash: Hash;
}

/** Reads once from `start` and feeds each stretch the bytes that are its own; closes the reader. */
async function scanRanges(
  reader: ByteReader,
  start: number,
  ranges: readonly Range[],
): Promise<readonly (string | undefined)[]> {
  const running = ranges.map((range) => ({ ...range, hash: createHash('sha256') }));
  const end = Math.max(...ranges.map(({ offset, length }) => offset + length));
  const buffer = Buffer.allocUnsafe(READ_SIZE);
  let position = start;
  try {
    while (position < end) {
      const count = await reader.readInto(buffer.subarray(0, end - position), 0);
      if (count === 0) break;
      for (const range of running) feed(range, position, buffer.subarray(0, count));
      position += count;
    }
  } finally {
    await reader.close();
  }
  return running.map(({ offset, length, hash }) =>
    offset < 0 || offset + length > position ? undefined : hash.digest('hex'),
  );
}

function feed({ offset, length, hash }: RunningDigest, position: number, bytes: Buffer): void {
  const from = Math.max(0, offset - position);
  const to = Math.min(bytes.length, offset + length - position);
  if (from < to) hash.update(bytes.subarray(from, to));
}

/** The head of a stream's content; every byte read of the stream is put back. */
async function peekStream(input: StreamInput): Promise<Buffer> {
  const stream = input.reader();
  const seen: Buffer[] = [];
  const recorder: ByteReader = {
    live: true,
    failure: () => stream.failure(),
    close: async () => undefined,
    async readInto(target, at) {
      const count = await stream.readInto(target, at);
      seen.push(Buffer.from(target.subarray(at, at + count)));
      return count;
    },
  };
  const magic = await readHead(recorder, MAGIC_LENGTH);
  const format = detectFormat(magic);
  const rewound = Buffer.concat(seen);
  stream.unread(rewound);
  seen.length = 0;
  const bytes = format === 'plain' ? recorder : new DecompressingReader(recorder, format);
  try {
    return await readHead(bytes, HEAD_LENGTH);
  } finally {
    await bytes.close();
    stream.unread(Buffer.concat(seen));
  }
}

/** Keeps the last bytes of what was read, so that a checkpoint can be written without reading them again. */
export class TailDigest {
  #tail: Buffer = Buffer.alloc(0);

  /** The next bytes of the source. */
  update(bytes: Buffer): void {
    const kept = bytes.length >= TAIL_LENGTH ? Buffer.alloc(0) : this.#tail;
    this.#tail = Buffer.concat([kept, bytes.subarray(-TAIL_LENGTH)]).subarray(-TAIL_LENGTH);
  }

  /** Bytes were passed over that nobody has seen whole (an overlong line): the tail begins after them. */
  skip(): void {
    this.#tail = Buffer.alloc(0);
  }

  read(): { readonly tailLength: number; readonly tailDigest: string } {
    return { tailLength: this.#tail.length, tailDigest: digest(this.#tail) };
  }
}
