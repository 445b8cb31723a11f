/**
 * The queue on disk: one folder, `dfID` the message as it will be handed on (LF line ends), `qfID` its
 * control file (`control-file.ts`). A message is there from the moment `qfID` has its name until that name
 * is removed; whatever else lies about is left from something that did not happen.
 *
 * What cannot be appended just now (a full disk) is kept in memory and written with the next record, so that
 * within one life of the process nothing is delivered twice for lack of room.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { join } from 'node:path';
import type { MessageFile } from '../model.ts';
import type { KeyedRecord, QueueRecord } from './control-file.ts';
import { formatRecords, isQueueId, parseControlFile, withoutRepeats } from './control-file.ts';
import { DirectorySync } from './directory-sync.ts';
import { MessageLocks } from './message-locks.ts';
import type { MessageState } from './message-state.ts';
import { foldRecords } from './message-state.ts';
import type { SpoolPlace } from './message-writer.ts';
import { MessageWriter } from './message-writer.ts';
import type { SpoolFiles, SpoolHandle } from './spool-files.ts';
import { DISK, isMissing, SpoolError, unlinkIfThere } from './spool-files.ts';

const MEMORY_LIMIT = 1024 * 1024;
/** Younger leftovers may be another program's work in progress: a queue that is just being restored. */
const ORPHAN_AGE_MS = 60_000;
const NAME = /^(df|qf|tf)([0-9A-Za-z]{1,64})$/;

export interface SpoolOptions {
  readonly files?: SpoolFiles;
  readonly memoryLimit?: number;
  /** To look at it only: a folder that is not there is not made. */
  readonly isReadOnly?: boolean;
}

export type ReadMessage =
  | { readonly kind: 'message'; readonly state: MessageState; readonly skipped: number }
  | { readonly kind: 'missing' }
  | { readonly kind: 'damaged'; readonly why: string };

export interface Recovery {
  readonly ids: readonly string[];
  /** Renamed to `QfID` and kept for a person to look at. */
  readonly lost: readonly { readonly id: string; readonly why: string }[];
  /** Files removed that no message came of. */
  readonly orphans: number;
}

export class Spool {
  readonly folder: string;
  readonly locks = new MessageLocks();
  readonly #files: SpoolFiles;
  readonly #handle: SpoolHandle;
  readonly #place: SpoolPlace;
  readonly #unwritten = new Map<string, readonly KeyedRecord[]>();
  readonly #keys = randomUUID().slice(0, 8);
  #lastKey = 0;

  private constructor(folder: string, handle: SpoolHandle, options: SpoolOptions) {
    this.folder = folder;
    this.#files = options.files ?? DISK;
    this.#handle = handle;
    this.#place = {
      files: this.#files,
      directory: new DirectorySync(handle),
      memoryLimit: options.memoryLimit ?? MEMORY_LIMIT,
      path: (prefix, id) => join(folder, prefix + safeId(id)),
    };
  }

  static async open(folder: string, options: SpoolOptions = {}): Promise<Spool> {
    const files = options.files ?? DISK;
    try {
      if (options.isReadOnly !== true) await files.mkdir(folder, { recursive: true, mode: 0o700 });
      return new Spool(folder, await files.open(folder, 'r'), options);
    } catch (error) {
      throw new SpoolError(`queue directory ${folder} cannot be used`, { cause: error });
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  create(id: string): MessageWriter {
    safeId(id);
    return new MessageWriter(this.#place, id);
  }

  /** Before an id is used again that a message was to have and does not. */
  async clearLeftovers(id: string): Promise<void> {
    const { path } = this.#place;
    for (const prefix of ['tf', 'df'] as const) await unlinkIfThere(this.#files, path(prefix, id));
  }

  async ids(): Promise<readonly string[]> {
    return idsOf(await this.#files.names(this.folder), 'qf');
  }

  async read(id: string): Promise<ReadMessage> {
    const path = this.#place.path('qf', id);
    let text: string;
    try {
      text = await this.#files.readText(path);
    } catch (error) {
      if (isMissing(error)) return { kind: 'missing' };
      throw new SpoolError(`control file of ${id} cannot be read`, { cause: error });
    }
    const file = parseControlFile(text, id);
    if (file.kind === 'damaged') return file;
    const records = [...file.records, ...(this.#unwritten.get(id) ?? [])];
    const state = foldRecords(file.header, withoutRepeats(records));
    return { kind: 'message', state, skipped: file.skipped };
  }

  /** Rejects where it could not be written; it is then remembered, and goes with the next. */
  async append(id: string, records: readonly QueueRecord[]): Promise<void> {
    const keyed = records.map((record) => ({ ...record, key: this.#nextKey() }));
    const all = [...(this.#unwritten.get(id) ?? []), ...keyed];
    try {
      await this.#appendText(this.#place.path('qf', id), formatRecords(all));
      this.#unwritten.delete(id);
    } catch (error) {
      this.#unwritten.set(id, all);
      throw new SpoolError(`control file of ${id} cannot be written`, { cause: error });
    }
  }

  /** The message is dealt with. Rejects only where it is still in the queue. */
  async finish(id: string): Promise<void> {
    const { path, directory } = this.#place;
    try {
      // In this order: a message without its data would be a lost one.
      await unlinkIfThere(this.#files, path('qf', id));
    } catch (error) {
      throw new SpoolError(`message ${id} cannot be removed`, { cause: error });
    }
    this.#unwritten.delete(id);
    // Data that stay are nobody's; the next start removes them.
    await unlinkIfThere(this.#files, path('df', id)).catch(() => undefined);
    await directory.sync().catch(() => undefined);
  }

  /** Takes it out of the queue and keeps it, as `QfID`. */
  async lose(id: string): Promise<void> {
    const { path, directory } = this.#place;
    try {
      await this.#files.rename(path('qf', id), path('Qf', id));
      await directory.sync();
    } catch (error) {
      throw new SpoolError(`message ${id} cannot be put aside`, { cause: error });
    }
    this.#unwritten.delete(id);
  }

  /** Undefined where the data are gone. */
  async messageFile(id: string): Promise<MessageFile | undefined> {
    const path = this.#place.path('df', id);
    try {
      return { path, size: (await this.#files.stat(path)).size };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw new SpoolError(`data of ${id} cannot be found`, { cause: error });
    }
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await this.#files.statfs(this.folder);
    return bavail * bsize;
  }

  /** Clears up after the last life of the queue; before anything else, and by whoever has its lock. */
  async recover(now: number, orphanAge = ORPHAN_AGE_MS): Promise<Recovery> {
    const names = await this.#files.names(this.folder);
    const withData = new Set(idsOf(names, 'df'));
    const ids: string[] = [];
    const lost: { id: string; why: string }[] = [];
    for (const id of idsOf(names, 'qf')) {
      const why = withData.has(id) ? await this.#damageOf(id) : 'no data file';
      if (why === undefined) ids.push(id);
      else lost.push({ id, why });
    }
    for (const { id } of lost) await this.lose(id);
    const kept = new Set([...ids, ...idsOf(names, 'Qf'), ...lost.map(({ id }) => id)]);
    const orphans = await this.#removeOrphans(names, kept, now - orphanAge);
    return { ids, lost, orphans };
  }

  async #damageOf(id: string): Promise<string | undefined> {
    const file = await this.read(id);
    return file.kind === 'damaged' ? file.why : undefined;
  }

  async #removeOrphans(
    names: readonly string[],
    messages: ReadonlySet<string>,
    before: number,
  ): Promise<number> {
    let removed = 0;
    for (const name of names) {
      const [, prefix, id = ''] = NAME.exec(name) ?? [];
      const isOrphan = prefix === 'tf' || (prefix === 'df' && !messages.has(id));
      if (isOrphan && (await this.#removeIfOlder(join(this.folder, name), before))) removed += 1;
    }
    if (removed > 0) await this.#place.directory.sync();
    return removed;
  }

  async #removeIfOlder(path: string, before: number): Promise<boolean> {
    try {
      if ((await this.#files.stat(path)).mtimeMs >= before) return false;
      await this.#files.unlink(path);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw new SpoolError('a leftover file cannot be removed', { cause: error });
    }
  }

  #nextKey(): string {
    this.#lastKey += 1;
    return `${this.#keys}-${this.#lastKey}`;
  }

  async #appendText(path: string, text: string): Promise<void> {
    // Not created where it is missing: a removed message must not come back as half a control file.
    const handle = await this.#files.open(path, constants.O_WRONLY | constants.O_APPEND);
    try {
      await handle.writeFile(text);
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }
}

function safeId(id: string): string {
  if (!isQueueId(id))
    throw new SpoolError('a queue id', { cause: new Error(`not one: ${String(id).slice(0, 80)}`) });
  return id;
}

function idsOf(names: readonly string[], prefix: string): readonly string[] {
  return names.filter((name) => name.startsWith(prefix) && isQueueId(name.slice(2))).map(idOf);
}

const idOf = (name: string): string => name.slice(2);
