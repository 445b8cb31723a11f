/**
 * The daemon's listeners, each with the spool it puts into: opened all or none, and changed all or none while
 * the daemon runs. A listener that stays is not disturbed by others that come and go.
 */
import { hostname } from 'node:os';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { formatListenAddress } from '../../../ingest/listen/address.ts';
import type { ListenContext, Listener, ListenLimits } from '../../../ingest/listen/listener.ts';
import { DEFAULT_LIMITS } from '../../../ingest/listen/listener.ts';
import { RelpListener } from '../../../ingest/listen/relp.ts';
import type { TlsIdentity } from '../../../ingest/listen/stream-server.ts';
import { TcpListener } from '../../../ingest/listen/tcp.ts';
import { UdpListener } from '../../../ingest/listen/udp.ts';
import { UnixDatagramListener } from '../../../ingest/listen/unix-datagram.ts';
import { MaillogError, maillogError } from '../../model/errors.ts';
import { listenAddress } from './addresses.ts';
import { connectionsWithin, openFileLimit } from './file-limit.ts';
import type { ListenerHealth } from './health.ts';
import type { Logger } from './log.ts';
import type { ServePlan } from './plan.ts';
import type { Spool, Spools } from './spools.ts';
import { isSameIdentity } from './tls-files.ts';

/** Listeners that have connections. */
const STREAMS = /^(?:tcp|tls|relps?):/;

interface Opened {
  readonly address: string;
  readonly spool: Spool;
  readonly listener: Listener;
  readonly bound: string;
}

/** What of the plan is about listeners. */
type Wanted = Pick<ServePlan, 'listen' | 'tls' | 'settings'>;

/** Turns of the event loop in which connections that wait are accepted. */
const ARRIVAL_TURNS = 3;

/** In the errors of listeners; the catalogue's words say it too. */
const PREAMBLE = /^cannot listen on [^ ]+: /;

export class Listening {
  readonly #spools: Spools;
  readonly #log: Logger;
  /** Listeners look at it whenever they need it. */
  readonly #limits: { -readonly [name in keyof ListenLimits]: ListenLimits[name] } = {
    ...DEFAULT_LIMITS,
  };
  readonly #opened = new Map<string, Opened>();
  #tls: TlsIdentity | undefined;

  constructor(spools: Spools, log: Logger) {
    this.#spools = spools;
    this.#log = log;
  }

  /** Opens all, or none: what was opened before one fails is closed again. */
  async start({ listen, tls, settings }: Wanted): Promise<void> {
    this.#tls = tls;
    this.#limit(listen, settings);
    this.#announce(await this.#openAll(listen));
  }

  /** Rejects with nothing changed, but for listeners to be removed that were closed for a moment. */
  async change({ listen, tls, settings }: Wanted): Promise<void> {
    const before = this.#tls;
    const hasOtherKind = (before?.clientCa === undefined) !== (tls?.clientCa === undefined);
    const closing = [...this.#opened.values()].filter(
      ({ address, listener }) =>
        !listen.includes(address) ||
        (hasOtherKind && listener.renewTls !== undefined && isSecret(address)),
    );
    await this.#close(closing);
    const wanted = listen.filter((address) => !this.#opened.has(address));
    try {
      this.#tls = tls;
      this.#announce(await this.#openAll(wanted));
    } catch (error) {
      this.#tls = before;
      this.#announce(await this.#openAll(closing.map(({ address }) => address)));
      throw error;
    }
    this.#limit(listen, settings);
    this.#forget(closing.filter(({ address }) => !listen.includes(address)));
    this.#renew(before, tls);
  }

  health(): readonly ListenerHealth[] {
    return [...this.#opened.values()].map(({ address, bound, listener, spool: { writer } }) => ({
      address,
      bound,
      counters: { ...listener.counters() },
      spoolBytes: Math.max(0, writer.end - writer.committedPosition),
      isFull: writer.isFull,
    }));
  }

  /** Accepts nothing more; what has come is in the spools. */
  async stop(): Promise<void> {
    // What the system has accepted for us and we have not seen yet is taken first.
    for (let turn = 0; turn < ARRIVAL_TURNS; turn += 1) {
      await sleep(1);
      await nextTurn();
    }
    await this.#close([...this.#opened.values()]);
  }

  async #close(some: readonly Opened[]): Promise<void> {
    for (const { address } of some) this.#opened.delete(address);
    await Promise.all(some.map(({ listener }) => listener.stop()));
  }

  async #openAll(addresses: readonly string[]): Promise<readonly Opened[]> {
    const opened: Opened[] = [];
    try {
      for (const address of addresses) opened.push(await this.#open(address));
    } catch (error) {
      await this.#close(opened);
      throw error;
    }
    return opened;
  }

  async #open(address: string): Promise<Opened> {
    const spool = await this.#spools.open(address);
    const listener = this.#listener(spool);
    try {
      const bound = formatListenAddress(await listener.start());
      const opened = { address, spool, listener, bound };
      this.#opened.set(address, opened);
      return opened;
    } catch (error) {
      await listener.stop();
      throw cannotListen(address, error);
    }
  }

  #listener({ address: text, writer: inlet, watch }: Spool): Listener {
    const address = listenAddress(text, 'serve.listen');
    const onEvent = (kind: string, detail: string): void =>
      this.#log.warn({ listener: text, kind, detail }, 'listener');
    const context: ListenContext = { inlet, limits: this.#limits, onEvent };
    switch (address.transport) {
      case 'udp':
        return new UdpListener(address, context);
      case 'tcp':
        return new TcpListener(address, context);
      case 'tls':
        return new TcpListener(address, context, this.#tls);
      case 'relp':
        return new RelpListener(address, context, watch);
      case 'relps':
        return new RelpListener(address, context, watch, this.#tls);
      case 'unix':
        return new UnixDatagramListener(address, context, { hostName: hostname() });
    }
  }

  #limit(listen: readonly string[], settings: Wanted['settings']): void {
    const { maxConnections, maxPerPeer, frameTimeout } = settings;
    Object.assign(this.#limits, {
      maxConnections: this.#withinFileLimit(listen, maxConnections),
      maxPerPeer,
      frameTimeoutMs: frameTimeout * 1000,
    });
  }

  #withinFileLimit(listen: readonly string[], wanted: number): number {
    const listeners = listen.filter((address) => STREAMS.test(address)).length;
    const limit = openFileLimit();
    if (limit === undefined || listeners === 0) return wanted;
    const maxConnections = connectionsWithin(limit, wanted, listeners);
    if (maxConnections < wanted) {
      this.#log.warn(
        { openFiles: limit, wanted, maxConnections },
        'the limit of open files (ulimit -n) allows each listener fewer connections than serve.max_connections',
      );
    }
    return maxConnections;
  }

  #forget(removed: readonly Opened[]): void {
    for (const { address, spool } of removed) {
      this.#spools.finish(spool);
      this.#log.info({ listener: address }, 'no longer listening');
    }
  }

  /** Connections that are open go on as they are. */
  #renew(before: TlsIdentity | undefined, now: TlsIdentity | undefined): void {
    if (before === undefined || now === undefined || isSameIdentity(before, now)) return;
    for (const { address, listener } of this.#opened.values()) {
      if (!isSecret(address)) continue;
      listener.renewTls?.(now);
      this.#log.info({ listener: address }, 'certificate renewed');
    }
  }

  #announce(opened: readonly Opened[]): void {
    for (const { address, bound } of opened) {
      this.#log.info({ listener: address, bound }, 'listening');
    }
  }
}

function isSecret(address: string): boolean {
  return /^(?:tls|relps):/.test(address);
}

function cannotListen(address: string, error: unknown): MaillogError {
  if (error instanceof MaillogError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return maillogError('E_CANNOT_LISTEN', { address, problem: text.replace(PREAMBLE, '') }, error);
}
