/**
 * A table of texts by key, as sendmail's maps are: access, mailertable, virtusertable, genericstable.
 * Keys are looked up without regard to case; only ASCII letters have case, as in sendmail.
 */
export interface KeyedMap {
  get(key: string): string | undefined;
}

/** A key and its value, as bytes that are latin1 text. */
export interface MapEntry {
  readonly key: string;
  readonly value: string;
}

/** A line of a map's source that is no entry, or an entry that comes again. */
export interface MapProblem {
  readonly line: number;
  readonly text: string;
  /** The entry was used all the same. */
  readonly isWarning: boolean;
}

/** A map that cannot be read; its message says what and where. */
export class MapError extends Error {
  override readonly name = 'MapError';
}

export function foldCase(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Of several entries with one key the first counts. */
export class MemoryMap implements KeyedMap {
  readonly #values = new Map<string, string>();

  constructor(entries: Iterable<MapEntry>) {
    for (const { key, value } of entries) {
      const folded = foldCase(key);
      if (!this.#values.has(folded)) this.#values.set(folded, value);
    }
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: string): string | undefined {
    return this.#values.get(foldCase(key));
  }
}

export const EMPTY_MAP: KeyedMap = new MemoryMap([]);
