/**
 * Which files belong to what is to be followed: the files that names and patterns stand for now, with the
 * rotations that lie beside each, in the order of time.
 *
 * A folder stands for the logs directly in it, a pattern for what matches it. Promise: a name that leads
 * nowhere yet is no error, since a log may appear later; what cannot be looked at is told.
 */
import type { BigIntStats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { explainError } from '../source/byte-reader.ts';
import { looksLikeLog } from '../source/expand-inputs.ts';
import { parseLogName, sortByTime } from '../source/rotation.ts';

export interface Candidate {
  readonly path: string;
  /** Named or matched itself, and by its name no rotation: somebody may be writing to it. */
  readonly isCurrent: boolean;
  readonly stats: BigIntStats;
}

export interface Candidates {
  readonly files: readonly Candidate[];
  readonly problems: readonly { readonly name: string; readonly message: string }[];
}

/** Looks at the file system anew. */
export async function findCandidates(patterns: readonly string[]): Promise<Candidates> {
  const search = new Search();
  for (const pattern of patterns) await search.add(pattern);
  return search.result();
}

class Search {
  readonly #files = new Map<string, Candidate>();
  readonly #problems: { name: string; message: string }[] = [];
  readonly #families = new Set<string>();

  result(): Candidates {
    const files = sortByTime([...this.#files.values()], ({ path }) => path);
    return { files, problems: this.#problems };
  }

  async add(pattern: string): Promise<void> {
    const stats = await this.#look(pattern);
    if (stats?.isDirectory() === true) await this.#addFolder(pattern);
    else if (stats !== undefined || !isDynamicPattern(pattern)) await this.#addLog(pattern, stats);
    else for (const path of await this.#matches(pattern)) await this.#addLog(path);
  }

  async #addFolder(folder: string): Promise<void> {
    for (const name of await this.#names(folder)) {
      if (looksLikeLog(name)) await this.#addLog(join(folder, name));
    }
  }

  /** The file, if it is there, and its rotations, of which it may be one. */
  async #addLog(path: string, known?: BigIntStats): Promise<void> {
    const { log } = parseLogName(path);
    this.#take(path, known ?? (await this.#look(path)), true);
    if (this.#families.has(log)) return;
    this.#families.add(log);
    const folder = dirname(path);
    for (const name of await this.#names(folder)) {
      const other = join(folder, name);
      if (other === path || !looksLikeLog(name) || parseLogName(other).log !== log) continue;
      this.#take(other, await this.#look(other), false);
    }
  }

  #take(path: string, stats: BigIntStats | undefined, isNamed: boolean): void {
    if (stats?.isFile() !== true) return;
    const known = this.#files.get(path);
    const isCurrent =
      known?.isCurrent === true || (isNamed && parseLogName(path).rank[0] === 'c current');
    this.#files.set(path, { path, stats, isCurrent });
  }

  async #look(path: string): Promise<BigIntStats | undefined> {
    try {
      return await stat(path, { bigint: true });
    } catch (error) {
      if (!isMissing(error)) this.#problems.push({ name: path, message: explainError(error) });
      return undefined;
    }
  }

  async #names(folder: string): Promise<readonly string[]> {
    try {
      return await readdir(folder);
    } catch (error) {
      if (!isMissing(error)) this.#problems.push({ name: folder, message: explainError(error) });
      return [];
    }
  }

  async #matches(pattern: string): Promise<readonly string[]> {
    try {
      return await glob(pattern, { absolute: true, expandDirectories: false, dot: false });
    } catch (error) {
      this.#problems.push({ name: pattern, message: explainError(error) });
      return [];
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
