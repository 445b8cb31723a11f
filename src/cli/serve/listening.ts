/**
 * The daemon's listeners, each with the spool it puts into. A spool is opened where the store stands, so
 * that what an earlier run took in and did not store comes first.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  formatListenAddress,
  type ListenAddress,
  parseListenAddress,
} from '../../../ingest/listen/address.ts';
import type { Listener, ListenLimits } from '../../../ingest/listen/listener.ts';
import { DEFAULT_LIMITS } from '../../../ingest/listen/listener.ts';
import { RelpListener } from '../../../ingest/listen/relp.ts';
import { RepeatWatch } from '../../../ingest/listen/repeat-watch.ts';
import { TcpListener } from '../../../ingest/listen/tcp.ts';
import { UdpListener } from '../../../ingest/listen/udp.ts';
import { UnixDatagramListener } from '../../../ingest/listen/unix-datagram.ts';
import { SpoolWriter } from '../../../ingest/spool/spool-writer.ts';
import type { Settings } from '../../config/settings.ts';
import { fileError, maillogError } from '../../model/errors.ts';
import { writeAside } from '../write-aside.ts';
import { connectionsWithin, openFileLimit } from './file-limit.ts';
import type { ListenerHealth } from './health.ts';
import type { Logger } from './log.ts';
import { spoolName } from './plan.ts';
import type { StoreClient } from './store-client.ts';

const MEBIBYTE = 1024 * 1024;
/** Listeners that have connections. */
const STREAMS = /^(?:tcp|tls|relps?):/;
/** What a RELP client may send again must still be there after a restart. */
const RELP_KEEP = 16 * MEBIBYTE;

interface Opened {
  readonly address: string;
  readonly key: string;
  readonly spool: SpoolWriter;
  readonly listener: Listener;
  bound: string;
}

export class Listening {
  readonly #store: StoreClient;
  readonly #settings: Settings;
  readonly #folder: string;
  readonly #log: Logger;
  readonly #opened = new Map<string, Opened>();
  #maxConnections: number;

  constructor(store: StoreClient, settings: Settings, folder: string, log: Logger) {
    this.#store = store;
    this.#settings = settings;
    this.#folder = folder;
    this.#log = log;
    this.#maxConnections = settings.maxConnections;
  }

  /** Opens all, or none: what was opened before one fails is closed again. */
  async start(addresses: readonly string[]): Promise<void> {
    this.#heedFileLimit(addresses.filter((address) => STREAMS.test(address)).length);
    try {
      for (const address of addresses) await this.#open(address);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** The store has everything up to there. */
  taken(key: string, position: number): void {
    this.#opened.get(key)?.spool.committed(position);
  }

  health(): readonly ListenerHealth[] {
    return [...this.#opened.values()].map(({ address, bound, listener, spool }) => ({
      address,
      bound,
      counters: { ...listener.counters() },
      spoolBytes: Math.max(0, spool.end - spool.committedPosition),
      isFull: spool.isFull,
    }));
  }

  /** Accepts nothing more; what has come is on disk, and the store is told of it. */
  async stop(): Promise<void> {
    await Promise.all([...this.#opened.values()].map(({ listener }) => listener.stop()));
  }

  async close(): Promise<void> {
    for (const { spool, address } of this.#opened.values()) {
      await spool.close().catch((error: unknown) => {
        this.#log.error({ listener: address, reason: String(error) }, 'spool');
      });
    }
  }

  #heedFileLimit(listeners: number): void {
    const limit = openFileLimit();
    if (limit === undefined || listeners === 0) return;
    const { maxConnections: wanted } = this.#settings;
    this.#maxConnections = connectionsWithin(limit, wanted, listeners);
    if (this.#maxConnections === wanted) return;
    this.#log.warn(
      { openFiles: limit, wanted, maxConnections: this.#maxConnections },
      'the limit of open files (ulimit -n) allows each listener fewer connections than serve.max_connections',
    );
  }

  async #open(text: string): Promise<void> {
    const parsed = parseListenAddress(text);
    if (!parsed.ok) {
      throw maillogError('E_BAD_SETTING', {
        where: 'serve.listen',
        key: 'address',
        value: text,
        allowed: parsed.error,
      });
    }
    const key = `${this.#spoolId()}/${text}`;
    const folder = spoolName(this.#folder, text);
    const start = await this.#store.openSpool(text, key, folder);
    const watch = new RepeatWatch();
    const isRelp = /^relps?:/.test(text);
    const spool = await SpoolWriter.open({
      folder,
      start,
      limitBytes: this.#settings.spoolMegabytes * MEBIBYTE,
      keepBytes: isRelp ? RELP_KEEP : MEBIBYTE,
      onRecovered: (record) => {
        if (isRelp) watch.recover(record);
      },
      onEvent: (kind, detail) => this.#log.warn({ listener: text, kind, detail }, 'spool'),
    });
    spool.onWritten((end) => this.#store.send({ kind: 'written', key, end }));
    this.#store.send({ kind: 'written', key, end: spool.written });
    spool.committed(start);
    const listener = this.#listener(parsed.address, spool, watch, text);
    const opened = { address: text, key, spool, listener, bound: text };
    this.#opened.set(key, opened);
    opened.bound = formatListenAddress(await listener.start());
    this.#log.info({ listener: text, bound: opened.bound }, 'listening');
  }

  #listener(
    address: ListenAddress,
    inlet: SpoolWriter,
    watch: RepeatWatch,
    name: string,
  ): Listener {
    const limits: ListenLimits = {
      ...DEFAULT_LIMITS,
      maxConnections: this.#maxConnections,
      maxPerPeer: this.#settings.maxPerPeer,
      frameTimeoutMs: this.#settings.frameTimeout * 1000,
    };
    const onEvent = (kind: string, detail: string): void =>
      this.#log.warn({ listener: name, kind, detail }, 'listener');
    const context = { inlet, limits, onEvent };
    switch (address.transport) {
      case 'udp':
        return new UdpListener(address, context);
      case 'tcp':
        return new TcpListener(address, context);
      case 'tls':
        return new TcpListener(address, context, this.#tls());
      case 'relp':
        return new RelpListener(address, context, watch);
      case 'relps':
        return new RelpListener(address, context, watch, this.#tls());
      case 'unix':
        return new UnixDatagramListener(address, context, { hostName: hostname() });
    }
  }

  #tls() {
    const { tlsKey, tlsCert, tlsCa } = this.#settings;
    if (tlsKey === null || tlsCert === null) {
      throw maillogError('E_USAGE', {
        problem: 'tls:// and relps:// need serve.tls_key and serve.tls_cert',
      });
    }
    return {
      key: readPem(tlsKey),
      cert: readPem(tlsCert),
      ...(tlsCa === null ? {} : { clientCa: readPem(tlsCa) }),
    };
  }

  /** Tells the spools of this folder from those of another, whose positions mean nothing here. */
  #spoolId(): string {
    const path = join(this.#folder, 'id');
    if (existsSync(path)) return readFileSync(path, 'utf8').trim();
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const id = randomUUID();
    writeAside(path, id, 0o600);
    return id;
  }
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fileError(error, path);
  }
}
