/**
 * Listens on the control socket and carries requests to whoever answers them. Requests of one client run
 * at once and are answered as they are done; the id tells which is which.
 *
 * Promise: bounded in clients, in requests of one client under way, in their size, and in what waits to be
 * sent: of a client that does not read its answers nothing more is taken. What is no message ends its
 * connection and nothing else. Only the owner may connect, or the group named.
 */
import { chmodSync, chownSync, lstatSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { MaillogError, maillogError } from '../../model/errors.ts';
import { RemoteStore } from './client.ts';
import { usablePath } from './socket-path.ts';
import type { RequestHandler, WireReply, WireRequest } from './wire.ts';
import { encodeReply, FrameDecoder, MAX_REQUEST, toRequest } from './wire.ts';

export interface ControlServerOptions {
  /** Of the socket: `socketPathOf(db)`. */
  readonly path: string;
  readonly handler: RequestHandler;
  /** Permissions of the socket; 0600, or 0660 with a group, unless given. */
  readonly mode?: number;
  /** Name or number of the group that may connect too. */
  readonly group?: string | number;
  readonly maxClients?: number;
  readonly maxRequest?: number;
}

const MOST_CLIENTS = 64;
const MOST_REQUESTS = 16;
/** How long whoever answers on the socket already is given to say who it is. */
const HELLO_PATIENCE_MS = 2000;
const OWNER_ONLY = 0o600;
const OWNER_AND_GROUP = 0o660;

export class ControlServer {
  readonly path: string;
  readonly #server: Server;
  readonly #release: () => void;
  readonly #clients: Set<Client>;

  private constructor(path: string, server: Server, clients: Set<Client>, release: () => void) {
    this.path = path;
    this.#server = server;
    this.#clients = clients;
    this.#release = release;
  }

  /**
   * Listens, in place of a socket that nobody answers on. Rejects with E_ALREADY_RUNNING or
   * E_CANNOT_LISTEN. The caller owns the database: its lock is what keeps two from meeting here.
   */
  static async listen(options: ControlServerOptions): Promise<ControlServer> {
    const { path, handler, maxRequest = MAX_REQUEST } = options;
    const gid = options.group === undefined ? undefined : groupId(options.group, path);
    await clearTheWay(path);
    const clients = new Set<Client>();
    let lastClient = 0;
    const server = createServer((socket) => {
      lastClient += 1;
      const client = new Client(socket, `socket-${lastClient}`, handler, maxRequest);
      clients.add(client);
      socket.on('close', () => clients.delete(client));
    });
    server.maxConnections = options.maxClients ?? MOST_CLIENTS;
    const usable = usablePath(path);
    try {
      await listenOn(server, usable.name);
      const mode = options.mode ?? (gid === undefined ? OWNER_ONLY : OWNER_AND_GROUP);
      if (gid !== undefined) chownSync(path, process.getuid?.() ?? 0, gid);
      chmodSync(path, mode);
    } catch (error) {
      server.close();
      usable.release();
      throw cannotListen(path, error);
    }
    return new ControlServer(path, server, clients, usable.release);
  }

  /** Connections at this moment. */
  get clients(): number {
    return this.#clients.size;
  }

  /** Ends all connections and removes the socket. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const ended = [...this.#clients].map((client) => client.end());
    await closed;
    await Promise.all(ended);
    this.#release();
  }
}

/** One connection. */
class Client {
  readonly #socket: Socket;
  readonly #session: string;
  readonly #handler: RequestHandler;
  readonly #decoder: FrameDecoder;
  readonly #waiting: WireRequest[] = [];
  readonly #ended: Promise<void>;
  #underWay = 0;
  #isBlocked = false;

  constructor(socket: Socket, session: string, handler: RequestHandler, maxRequest: number) {
    this.#socket = socket;
    this.#session = session;
    this.#handler = handler;
    this.#decoder = new FrameDecoder(maxRequest);
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('drain', () => {
      this.#isBlocked = false;
      this.#next();
    });
    socket.on('error', () => socket.destroy());
    this.#ended = new Promise((resolve) => {
      socket.on('close', () => {
        this.#waiting.length = 0;
        void handler.endSession(session).then(resolve, () => resolve());
      });
    });
  }

  /** Done when the session has ended. */
  end(): Promise<void> {
    this.#socket.destroy();
    return this.#ended;
  }

  #take(bytes: Buffer): void {
    try {
      this.#waiting.push(...this.#decoder.push(bytes).map(toRequest));
    } catch {
      this.#socket.destroy();
      return;
    }
    this.#next();
  }

  #next(): void {
    while (this.#underWay < MOST_REQUESTS && !this.#isBlocked) {
      const request = this.#waiting.shift();
      if (request === undefined) break;
      this.#underWay += 1;
      void this.#answer(request);
    }
    const isBusy = this.#waiting.length > 0 || this.#isBlocked;
    if (isBusy) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  async #answer(request: WireRequest): Promise<void> {
    const reply = await this.#handler.handle(this.#session, request);
    this.#underWay -= 1;
    if (this.#socket.destroyed) return;
    this.#send(reply);
    this.#next();
  }

  #send(reply: WireReply): void {
    this.#socket.cork();
    for (const part of encodeSafely(reply)) {
      this.#isBlocked = !this.#socket.write(part);
    }
    this.#socket.uncork();
  }
}

/** A reply that cannot be sent is told of instead. */
function encodeSafely(reply: WireReply): Uint8Array[] {
  try {
    return encodeReply(reply);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return encodeReply({
      id: reply.id,
      ok: false,
      error: { code: 'Error', message },
      payloads: [],
    });
  }
}

function listenOn(server: Server, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Nobody may slip in between the making of the socket and the setting of its permissions.
    const before = process.umask(0o177);
    try {
      server.listen(name, resolve);
    } finally {
      process.umask(before);
    }
  });
}

/** Removes a socket that nobody answers on; anything else there is somebody's. */
async function clearTheWay(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) {
    throw maillogError('E_CANNOT_LISTEN', { address: path, problem: 'a file is there' });
  }
  const store = await RemoteStore.connect(path).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return undefined;
    throw cannotListen(path, error);
  });
  if (store === undefined) rmSync(path, { force: true });
  else await refuse(path, store);
}

async function refuse(path: string, store: RemoteStore): Promise<never> {
  const silence = setTimeout(() => void store.close(), HELLO_PATIENCE_MS);
  try {
    const { pid, since, db } = await store.hello();
    throw maillogError('E_ALREADY_RUNNING', { path: db, pid, since });
  } catch (error) {
    if (error instanceof MaillogError && error.code === 'E_ALREADY_RUNNING') throw error;
    const problem = 'something else answers there';
    throw maillogError('E_CANNOT_LISTEN', { address: path, problem }, error);
  } finally {
    clearTimeout(silence);
    await store.close();
  }
}

function cannotListen(path: string, error: unknown): Error {
  if (error instanceof MaillogError) return error;
  const problem = error instanceof Error ? error.message : String(error);
  return maillogError('E_CANNOT_LISTEN', { address: path, problem }, error);
}

/** group(5): name:password:GID:members */
function groupId(group: string | number, path: string): number {
  if (typeof group === 'number' || /^\d+$/.test(group)) return Number(group);
  for (const line of readFileSync('/etc/group', 'utf8').split('\n')) {
    const [name, , gid] = line.split(':');
    if (name === group && gid !== undefined) return Number(gid);
  }
  throw maillogError('E_CANNOT_LISTEN', { address: path, problem: `there is no group ${group}` });
}
