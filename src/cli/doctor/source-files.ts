/**
 * Logs as the file system has them: is each there, may this user read it, and how much of it is not in the
 * store. What a file is, its content tells, as it does for the readers.
 */
import { open, readdir, stat } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { isDynamicPattern } from 'tinyglobby';
import { findCandidates } from '../../../ingest/follow/candidates.ts';
import { explainError } from '../../../ingest/source/byte-reader.ts';
import { digest, findCheckpoint, HEAD_LENGTH } from '../../../ingest/source/identity.ts';
import { openFile, readHead } from '../../../ingest/source/input.ts';
import { parseLogName } from '../../../ingest/source/rotation.ts';
import type { Checkpoint } from '../../store/store.ts';
import type { Identity } from './identity.ts';
import { type Obstacle, obstacleOf } from './permission.ts';
import type { StoredSource } from './source-rows.ts';

export type FileState =
  | {
      readonly kind: 'there';
      readonly size: number;
      /** Milliseconds. */
      readonly modifiedAt: number;
      /** `device:inode`. */
      readonly key: string;
      /** The source of this content; undefined if none of it was read. */
      readonly stored: StoredSource | undefined;
      /** Bytes that were not read; null where that cannot be known (compressed, no store). */
      readonly unread: number | null;
    }
  | { readonly kind: 'missing' }
  /** Of a pattern or a folder. */
  | { readonly kind: 'no-match' }
  | { readonly kind: 'forbidden'; readonly obstacle: Obstacle | undefined }
  | { readonly kind: 'failed'; readonly problem: string };

export interface FileFacts {
  readonly path: string;
  /** Named itself by the configuration, not as one of a folder or pattern. */
  readonly isNamed: boolean;
  readonly isConfigured: boolean;
  /** Somebody may be writing to it: no rotation. */
  readonly isCurrent: boolean;
  readonly state: FileState;
}

/** Looking at many more would take too long, and nobody would read of them. */
const MOST_FILES = 300;
const PARALLEL = 8;

/**
 * Files of the setting `serve.follow`, then logs that the store has and that are still there. `sources`: null
 * where the store cannot be asked.
 */
export async function lookAtFiles(
  follow: readonly string[],
  sources: readonly StoredSource[] | null,
  who: Identity,
): Promise<readonly FileFacts[]> {
  const look = new Look(sources, who);
  for (const pattern of follow) await look.add(pattern);
  for (const { name } of sources?.slice(0, MOST_FILES) ?? []) look.addKnown(name);
  return look.result();
}

interface Wanted {
  readonly path: string;
  readonly isNamed: boolean;
  readonly isConfigured: boolean;
  readonly isCurrent: boolean;
}

class Look {
  readonly #sources: readonly StoredSource[] | null;
  readonly #who: Identity;
  readonly #wanted = new Map<string, Wanted>();
  readonly #facts: FileFacts[] = [];

  constructor(sources: readonly StoredSource[] | null, who: Identity) {
    this.#sources = sources;
    this.#who = who;
  }

  async result(): Promise<readonly FileFacts[]> {
    const wanted = [...this.#wanted.values()];
    for (let at = 0; at < wanted.length; at += PARALLEL) {
      const looks = wanted.slice(at, at + PARALLEL).map((one) => this.#look(one));
      for (const facts of await Promise.all(looks))
        if (facts !== undefined) this.#facts.push(facts);
    }
    return this.#facts;
  }

  async add(pattern: string): Promise<void> {
    const { files, problems } = await findCandidates([pattern]);
    for (const { path, isCurrent } of files) {
      this.#want({ path, isCurrent, isNamed: path === pattern, isConfigured: true });
    }
    const isThere = files.some(({ path, isCurrent }) => isCurrent || path === pattern);
    if (isThere || this.#wanted.has(pattern)) return;
    const problem = problems[0]?.message;
    const state = await this.#stateOfNothing(pattern, problem);
    this.#tell({ path: pattern, isNamed: true, isConfigured: true, isCurrent: true }, state);
  }

  addKnown(path: string): void {
    if (!isAbsolute(path) || parseLogName(path).rank[0] !== 'c current') return;
    this.#want({ path, isCurrent: true, isNamed: false, isConfigured: false });
  }

  #want(wanted: Wanted): void {
    if (this.#wanted.has(wanted.path) || this.#wanted.size >= MOST_FILES) return;
    this.#wanted.set(wanted.path, wanted);
  }

  #tell(wanted: Wanted, state: FileState): void {
    this.#facts.push({ ...wanted, state });
  }

  /** Why a name or a pattern stands for no log. */
  async #stateOfNothing(pattern: string, problem: string | undefined): Promise<FileState> {
    const folder = isDynamicPattern(pattern) ? fixedFolder(pattern) : dirname(pattern);
    for (const path of [pattern, folder]) {
      const obstacle = obstacleOf(path, this.#who);
      if (obstacle !== undefined) return { kind: 'forbidden', obstacle };
    }
    if (problem !== undefined) return { kind: 'failed', problem };
    const isFolder = await readdir(pattern).then(
      () => true,
      () => false,
    );
    return isFolder || isDynamicPattern(pattern) ? { kind: 'no-match' } : { kind: 'missing' };
  }

  /** What has gone and was never configured is no news. */
  async #look(wanted: Wanted): Promise<FileFacts | undefined> {
    try {
      return { ...wanted, state: await this.#stateOf(wanted) };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : '';
      if (code === 'ENOENT' && !wanted.isConfigured) return undefined;
      if (code === 'ENOENT') return { ...wanted, state: { kind: 'missing' } };
      if (code === 'EACCES' || code === 'EPERM') {
        const obstacle = obstacleOf(wanted.path, this.#who);
        return { ...wanted, state: { kind: 'forbidden', obstacle } };
      }
      return { ...wanted, state: { kind: 'failed', problem: explainError(error) } };
    }
  }

  async #stateOf({ path, isCurrent }: Wanted): Promise<FileState> {
    const { size, mtimeMs, dev, ino } = await stat(path);
    // A file that cannot be opened throws here, with the system's reason.
    await (await open(path)).close();
    const key = `${dev}:${ino}`;
    const there = { kind: 'there', size, modifiedAt: mtimeMs, key } as const;
    if (!isCurrent || size === 0) return { ...there, stored: undefined, unread: 0 };
    const sources = this.#sources;
    if (sources === null) return { ...there, stored: undefined, unread: null };
    const input = { kind: 'file', name: path, path, fileSize: size } as const;
    const { bytes, format } = await openFile(input);
    const head = await readHead(bytes, HEAD_LENGTH);
    await bytes.close();
    if (format !== 'plain') return { ...there, stored: undefined, unread: null };
    const known = await findCheckpoint(input, withHead(sources, head));
    const stored = sources.find(({ id }) => id === known?.sourceId);
    return { ...there, stored, unread: Math.max(0, size - (known?.offset ?? 0)) };
  }
}

/** The folder of a pattern before its first part that is one. */
function fixedFolder(pattern: string): string {
  let folder = dirname(pattern);
  while (isDynamicPattern(folder)) folder = dirname(folder);
  return folder;
}

/** Checkpoints of sources that begin like this; each length is digested once, as there may be thousands. */
function withHead(sources: readonly StoredSource[], head: Buffer): readonly Checkpoint[] {
  const digests = new Map<number, string>();
  return sources.flatMap(({ checkpoint }) => {
    const { headLength, headDigest } = checkpoint;
    if (headLength === 0 || headLength > head.length) return [];
    const own = digests.get(headLength) ?? digest(head.subarray(0, headLength));
    digests.set(headLength, own);
    return own === headDigest ? [checkpoint] : [];
  });
}
