/**
 * The thread that owns the database: it reads followed files, the journal and the listeners' spools into
 * it, and answers what the main thread forwards. Whatever it has to say to people goes to the main thread.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type FollowEvent, Follower } from '../../../ingest/follow/follower.ts';
import { isRelpAddress } from '../../../ingest/listen/address.ts';
import { type JournalEvent, JournalSource } from '../../../ingest/live/journal-source.ts';
import type { LiveEvent } from '../../../ingest/live/live-ingester.ts';
import { LiveIngester } from '../../../ingest/live/live-ingester.ts';
import type { LiveSources } from '../../../ingest/live/live-source.ts';
import { SingleSource } from '../../../ingest/live/single-source.ts';
import { SpoolSource } from '../../../ingest/live/spool-source.ts';
import type { SharedSink } from '../../store/duckdb/shared-sink.ts';
import type { SharedStore } from '../../store/duckdb/shared-store.ts';
import { StoreBroken } from '../../store/duckdb/store-broken.ts';
import { PortServer } from '../../store/remote/forward.ts';
import { PROTOCOL } from '../../store/remote/protocol.ts';
import { StoreServer } from '../../store/remote/server.ts';
import { upkeepMethods } from '../../store/remote/upkeep-methods.ts';
import { explainStoreError } from '../explain-store-error.ts';
import { clockOptions, makeParser } from '../reading.ts';
import { VERSION } from '../version.ts';
import type { FromStore, LogLevel, StoreStatus, ToStore } from './messages.ts';
import { openShared } from './open-shared.ts';
import type { StorePlan } from './plan.ts';
import { roomGuard } from './room-guard.ts';
import { Upkeep } from './upkeep.ts';

export interface StoreThreadData {
  readonly plan: StorePlan;
  /** Questions to the store come in here. */
  readonly questions: MessagePort;
}

/** What is followed, and the sources made for it. */
interface Followed {
  readonly what: readonly string[];
  readonly sources: LiveSources | undefined;
}

const NOTHING: Followed = { what: [], sources: undefined };

class StoreThread {
  readonly #plan: StorePlan;
  readonly #store: SharedStore;
  readonly #sink: SharedSink;
  readonly #ingester: LiveIngester;
  readonly #spools = new Map<string, SpoolSource>();
  readonly #upkeep: Upkeep;
  #files = NOTHING;
  #journal = NOTHING;
  #running: Promise<void> = Promise.resolve();
  /** What is followed is being changed. */
  #changing: Promise<void> = Promise.resolve();
  #blocked: string | null = null;
  #stopped: Promise<void> | undefined;

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
    this.#files = this.#added(this.#plan.follow, filesOf);
    this.#journal = this.#added(this.#plan.journal, journalOf);
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
      case 'finish':
        this.#spools.get(message.key)?.finish();
        return this.#ingester.wake();
      case 'reload':
        this.#changing = this.#changing.then(() => this.#reload(message));
        return this.#changing;
      case 'status':
        return say({ kind: 'status', id: message.id, status: this.#status() });
      case 'stop':
        return this.#stop();
    }
  }

  async #reload({ follow, journal, retentionDays }: ToStore & { kind: 'reload' }): Promise<void> {
    this.#upkeep.keepDays(retentionDays);
    this.#files = await this.#changed(this.#files, follow, filesOf);
    this.#journal = await this.#changed(this.#journal, journal, journalOf);
  }

  /** What stays as it is, is left alone: it need not be looked for again. */
  async #changed(now: Followed, what: readonly string[], make: Make): Promise<Followed> {
    if (JSON.stringify(now.what) === JSON.stringify(what)) return now;
    if (now.sources !== undefined) await this.#ingester.remove(now.sources);
    return this.#added(what, make);
  }

  #added(what: readonly string[], make: Make): Followed {
    if (what.length === 0) return NOTHING;
    const sources = make(what);
    this.#ingester.add(sources);
    return { what, sources };
  }

  async #addSpool({ name, key, folder }: ToStore & { kind: 'spool' }): Promise<void> {
    try {
      const known = await this.#sink.checkpointOf(SpoolSource.digestOf(key));
      this.#readSpool({ name, key, folder });
      say({ kind: 'spool', key, position: known?.offset ?? 0 });
    } catch (error) {
      say({ kind: 'no spool', key, reason: reasonOf(error) });
    }
  }

  #readSpool({ name, key, folder }: Omit<ToStore & { kind: 'spool' }, 'kind'>): void {
    const source = new SpoolSource({
      name,
      key,
      folder,
      urgent: isRelpAddress(name),
      onTaken: (position) => say({ kind: 'taken', key, position }),
      onGap: (from, to) =>
        log('error', 'a part of the spool is missing: these bytes were lost', { name, from, to }),
      onDrained: () => {
        this.#spools.delete(key);
        void this.#ingester.remove(sources).then(() => say({ kind: 'drained', key }));
      },
    });
    const sources = new SingleSource(source);
    this.#spools.set(key, source);
    this.#ingester.add(sources);
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
    } else if (event.kind === 'warning') {
      log('warn', event.text, { source: event.source });
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

  #status(): StoreStatus {
    const sources = this.#ingester.status().map((source) => source.report());
    return { sources, blocked: this.#blocked };
  }

  #stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<void> {
    this.#upkeep.stop();
    await this.#changing;
    this.#ingester.stop();
    await this.#running;
    await this.#upkeep.finish();
    await this.#store.close();
    say({ kind: 'stopped' });
  }
}

type Make = (what: readonly string[]) => LiveSources;

function filesOf(patterns: readonly string[]): LiveSources {
  const onEvent = ({ kind, path, detail }: FollowEvent): void =>
    log(kind === 'problem' ? 'warn' : 'debug', `log ${kind}`, { path, detail });
  return new Follower({ patterns, onEvent });
}

function journalOf(filters: readonly string[]): LiveSources {
  const onEvent = ({ kind, ...fields }: JournalEvent): void =>
    log(kind === 'recovered' ? 'info' : 'warn', `journal ${kind}`, fields);
  return new SingleSource(new JournalSource({ filters, onEvent }));
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
  const early: ToStore[] = [];
  let take = (message: ToStore): void => void early.push(message);
  parentPort?.on('message', (message: ToStore) => take(message));
  const store = await openShared(plan, {
    isStopping: () => early.some(({ kind }) => kind === 'stop'),
    waiting: ({ message }) => log('warn', message, {}),
  });
  const since = new Date().toISOString();
  const hello = { protocol: PROTOCOL, version: VERSION, pid: process.pid, since, db: plan.db };
  const server = new StoreServer(store, { hello });
  for (const [name, method] of Object.entries(upkeepMethods(store))) server.register(name, method);
  new PortServer(questions, server);
  const thread = new StoreThread(plan, store);
  take = (message) => void thread.take(message);
  thread.start();
  say({ kind: 'ready' });
  for (const message of early) take(message);
}

const data = workerData as StoreThreadData;
run(data).catch((error: unknown) => {
  const { code, message } = explainStoreError(data.plan.db, error);
  say({ kind: 'failed', code, message });
  parentPort?.close();
});
