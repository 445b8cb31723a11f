/**
 * Makes names in a folder safe (fsync of the folder). All who ask while one fsync is running share the next
 * one: a hundred messages that come together cost two, not a hundred.
 */
import type { SpoolHandle } from './spool-files.ts';

export class DirectorySync {
  readonly #folder: SpoolHandle;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(folder: SpoolHandle) {
    this.#folder = folder;
  }

  /** Resolves when every change made before the call is on the disk. */
  sync(): Promise<void> {
    // One that runs already may have begun before the caller's change.
    this.#next ??= this.#afterRunning();
    return this.#next;
  }

  async #afterRunning(): Promise<void> {
    await this.#running.catch(() => undefined);
    this.#next = undefined;
    this.#running = this.#folder.sync();
    await this.#running;
  }
}
