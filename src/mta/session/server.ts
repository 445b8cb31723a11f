/**
 * Listens on the daemon's ports and gives each client a session of its own, up to a number of clients at a time
 * (MaxDaemonChildren): beyond that nobody is accepted until one has gone, and the log says so once.
 *
 * Started it listens on all ports or on none; stopped it takes nobody new and lets sessions finish what they are
 * about, for a bounded time.
 */
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { MtaLog } from '../log/mta-log.ts';
import type { Client } from '../model.ts';
import type { DaemonOptions, SessionParts, SessionSettings } from './parts.ts';
import { SmtpSession } from './session.ts';
import { secure } from './start-tls.ts';

export interface ServerOptions {
  readonly daemons: readonly DaemonOptions[];
  readonly settings: SessionSettings;
  /** Clients at a time; 0: as many as come. */
  readonly maxClients: number;
  /** The daemon's own log. */
  readonly log: MtaLog;
  /** The parts for one session, which logs under a process id of its own. */
  readonly partsFor: () => SessionParts;
  readonly relayText: (client: Client) => string;
}

export interface ListeningOn {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

const STOP_MS = 5_000;

export class SmtpServer {
  readonly #options: ServerOptions;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<Promise<void>>();
  readonly #live = new Set<SmtpSession>();
  #isRefusing = false;
  #isStopping = false;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get clients(): number {
    return this.#sessions.size;
  }

  /** Where it listens, in the order of the configuration. Rejects if one port cannot be had; then none is. */
  async start(): Promise<readonly ListeningOn[]> {
    try {
      const all: ListeningOn[] = [];
      for (const daemon of this.#options.daemons) all.push(await this.#listen(daemon));
      return all;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    // They are closed when their last connection is.
    const all = this.#servers.map(closed);
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, STOP_MS);
    for (const { input } of this.#live) input.stop();
    await Promise.allSettled([...this.#sessions]);
    clearTimeout(timer);
    await Promise.all(all);
  }

  #listen(daemon: DaemonOptions): Promise<ListeningOn> {
    // Who has said all he has to say may still hear our reply.
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) =>
      this.#accept(socket, daemon),
    );
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: daemon.host, port: daemon.port, backlog: 511 }, () => {
        server.off('error', reject);
        server.on('error', () => undefined);
        const address = server.address();
        const port = typeof address === 'object' && address !== null ? address.port : daemon.port;
        resolve({ name: daemon.name, host: daemon.host, port });
      });
    });
  }

  #accept(socket: Socket, daemon: DaemonOptions): void {
    const { maxClients, log } = this.#options;
    if (this.#isStopping) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    const session = this.#serve(socket, daemon)
      .catch((error: unknown) => {
        log.systemError(null, 'root', `session: ${error instanceof Error ? error.message : error}`);
        socket.destroy();
      })
      .finally(() => {
        this.#sockets.delete(socket);
        this.#sessions.delete(session);
        this.#weigh(daemon);
      });
    this.#sessions.add(session);
    if (maxClients > 0 && this.#sessions.size >= maxClients) this.#refuse(daemon);
  }

  async #serve(socket: Socket, daemon: DaemonOptions): Promise<void> {
    const { partsFor, settings, relayText } = this.#options;
    const { remoteAddress = '', remotePort = 0 } = socket;
    if (remoteAddress === '') {
      socket.destroy();
      return;
    }
    const parts = partsFor();
    const client = await parts.clientOf(remoteAddress, remotePort);
    const relay = relayText(client);
    const session = new SmtpSession({ socket, client, relay, daemon, parts, settings });
    this.#live.add(session);
    try {
      if (daemon.isTls && parts.tls !== null) await secure(session, parts.tls);
      await session.run();
    } finally {
      this.#live.delete(session);
    }
  }

  #refuse(daemon: DaemonOptions): void {
    if (this.#isRefusing) return;
    this.#isRefusing = true;
    const { maxClients, log } = this.#options;
    log.rejectingConnections(daemon.name, `${this.#sessions.size} children, max ${maxClients}`);
    for (const server of this.#servers) server.maxConnections = 1;
  }

  #weigh(daemon: DaemonOptions): void {
    const { maxClients, log } = this.#options;
    if (!this.#isRefusing || this.#sessions.size >= maxClients) return;
    this.#isRefusing = false;
    for (const server of this.#servers) server.maxConnections = Number.MAX_SAFE_INTEGER;
    log.acceptingAgain(daemon.name);
  }
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
