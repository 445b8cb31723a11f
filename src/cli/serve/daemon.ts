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
import { needsRestart, type ServePlan, takenUp } from './plan.ts';
import { Spools } from './spools.ts';
import { StoreClient } from './store-client.ts';

const TAKING_LOGS = 'taking logs';
const MEBIBYTE = 1024 * 1024;

export class Daemon {
  readonly #log: Logger;
  readonly #notifier: Notifier;
  readonly #metrics = new Metrics();
  readonly #startedAt = new Date();
  readonly #stopSteps: (() => Promise<void>)[] = [];
  #plan: ServePlan;
  #store: StoreClient | undefined;
  #spools: Spools | undefined;
  #listening: Listening | undefined;
  #blocked: string | null = null;
  #starting: Promise<void> = Promise.resolve();
  #stopping: Promise<boolean> | undefined;

  constructor(plan: ServePlan, log: Logger, env: Environment) {
    this.#plan = plan;
    this.#log = log;
    this.#notifier = new Notifier(env);
  }

  /** Rejects with everything undone. `died` is called when there is nothing left to serve. */
  async start(signal: AbortSignal, died: (reason: string) => void): Promise<void> {
    const starting = this.#start(signal, died);
    this.#starting = starting.catch(() => undefined);
    try {
      await starting;
    } catch (error) {
      await this.#undo();
      throw error;
    }
    const { store, listen } = this.#plan;
    this.#log.info({ version: VERSION, db: store.db, follow: store.follow, listen }, 'ready');
    this.#notifier.ready(this.#blocked ?? TAKING_LOGS, () => this.#isAlive());
  }

  /** False when something could not be brought to its end; it was told of. */
  stop(): Promise<boolean> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /**
   * Takes up another configuration: what is followed, the journal, listeners, certificates, retention, how
   * much is logged. Rejects with nothing changed.
   */
  async reload(plan: ServePlan): Promise<void> {
    if (this.#stopping !== undefined) return;
    const { store, settings, listen } = plan;
    this.#notifier.reloading();
    try {
      await this.#listening?.change(plan);
      const { follow, journal, retentionDays } = store;
      this.#store?.send({ kind: 'reload', follow, journal, retentionDays });
      this.#log.level = settings.logLevel;
      const restart = needsRestart(this.#plan.settings, settings);
      if (restart.length > 0) {
        this.#log.warn({ settings: restart }, 'these changes take effect at the next start');
      }
      this.#log.info({ follow, journal, listen, retentionDays }, 'reloaded');
      this.#plan = takenUp(this.#plan, plan);
    } finally {
      this.#notifier.ready(this.#blocked ?? TAKING_LOGS, () => this.#isAlive());
    }
  }

  /** Never rejects: a store that does not answer is a state too. */
  async health(): Promise<Health> {
    const status = await this.#store?.status().catch(() => undefined);
    const blocked = status === undefined ? 'the database does not answer' : status.blocked;
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

  async #start(signal: AbortSignal, died: (reason: string) => void): Promise<void> {
    const steps = [
      () => this.#startStore(signal, died),
      () => this.#startControl(),
      () => this.#startListening(),
      () => this.#startHttp(),
    ];
    for (const step of steps) {
      await step();
      signal.throwIfAborted();
    }
  }

  async #stop(): Promise<boolean> {
    this.#notifier.stopping();
    await this.#starting;
    const isWhole = await this.#undo();
    this.#log.info({}, 'stopped');
    return isWhole;
  }

  async #undo(): Promise<boolean> {
    let isWhole = true;
    for (const step of this.#stopSteps.splice(0).reverse()) {
      await step().catch((error: unknown) => {
        isWhole = false;
        this.#log.error(
          { reason: error instanceof Error ? error.message : String(error) },
          'stopping',
        );
      });
    }
    return isWhole;
  }

  async #startStore(signal: AbortSignal, died: (reason: string) => void): Promise<void> {
    const hear = (message: FromStore): void => this.#hear(message);
    const store = await StoreClient.start(this.#plan.store, hear, signal);
    store.onDeath(died);
    this.#store = store;
    this.#stopSteps.push(() => store.stop());
  }

  async #startControl(): Promise<void> {
    const { db, group } = this.#plan.store;
    const control = await ControlServer.listen({
      path: socketPathOf(db),
      handler: this.#controlHandler(),
      ...(group === null ? {} : { group }),
    });
    this.#stopSteps.push(() => control.close());
  }

  /** The daemon itself tells how it is; all else is the store's. */
  #controlHandler(): RequestHandler {
    const { questions } = this.#running();
    return {
      handle: async (session: string, request: WireRequest): Promise<WireReply> => {
        if (request.method !== 'health') return questions.handle(session, request);
        const result = await this.health();
        return { id: request.id, ok: true, result, payloads: [] };
      },
      endSession: (session) => questions.endSession(session),
    };
  }

  async #startListening(): Promise<void> {
    const { settings, spoolFolder, listen } = this.#plan;
    const limitBytes = settings.spoolMegabytes * MEBIBYTE;
    const spools = new Spools(this.#running(), { folder: spoolFolder, limitBytes, log: this.#log });
    this.#spools = spools;
    const listening = new Listening(spools, this.#log);
    this.#listening = listening;
    this.#stopSteps.push(async () => {
      await listening.stop();
      await spools.close();
    });
    await listening.start(this.#plan);
    await spools.openLeftovers(listen);
  }

  async #startHttp(): Promise<void> {
    const { http, settings } = this.#plan;
    if (http === null) return;
    const server = buildServer({
      health: async () => ({ ...(await this.health()) }),
      metrics: async () => this.#metrics.text(await this.health()),
    });
    this.#stopSteps.push(() => server.close());
    try {
      const url = await server.listen(http);
      this.#log.info({ url }, 'health and metrics');
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      throw maillogError('E_CANNOT_LISTEN', { address: String(settings.http), problem }, error);
    }
  }

  #hear(message: FromStore): void {
    if (message.kind === 'taken') this.#spools?.taken(message.key, message.position);
    else if (message.kind === 'drained') void this.#spools?.drained(message.key);
    else if (message.kind === 'batch') this.#metrics.batch(message.lines, message.milliseconds);
    else if (message.kind === 'log') {
      this.#log[message.level]({ ...message.fields }, message.message);
    } else if (message.kind === 'blocked') {
      this.#blocked = message.reason;
      this.#notifier.status(message.reason ?? TAKING_LOGS);
    }
  }

  #running(): StoreClient {
    if (this.#store === undefined) throw maillogError('E_INTERNAL', { problem: 'no store' });
    return this.#store;
  }

  async #isAlive(): Promise<boolean> {
    const asked = this.#store?.status().then(
      () => true,
      () => false,
    );
    return asked ?? false;
  }
}
