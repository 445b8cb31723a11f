/**
 * The thread that owns the database: it reads followed files, the journal and the listeners' spools into
 * it, and answers what the main thread forwards. Whatever it has to say to people goes to the main thread.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { Follower } from '../../../ingest/follow/follower.ts';
import { type JournalEvent, JournalSource } from '../../../ingest/live/journal-source.ts';
import type { LiveEvent } from '../../../ingest/live/live-ingester.ts';
import { LiveIngester } from '../../../ingest/live/live-ingester.ts';
import type { LiveSources } from '../../../ingest/live/live-source.ts';
import { SingleSource } from '../../../ingest/live/single-source.ts';
import { SpoolSource } from '../../../ingest/live/spool-source.ts';
import { MaillogError } from '../../model/errors.ts';
import type { SharedSink } from '../../store/duckdb/shared-sink.ts';
import { SharedStore } from '../../store/duckdb/shared-store.ts';
import { StoreBroken } from '../../store/duckdb/store-broken.ts';
import { PortServer } from '../../store/remote/forward.ts';
import { PROTOCOL } from '../../store/remote/protocol.ts';
import { StoreServer } from '../../store/remote/server.ts';
import { upkeepMethods } from '../../store/remote/upkeep-methods.ts';
import { clockOptions, makeParser } from '../reading.ts';
import { VERSION } from '../version.ts';
import type { FromStore, LogLevel, StoreStatus, ToStore } from './messages.ts';
import type { StorePlan } from './plan.ts';
import { roomGuard } from './room-guard.ts';
import { Upkeep } from './upkeep.ts';

export interface StoreThreadData {
  readonly plan: StorePlan;
  /** Questions to the store come in here. */
  readonly questions: MessagePort;
}

/** Enough for a transaction of live lines and a few answers; what is more goes to a temporary file. */
const MEMORY = '512MB';

class StoreThread {
  readonly #plan: StorePlan;
  readonly #store: SharedStore;
  readonly #sink: SharedSink;
  readonly #ingester: LiveIngester;
  readonly #spools = new Map<string, SpoolSource>();
  readonly #upkeep: Upkeep;
  #files: LiveSources[] = [];
  #running: Promise<void> = Promise.resolve();
  #blocked: string | null = null;

  constructor(plan: StorePlan, store: SharedStore) {
    this.#plan = plan;
    this.#store = store;
    this.#sink = store.sink('live');
    this.#ingester = new LiveIngester({
      sink: this.#sink,
      makeParser: () => makeParser(plan.reading, clockOptions(plan.reading, Date.now() / 1000)),
      clockOf: (latest) => clockOptions(plan.reading, latest),
      keepUnparsed: plan.reading.settings.unparsedLines,
      gate: roomGuard(plan.db, plan.reserve),
      onEvent: (event) => this.#heard(event),
      recover: () => store.reopen(),
    });
    this.#upkeep = new Upkeep(store, {
      zone: plan.reading.zone,
      retentionDays: plan.retentionDays,
      log,
    });
  }

  start(): void {
    this.#follow(this.#plan.follow, this.#plan.journal);
    this.#running = this.#ingester.run();
    this.#upkeep.start();
  }

  async take(message: ToStore): Promise<void> {
    switch (message.kind) {
      case 'spool':
        return this.#addSpool(message);
      case 'written':
        this.#spools.get(message.key)?.written(message.end);
        return this.#ingester.wake();
      case 'reload':
        await Promise.all(this.#files.map((sources) => this.#ingester.remove(sources)));
        this.#upkeep.keepDays(message.retentionDays);
        return this.#follow(message.follow, message.journal);
      case 'status':
        return say({ kind: 'status', id: message.id, status: await this.#status() });
      case 'stop':
        return this.#stop();
    }
  }

  #follow(patterns: readonly string[], journal: readonly string[]): void {
    this.#files = [];
    if (patterns.length > 0) {
      const onEvent = ({ kind, path, detail }: FollowEventLike): void =>
        log(kind === 'problem' ? 'warn' : 'debug', `log ${kind}`, { path, detail });
      this.#files.push(new Follower({ patterns, onEvent }));
    }
    if (journal.length > 0) {
      const onEvent = (event: JournalEvent): void => log('warn', 'journal', { ...event });
      this.#files.push(new SingleSource(new JournalSource({ filters: [...journal], onEvent })));
    }
    for (const sources of this.#files) this.#ingester.add(sources);
  }

  async #addSpool({ name, key, folder }: ToStore & { kind: 'spool' }): Promise<void> {
    const source = new SpoolSource({
      name,
      key,
      folder,
      urgent: /^relps?:/.test(name),
      onTaken: (position) => say({ kind: 'taken', key, position }),
      onGap: (from, to) =>
        log('error', 'a part of the spool is missing: these bytes were lost', { name, from, to }),
    });
    this.#spools.set(key, source);
    const known = await this.#sink.checkpointOf(SpoolSource.digestOf(key));
    say({ kind: 'spool', key, position: known?.offset ?? 0 });
    this.#ingester.add(new SingleSource(source));
  }

  #heard(event: LiveEvent): void {
    if (event.kind === 'committed') {
      say({ kind: 'batch', lines: event.lines, milliseconds: event.milliseconds });
      this.#setBlocked(null);
    } else if (event.kind === 'failed') {
      this.#setBlocked(reasonOf(event.error));
      log('error', 'nothing can be stored now; nothing is lost, it is tried again', {
        reason: reasonOf(event.error),
        again_in_ms: event.again,
      });
    } else if (event.kind === 'recovered') {
      this.#setBlocked(null);
      log('info', 'storing goes on', {});
    } else if (event.problem !== undefined) {
      log('warn', 'a log cannot be read to its end', {
        source: event.source,
        problem: event.problem,
      });
    }
  }

  #setBlocked(reason: string | null): void {
    if (reason === this.#blocked) return;
    this.#blocked = reason;
    say({ kind: 'blocked', reason });
  }

  async #status(): Promise<StoreStatus> {
    const sources = this.#ingester.status().map((source) => source.report());
    return { sources, blocked: this.#blocked };
  }

  async #stop(): Promise<void> {
    this.#upkeep.stop();
    this.#ingester.stop();
    await this.#running;
    await this.#upkeep.finish();
    await this.#store.close();
    say({ kind: 'stopped' });
  }
}

interface FollowEventLike {
  readonly kind: string;
  readonly path: string;
  readonly detail: string;
}

function reasonOf(error: unknown): string {
  if (error instanceof StoreBroken) return error.toMaillogError().message;
  return error instanceof Error ? error.message : String(error);
}

function say(message: FromStore): void {
  parentPort?.postMessage(message);
}

function log(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): void {
  say({ kind: 'log', level, message, fields });
}

async function run({ plan, questions }: StoreThreadData): Promise<void> {
  const store = await SharedStore.open({
    path: plan.db,
    exportFolder: plan.exportFolder,
    memoryLimit: MEMORY,
  });
  const since = new Date().toISOString();
  const hello = { protocol: PROTOCOL, version: VERSION, pid: process.pid, since, db: plan.db };
  const server = new StoreServer(store, { hello });
  for (const [name, method] of Object.entries(upkeepMethods(store))) server.register(name, method);
  new PortServer(questions, server);
  const thread = new StoreThread(plan, store);
  parentPort?.on('message', (message: ToStore) => void thread.take(message));
  thread.start();
  say({ kind: 'ready' });
}

run(workerData as StoreThreadData).catch((error: unknown) => {
  const code = error instanceof MaillogError ? error.code : null;
  say({ kind: 'failed', code, message: reasonOf(error) });
  parentPort?.close();
});
