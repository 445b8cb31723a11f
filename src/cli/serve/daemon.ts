/**
 * The daemon: starts in order (store, control socket, listeners, HTTP, ready), stops in reverse, and loses
 * nothing on the way: listeners take what has arrived, spools are on disk, the store takes all of it.
 */
import { buildServer } from '../../../web/server.ts';
import { maillogError } from '../../model/errors.ts';
import { ControlServer } from '../../store/remote/control-server.ts';
import { socketPathOf } from '../../store/remote/socket-path.ts';
import type { RequestHandler, WireReply, WireRequest } from '../../store/remote/wire.ts';
import type { Environment } from '../io.ts';
import { VERSION } from '../version.ts';
import type { Health } from './health.ts';
import { Listening } from './listening.ts';
import type { Logger } from './log.ts';
import type { FromStore } from './messages.ts';
import { Metrics } from './metrics.ts';
import { Notifier } from './notify.ts';
import type { ServePlan } from './plan.ts';
import { StoreClient } from './store-client.ts';

/** How long a question to the store's thread may take before it counts as hanging. */
const ALIVE_MS = 20_000;

export class Daemon {
  readonly #plan: ServePlan;
  readonly #log: Logger;
  readonly #notifier: Notifier;
  readonly #metrics = new Metrics();
  readonly #startedAt = new Date();
  readonly #stopSteps: (() => Promise<void>)[] = [];
  #store: StoreClient | undefined;
  #listening: Listening | undefined;
  #http: string | null = null;
  #blocked: string | null = null;
  #isStopping = false;

  constructor(plan: ServePlan, log: Logger, env: Environment) {
    this.#plan = plan;
    this.#log = log;
    this.#notifier = new Notifier(env);
  }

  /** Where HTTP is served; null where it is not. */
  get http(): string | null {
    return this.#http;
  }

  /** `died` is called when there is nothing left to serve. */
  async start(died: (reason: string) => void): Promise<void> {
    try {
      await this.#startStore(died);
      await this.#startControl();
      await this.#startListening();
      await this.#startHttp();
    } catch (error) {
      await this.stop();
      throw error;
    }
    const { store, listen } = this.#plan;
    this.#log.info({ version: VERSION, db: store.db, follow: store.follow, listen }, 'ready');
    this.#notifier.ready('taking logs', () => this.#isAlive());
  }

  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#notifier.stopping();
    for (const step of this.#stopSteps.reverse()) {
      await step().catch((error: unknown) => {
        this.#log.error({ reason: String(error) }, 'stopping');
      });
    }
    this.#log.info({}, 'stopped');
  }

  /** Takes up another configuration: what is followed, the journal, retention, how much is logged. */
  reload(plan: ServePlan): void {
    const { store, settings, listen } = plan;
    this.#notifier.reloading();
    this.#log.level = settings.logLevel;
    const { follow, journal, retentionDays } = store;
    this.#store?.send({ kind: 'reload', follow, journal, retentionDays });
    if (listen.join() !== this.#plan.listen.join() || store.db !== this.#plan.store.db) {
      this.#log.warn({}, 'other listeners and another database need a restart');
    }
    this.#log.info({ follow, journal, retentionDays }, 'reloaded');
    this.#notifier.ready('taking logs', () => this.#isAlive());
  }

  async health(): Promise<Health> {
    const status = await this.#store?.status();
    const blocked = status?.blocked ?? this.#blocked;
    return {
      state: blocked === null ? 'ok' : 'blocked',
      blocked,
      version: VERSION,
      pid: process.pid,
      db: this.#plan.store.db,
      startedAt: this.#startedAt.toISOString(),
      uptime: Math.round((Date.now() - this.#startedAt.getTime()) / 1000),
      memory: process.memoryUsage.rss(),
      sources: status?.sources ?? [],
      listeners: this.#listening?.health() ?? [],
    };
  }

  async #startStore(died: (reason: string) => void): Promise<void> {
    const store = await StoreClient.start(this.#plan.store, (message) => this.#hear(message));
    store.onDeath((reason) => {
      if (!this.#isStopping) died(reason);
    });
    this.#store = store;
    this.#stopSteps.push(() => store.stop());
  }

  async #startControl(): Promise<void> {
    const { store, settings } = this.#plan;
    const control = await ControlServer.listen({
      path: socketPathOf(store.db),
      handler: this.#controlHandler(),
      ...(settings.group === null ? {} : { group: settings.group }),
    });
    this.#stopSteps.push(() => control.close());
  }

  /** The daemon itself tells how it is; all else is the store's. */
  #controlHandler(): RequestHandler {
    const questions = this.#questions();
    return {
      handle: async (session: string, request: WireRequest): Promise<WireReply> => {
        if (request.method !== 'health') return questions.handle(session, request);
        const result = await this.health();
        return { id: request.id, ok: true, result, payloads: [] };
      },
      endSession: (session) => questions.endSession(session),
    };
  }

  #questions(): RequestHandler {
    if (this.#store === undefined) throw maillogError('E_INTERNAL', { problem: 'no store' });
    return this.#store.questions;
  }

  async #startListening(): Promise<void> {
    if (this.#store === undefined) return;
    const { settings, spoolFolder, listen } = this.#plan;
    const listening = new Listening(this.#store, settings, spoolFolder, this.#log);
    this.#listening = listening;
    this.#stopSteps.push(() => listening.stop());
    await listening.start(listen);
  }

  async #startHttp(): Promise<void> {
    const address = this.#plan.settings.http;
    if (address === null) return;
    const { host, port } = hostAndPort(address);
    const server = buildServer({
      health: async () => ({ ...(await this.health()) }),
      metrics: async () => this.#metrics.text(await this.health()),
    });
    try {
      this.#http = await server.listen({ host, port });
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      throw maillogError('E_CANNOT_LISTEN', { address, problem }, error);
    }
    this.#log.info({ url: this.#http }, 'health and metrics');
    this.#stopSteps.push(() => server.close());
  }

  #hear(message: FromStore): void {
    if (message.kind === 'taken') this.#listening?.taken(message.key, message.position);
    else if (message.kind === 'batch') this.#metrics.batch(message.lines, message.milliseconds);
    else if (message.kind === 'log')
      this.#log[message.level]({ ...message.fields }, message.message);
    else if (message.kind === 'blocked') {
      this.#blocked = message.reason;
      this.#notifier.status(message.reason ?? 'taking logs');
    }
  }

  async #isAlive(): Promise<boolean> {
    const late = new Promise<boolean>((resolve) => {
      setTimeout(() => resolve(false), ALIVE_MS).unref();
    });
    const asked = this.#store?.status().then(
      () => true,
      () => false,
    );
    return Promise.race([asked ?? Promise.resolve(false), late]);
  }
}

/** `127.0.0.1:9090`, `[::1]:9090`, or a port on loopback. */
function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const match = /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) {
    throw maillogError('E_BAD_SETTING', {
      where: 'serve.http',
      key: 'address',
      value: address,
      allowed: 'ADDRESS:PORT, such as 127.0.0.1:9090',
    });
  }
  return { host: match[1] ?? match[2] ?? '127.0.0.1', port };
}
