/**
 * A map by the name that configuration has for it: `hash:/etc/mail/access`, `/etc/mail/access`,
 * `cdb:/etc/mail/access.cdb`. Of NAME.db, NAME.cdb and the source text NAME the newest is read, so that an
 * edited text counts at once, with makemap or without; of equally new ones the made ones go first.
 *
 * Promises: the format of a `.db` is told by its content; a file that
 * cannot be read at a reload leaves the map as it was and is reported once; a map that may be absent is
 * empty while it is.
 */
import { readFile, stat } from 'node:fs/promises';
import { isBerkeleyDb, readBerkeleyDb } from './berkeley-db.ts';
import { Cdb } from './cdb.ts';
import { EMPTY_MAP, type KeyedMap, type MapEntry, MapError, MemoryMap } from './keyed-map.ts';
import { duplicateKeys, parseMapText } from './text-map.ts';

const TYPE = /^(?<type>hash|btree|dbm|cdb|text|implicit):(?:-o\s+)?(?<path>.+)$/;
const ENDINGS = ['.db', '.cdb', ''] as const;
/** Far more than a map of a mail server; a bigger file is a mistake. */
const MOST_BYTES = 512 * 1024 * 1024;

export interface OpenMapOptions {
  /** No file at all is an empty map; otherwise an error. */
  readonly isOptional?: boolean;
  /** Told of lines that are no entries, duplicates, and files that could not be read again. */
  readonly onProblem?: (text: string) => void;
}

interface Found {
  readonly path: string;
  /** Changes whenever the file does. */
  readonly version: string;
}

export class MapFile implements KeyedMap {
  readonly #base: string;
  readonly #options: OpenMapOptions;
  #map: KeyedMap = EMPTY_MAP;
  /** The file and version that was read, or could not be. */
  #seen = '';
  #timer: NodeJS.Timeout | undefined;

  /** Rejects with MapError where there is no such map or it is damaged. */
  static async open(name: string, options: OpenMapOptions = {}): Promise<MapFile> {
    const file = new MapFile(mapPath(name), options);
    await file.#load();
    return file;
  }

  private constructor(base: string, options: OpenMapOptions) {
    this.#base = base;
    this.#options = options;
  }

  get(key: string): string | undefined {
    return this.#map.get(key);
  }

  /** Reads the file again if it is another one now. Never rejects. */
  async refresh(): Promise<void> {
    try {
      await this.#load();
    } catch (error) {
      this.#options.onProblem?.(error instanceof Error ? error.message : String(error));
    }
  }

  /** Refreshes every so many milliseconds; does not keep the process alive. */
  watch(every: number): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => void this.refresh(), every);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #load(): Promise<void> {
    const found = await newest(this.#base);
    const seen = found === null ? 'absent' : `${found.path} ${found.version}`;
    if (seen === this.#seen) return;
    this.#seen = seen;
    if (found !== null) this.#map = await this.#read(found.path);
    else if (this.#options.isOptional === true) this.#map = EMPTY_MAP;
    else throw absent(this.#base);
  }

  async #read(path: string): Promise<KeyedMap> {
    const bytes = await readBounded(path);
    const kind = kindOf(path, bytes);
    if (kind === 'berkeley') return new MemoryMap(readBerkeleyDb(bytes, path));
    if (kind === 'cdb') return new Cdb(bytes, path);
    const { entries, problems } = parseMapText(bytes.toString('latin1'));
    for (const { line, text } of [...problems, ...duplicateKeys(entries)]) {
      this.#options.onProblem?.(`${path}: line ${line}: ${text}`);
    }
    return new MemoryMap(entries);
  }
}

/** All entries of a map's file in their order; the file's name may lack its ending. */
export async function readMapFile(name: string): Promise<MapEntry[]> {
  const base = mapPath(name);
  const found = await newest(base);
  if (found === null) throw absent(base);
  const bytes = await readBounded(found.path);
  const kind = kindOf(found.path, bytes);
  if (kind === 'berkeley') return readBerkeleyDb(bytes, found.path);
  if (kind === 'cdb') return [...new Cdb(bytes, found.path).entries()];
  const { entries } = parseMapText(bytes.toString('latin1'));
  return entries.map(({ key, value }) => ({ key, value }));
}

/** The path without type; the ending of a made file is kept where it was given. */
function mapPath(name: string): string {
  return TYPE.exec(name)?.groups?.path ?? name;
}

async function newest(base: string): Promise<Found | null> {
  let best: (Found & { readonly time: number }) | null = null;
  for (const ending of ENDINGS) {
    const path = base + ending;
    const found = await stat(path).catch(() => null);
    if (found === null || !found.isFile()) continue;
    const version = `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`;
    if (best === null || found.mtimeMs > best.time) best = { path, version, time: found.mtimeMs };
  }
  return best;
}

function kindOf(path: string, bytes: Buffer): 'berkeley' | 'cdb' | 'text' {
  if (isBerkeleyDb(bytes)) return 'berkeley';
  if (path.endsWith('.cdb')) return 'cdb';
  if (path.endsWith('.db')) throw new MapError(`${path}: not a hash or btree of Berkeley DB`);
  return 'text';
}

async function readBounded(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > MOST_BYTES) throw new MapError(`${path}: too big for a map (${size} bytes)`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof MapError) throw error;
    throw new MapError(`${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function absent(base: string): MapError {
  return new MapError(`${base}: no such map`, { cause: 'absent' });
}
