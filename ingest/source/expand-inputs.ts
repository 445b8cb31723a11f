/**
 * Arguments of a command to inputs: files, folders, patterns, and `-` for standard input.
 *
 * A folder stands for the files directly inside it that look like logs: regular, not hidden, not of a kind
 * that is surely no log (see NO_LOG). A file that is named is taken whatever its name. A pattern is one of
 * `* ? [] {} **`, unless a file of just that name exists.
 * Promise: what cannot be read is reported and the others go on; each file comes once, whatever names it is
 * known by; rotations come in the order of time (`rotation.ts`).
 */
import type { BigIntStats, Dirent } from 'node:fs';
import { constants, createReadStream } from 'node:fs';
import { access, open, readdir, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { Readable } from 'node:stream';
import { glob, isDynamicPattern } from 'tinyglobby';
import { explainError } from './byte-reader.ts';
import type { Input } from './input.ts';
import { streamInput } from './input.ts';
import { sortByTime } from './rotation.ts';

export interface InputProblem {
  readonly name: string;
  /** What is wrong and what to do, for one line after the name. */
  readonly message: string;
}

export interface ExpandedInputs {
  readonly inputs: readonly Input[];
  readonly problems: readonly InputProblem[];
}

/** Endings of files in log folders that are no logs: databases, statistics, locks, drafts, documents. */
const NO_LOG =
  /(?:\.(?:duckdb|wal|db|sqlite3?|journal|st|pid|lock|sock|swp|tmp|part|offset|conf|cf|mc|md|html?|pdf|png|sh|tar|tgz|zip)|\.expect\.json|~)$/i;

/** Finds the inputs that the arguments name. `stdin` is opened only when it is read. */
export async function expandInputs(
  names: readonly string[],
  stdin: () => Readable = () => process.stdin,
): Promise<ExpandedInputs> {
  const expansion = new Expansion(stdin);
  for (const name of names) await expansion.add(name);
  return expansion.result();
}

interface Found {
  readonly path: string;
  readonly input: Input;
}

/** Throws where the file may not be read. A file is opened: access(2) asks for the real user, not the one in force. */
async function canRead(path: string, isFile: boolean): Promise<void> {
  if (isFile) await (await open(path)).close();
  else await access(path, constants.R_OK);
}

class Expansion {
  readonly #stdin: () => Readable;
  readonly #found: Found[] = [];
  readonly #problems: InputProblem[] = [];
  readonly #seen = new Set<string>();

  constructor(stdin: () => Readable) {
    this.#stdin = stdin;
  }

  result(): ExpandedInputs {
    const inputs = sortByTime(this.#found, ({ path }) => path).map(({ input }) => input);
    return { inputs, problems: this.#problems };
  }

  async add(name: string): Promise<void> {
    if (name === '-') {
      this.#once('-', { path: '-', input: streamInput('-', this.#stdin) });
      return;
    }
    const stats = await statOf(name);
    if (!(stats instanceof Error)) await this.#addPath(name, stats);
    else if (isDynamicPattern(name)) await this.#addMatches(name);
    else this.#report(name, explainError(stats));
  }

  async #addPath(path: string, stats: BigIntStats): Promise<void> {
    if (stats.isDirectory()) await this.#addFolder(path);
    else await this.#addFile(path, stats);
  }

  async #addFile(path: string, stats: BigIntStats): Promise<void> {
    if (stats.isSocket() || stats.isBlockDevice()) {
      this.#report(path, 'is not a log file; name a file, a folder or a pipe');
      return;
    }
    try {
      await canRead(path, stats.isFile());
    } catch (error) {
      this.#report(path, explainError(error));
      return;
    }
    const input: Input = stats.isFile()
      ? { kind: 'file', name: path, path, fileSize: Number(stats.size) }
      : streamInput(path, () => createReadStream(path));
    this.#once(`${stats.dev}:${stats.ino}`, { path, input });
  }

  async #addFolder(folder: string): Promise<void> {
    let entries: Dirent[];
    try {
      entries = await readdir(folder, { withFileTypes: true });
    } catch (error) {
      this.#report(folder, explainError(error));
      return;
    }
    const paths = entries
      .filter(({ name }) => looksLikeLog(name))
      .map(({ name }) => join(folder, name));
    const count = await this.#addFiles(paths, (stats) => stats.isFile());
    if (count === 0)
      this.#report(folder, 'no log files directly in this folder; name files instead');
  }

  async #addMatches(pattern: string): Promise<void> {
    const absolute = isAbsolute(pattern);
    const options = { absolute, onlyFiles: false, expandDirectories: false } as const;
    let paths: string[] = [];
    try {
      paths = await glob(pattern, options);
    } catch (error) {
      this.#report(pattern, explainError(error));
      return;
    }
    const count = await this.#addFiles(paths, (stats) => !stats.isDirectory());
    if (count === 0) this.#report(pattern, 'no file matches this pattern');
  }

  /** Adds the paths of a wanted kind, in the order of names; says how many there are. */
  async #addFiles(paths: string[], isWanted: (stats: BigIntStats) => boolean): Promise<number> {
    let count = 0;
    for (const path of paths.sort()) {
      const stats = await statOf(path);
      // A link that leads nowhere and a file that has gone meanwhile are not worth a word.
      if (stats instanceof Error || !isWanted(stats)) continue;
      count++;
      await this.#addFile(path, stats);
    }
    return count;
  }

  #once(key: string, found: Found): void {
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#found.push(found);
  }

  #report(name: string, message: string): void {
    this.#problems.push({ name, message });
  }
}

/** Whether a name in a folder of logs is one: not hidden, and of no kind that surely is none. */
export function looksLikeLog(name: string): boolean {
  return !name.startsWith('.') && !NO_LOG.test(name);
}

async function statOf(path: string): Promise<BigIntStats | Error> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
