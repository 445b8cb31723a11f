/**
 * How other processes (`mta queue hold`, `release`, `delete`, `flush`) speak to the daemon that has the
 * queue: a file in the folder `requests` of it, which appears whole under its name and is removed when it was
 * carried out. Where no daemon runs, the command takes the queue's lock and does the same itself.
 */
import { randomUUID } from 'node:crypto';
import type { FSWatcher } from 'node:fs';
import { watch } from 'node:fs';
import { access, mkdir, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isQueueId } from './control-file.ts';

const FOLDER = 'requests';
const NAME = /^[0-9a-z-]+\.json$/;
/** Where a change went unnoticed (watching is best effort). */
const LOOK_EVERY_MS = 1000;
const ASK_EVERY_MS = 20;

/** All that is given must hold; nothing given: every message. */
export interface QueueFilter {
  readonly ids?: readonly string[] | undefined;
  /** Part of a sender's or recipient's address, as sendmail's -qS and -qR. */
  readonly sender?: string | undefined;
  readonly recipient?: string | undefined;
}

export type QueueRequest =
  | { readonly do: 'hold'; readonly ids: readonly string[]; readonly reason: string }
  | { readonly do: 'release'; readonly ids: readonly string[] }
  | { readonly do: 'delete'; readonly ids: readonly string[] }
  | { readonly do: 'flush'; readonly filter: QueueFilter };

/** Resolves to the request's file, which is there until it was carried out. */
export async function submitRequest(queue: string, request: QueueRequest): Promise<string> {
  const folder = join(queue, FOLDER);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${Date.now().toString().padStart(15, '0')}-${randomUUID()}.json`);
  await writeFile(`${path}.tmp`, JSON.stringify(request), { mode: 0o600, flag: 'wx' });
  await rename(`${path}.tmp`, path);
  return path;
}

/** False where it was not carried out in time. */
export async function waitUntilTaken(path: string, patienceMs: number): Promise<boolean> {
  for (let waited = 0; waited <= patienceMs; waited += ASK_EVERY_MS) {
    if (!(await exists(path))) return true;
    await sleep(ASK_EVERY_MS);
  }
  return false;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

/** Undefined: not one. */
export function parseRequest(text: string): QueueRequest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { do: what, ids, reason, filter } = value as Readonly<Record<string, unknown>>;
  if (what === 'flush') return flushOf(filter);
  if (!isIdList(ids)) return undefined;
  if (what === 'hold' && typeof reason === 'string') return { do: 'hold', ids, reason };
  return what === 'release' || what === 'delete' ? { do: what, ids } : undefined;
}

function flushOf(filter: unknown): QueueRequest | undefined {
  if (typeof filter !== 'object' || filter === null) return undefined;
  const { ids, sender, recipient } = filter as Readonly<Record<string, unknown>>;
  const isFine =
    (ids === undefined || isIdList(ids)) && isTextOrNone(sender) && isTextOrNone(recipient);
  return isFine ? { do: 'flush', filter: filter as QueueFilter } : undefined;
}

const isIdList = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every(isQueueId);
const isTextOrNone = (value: unknown): boolean => value === undefined || typeof value === 'string';

/** Carries out what is asked, one after the other, in the order of asking. */
export class RequestWatcher {
  readonly #folder: string;
  readonly #carryOut: (request: QueueRequest) => Promise<void>;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(queue: string, carryOut: (request: QueueRequest) => Promise<void>) {
    this.#folder = join(queue, FOLDER);
    this.#carryOut = carryOut;
  }

  async start(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
    try {
      this.#watcher = watch(this.#folder, () => this.#look());
      this.#watcher.on('error', () => this.#watcher?.close());
      this.#watcher.unref();
    } catch {
      // Too many watchers on the machine: the timer does.
    }
    this.#look();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#watcher?.close();
    await this.#looking;
  }

  #look(): void {
    this.#looking = this.#looking.then(() => this.#takeAll()).catch(() => undefined);
  }

  async #takeAll(): Promise<void> {
    const names = (await readdir(this.#folder)).filter((name) => NAME.test(name)).sort();
    for (const name of names) {
      const path = join(this.#folder, name);
      const request = parseRequest(await readFile(path, 'utf8'));
      if (request !== undefined) await this.#carryOut(request).catch(() => undefined);
      await unlink(path);
    }
  }
}
