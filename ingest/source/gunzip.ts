/**
 * gzip (RFC 1952): members one after another, each checked against its CRC-32 and length.
 *
 * Promise: what follows the last member and is no member is ignored, as gzip(1) does. A damaged member
 * yields what was decompressed before the damage (short of the last 16 KiB at most), then throws.
 */
import type { InflateRaw } from 'node:zlib';
import { crc32, createInflateRaw } from 'node:zlib';
import { type ByteFeed, DamagedArchive } from './byte-feed.ts';

/** Bytes of output per call into zlib: what a damaged spot can cost, since zlib hides a failed call's output. */
const OUTPUT_SIZE = 16 * 1024;
/** Deflate expands up to 1032 times: this bounds what one piece of input can pile up. */
const INPUT_SIZE = 16 * 1024;

const FLAG_HEADER_CRC = 2;
const FLAG_EXTRA = 4;
const FLAG_NAME = 8;
const FLAG_COMMENT = 16;
export const GZIP_RESERVED_FLAGS = 0xe0;

type Step = 'more' | 'end' | Error;

/** One deflate stream, fed piece by piece; its output is gathered eagerly, or zlib's errors would drop it. */
class Inflater {
  readonly #stream: InflateRaw = createInflateRaw({ chunkSize: OUTPUT_SIZE });
  #output: Buffer[] = [];
  #settle: (step: Step) => void = () => undefined;

  constructor() {
    this.#stream.on('data', (bytes: Buffer) => this.#output.push(bytes));
    this.#stream.on('end', () => this.#settle('end'));
    this.#stream.on('error', (error) => this.#settle(error));
  }

  write(bytes: Buffer): Promise<Step> {
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#stream.write(bytes, (error) => {
        if (!error) resolve('more');
      });
    });
  }

  /** No more input: an error unless the stream had reached its end. */
  finish(): Promise<Step> {
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#stream.end();
    });
  }

  takeOutput(): readonly Buffer[] {
    const output = this.#output;
    this.#output = [];
    return output;
  }

  get consumed(): number {
    return this.#stream.bytesWritten;
  }

  close(): void {
    this.#stream.destroy();
  }
}

export async function* gunzip(feed: ByteFeed): AsyncGenerator<Buffer> {
  let first = true;
  while (await skipHeader(feed, first)) {
    first = false;
    yield* inflateMember(feed);
  }
}

/** False where no further member begins. */
async function skipHeader(feed: ByteFeed, first: boolean): Promise<boolean> {
  const magic = await feed.peek(2);
  if (magic.length < 2 || magic[0] !== 0x1f || magic[1] !== 0x8b) {
    if (first) throw new DamagedArchive('no gzip header');
    return false;
  }
  const header = await feed.require(10);
  const flags = header[3] ?? 0;
  if (header[2] !== 8 || (flags & GZIP_RESERVED_FLAGS) !== 0) {
    throw new DamagedArchive('a gzip header of an unknown kind');
  }
  if ((flags & FLAG_EXTRA) !== 0) await skipBytes(feed, (await feed.require(2)).readUInt16LE(0));
  if ((flags & FLAG_NAME) !== 0) await skipText(feed);
  if ((flags & FLAG_COMMENT) !== 0) await skipText(feed);
  if ((flags & FLAG_HEADER_CRC) !== 0) await feed.require(2);
  return true;
}

async function skipBytes(feed: ByteFeed, count: number): Promise<void> {
  await feed.require(count);
}

/** Past a text that ends in a NUL byte. */
async function skipText(feed: ByteFeed): Promise<void> {
  for (;;) {
    const bytes = await feed.next();
    if (bytes === undefined) throw new DamagedArchive('the archive is truncated');
    const end = bytes.indexOf(0);
    if (end < 0) continue;
    feed.unread(bytes.subarray(end + 1));
    return;
  }
}

async function* inflateMember(feed: ByteFeed): AsyncGenerator<Buffer> {
  const inflater = new Inflater();
  let checksum = 0;
  let size = 0;
  try {
    for (let step: Step = 'more'; step === 'more'; ) {
      const before = inflater.consumed;
      const input = await feed.next(INPUT_SIZE);
      step = input === undefined ? await inflater.finish() : await inflater.write(input);
      for (const bytes of inflater.takeOutput()) {
        checksum = crc32(bytes, checksum);
        size = (size + bytes.length) >>> 0;
        yield bytes;
      }
      if (step instanceof Error) throw damage(step);
      if (step === 'end' && input !== undefined) {
        feed.unread(input.subarray(inflater.consumed - before));
      }
    }
  } finally {
    inflater.close();
  }
  const trailer = await feed.require(8);
  if (trailer.readUInt32LE(0) !== checksum || trailer.readUInt32LE(4) !== size) {
    throw new DamagedArchive('the checksum does not match what was decompressed');
  }
}

function damage(error: Error): DamagedArchive {
  const truncated = 'code' in error && error.code === 'Z_BUF_ERROR';
  return new DamagedArchive(
    truncated ? 'the archive is truncated' : `the archive is corrupt (${error.message})`,
    { cause: error },
  );
}
