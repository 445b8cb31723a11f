/**
 * Takes one message into the spool. Until `commit` resolves there is no message; after it has resolved
 * there is one that a crash or a loss of power does not undo.
 *
 * A small message stays in memory and is written at commit, its data and its control file at once; one
 * that grows over the limit goes to the disk as it comes, and `write` says when to wait for it.
 */
import type { Envelope } from '../model.ts';
import type { ControlHeader, QueueRecord } from './control-file.ts';
import { formatControlFile } from './control-file.ts';
import type { DirectorySync } from './directory-sync.ts';
import type { SpoolFiles, SpoolHandle } from './spool-files.ts';
import { SpoolError, unlinkIfThere } from './spool-files.ts';

export interface SpoolPlace {
  readonly files: SpoolFiles;
  readonly directory: DirectorySync;
  /** Bytes of a message that are kept in memory. */
  readonly memoryLimit: number;
  readonly path: (prefix: 'df' | 'qf' | 'tf' | 'Qf', id: string) => string;
}

export interface CommitExtras {
  readonly depth?: number;
  readonly records?: readonly QueueRecord[];
}

export class MessageWriter {
  readonly id: string;
  readonly #place: SpoolPlace;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #size = 0;
  #handle: SpoolHandle | undefined;
  #writing: Promise<void> | undefined;
  #failure: unknown;
  #isOver = false;
  #isShared = false;
  /** What is ours to remove: a file of the same name that was there before is another message's. */
  readonly #made = new Set<'df' | 'tf' | 'qf'>();

  constructor(place: SpoolPlace, id: string) {
    this.#place = place;
    this.id = id;
  }

  /** Bytes taken so far. */
  get size(): number {
    return this.#size;
  }

  /** Takes bytes over: they must not be changed afterwards. A promise: wait for it before the next. */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#isOver) throw new Error('the message is complete');
    this.#kept.push(chunk);
    this.#keptBytes += chunk.length;
    this.#size += chunk.length;
    return this.#keptBytes > this.#place.memoryLimit ? this.#flush() : undefined;
  }

  async commit(envelope: Envelope, extras: CommitExtras = {}): Promise<void> {
    if (this.#isOver) throw new Error('the message is complete');
    this.#isOver = true;
    const { path } = this.#place;
    try {
      await allOrFirstError([
        this.#completeData(),
        this.#writeControl({ envelope, depth: extras.depth ?? 0 }, extras.records ?? []),
      ]);
      await this.#place.files.rename(path('tf', this.id), path('qf', this.id));
      this.#made.add('qf');
      await this.#place.directory.sync();
    } catch (error) {
      await this.#leaveNothing();
      throw new SpoolError(`message ${this.id} cannot be queued`, { cause: error });
    }
  }

  async abort(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#leaveNothing();
  }

  #flush(): Promise<void> {
    const data = Buffer.concat(this.#kept);
    this.#kept = [];
    this.#keptBytes = 0;
    const before = this.#writing ?? Promise.resolve();
    const writing = before.then(() => this.#append(data));
    this.#writing = writing;
    // Whoever waits hears of it; who does not, hears of it at commit.
    writing.catch((error: unknown) => {
      this.#failure ??= error;
    });
    return writing;
  }

  async #append(data: Uint8Array): Promise<void> {
    try {
      this.#handle ??= await this.#open('df');
      await this.#handle.writeFile(data);
    } catch (error) {
      throw new SpoolError(`message ${this.id} cannot be stored`, { cause: error });
    }
  }

  async #open(prefix: 'df' | 'tf'): Promise<SpoolHandle> {
    const { files, path } = this.#place;
    const handle = await files.open(path(prefix, this.id), 'wx', 0o600);
    this.#made.add(prefix);
    return handle;
  }

  /** The control file aside, all of it safe on the disk but for its name. */
  async #writeControl(header: ControlHeader, records: readonly QueueRecord[]): Promise<void> {
    const handle = await this.#open('tf');
    try {
      await handle.writeFile(formatControlFile(header, records));
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }

  /** The data of another message, shared; instead of `write`. */
  async shareData(otherId: string): Promise<void> {
    const { files, path } = this.#place;
    try {
      await files.link(path('df', otherId), path('df', this.id));
    } catch (error) {
      this.#isOver = true;
      throw new SpoolError(`message ${this.id} cannot share the data of ${otherId}`, {
        cause: error,
      });
    }
    this.#made.add('df');
    this.#isShared = true;
  }

  async #completeData(): Promise<void> {
    if (this.#isShared) return;
    await this.#flush();
    if (this.#failure !== undefined) throw this.#failure;
    await this.#handle?.datasync();
    await this.#close();
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  async #leaveNothing(): Promise<void> {
    await this.#writing?.catch(() => undefined);
    await this.#close().catch(() => undefined);
    this.#kept = [];
    const { files, path } = this.#place;
    // The control file first: without it there is no message.
    for (const prefix of ['qf', 'tf', 'df'] as const) {
      if (this.#made.has(prefix))
        await unlinkIfThere(files, path(prefix, this.id)).catch(() => undefined);
    }
  }
}

/** Waits for all, so that nothing still writes when the files are cleared away. */
async function allOrFirstError(works: readonly Promise<void>[]): Promise<void> {
  for (const end of await Promise.allSettled(works)) {
    if (end.status === 'rejected') throw end.reason;
  }
}
