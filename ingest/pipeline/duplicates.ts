/**
 * Recognises lines that the store already has from another source: overlapping copies, other cuts of the
 * same log, a file logged to twice. A line occurs in the union of all sources as often as in the source
 * that has it most; so the n-th occurrence here is a duplicate while another source has n or more.
 *
 * Identity is (second, 24 bits of a hash of the bytes). That alone would take one line in a million of two
 * busy hosts for another's; so a line counts as a duplicate only with others around it, as copies have.
 */
import type { LineKey } from '../../src/store/store.ts';
import type { LogBlock } from './log-block.ts';
import { OUTCOME, secondKey } from './log-block.ts';

/** Occurrences this far before the block are forgotten: logs are out of order by minutes, not hours. */
const MEMORY_SECONDS = 7200;

/** Lines before and after among which company is looked for, and how many make it. */
const AROUND = 32;
const COMPANY = 3;

export type LineLookup = (from: number, to: number) => Promise<readonly LineKey[]>;

export class Duplicates {
  readonly #lookup: LineLookup;
  /** Occurrences so far in this source of lines that others have, by key. */
  readonly #occurrences = new Map<number, { second: number; count: number }>();
  #first = true;

  constructor(lookup: LineLookup) {
    this.#lookup = lookup;
  }

  /** Marks the block's duplicates and drops their rows. Returns how many there are. */
  async mark(block: LogBlock): Promise<number> {
    const span = spanOf(block);
    const known = new Map<number, LineKey>();
    for (const [from, to] of span) {
      for (const key of await this.#lookup(from, to)) known.set(keyOf(key.second, key.hash), key);
    }
    const isFirst = this.#first;
    this.#first = false;
    if (known.size === 0) return 0;
    const count = this.#markLines(block, known, isFirst);
    this.#forget(span.at(-1)?.[0] ?? 0);
    return count;
  }

  #markLines(block: LogBlock, known: Map<number, LineKey>, isFirst: boolean): number {
    const { lines } = block;
    const found = new Uint8Array(lines.count);
    for (let line = 0; line < lines.count; line += 1) {
      const second = secondKey(lines.time[line] ?? 0);
      const key = keyOf(second, lines.hash[line] ?? 0);
      const other = known.get(key);
      if (other === undefined) continue;
      const before = this.#occurrences.get(key)?.count ?? (isFirst ? other.own : 0);
      this.#occurrences.set(key, { second, count: before + 1 });
      if (before < other.count) found[line] = 1;
    }
    return markInCompany(block, found);
  }

  #forget(blockStart: number): void {
    if (this.#occurrences.size < 1_000_000) return;
    for (const [key, { second }] of this.#occurrences) {
      if (second < blockStart - MEMORY_SECONDS) this.#occurrences.delete(key);
    }
  }
}

/** Second and hash as one exact number. */
function keyOf(second: number, hash: number): number {
  return (second % 2 ** 28) * 2 ** 24 + hash;
}

/** The seconds the block's lines bear, as ranges to ask for; 0 stands for lines without a stamp. */
function spanOf(block: LogBlock): [number, number][] {
  const { lines } = block;
  let from = Number.MAX_SAFE_INTEGER;
  let to = 0;
  let hasUnstamped = false;
  for (let line = 0; line < lines.count; line += 1) {
    const second = secondKey(lines.time[line] ?? 0);
    if (second === 0) hasUnstamped = true;
    else {
      if (second < from) from = second;
      if (second > to) to = second;
    }
  }
  const ranges: [number, number][] = [];
  if (hasUnstamped) ranges.push([0, 0]);
  if (to > 0) ranges.push([from, to]);
  return ranges;
}

/**
 * Marks what was found in company: some finds among the lines around. Near the block's edges one is enough,
 * since the company may be beyond.
 */
function markInCompany(block: LogBlock, found: Uint8Array): number {
  const { lines } = block;
  const { count } = lines;
  let company = 0;
  for (let line = 0; line < Math.min(AROUND, count); line += 1) company += found[line] ?? 0;
  let duplicates = 0;
  for (let line = 0; line < count; line += 1) {
    company += (found[line + AROUND] ?? 0) - (found[line - AROUND - 1] ?? 0);
    const atEdge = line < AROUND || line + AROUND >= count;
    if (found[line] !== 1 || (company < COMPANY && !atEdge)) continue;
    lines.outcome[line] = OUTCOME.duplicate;
    duplicates += 1;
  }
  if (duplicates > 0) dropRows(block);
  return duplicates;
}

function dropRows(block: LogBlock): void {
  const { outcome } = block.lines;
  for (const table of Object.values(block.tables)) {
    table.dropLines((line) => outcome[line] === OUTCOME.duplicate);
  }
}
