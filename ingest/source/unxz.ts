/**
 * xz (the .xz file format 1.2): streams one after another, padding between them, several blocks.
 *
 * The decoder is XZ Embedded, compiled to WebAssembly (package xz-decompress). Its public class decodes one
 * file at a time, the next one waits, and it drops the last output before an error; so its functions are
 * called here, each time on an instance of their own.
 * Promise: dictionaries up to 64 MiB (xz -9), checks CRC-32, CRC-64 and none. Not SHA-256 checks and not the
 * filters for machine code: these are refused, saying so.
 */
import xz from 'xz-decompress';
import { type ByteFeed, DamagedArchive } from './byte-feed.ts';

interface XzFunctions {
  readonly memory: { readonly buffer: ArrayBuffer };
  create_context(): number;
  destroy_context(context: number): void;
  supply_input(context: number, size: number): void;
  get_next_output(context: number): number;
}

interface XzPackage {
  _getModuleInstance(): Promise<void>;
  readonly _moduleInstance: { readonly exports: XzFunctions };
}

const STREAM_END = 1;
const ERRORS: Readonly<Record<number, string>> = {
  2: 'the kind of its integrity check is not supported; decompress it with xz -d first',
  3: 'there is not enough memory',
  4: 'its dictionary is larger than 64 MiB; decompress it with xz -d first',
  5: 'bytes that are no xz stream follow',
  6: 'it uses a filter or check that is not supported; decompress it with xz -d first',
  7: 'the archive is corrupt',
  8: 'the archive is truncated',
};

function isXzPackage(found: unknown): found is XzPackage {
  return typeof found === 'function' && '_getModuleInstance' in found;
}

let loading: Promise<unknown> = Promise.resolve();
/** The instance last used, kept for the next archive. */
let idle: XzFunctions | undefined;

/** An instance that nobody uses: contexts within one instance disturb each other. */
function load(): Promise<XzFunctions> {
  const kept = idle;
  idle = undefined;
  if (kept !== undefined) return Promise.resolve(kept);
  const instance = loading.then(async () => {
    const found: unknown = xz.XzReadableStream;
    if (!isXzPackage(found)) throw new Error('the xz decoder could not be loaded');
    await found._getModuleInstance();
    return found._moduleInstance.exports;
  });
  loading = instance.catch(() => undefined);
  return instance;
}

/** A decoding in progress. Its context begins with: buffer size, in, in position, in size, out, out position. */
class XzDecoder {
  readonly #xz: XzFunctions;
  readonly #context: number;

  constructor(functions: XzFunctions) {
    this.#xz = functions;
    this.#context = functions.create_context();
  }

  #fields(): Uint32Array {
    return new Uint32Array(this.#xz.memory.buffer, this.#context, 6);
  }

  #field(index: number): number {
    return this.#fields()[index] ?? 0;
  }

  get inputSize(): number {
    return this.#field(0);
  }

  /** Takes all of `bytes` and yields what comes of them; no bytes stand for the end of the input. */
  *decompress(bytes: Uint8Array): Generator<Buffer> {
    new Uint8Array(this.#xz.memory.buffer, this.#field(1), bytes.length).set(bytes);
    this.#xz.supply_input(this.#context, bytes.length);
    for (;;) {
      const answer = this.#xz.get_next_output(this.#context);
      const made = this.#field(5);
      if (made > 0) yield this.#takeOutput(made);
      if (answer > STREAM_END) throw new DamagedArchive(describe(answer));
      if (answer === STREAM_END) return;
      // At the end it is asked until it says whether that was the end or a truncation.
      if (bytes.length > 0 && made === 0 && this.#field(2) === bytes.length) return;
    }
  }

  #takeOutput(size: number): Buffer {
    const output = Buffer.from(Buffer.from(this.#xz.memory.buffer, this.#field(4), size));
    this.#fields()[5] = 0;
    return output;
  }

  dispose(): void {
    this.#xz.destroy_context(this.#context);
  }
}

function describe(code: number): string {
  return `xz: ${ERRORS[code] ?? `error ${code}`}`;
}

export async function* unxz(feed: ByteFeed): AsyncGenerator<Buffer> {
  const functions = await load();
  const decoder = new XzDecoder(functions);
  try {
    for (;;) {
      const bytes = await feed.next(decoder.inputSize);
      yield* decoder.decompress(bytes ?? new Uint8Array());
      if (bytes === undefined) return;
    }
  } finally {
    decoder.dispose();
    idle = functions;
  }
}
