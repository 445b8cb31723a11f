/**
 * The constant database of D. J. Bernstein (https://cr.yp.to/cdb/cdb.txt), read and written. A file is at
 * most 4 GiB: 256 hash tables behind the records, found through pointers in the first 2048 bytes.
 *
 * Promises: a file is written beside its name and renamed, so that readers see the old one or the new one;
 * a damaged file is an error that says where, never a wrong value from outside the file's bounds.
 */
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { foldCase, type KeyedMap, type MapEntry, MapError } from './keyed-map.ts';

const TABLES = 256;
const HEADER = TABLES * 8;
const MOST_BYTES = 0xffff_ffff;

interface Slot {
  readonly hash: number;
  readonly at: number;
}

export class Cdb implements KeyedMap {
  readonly #file: Buffer;
  readonly #name: string;

  /** `name` is for messages. */
  constructor(file: Buffer, name: string) {
    this.#file = file;
    this.#name = name;
    if (file.length < HEADER) throw this.#damage('no room for its header');
    for (let table = 0; table < TABLES; table++) {
      const at = file.readUInt32LE(table * 8);
      const slots = file.readUInt32LE(table * 8 + 4);
      if (slots > 0 && (at < HEADER || at + slots * 8 > file.length)) {
        throw this.#damage(`hash table ${table} lies outside of it`);
      }
    }
  }

  /** The first value of a key in folded case; keys may have been written with a NUL at their end. */
  get(key: string): string | undefined {
    const folded = Buffer.from(foldCase(key), 'latin1');
    return this.#find(folded) ?? this.#find(Buffer.concat([folded, Buffer.alloc(1)]));
  }

  /** All entries, in the order in which they were written. */
  *entries(): Generator<MapEntry> {
    const end = this.#endOfRecords();
    let at = HEADER;
    while (at < end) {
      const [key, value, next] = this.#record(at, end);
      yield { key: withoutNul(key), value: withoutNul(value) };
      at = next;
    }
  }

  #find(key: Buffer): string | undefined {
    const hash = cdbHash(key);
    const header = (hash % TABLES) * 8;
    const table = this.#file.readUInt32LE(header);
    const slots = this.#file.readUInt32LE(header + 4);
    for (let tried = 0, slot = slots === 0 ? 0 : (hash >>> 8) % slots; tried < slots; tried++) {
      const at = this.#file.readUInt32LE(table + slot * 8 + 4);
      if (at === 0) return undefined;
      if (this.#file.readUInt32LE(table + slot * 8) === hash) {
        const [found, value] = this.#record(at, this.#file.length);
        if (found.equals(key)) return withoutNul(value);
      }
      slot = slot + 1 === slots ? 0 : slot + 1;
    }
    return undefined;
  }

  #record(at: number, end: number): [key: Buffer, value: Buffer, next: number] {
    if (at < HEADER || at + 8 > end) throw this.#damage(`no record can begin at byte ${at}`);
    const value = at + 8 + this.#file.readUInt32LE(at);
    const next = value + this.#file.readUInt32LE(at + 4);
    if (next > end) throw this.#damage(`the record at byte ${at} ends outside of it`);
    return [this.#file.subarray(at + 8, value), this.#file.subarray(value, next), next];
  }

  /** Hash tables lie behind the records, the first of them right behind. */
  #endOfRecords(): number {
    let end = this.#file.length;
    for (let table = 0; table < TABLES; table++) {
      const at = this.#file.readUInt32LE(table * 8);
      if (at >= HEADER) end = Math.min(end, at);
    }
    return end;
  }

  #damage(what: string): MapError {
    return new MapError(`${this.#name}: damaged cdb file: ${what}`);
  }
}

/** Writes all entries; keys are written as they are. */
export async function writeCdb(path: string, entries: Iterable<MapEntry>): Promise<void> {
  const image = cdbImage(entries);
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const file = await open(temporary, 'wx', 0o640);
    try {
      await file.writeFile(image);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The bytes of a file with these entries. */
export function cdbImage(entries: Iterable<MapEntry>): Buffer {
  const parts: Buffer[] = [];
  const tables: Slot[][] = Array.from({ length: TABLES }, () => []);
  let at = HEADER;
  for (const entry of entries) {
    const key = Buffer.from(entry.key, 'latin1');
    const value = Buffer.from(entry.value, 'latin1');
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32LE(key.length, 0);
    lengths.writeUInt32LE(value.length, 4);
    parts.push(lengths, key, value);
    const hash = cdbHash(key);
    tables[hash % TABLES]?.push({ hash, at });
    at += 8 + key.length + value.length;
    if (at > MOST_BYTES) throw new MapError('too much for a cdb file (4 GiB)');
  }
  const header = Buffer.alloc(HEADER);
  for (const [index, slots] of tables.entries()) {
    const table = hashTable(slots);
    header.writeUInt32LE(at, index * 8);
    header.writeUInt32LE(table.length / 8, index * 8 + 4);
    parts.push(table);
    at += table.length;
    if (at > MOST_BYTES) throw new MapError('too much for a cdb file (4 GiB)');
  }
  return Buffer.concat([header, ...parts]);
}

/** Twice as many slots as entries, so that a search always meets an empty one. */
function hashTable(slots: readonly Slot[]): Buffer {
  const count = slots.length * 2;
  const table = Buffer.alloc(count * 8);
  for (const { hash, at } of slots) {
    let slot = (hash >>> 8) % count;
    while (table.readUInt32LE(slot * 8 + 4) !== 0) slot = slot + 1 === count ? 0 : slot + 1;
    table.writeUInt32LE(hash, slot * 8);
    table.writeUInt32LE(at, slot * 8 + 4);
  }
  return table;
}

function cdbHash(key: Buffer): number {
  let hash = 5381;
  for (const byte of key) hash = (((hash << 5) + hash) ^ byte) >>> 0;
  return hash;
}

function withoutNul(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return text.endsWith('\0') ? text.slice(0, -1) : text;
}
