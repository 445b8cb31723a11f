/**
 * Which messages the daemon is at just now, for `mta queue` in another process: a small file in the queue,
 * written anew at most once a second. It is for eyes only; nothing is decided by it.
 */
import { readFileSync } from 'node:fs';
import { rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isQueueId } from './control-file.ts';
import { queueOwner } from './queue-lock.ts';

const NAME = 'active';
const EVERY_MS = 1000;

export class ActivityFile {
  readonly #path: string;
  readonly #active: () => Iterable<string>;
  #timer: NodeJS.Timeout | undefined;
  #written = '';

  constructor(queue: string, active: () => Iterable<string>) {
    this.#path = join(queue, NAME);
    this.#active = active;
  }

  start(): void {
    this.#timer = setInterval(() => void this.write(), EVERY_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await unlink(this.#path).catch(() => undefined);
  }

  /** A full disk must not hurt anybody for this. */
  async write(): Promise<void> {
    const text = [...this.#active()].join('\n');
    if (text === this.#written) return;
    this.#written = text;
    try {
      await writeFile(`${this.#path}.tmp`, text, { mode: 0o600 });
      await rename(`${this.#path}.tmp`, this.#path);
    } catch {
      this.#written = '';
    }
  }
}

/** Empty where no daemon has the queue: what a killed one left says nothing. */
export function activeMessages(queue: string): ReadonlySet<string> {
  if (queueOwner(queue) === undefined) return new Set();
  try {
    return new Set(readFileSync(join(queue, NAME), 'utf8').split('\n').filter(isQueueId));
  } catch {
    return new Set();
  }
}
