/**
 * bzip2: streams one after another, each block checked against its CRC, each stream against its own.
 *
 * There is no specification but bzip2 1.0.8 itself; the steps are undone in reverse: Huffman codes, move to
 * front with runs, Burrows-Wheeler, runs of four (see `bzip2-block.ts` for the first two).
 * Promise: what follows the last stream is ignored, as bzip2(1) does. Memory: one block, 900 kB times four,
 * plus the compressed bytes of one. A damaged block costs that block.
 */
import { type ByteFeed, DamagedArchive } from './byte-feed.ts';
import { BitReader } from './bzip2-bits.ts';
import { BLOCK_UNIT, readBlock } from './bzip2-block.ts';

/** Binary-coded pi begins a block, the square root of pi ends a stream. */
const BLOCK_MAGIC = 0x314159265359;
const END_MAGIC = 0x177245385090;
const OUTPUT_SIZE = 64 * 1024;
/** A code has at most 20 bits; the rest is room for the tables at the head of a block. */
const COMPRESSED_UNIT = (BLOCK_UNIT * 20) / 8;
const TABLES_SIZE = 64 * 1024;

export async function* bunzip2(feed: ByteFeed): AsyncGenerator<Buffer> {
  const bits = new BitReader(feed);
  const vector = new Uint32Array(9 * BLOCK_UNIT);
  for (let first = true; ; first = false) {
    const level = await readLevel(bits, first);
    if (level === 0) return;
    yield* oneStream(bits, vector.subarray(0, level * BLOCK_UNIT), level);
  }
}

/** The block size in units of 100 kB; 0 where no further stream begins. */
async function readLevel(bits: BitReader, first: boolean): Promise<number> {
  bits.alignToByte();
  await bits.ensure(4);
  const [b, z, h, level = 0] = bits.upcoming(4);
  if (b === 0x42 && z === 0x5a && h === 0x68 && level >= 0x31 && level <= 0x39) {
    bits.read(16);
    bits.read(16);
    return level - 0x30;
  }
  if (first) throw new DamagedArchive('no bzip2 header');
  return 0;
}

async function* oneStream(
  bits: BitReader,
  vector: Uint32Array,
  level: number,
): AsyncGenerator<Buffer> {
  let streamCrc = 0;
  for (;;) {
    await bits.ensure(level * COMPRESSED_UNIT + TABLES_SIZE);
    const magic = bits.read(24) * 0x1000000 + bits.read(24);
    const expected = bits.readWord();
    if (magic === END_MAGIC) {
      if (expected !== streamCrc) throw mismatch();
      return;
    }
    if (magic !== BLOCK_MAGIC) throw new DamagedArchive('the archive is corrupt');
    const { length, origin } = readBlock(bits, vector);
    const crc = yield* undoRuns(vector, length, origin);
    if (crc !== expected) throw mismatch();
    streamCrc = (((streamCrc << 1) | (streamCrc >>> 31)) ^ crc) >>> 0;
  }
}

function mismatch(): DamagedArchive {
  return new DamagedArchive('a checksum does not match what was decompressed');
}

/** CRC-32 with the high bit first, unlike zlib's. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0);
  return crc >>> 0;
});

function updateCrc(crc: number, bytes: Uint8Array): number {
  let value = crc;
  for (let index = 0; index < bytes.length; index++) {
    value = (value << 8) ^ (CRC_TABLE[(value >>> 24) ^ (bytes[index] ?? 0)] ?? 0);
  }
  return value;
}

/**
 * Walks the Burrows-Wheeler chain and undoes the first step of bzip2: four equal bytes are followed by a
 * count of further ones. Returns the CRC of what it yielded.
 */
function* undoRuns(vector: Uint32Array, length: number, origin: number): Generator<Buffer, number> {
  let crc = -1;
  let entry = vector[origin] ?? 0;
  let run = 0;
  let previous = -1;
  let output = Buffer.allocUnsafe(OUTPUT_SIZE);
  let filled = 0;
  for (let left = length; left > 0; left--) {
    entry = vector[entry >>> 8] ?? 0;
    const byte = entry & 0xff;
    if (filled + 255 > OUTPUT_SIZE) {
      crc = updateCrc(crc, output.subarray(0, filled));
      yield output.subarray(0, filled);
      output = Buffer.allocUnsafe(OUTPUT_SIZE);
      filled = 0;
    }
    if (run === 4) {
      output.fill(previous, filled, filled + byte);
      filled += byte;
      run = 0;
      previous = -1;
      continue;
    }
    run = byte === previous ? run + 1 : 1;
    previous = byte;
    output[filled++] = byte;
  }
  crc = updateCrc(crc, output.subarray(0, filled));
  if (filled > 0) yield output.subarray(0, filled);
  return ~crc >>> 0;
}
