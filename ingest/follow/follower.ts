/**
 * Follows logs through all that happens to them: they grow, are renamed, copied and truncated, compressed,
 * removed, made anew; links are switched; several rotations go by while nobody looks.
 *
 * Every file that belongs to a log (`candidates.ts`) is a content to be read from where the store left it.
 * Plain files that are written to stay open (`file-tail.ts`), compressed ones are read once
 * (`archive-source.ts`). Inodes and times only save work: they tell that a file has not changed since it
 * was looked at in this run; what a file is, its content alone tells.
 */
import type { LiveSource, LiveSources } from '../live/live-source.ts';
import { explainError } from '../source/byte-reader.ts';
import { openFile } from '../source/input.ts';
import { ArchiveSource } from './archive-source.ts';
import type { Candidate, Candidates } from './candidates.ts';
import { findCandidates } from './candidates.ts';
import { FileTail } from './file-tail.ts';

export interface FollowerOptions {
  /** Files, folders, patterns; absolute paths. */
  readonly patterns: readonly string[];
  /** Milliseconds between two looks at the folders. */
  readonly lookEvery?: number;
  /** Milliseconds without growth after which a file nobody should write to any more is closed. */
  readonly closeAfter?: number;
  readonly onEvent?: (event: FollowEvent) => void;
}

export interface FollowEvent {
  readonly kind: 'opened' | 'closed' | 'problem';
  readonly path: string;
  readonly detail: string;
}

interface Seen {
  path: string;
  isCurrent: boolean;
  /** Size and time of the last change when it was last looked at. */
  signature: string;
  source: FileTail | ArchiveSource | undefined;
  /** Read to its end with this signature. */
  doneWith: string | undefined;
}

const LOOK_EVERY_MS = 500;
const LOOK_SHARE = 20;
/** Two minutes: syslog daemons keep a rotated file open until they are told. */
const CLOSE_AFTER_MS = 120_000;

export class Follower implements LiveSources {
  readonly #options: FollowerOptions;
  readonly #seen = new Map<string, Seen>();
  readonly #problems = new Set<string>();
  #nextLook = 0;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  async refresh(): Promise<readonly LiveSource[]> {
    const started = Date.now();
    if (started >= this.#nextLook) {
      await this.#look();
      const ended = Date.now();
      const pause = this.#options.lookEvery ?? LOOK_EVERY_MS;
      // Thousands of files must not keep it busy with nothing but looking.
      this.#nextLook = pause === 0 ? 0 : ended + Math.max(pause, (ended - started) * LOOK_SHARE);
    }
    return [...this.#seen.values()].flatMap(({ source }) => (source === undefined ? [] : [source]));
  }

  lookAtOnce(): void {
    this.#nextLook = 0;
  }

  /** A source has ended: it is looked at again only when its file changes. */
  async ended(source: LiveSource, problem: string | undefined): Promise<void> {
    for (const seen of this.#seen.values()) {
      if (seen.source !== source) continue;
      seen.source = undefined;
      seen.doneWith = seen.signature;
      this.#tell('closed', seen.path, problem ?? 'read to its end');
    }
    await source.close();
  }

  async close(): Promise<void> {
    for (const { source } of this.#seen.values()) await source?.close();
    this.#seen.clear();
  }

  async #look(): Promise<void> {
    const found = await findCandidates(this.#options.patterns);
    this.#report(found);
    const present = new Set<string>();
    for (const candidate of found.files) {
      const key = `${candidate.stats.dev}:${candidate.stats.ino}`;
      // A file with two names is followed under the one it is known by, as long as it bears it.
      if (present.has(key)) continue;
      present.add(key);
      await this.#meet(key, candidate);
    }
    for (const [key, seen] of this.#seen) await this.#leave(key, seen, present.has(key));
  }

  async #meet(key: string, { path, isCurrent, stats }: Candidate): Promise<void> {
    const signature = `${stats.size}:${stats.mtimeNs}`;
    let seen = this.#seen.get(key);
    const isSettled = seen?.signature === signature;
    if (seen === undefined) {
      seen = { path, isCurrent, signature, source: undefined, doneWith: undefined };
      this.#seen.set(key, seen);
    }
    Object.assign(seen, { path, isCurrent, signature });
    if (seen.source instanceof FileTail) {
      seen.source.moved(path);
      seen.source.finished = !isCurrent;
    } else if (seen.source === undefined && stats.size > 0n && seen.doneWith !== signature) {
      await this.#open(key, seen, isSettled);
    }
  }

  async #open(key: string, seen: Seen, isSettled: boolean): Promise<void> {
    const { path } = seen;
    try {
      if (await isPlain(path)) {
        const tail = await FileTail.open(path);
        if (tail.key !== key) {
          // Renamed between the look and the opening: the next look finds it.
          await tail.close();
          return;
        }
        tail.finished = !seen.isCurrent;
        seen.source = tail;
      } else {
        // An archive that has just changed is still being written.
        if (!isSettled) return;
        seen.source = new ArchiveSource(path, Number(seen.signature.split(':')[0]));
      }
      this.#problems.delete(path);
      this.#tell('opened', path, '');
    } catch (error) {
      this.#complain(path, explainError(error));
    }
  }

  /** What has lost its name, or is a rotation nobody writes to: closed once it is quiet. */
  async #leave(key: string, seen: Seen, isPresent: boolean): Promise<void> {
    const { source } = seen;
    if (source === undefined) {
      if (!isPresent) this.#seen.delete(key);
      return;
    }
    if (!(source instanceof FileTail)) return;
    if (!isPresent) source.finished = true;
    const closeAfter = this.#options.closeAfter ?? CLOSE_AFTER_MS;
    const isRead = source.backlog === 0 && !source.isWithinLine;
    if (!source.finished || !isRead || source.quietFor < closeAfter) return;
    await this.ended(source, undefined);
  }

  #report({ problems }: Candidates): void {
    const now = new Set(problems.map(({ name }) => name));
    for (const { name, message } of problems) this.#complain(name, message);
    for (const name of this.#problems) if (!now.has(name)) this.#problems.delete(name);
  }

  /** Each trouble is told once, until it is over. */
  #complain(path: string, message: string): void {
    if (this.#problems.has(path)) return;
    this.#problems.add(path);
    this.#tell('problem', path, message);
  }

  #tell(kind: FollowEvent['kind'], path: string, detail: string): void {
    this.#options.onEvent?.({ kind, path, detail });
  }
}

async function isPlain(path: string): Promise<boolean> {
  const { bytes, format } = await openFile({ kind: 'file', name: path, path, fileSize: 0 });
  await bytes.close();
  return format === 'plain';
}
