/**
 * Zstandard (RFC 8878): frames one after another, skippable frames between them, checksums verified.
 *
 * The decoder is zstd's own, compiled to WebAssembly (package zstddec). Its wrapper for streams can neither
 * report errors nor be abandoned half-way, so the raw functions are called here; `_init` hands them out.
 * Promise: windows up to 128 MiB, the limit of zstd(1). Damage costs at most the block it sits in.
 */
import { ZSTDDecoder } from 'zstddec/stream';
import { type ByteFeed, DamagedArchive } from './byte-feed.ts';

interface ZstdFunctions {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(size: number): number;
  free(pointer: number): void;
  ZSTD_createDCtx(): number;
  ZSTD_freeDCtx(context: number): void;
  ZSTD_decompressStream(context: number, output: number, input: number): number;
}

/** The largest block there is (RFC 8878, 3.1.1.2.4); one call never gives more. */
const BLOCK_SIZE = 128 * 1024;
/** Bytes that begin a frame: zstd asks for no fewer. */
const FRAME_START = 5;
/** zstd returns errors as -code; zstd_errors.h keeps codes below this. */
const LAST_ERROR = 120;
const ERRORS: Readonly<Record<number, string>> = {
  10: 'bytes that are no zstd frame follow',
  14: 'it uses a feature this decoder does not know',
  16: 'its window is larger than 128 MiB; decompress it with zstd -d --long=31 first',
  20: 'a block is corrupt',
  22: 'the checksum does not match what was decompressed',
  30: 'it needs a dictionary',
  32: 'it needs a dictionary',
  64: 'there is not enough memory',
};

let functions: Promise<ZstdFunctions> | undefined;

class Loader extends ZSTDDecoder {
  static found: unknown;

  override _init(result: Parameters<ZSTDDecoder['_init']>[0]): void {
    super._init(result);
    Loader.found = result.instance.exports;
  }
}

function isZstd(found: unknown): found is ZstdFunctions {
  return typeof found === 'object' && found !== null && 'ZSTD_decompressStream' in found;
}

async function load(): Promise<ZstdFunctions> {
  await new Loader().init();
  if (!isZstd(Loader.found)) throw new Error('the zstd decoder could not be loaded');
  return Loader.found;
}

/** One decompression context with its buffers; `dispose` gives the memory back. */
class ZstdStream {
  readonly #zstd: ZstdFunctions;
  readonly #context: number;
  readonly #memory: number;
  readonly #input: number;
  readonly #output: number;
  /** zstd's answer to the last call: 0 between frames, else how many bytes it would like next. */
  wanted = 0;

  constructor(zstd: ZstdFunctions) {
    this.#zstd = zstd;
    this.#context = zstd.ZSTD_createDCtx();
    this.#memory = zstd.malloc(24 + 2 * BLOCK_SIZE);
    this.#input = this.#memory + 24;
    this.#output = this.#input + BLOCK_SIZE;
    if (this.#context === 0 || this.#memory === 0) throw new DamagedArchive(describe(64));
  }

  /** How much to offer next: just enough for one block, so that an error costs no block before it. */
  get appetite(): number {
    return Math.min(this.wanted === 0 ? FRAME_START : this.wanted, BLOCK_SIZE);
  }

  /** Takes all of `bytes` and yields what comes of them. */
  *decompress(bytes: Buffer): Generator<Buffer> {
    new Uint8Array(this.#zstd.memory.buffer).set(bytes, this.#input);
    for (let taken = 0; taken < bytes.length; ) {
      const inputView = this.#structs();
      inputView.setUint32(0, this.#input, true);
      inputView.setUint32(4, bytes.length, true);
      inputView.setUint32(8, taken, true);
      inputView.setUint32(12, this.#output, true);
      inputView.setUint32(16, BLOCK_SIZE, true);
      inputView.setUint32(20, 0, true);
      const answer = this.#zstd.ZSTD_decompressStream(
        this.#context,
        this.#memory + 12,
        this.#memory,
      );
      if (answer < 0 && answer >= -LAST_ERROR) throw new DamagedArchive(describe(-answer));
      this.wanted = answer >>> 0;
      // The memory may have moved while it grew.
      const view = this.#structs();
      taken = view.getUint32(8, true);
      const made = view.getUint32(20, true);
      if (made > 0) yield Buffer.from(Buffer.from(this.#zstd.memory.buffer, this.#output, made));
    }
  }

  #structs(): DataView {
    return new DataView(this.#zstd.memory.buffer, this.#memory, 24);
  }

  dispose(): void {
    this.#zstd.ZSTD_freeDCtx(this.#context);
    this.#zstd.free(this.#memory);
  }
}

function describe(code: number): string {
  const text = ERRORS[code];
  return text === undefined ? `the archive is corrupt (zstd error ${code})` : `zstd: ${text}`;
}

export async function* unzstd(feed: ByteFeed): AsyncGenerator<Buffer> {
  functions ??= load();
  const stream = new ZstdStream(await functions);
  try {
    for (;;) {
      const bytes = await feed.next(stream.appetite);
      if (bytes === undefined) break;
      yield* stream.decompress(bytes);
    }
    if (stream.wanted !== 0) throw new DamagedArchive('the archive is truncated');
  } finally {
    stream.dispose();
  }
}
