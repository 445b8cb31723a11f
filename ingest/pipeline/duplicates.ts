/**
 * Recognises lines that the store already has from another source: overlapping copies, other cuts of the
 * same log, a file logged to twice. A line occurs in the union of all sources as often as in the source
 * that has it most; so the n-th occurrence here is a duplicate while another source has n or more.
 *
 * Identity is (second, 24 bits of a hash of the bytes). That alone would take one line in a million of two
 * busy hosts for another's, and equal lines on both sides of a rotation for one; so a line counts as a
 * duplicate only with other, different lines around it that are found as well, as copies have.
 */
import type { LineKey } from '../../src/store/store.ts';
import type { LogBlock } from './log-block.ts';
import { OUTCOME, secondKey } from './log-block.ts';

/** Occurrences this far before the block are forgotten: logs are out of order by minutes, not hours. */
const MEMORY_SECONDS = 7200;

/** Lines before and after among which company is looked for, and how many make it. */
const AROUND = 32;
const COMPANY = 3;
/** Equal lines are company once, and once more for each so many: one chance match makes all of them found. */
const EQUAL_LINES = 8;

/** A line as its neighbours see it: its hash if it was found in another source. */
const NOT_FOUND = -1;

export type LineLookup = (from: number, to: number) => Promise<readonly LineKey[]>;

export class Duplicates {
  readonly #lookup: LineLookup;
  /** Occurrences so far in this source of lines that others have, by key. */
  readonly #occurrences = new Map<number, { second: number; count: number }>();
  readonly #goesOn: boolean;
  #first = true;
  #isStart = true;
  /** The last lines of the blocks before. */
  #recent: number[] = [];

  /**
   * `goesOn`: blocks are as large as what happened to be there, and begin and end anywhere. Else they are
   * those of a file that is read as a whole, at whose ends company may be missing.
   */
  constructor(lookup: LineLookup, goesOn = false) {
    this.#lookup = lookup;
    this.#goesOn = goesOn;
  }

  /** The store knows all occurrences so far, and other sources may have brought some: count anew. */
  restart(): void {
    this.#occurrences.clear();
    this.#first = true;
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
    const found = this.#find(block, known, isFirst);
    const count = known.size === 0 ? 0 : this.#markInCompany(block, found);
    this.#isStart = false;
    this.#recent = [...this.#recent, ...found.subarray(-AROUND)].slice(-AROUND);
    if (count > 0) dropRows(block);
    this.#forget(span.at(-1)?.[0] ?? 0);
    return count;
  }

  /** Of each line its hash if another source has it once more than this one so far. */
  #find(block: LogBlock, known: Map<number, LineKey>, isFirst: boolean): Float64Array {
    const { lines } = block;
    const found = new Float64Array(lines.count).fill(NOT_FOUND);
    for (let line = 0; known.size > 0 && line < lines.count; line += 1) {
      const second = secondKey(lines.time[line] ?? 0);
      const hash = lines.hash[line] ?? 0;
      const key = keyOf(second, hash);
      const other = known.get(key);
      if (other === undefined) continue;
      const before = this.#occurrences.get(key)?.count ?? (isFirst ? other.own : 0);
      this.#occurrences.set(key, { second, count: before + 1 });
      if (before < other.count) found[line] = hash;
    }
    return found;
  }

  /** Marks what was found among other lines that were found; how many. */
  #markInCompany(block: LogBlock, found: Float64Array): number {
    const { lines } = block;
    const company = new Company(this.#recent, found);
    let duplicates = 0;
    for (let line = 0; line < lines.count; line += 1) {
      company.moveTo(line);
      const hash = found[line] ?? NOT_FOUND;
      if (hash === NOT_FOUND) continue;
      if (company.of(hash) < this.#companyNeeded(line, lines.count)) continue;
      lines.outcome[line] = OUTCOME.duplicate;
      duplicates += 1;
    }
    return duplicates;
  }

  /** Less near the end of a block, where more may be beyond; none in a file of a few lines, that has no more. */
  #companyNeeded(line: number, count: number): number {
    if (this.#goesOn) return COMPANY;
    if (this.#isStart && count <= 2 * AROUND) return 0;
    return line + AROUND >= count ? 1 : COMPANY;
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

/** The lines found among those around one line, those before the block included. */
class Company {
  readonly #recent: readonly number[];
  readonly #found: Float64Array;
  readonly #around = new Map<number, number>();
  #total = 0;
  #next = 0;

  constructor(recent: readonly number[], found: Float64Array) {
    this.#recent = recent;
    this.#found = found;
    for (let line = -AROUND; line < AROUND; line += 1) this.#add(line, 1);
    this.#next = AROUND;
  }

  /** Moves on to a line, one after the other. */
  moveTo(line: number): void {
    if (line + AROUND < this.#next) return;
    this.#add(this.#next, 1);
    this.#add(line - AROUND - 1, -1);
    this.#next += 1;
  }

  /** How many there are but for those equal to it. */
  of(hash: number): number {
    return this.#total - weightOf(this.#around.get(hash) ?? 0);
  }

  #add(line: number, step: 1 | -1): void {
    const before = this.#recent[this.#recent.length + line];
    const hash = (line < 0 ? before : this.#found[line]) ?? NOT_FOUND;
    if (hash === NOT_FOUND) return;
    const count = this.#around.get(hash) ?? 0;
    this.#total += weightOf(count + step) - weightOf(count);
    this.#around.set(hash, count + step);
  }
}

function weightOf(equal: number): number {
  return equal === 0 ? 0 : 1 + Math.floor(equal / EQUAL_LINES);
}

function dropRows(block: LogBlock): void {
  const { outcome } = block.lines;
  for (const table of Object.values(block.tables)) {
    table.dropLines((line) => outcome[line] === OUTCOME.duplicate);
  }
}
