/**
 * Accepts connections, in TLS where a key is given (RFC 5425), within limits, and gives each a session. What
 * TCP and RELP listeners have in common.
 *
 * Promise: no peer can stop it: what a connection does costs that connection.
 */
import { createServer, type Server, type Socket } from 'node:net';
import {
  createServer as createTlsServer,
  type TlsOptions,
  type Server as TlsServer,
} from 'node:tls';
import type { InternetAddress } from './address.ts';
import { explainBindError } from './bind-error.ts';
import { Connection, type OpenSession } from './connection.ts';
import { EventGate, type ListenContext, plainAddress, Tally, UNKNOWN_PEER } from './listener.ts';

/** PEM texts. With `clientCa`, only clients with a certificate of it are let in. */
export interface TlsIdentity {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  readonly clientCa?: string | Buffer;
}

const BACKLOG = 1024;
/** How often it is looked whether a frame takes too long. */
const SWEEPS_PER_TIMEOUT = 4;
const LONGEST_SWEEP_MS = 5_000;

export class StreamServer {
  readonly tally = new Tally();
  readonly events: EventGate;
  readonly #address: InternetAddress;
  readonly #tls: TlsIdentity | undefined;
  readonly #context: ListenContext;
  readonly #openSession: OpenSession;
  readonly #connections = new Set<Connection>();
  /** Connections in their handshake, by the peer's address and port. */
  readonly #handshakes = new Map<string, Socket>();
  readonly #perPeer = new Map<string, number>();
  #server: Server | undefined;
  #tlsServer: TlsServer | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(
    address: InternetAddress,
    tls: TlsIdentity | undefined,
    context: ListenContext,
    openSession: OpenSession,
  ) {
    this.#address = address;
    this.#tls = tls;
    this.#context = context;
    this.#openSession = openSession;
    this.events = new EventGate(context.onEvent);
    context.inlet.onRoom(() => this.#resumeAll());
  }

  async start(): Promise<InternetAddress> {
    if (this.#tls !== undefined) this.#tlsServer = this.#createTls(this.#tls);
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#server = server;
    const { host, port, transport } = this.#address;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(explainBindError(error, this.#address)));
      server.listen({ host, port, backlog: BACKLOG }, resolve);
    });
    server.on('error', (error) => this.failed(`accepting failed: ${error.message}`));
    const interval = this.#context.limits.frameTimeoutMs / SWEEPS_PER_TIMEOUT;
    this.#sweep = setInterval(() => this.#endSlowFrames(), Math.min(interval, LONGEST_SWEEP_MS));
    this.#sweep.unref();
    const bound = server.address();
    if (bound === null || typeof bound === 'string') return this.#address;
    return { transport, host: bound.address, port: bound.port };
  }

  /** Connections from now on get this identity; those that are open keep theirs. The kind must be the same. */
  renewTls({ key, cert, clientCa }: TlsIdentity): void {
    this.#tlsServer?.setSecureContext({
      key,
      cert,
      ...(clientCa === undefined ? {} : { ca: clientCa }),
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (this.#isStopping || server === undefined) return;
    this.#isStopping = true;
    const closed = new Promise((resolve) => server.close(resolve));
    const handshakes = [...this.#handshakes.values()].map(
      (socket) => new Promise((resolve) => socket.once('close', resolve).destroy()),
    );
    await Promise.all([...handshakes, ...[...this.#connections].map((one) => one.stop())]);
    clearInterval(this.#sweep);
    await closed;
  }

  failed(detail: string): void {
    this.tally.errors += 1;
    this.events.report('error', detail);
  }

  /** Those that had their turn go to the end, so that each has one. */
  #resumeAll(): void {
    for (const connection of [...this.#connections]) {
      if (this.#context.inlet.isFull) return;
      if (connection.isWaiting) {
        this.#connections.delete(connection);
        this.#connections.add(connection);
      }
      connection.resume();
    }
  }

  #createTls({ key, cert, clientCa }: TlsIdentity): TlsServer {
    const server = createTlsServerWith({
      key,
      cert,
      ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true }),
      rejectUnauthorized: clientCa !== undefined,
      handshakeTimeout: this.#context.limits.handshakeTimeoutMs,
    });
    server.on('secureConnection', (socket) => {
      // One that is gone already has no address any more.
      if (this.#handshakes.delete(endpoint(socket))) {
        this.#serve(socket, plainAddress(socket.remoteAddress));
      } else socket.destroy();
    });
    server.on('tlsClientError', (error, socket) => {
      this.tally.errors += 1;
      this.events.report('tls', `${plainAddress(socket.remoteAddress)}: ${error.message}`);
      socket.destroy();
    });
    return server;
  }

  #accept(socket: Socket): void {
    // A socket without a listener for errors would end the process.
    socket.on('error', () => undefined);
    const peer = plainAddress(socket.remoteAddress);
    const why = this.#whyRefused(peer);
    if (why !== undefined) {
      socket.destroy();
      this.tally.connectionsRefused += 1;
      this.events.report('refused', `${peer}: ${why}`);
      return;
    }
    socket.setKeepAlive(true, this.#context.limits.keepAliveMs);
    this.tally.connectionsTotal += 1;
    this.tally.connectionsOpen += 1;
    this.#perPeer.set(peer, (this.#perPeer.get(peer) ?? 0) + 1);
    if (this.#tlsServer === undefined) this.#serve(socket, peer);
    else this.#shakeHands(socket, peer, this.#tlsServer);
  }

  #shakeHands(socket: Socket, peer: string, tlsServer: TlsServer): void {
    const name = endpoint(socket);
    this.#handshakes.set(name, socket);
    socket.once('close', () => {
      // Otherwise it has become a connection, which gives its place back itself.
      if (this.#handshakes.delete(name)) this.#release(peer);
    });
    tlsServer.emit('connection', socket);
  }

  #whyRefused(peer: string): string | undefined {
    if (this.#isStopping) return 'stopping';
    if (peer === UNKNOWN_PEER) return 'gone before it was accepted';
    const { maxConnections, maxPerPeer } = this.#context.limits;
    if (this.tally.connectionsOpen >= maxConnections)
      return `${maxConnections} connections are open`;
    const ofPeer = this.#perPeer.get(peer) ?? 0;
    return ofPeer >= maxPerPeer ? `${maxPerPeer} connections of it are open` : undefined;
  }

  #serve(socket: Socket, peer: string): void {
    const connection = new Connection(socket, peer, this.#openSession, (error) => {
      this.#connections.delete(connection);
      this.#release(peer);
      if (error !== undefined) this.failed(`${peer}: ${error.message}`);
    });
    this.#connections.add(connection);
  }

  #release(peer: string): void {
    this.tally.connectionsOpen -= 1;
    const left = (this.#perPeer.get(peer) ?? 1) - 1;
    if (left > 0) this.#perPeer.set(peer, left);
    else this.#perPeer.delete(peer);
  }

  #endSlowFrames(): void {
    const oldest = performance.now() - this.#context.limits.frameTimeoutMs;
    for (const connection of this.#connections) {
      if (!connection.isSlow(oldest)) continue;
      this.events.report('timeout', `${connection.peer}: a message was begun and never ended`);
      connection.breakOff();
    }
  }
}

function createTlsServerWith(options: TlsOptions): TlsServer {
  try {
    return createTlsServer(options);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`the key, certificate or client CA cannot be used: ${why}`, { cause: error });
  }
}

function endpoint(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}`;
}
