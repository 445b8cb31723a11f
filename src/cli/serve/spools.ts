/**
 * The spools of the daemon's listeners, each a folder beside the database. One is opened where the store
 * stands, so that what an earlier run took in and did not store comes first.
 *
 * Promise: what was taken in is stored whatever becomes of its listener: of one that was removed, while the
 * daemon ran or while it did not, the spool is read to its end and only then deleted.
 */
import { createHash, randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRelpAddress } from '../../../ingest/listen/address.ts';
import { RepeatWatch } from '../../../ingest/listen/repeat-watch.ts';
import { SpoolWriter } from '../../../ingest/spool/spool-writer.ts';
import { fileError, maillogError } from '../../model/errors.ts';
import { writeAside } from '../write-aside.ts';
import type { Logger } from './log.ts';
import type { StoreClient } from './store-client.ts';

export interface Spool {
  /** The listener's, as configured. */
  readonly address: string;
  /** Names it among all spools there ever were. */
  readonly key: string;
  readonly folder: string;
  readonly writer: SpoolWriter;
  readonly watch: RepeatWatch;
}

export interface SpoolsOptions {
  readonly folder: string;
  readonly limitBytes: number;
  readonly log: Logger;
}

const MEBIBYTE = 1024 * 1024;
/** What a RELP client may send again must still be there after a restart. */
const RELP_KEEP = 16 * MEBIBYTE;
const OWNER_ONLY = 0o700;
/** Holds the listener's address, by which a spool is known when its listener is configured no more. */
const ADDRESS_FILE = 'address';
/** How long a listener that comes again waits for what its spool still holds. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 50;

export class Spools {
  readonly #store: StoreClient;
  readonly #options: SpoolsOptions;
  readonly #open = new Map<string, Spool>();
  readonly #finishing = new Set<string>();

  constructor(store: StoreClient, options: SpoolsOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** The spool of a listener; the same again as long as it is open. */
  async open(address: string): Promise<Spool> {
    const key = `${this.#id()}/${address}`;
    await this.#untilFinished(address, key);
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const folder = join(this.#options.folder, spoolName(address));
    // Before the store's thread is told to read it.
    nameFolder(folder, address);
    const start = await this.#store.openSpool(address, key, folder);
    const watch = new RepeatWatch();
    try {
      const writer = await this.#writer({ address, folder, start, watch });
      writer.onWritten((end) => this.#store.send({ kind: 'written', key, end }));
      this.#store.send({ kind: 'written', key, end: writer.written });
      const spool = { address, key, folder, writer, watch };
      this.#open.set(key, spool);
      return spool;
    } catch (error) {
      this.#store.send({ kind: 'finish', key });
      throw fileError(error, folder);
    }
  }

  /** Spools of listeners that are configured no more are read to their ends. */
  async openLeftovers(listen: readonly string[]): Promise<void> {
    for (const address of this.#addressesFound()) {
      if (listen.includes(address)) continue;
      try {
        const spool = await this.open(address);
        this.#options.log.info({ listener: address }, 'the spool of a removed listener is stored');
        this.finish(spool);
      } catch (error) {
        this.#options.log.error({ listener: address, reason: reasonOf(error) }, 'spool');
      }
    }
  }

  /** Nothing more is put: it is deleted once the store has all of it. */
  finish({ key }: Spool): void {
    this.#finishing.add(key);
    this.#store.send({ kind: 'finish', key });
  }

  /** The store has everything up to there. */
  taken(key: string, position: number): void {
    this.#open.get(key)?.writer.committed(position);
  }

  /** The store has all of a spool that was finished. */
  async drained(key: string): Promise<void> {
    const spool = this.#open.get(key);
    if (spool === undefined) return;
    try {
      await spool.writer.close();
      rmSync(spool.folder, { recursive: true, force: true });
    } catch (error) {
      this.#options.log.warn({ listener: spool.address, reason: reasonOf(error) }, 'spool');
    }
    this.#open.delete(key);
    this.#finishing.delete(key);
  }

  /** Writes all of all to the disk, and tells the store of it. Rejects if that could not be done. */
  async close(): Promise<void> {
    const results = await Promise.allSettled(
      [...this.#open.values()].map((one) => one.writer.close()),
    );
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  #writer({ address, folder, start, watch }: Opening): Promise<SpoolWriter> {
    const isRelp = isRelpAddress(address);
    return SpoolWriter.open({
      folder,
      start,
      limitBytes: this.#options.limitBytes,
      keepBytes: isRelp ? RELP_KEEP : MEBIBYTE,
      onRecovered: (record) => {
        if (isRelp) watch.recover(record, record.end <= start);
      },
      onEvent: (kind, detail) =>
        this.#options.log.warn({ listener: address, kind, detail }, 'spool'),
    });
  }

  async #untilFinished(address: string, key: string): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (this.#finishing.has(key)) {
      if (Date.now() > deadline) {
        const problem = 'what it took in before is still being stored';
        throw maillogError('E_CANNOT_LISTEN', { address, problem });
      }
      await sleep(PAUSE_MS);
    }
  }

  #addressesFound(): readonly string[] {
    if (!existsSync(this.#options.folder)) return [];
    return readdirSync(this.#options.folder)
      .map((name) => join(this.#options.folder, name, ADDRESS_FILE))
      .filter((path) => existsSync(path))
      .map((path) => readFileSync(path, 'utf8'));
  }

  /** Tells the spools of this folder from those of another, whose positions mean nothing here. */
  #id(): string {
    const path = join(this.#options.folder, 'id');
    try {
      makeFolder(this.#options.folder);
      if (existsSync(path)) return readFileSync(path, 'utf8').trim();
      const id = randomUUID();
      writeAside(path, id, 0o600);
      return id;
    } catch (error) {
      throw fileError(error, this.#options.folder);
    }
  }
}

interface Opening {
  readonly address: string;
  readonly folder: string;
  readonly start: number;
  readonly watch: RepeatWatch;
}

/** The address without what a file system minds, and what tells it from others that look like it then. */
export function spoolName(address: string): string {
  const plain = address.replace(/[^\w.-]+/g, '_').slice(0, 80);
  return `${plain}-${createHash('sha256').update(address).digest('hex').slice(0, 12)}`;
}

function nameFolder(folder: string, address: string): void {
  try {
    makeFolder(folder);
    const path = join(folder, ADDRESS_FILE);
    if (!existsSync(path)) writeAside(path, address, 0o600);
  } catch (error) {
    throw fileError(error, folder);
  }
}

/** What is in it is mail traffic: nobody else's business, whatever the umask. */
function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: OWNER_ONLY });
  chmodSync(path, OWNER_ONLY);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
