/**
 * One bzip2 block: its tables, its Huffman codes and the move-to-front list, undone into a vector of bytes
 * with the links of the Burrows-Wheeler transform above them (compress.c and decompress.c of bzip2 1.0.8).
 */
import { DamagedArchive } from './byte-feed.ts';
import type { BitReader } from './bzip2-bits.ts';

export const BLOCK_UNIT = 100_000;
const MAX_CODE_LENGTH = 20;
const GROUP_SIZE = 50;
/** bzip2 writes no more selectors than this; more are read and forgotten, as bzip2 1.0.8 does. */
const MAX_SELECTORS = 18_002;
/** Codes of up to this many bits are looked up at once, longer ones length by length. */
const FAST_BITS = 10;

export interface Block {
  readonly length: number;
  readonly origin: number;
}

/** A canonical Huffman code: for each length the highest code, and where its symbols begin. */
interface Code {
  /** Indexed by the next FAST_BITS bits: length * 512 + symbol; 0 where the code is longer. */
  readonly fast: Uint16Array;
  readonly limit: Int32Array;
  readonly base: Int32Array;
  readonly symbols: Uint16Array;
}

function corrupt(): DamagedArchive {
  return new DamagedArchive('the archive is corrupt');
}

/** Reads what follows the block's CRC and leaves the linked bytes in `vector`. */
export function readBlock(bits: BitReader, vector: Uint32Array): Block {
  if (bits.read(1) === 1) throw new DamagedArchive('bzip2: randomised blocks are not supported');
  const origin = bits.read(24);
  const alphabet = readAlphabet(bits);
  const codeCount = bits.read(3);
  if (codeCount < 2 || codeCount > 6 || alphabet.length === 0) throw corrupt();
  const selectors = readSelectors(bits, codeCount);
  const codes = Array.from({ length: codeCount }, () => readCode(bits, alphabet.length + 2));
  const order = selectors.flatMap((selector) => codes[selector] ?? []);
  const length = readSymbols(new SymbolReader(bits, order), alphabet, vector);
  if (origin >= length) throw corrupt();
  linkBytes(vector, length);
  return { length, origin };
}

/** The byte values that occur: a map of 16 ranges of 16. */
function readAlphabet(bits: BitReader): Uint8Array {
  const ranges = bits.read(16);
  const values: number[] = [];
  for (let range = 0; range < 16; range++) {
    if ((ranges & (0x8000 >> range)) === 0) continue;
    const members = bits.read(16);
    for (let value = 0; value < 16; value++) {
      if ((members & (0x8000 >> value)) !== 0) values.push(range * 16 + value);
    }
  }
  return Uint8Array.from(values);
}

/** Which code each group of 50 symbols uses. */
function readSelectors(bits: BitReader, codeCount: number): number[] {
  const count = bits.read(15);
  if (count === 0) throw corrupt();
  const recent = [0, 1, 2, 3, 4, 5].slice(0, codeCount);
  const selectors: number[] = [];
  for (let index = 0; index < count; index++) {
    let place = 0;
    while (bits.read(1) === 1) place++;
    const [selector] = recent.splice(place, 1);
    if (selector === undefined) throw corrupt();
    recent.unshift(selector);
    if (index < MAX_SELECTORS) selectors.push(selector);
  }
  return selectors;
}

function readCode(bits: BitReader, symbolCount: number): Code {
  const lengths = new Uint8Array(symbolCount);
  let length = bits.read(5);
  for (let symbol = 0; symbol < symbolCount; symbol++) {
    for (;;) {
      if (length < 1 || length > MAX_CODE_LENGTH) throw corrupt();
      if (bits.read(1) === 0) break;
      length += bits.read(1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  return buildCode(lengths);
}

function buildCode(lengths: Uint8Array): Code {
  const fast = new Uint16Array(1 << FAST_BITS);
  const limit = new Int32Array(MAX_CODE_LENGTH + 2).fill(-1);
  const base = new Int32Array(MAX_CODE_LENGTH + 2);
  const symbols = new Uint16Array(lengths.length);
  let code = 0;
  let placed = 0;
  for (let length = 1; length <= MAX_CODE_LENGTH; length++) {
    base[length] = placed - code;
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== length) continue;
      symbols[placed++] = symbol;
      if (length <= FAST_BITS) {
        const shift = FAST_BITS - length;
        fast.fill(length * 512 + symbol, code << shift, (code + 1) << shift);
      }
      limit[length] = code++;
    }
    code <<= 1;
  }
  return { fast, limit, base, symbols };
}

/** Symbols, each group of them in the code that is its turn. */
class SymbolReader {
  readonly #bits: BitReader;
  readonly #order: readonly Code[];
  #group = 0;
  #left = 0;
  #code: Code | undefined;

  constructor(bits: BitReader, order: readonly Code[]) {
    this.#bits = bits;
    this.#order = order;
  }

  next(): number {
    if (this.#left === 0) {
      this.#code = this.#order[this.#group++];
      this.#left = GROUP_SIZE;
    }
    this.#left--;
    const code = this.#code;
    if (code === undefined) throw corrupt();
    const entry = code.fast[this.#bits.peek(FAST_BITS)] ?? 0;
    if (entry === 0) return this.#longCode(code);
    this.#bits.skip(entry >>> 9);
    return entry & 511;
  }

  #longCode(code: Code): number {
    const ahead = this.#bits.peek(MAX_CODE_LENGTH);
    for (let length = FAST_BITS + 1; length <= MAX_CODE_LENGTH; length++) {
      const candidate = ahead >>> (MAX_CODE_LENGTH - length);
      if (candidate > (code.limit[length] ?? -1)) continue;
      this.#bits.skip(length);
      return code.symbols[candidate + (code.base[length] ?? 0)] ?? 0;
    }
    throw corrupt();
  }
}

/** Symbols 0 and 1 are digits of a run's length, the last one ends the block, others move a byte to front. */
function readSymbols(symbols: SymbolReader, alphabet: Uint8Array, vector: Uint32Array): number {
  const recent = Uint8Array.from(alphabet);
  const endSymbol = alphabet.length + 1;
  let length = 0;
  let run = 0;
  let weight = 1;
  for (;;) {
    const symbol = symbols.next();
    if (symbol <= 1) {
      run += weight << symbol;
      weight <<= 1;
      if (run > vector.length) throw corrupt();
      continue;
    }
    fillRun(vector, length, run, recent[0]);
    length += run;
    run = 0;
    weight = 1;
    if (symbol === endSymbol) return length;
    if (length === vector.length) throw corrupt();
    vector[length++] = toFront(recent, symbol - 1);
  }
}

function fillRun(vector: Uint32Array, start: number, count: number, byte = 0): void {
  if (start + count > vector.length) throw corrupt();
  if (count > 0) vector.fill(byte, start, start + count);
}

function toFront(recent: Uint8Array, place: number): number {
  const byte = recent[place] ?? 0;
  if (place < 16)
    for (let index = place; index > 0; index--) recent[index] = recent[index - 1] ?? 0;
  else recent.copyWithin(1, 0, place);
  recent[0] = byte;
  return byte;
}

/** Puts above each byte the index of the byte that follows it in the text. */
function linkBytes(vector: Uint32Array, length: number): void {
  const next = new Uint32Array(256);
  for (let index = 0; index < length; index++) {
    const byte = (vector[index] ?? 0) & 0xff;
    next[byte] = (next[byte] ?? 0) + 1;
  }
  let sum = 0;
  for (let byte = 0; byte < 256; byte++) {
    const count = next[byte] ?? 0;
    next[byte] = sum;
    sum += count;
  }
  for (let index = 0; index < length; index++) {
    const byte = (vector[index] ?? 0) & 0xff;
    const place = next[byte] ?? 0;
    next[byte] = place + 1;
    vector[place] = ((vector[place] ?? 0) & 0xff) | (index << 8);
  }
}
