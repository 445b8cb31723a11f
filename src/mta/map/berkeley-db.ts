/**
 * Reads what `makemap hash` and `makemap btree` make with Berkeley DB 4 and 5: all pairs of a file, by
 * looking at every page (db_page.h of Berkeley DB 5.3). Never writes one. Both byte orders; keys and values
 * on a page, on overflow pages, and duplicates on the page; a NUL at the end of a key or value is left out.
 *
 * Promises: a damaged file is an error that names the page; a page is read once, chains of pages end, so
 * that no file can make it loop or ask for more memory than a few times the file's size.
 */
import { type MapEntry, MapError } from './keyed-map.ts';

const HASH_MAGIC = 0x061561;
const BTREE_MAGIC = 0x053162;
const METADATA = 72;
const PAGE_HEADER = 26;
const HAS_CHECKSUMS = 1;
const SMALLEST_PAGE = 512;
const BIGGEST_PAGE = 65_536;

const PAGE = { hashUnsorted: 2, btreeLeaf: 5, overflow: 7, hash: 13 } as const;
const HASH_ITEM = { data: 1, duplicates: 2, overflow: 3 } as const;
const BTREE_ITEM = { data: 1, overflow: 3, deleted: 0x80 } as const;

export function readBerkeleyDb(bytes: Buffer, name: string): MapEntry[] {
  const file = new BerkeleyFile(bytes, name);
  return [...file.pairs()].map(([key, value]) => ({
    key: withoutNul(key),
    value: withoutNul(value),
  }));
}

/** Whether it begins as such a file does. */
export function isBerkeleyDb(bytes: Buffer): boolean {
  if (bytes.length < METADATA) return false;
  const magics = [bytes.readUInt32LE(12), bytes.readUInt32BE(12)];
  return magics.includes(HASH_MAGIC) || magics.includes(BTREE_MAGIC);
}

class BerkeleyFile {
  readonly #bytes: Buffer;
  readonly #name: string;
  readonly #isLittle: boolean;
  readonly #pageSize: number;
  readonly #lastPage: number;
  readonly #isHash: boolean;
  /** Overflow pages may be asked for once each: they belong to one item. */
  readonly #followed = new Set<number>();

  constructor(bytes: Buffer, name: string) {
    this.#bytes = bytes;
    this.#name = name;
    if (!isBerkeleyDb(bytes)) throw new MapError(`${name}: not a hash or btree of Berkeley DB`);
    const little = bytes.readUInt32LE(12);
    this.#isLittle = little === HASH_MAGIC || little === BTREE_MAGIC;
    this.#isHash = this.#u32(12) === HASH_MAGIC;
    this.#pageSize = this.#u32(20);
    this.#lastPage = this.#u32(32);
    this.#checkMetadata();
  }

  *pairs(): Generator<[key: Buffer, value: Buffer]> {
    for (let page = 1; page <= this.#lastPage; page++) {
      const type = this.#pageType(page);
      const holdsHash = type === PAGE.hash || type === PAGE.hashUnsorted;
      if (this.#isHash && holdsHash) yield* this.#hashPairs(page);
      else if (!this.#isHash && type === PAGE.btreeLeaf) yield* this.#btreePairs(page);
    }
  }

  #checkMetadata(): void {
    const size = this.#pageSize;
    const isPowerOfTwo = (size & (size - 1)) === 0;
    if (size < SMALLEST_PAGE || size > BIGGEST_PAGE || !isPowerOfTwo) {
      throw this.#damage(0, `a page size of ${size}`);
    }
    if (this.#bytes[24] !== 0) throw new MapError(`${this.#name}: is encrypted`);
    if (((this.#bytes[26] ?? 0) & HAS_CHECKSUMS) !== 0) {
      throw new MapError(`${this.#name}: has checksums, which makemap does not make`);
    }
    if ((this.#lastPage + 1) * size > this.#bytes.length) {
      throw this.#damage(this.#lastPage, 'the file is shorter');
    }
  }

  #pageType(page: number): number {
    return this.#bytes[page * this.#pageSize + 25] ?? 0;
  }

  /** Items of a hash page lie from its end downwards, each up to where the one before begins. */
  *#hashPairs(page: number): Generator<[Buffer, Buffer]> {
    const items = this.#items(page);
    if (items.length % 2 !== 0) throw this.#damage(page, 'a key without a value');
    for (let i = 0; i < items.length; i += 2) {
      const key = this.#hashItem(page, items, i);
      const value = this.#hashItem(page, items, i + 1);
      if (key.length !== 1 || key[0] === undefined) throw this.#damage(page, 'a key of several');
      for (const each of value) yield [key[0], each];
    }
  }

  #hashItem(page: number, items: readonly number[], index: number): Buffer[] {
    const start = items[index] ?? 0;
    const end = index === 0 ? (page + 1) * this.#pageSize : (items[index - 1] ?? 0);
    if (start >= end) throw this.#damage(page, `item ${index} has no room`);
    switch (this.#bytes[start] ?? 0) {
      case HASH_ITEM.data:
        return [this.#bytes.subarray(start + 1, end)];
      case HASH_ITEM.duplicates:
        return this.#duplicates(page, start + 1, end);
      case HASH_ITEM.overflow:
        if (start + 12 > end) throw this.#damage(page, `item ${index} has no room`);
        return [this.#overflow(this.#u32(start + 4), this.#u32(start + 8))];
      default:
        throw this.#damage(page, `item ${index} is of an unknown kind`);
    }
  }

  /** Each with its length before and behind it. */
  #duplicates(page: number, start: number, end: number): Buffer[] {
    const values: Buffer[] = [];
    for (let at = start; at < end; ) {
      if (at + 4 > end) throw this.#damage(page, 'duplicates that end too early');
      const length = this.#u16(at);
      if (at + 4 + length > end) throw this.#damage(page, 'duplicates that end too early');
      values.push(this.#bytes.subarray(at + 2, at + 2 + length));
      at += 4 + length;
    }
    return values;
  }

  *#btreePairs(page: number): Generator<[Buffer, Buffer]> {
    const items = this.#items(page);
    if (items.length % 2 !== 0) throw this.#damage(page, 'a key without a value');
    for (let i = 0; i < items.length; i += 2) {
      const value = this.#btreeItem(page, items[i + 1] ?? 0);
      const key = this.#btreeItem(page, items[i] ?? 0);
      if (key !== null && value !== null) yield [key, value];
    }
  }

  /** Null for one that was deleted. */
  #btreeItem(page: number, at: number): Buffer | null {
    const end = (page + 1) * this.#pageSize;
    if (at + 3 > end) throw this.#damage(page, 'an item that ends too late');
    const kind = this.#bytes[at + 2] ?? 0;
    if ((kind & BTREE_ITEM.deleted) !== 0) return null;
    if (kind === BTREE_ITEM.data) {
      const length = this.#u16(at);
      if (at + 3 + length > end) throw this.#damage(page, 'an item that ends too late');
      return this.#bytes.subarray(at + 3, at + 3 + length);
    }
    if (kind !== BTREE_ITEM.overflow) throw this.#damage(page, 'an item of an unknown kind');
    if (at + 12 > end) throw this.#damage(page, 'an item that ends too late');
    return this.#overflow(this.#u32(at + 4), this.#u32(at + 8));
  }

  /** Where the items of a page begin, all within the page. */
  #items(page: number): number[] {
    const base = page * this.#pageSize;
    if (this.#u32(base + 8) !== page) throw this.#damage(page, 'another page is in its place');
    const count = this.#u16(base + 20);
    const table = PAGE_HEADER + count * 2;
    if (table > this.#pageSize) throw this.#damage(page, `${count} items have no room`);
    return Array.from({ length: count }, (_, index) => {
      const at = this.#u16(base + PAGE_HEADER + index * 2);
      if (at < table || at >= this.#pageSize)
        throw this.#damage(page, `item ${index} lies outside`);
      return base + at;
    });
  }

  #overflow(first: number, length: number): Buffer {
    if (length > this.#bytes.length) throw this.#damage(first, `an item of ${length} bytes`);
    const parts: Buffer[] = [];
    let missing = length;
    for (let page = first; missing > 0; ) {
      if (page < 1 || page > this.#lastPage || this.#pageType(page) !== PAGE.overflow) {
        throw this.#damage(page, 'is no overflow page');
      }
      if (this.#followed.has(page)) throw this.#damage(page, 'belongs to two items');
      this.#followed.add(page);
      const base = page * this.#pageSize;
      const here = Math.min(this.#u16(base + 22), missing);
      if (here === 0 || PAGE_HEADER + here > this.#pageSize) {
        throw this.#damage(page, `cannot hold ${here} bytes of an item`);
      }
      parts.push(this.#bytes.subarray(base + PAGE_HEADER, base + PAGE_HEADER + here));
      missing -= here;
      page = this.#u32(base + 16);
    }
    return Buffer.concat(parts);
  }

  #u16(at: number): number {
    return this.#isLittle ? this.#bytes.readUInt16LE(at) : this.#bytes.readUInt16BE(at);
  }

  #u32(at: number): number {
    return this.#isLittle ? this.#bytes.readUInt32LE(at) : this.#bytes.readUInt32BE(at);
  }

  #damage(page: number, what: string): MapError {
    return new MapError(`${this.#name}: damaged database: page ${page}: ${what}`);
  }
}

function withoutNul(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return text.endsWith('\0') ? text.slice(0, -1) : text;
}
