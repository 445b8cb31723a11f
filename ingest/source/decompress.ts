/**
 * What kind of bytes these are, told by the content and never by the name, and the bytes they stand for.
 *
 * Promise: bounded memory; a truncated or corrupt archive gives all bytes that could be read and then an
 * error as a value, never an exception. Bytes that only resemble an archive are a plain log.
 */
import { crc32 } from 'node:zlib';
import { bunzip2 } from './bunzip2.ts';
import { ByteFeed, DamagedArchive } from './byte-feed.ts';
import type { ByteReader } from './byte-reader.ts';
import { explainError } from './byte-reader.ts';
import { GZIP_RESERVED_FLAGS, gunzip } from './gunzip.ts';
import { unxz } from './unxz.ts';
import { unzstd } from './unzstd.ts';

export type Format = 'plain' | 'gzip' | 'zstd' | 'bzip2' | 'xz' | 'unsupported';

/** The longest beginning that `detectFormat` looks at. */
export const MAGIC_LENGTH = 12;

export type Decoded =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'error'; readonly message: string };

type Decoder = (feed: ByteFeed) => AsyncGenerator<Buffer>;

const DECODERS: Readonly<Record<Exclude<Format, 'plain'>, Decoder>> = {
  gzip: gunzip,
  zstd: unzstd,
  bzip2: bunzip2,
  xz: unxz,
  // biome-ignore lint/correctness/useYield: it has nothing to give.
  unsupported: async function* () {
    throw new DamagedArchive(
      'an archive that is not supported (zip, 7-zip, lz4 or compress); unpack it first',
    );
  },
};

/** Other archives, which as a log would be one long line of rubbish. */
const UNSUPPORTED_MAGIC: readonly string[] = ['504b0304', '377abcaf271c', '04224d18', '1f9d90'];
/** After `BZh` and a digit: the beginning of a block, or of the end of an empty stream. */
const BZIP2_MAGIC: readonly string[] = ['314159265359', '177245385090'];

/** Tells the format by the first bytes of a source; give it MAGIC_LENGTH of them, or all there are. */
export function detectFormat(head: Buffer): Format {
  if (isGzip(head)) return 'gzip';
  if (isZstd(head)) return 'zstd';
  if (isBzip2(head)) return 'bzip2';
  if (isXz(head)) return 'xz';
  const isUnsupported = UNSUPPORTED_MAGIC.some((magic) => startsWith(head, magic));
  return isUnsupported ? 'unsupported' : 'plain';
}

function startsWith(head: Buffer, hex: string): boolean {
  return head.toString('hex', 0, hex.length / 2) === hex;
}

/** Deflate, and no flag that RFC 1952 reserves: printable text after the magic would set one. */
function isGzip(head: Buffer): boolean {
  return startsWith(head, '1f8b08') && ((head[3] ?? 0) & GZIP_RESERVED_FLAGS) === 0;
}

/** A frame (RFC 8878, 3.1.1), whose fifth byte has a reserved bit, or a skippable frame (3.1.2). */
function isZstd(head: Buffer): boolean {
  if (startsWith(head, '28b52ffd')) return ((head[4] ?? 0) & 0x08) === 0;
  return head.length >= 8 && head.readUInt32LE(0) >>> 4 === 0x184d2a5;
}

function isBzip2(head: Buffer): boolean {
  if (!/^BZh[1-9]$/.test(head.toString('latin1', 0, 4))) return false;
  const magic = head.toString('hex', 4, 10);
  return BZIP2_MAGIC.some((known) => known.startsWith(magic));
}

/** Six bytes of magic, two of flags and their CRC-32 (the .xz file format, 2.1.1). */
function isXz(head: Buffer): boolean {
  if (!startsWith(head, 'fd377a585a00')) return false;
  return head.length < 12 || head.readUInt32LE(8) === crc32(head.subarray(6, 8));
}

/** The bytes an archive stands for; whatever goes wrong is the last item. */
export async function* decompress(
  reader: ByteReader,
  format: Exclude<Format, 'plain'>,
): AsyncGenerator<Decoded> {
  try {
    for await (const bytes of DECODERS[format](new ByteFeed(reader))) {
      yield { kind: 'bytes', bytes };
    }
  } catch (error) {
    yield { kind: 'error', message: reader.failure() ?? explainError(error) };
  }
}

/** Decompressed bytes, pulled like those of a plain file. */
export class DecompressingReader implements ByteReader {
  readonly live: boolean;
  readonly #reader: ByteReader;
  readonly #decoded: AsyncGenerator<Decoded>;
  #rest: Buffer = Buffer.alloc(0);
  #failure: string | undefined;
  #ended = false;

  constructor(reader: ByteReader, format: Exclude<Format, 'plain'>) {
    this.live = reader.live;
    this.#reader = reader;
    this.#decoded = decompress(reader, format);
  }

  async readInto(target: Buffer, at: number): Promise<number> {
    let filled = at;
    while (filled < target.length) {
      if (this.#rest.length === 0 && !(await this.#advance())) break;
      const count = this.#rest.copy(target, filled);
      this.#rest = this.#rest.subarray(count);
      filled += count;
      if (this.live) break;
    }
    return filled - at;
  }

  /** Reads and forgets; false if there was less than `count`. */
  async discard(count: number): Promise<boolean> {
    let left = count;
    while (left > 0) {
      if (this.#rest.length === 0 && !(await this.#advance())) return false;
      const skipped = Math.min(left, this.#rest.length);
      this.#rest = this.#rest.subarray(skipped);
      left -= skipped;
    }
    return true;
  }

  async #advance(): Promise<boolean> {
    while (!this.#ended && this.#rest.length === 0) {
      const { done, value } = await this.#decoded.next();
      if (done === true) this.#ended = true;
      else if (value.kind === 'bytes') this.#rest = value.bytes;
      else this.#failure = value.message;
    }
    return this.#rest.length > 0;
  }

  failure(): string | undefined {
    return this.#failure;
  }

  async close(): Promise<void> {
    this.#ended = true;
    // Ends the decoder where it stands, so that it gives its memory back.
    await this.#decoded.return(undefined);
    await this.#reader.close();
  }
}
