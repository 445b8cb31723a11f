/**
 * Short words that come again on nearly every line (host names, tags, TLS versions), told apart by their
 * bytes so that no string is made for a word already known. Bounded: past the limit further words share
 * the number 0, whose text is empty.
 */
const SLOTS = 8192;
const MOST = SLOTS / 2;
const LONGEST = 255;

export class Names {
  readonly #slots = new Int32Array(SLOTS);
  readonly #bytes: Uint8Array[] = [new Uint8Array(0)];
  readonly #texts: string[] = [''];
  #lastId = 0;

  /** The number of `bytes[start, end)`; equal words have equal numbers until `clear`. */
  idOf(bytes: Uint8Array, start: number, end: number): number {
    const last = this.#bytes[this.#lastId];
    if (last !== undefined && this.#lastId > 0 && equals(last, bytes, start, end))
      return this.#lastId;
    const stop = Math.min(end, start + LONGEST);
    let slot = hashOf(bytes, start, stop) & (SLOTS - 1);
    for (;;) {
      const id = this.#slots[slot] ?? 0;
      if (id === 0) return this.#add(bytes, start, stop, slot);
      if (equals(this.#bytes[id] as Uint8Array, bytes, start, stop)) {
        this.#lastId = id;
        return id;
      }
      slot = (slot + 1) & (SLOTS - 1);
    }
  }

  /** The word of an id as text. */
  textOf(id: number): string {
    return this.#texts[id] ?? '';
  }

  /** Forgets all words. */
  clear(): void {
    this.#slots.fill(0);
    this.#bytes.length = 1;
    this.#texts.length = 1;
    this.#lastId = 0;
  }

  #add(bytes: Uint8Array, start: number, end: number, slot: number): number {
    const id = this.#bytes.length;
    if (id > MOST) return 0;
    const word = Uint8Array.prototype.slice.call(bytes, start, end);
    this.#bytes.push(word);
    this.#texts.push(new TextDecoder().decode(word));
    this.#slots[slot] = id;
    this.#lastId = id;
    return id;
  }
}

function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash ^ (hash >>> 15);
}

function equals(word: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (word.length !== length) return false;
  for (let i = 0; i < length; i += 1) if (word[i] !== bytes[start + i]) return false;
  return true;
}
