/**
 * The mail server: its parts started in order and stopped in reverse. Told nothing but its configuration and where it
 * stands, it speaks through its log, its statistics file, and its ports.
 *
 * Promises: `start` listens everywhere or rejects and leaves nothing behind; `stop` loses nothing: what was accepted
 * is in the queue, and deliveries that are under way are waited for, for a bounded time.
 */
import { hostname as machineName } from 'node:os';
import { join } from 'node:path';
import type { SecureContext } from 'node:tls';
import type { MtaConfig } from '../config/mta-config.ts';
import { couriersOf } from './couriers.ts';
import { daemonOptions } from './daemon-options.ts';
import { DestinationSlots } from './delivery/destination-slots.ts';
import { QueueRunner, type Timers } from './delivery/queue-runner.ts';
import type { LogSink } from './log/log-sink.ts';
import type { MtaLog } from './log/mta-log.ts';
import { SendmailLog } from './log/sendmail-log.ts';
import { intervalText, relayText } from './log/text.ts';
import { logSinks } from './log-sinks.ts';
import type { Client, MailerName } from './model.ts';
import { notificationBuilder } from './notifications.ts';
import { ClientLimits } from './policy/client-limits.ts';
import { ActivityFile } from './queue/activity.ts';
import { takeQueueLock } from './queue/queue-lock.ts';
import { RequestWatcher } from './queue/requests.ts';
import { Spool } from './queue/spool.ts';
import { ProcessIds, QueueIds } from './queue-ids.ts';
import { nameClient } from './route/client-name.ts';
import { askIdent } from './route/ident.ts';
import type { Connection, SessionAuth, SessionParts } from './session/parts.ts';
import { type ListeningOn, SmtpServer } from './session/server.ts';
import { SitePolicy } from './session-policy.ts';
import {
  authOf,
  described,
  filterOf,
  outgoingLimits,
  secureContext,
  sessionSettings,
  typedPath,
} from './session-settings.ts';
import { openSite, type Site } from './site.ts';
import { StatisticsFile } from './statistics/statistics-file.ts';

export interface MtaSurroundings {
  /** Where the queue is if the configuration does not say. */
  readonly stateFolder: string;
  /** IANA name: of dates and log stamps. */
  readonly zone: string;
  /** maillog's own version, named after sendmail's in the greeting. */
  readonly version: string;
  /** Hears of what a person should see: a file that cannot be read, a sink that fails. */
  readonly onProblem: (text: string) => void;
  readonly now?: () => number;
  /** When messages that wait are due; of the same time as `now`. */
  readonly timers?: Timers;
  /** Instead of the configured ones. */
  readonly sink?: LogSink;
}

const NO_STATISTICS = { messageTo: () => undefined, messageFrom: () => undefined };
/** What users and hosts have sent, kept over a restart. */
const LIMITS_FILE = 'sending-limits.json';
const CLIENT_NAME_MS = 5_000;
const STOP_MS = 10_000;

export class Mta {
  readonly #config: MtaConfig;
  readonly #around: MtaSurroundings;
  readonly #now: () => number;
  readonly #hostname: string;
  readonly #sink: LogSink;
  readonly log: MtaLog;
  readonly #pids: ProcessIds;
  readonly #ids: QueueIds;
  readonly #statistics: StatisticsFile | null;
  readonly #stops: (() => Promise<void> | void)[] = [];
  #runner: QueueRunner | undefined;
  #isFlushing = false;

  constructor(config: MtaConfig, around: MtaSurroundings) {
    this.#config = config;
    this.#around = around;
    this.#now = around.now ?? Date.now;
    this.#hostname = config.Hostname ?? machineName();
    this.#sink = around.sink ?? logSinks(config, around);
    this.log = new SendmailLog({
      sink: this.#sink,
      level: config.LogLevel,
      tag: config.LogTag ?? 'sm-mta',
      hostname: this.#hostname.split('.')[0] ?? this.#hostname,
      pid: process.pid,
      now: this.#now,
    });
    this.#pids = new ProcessIds(process.pid);
    this.#ids = new QueueIds({ now: this.#now, random: Math.random });
    this.#statistics =
      config.StatusFile === null
        ? null
        : new StatisticsFile({
            path: config.StatusFile,
            now: this.#now,
            onProblem: around.onProblem,
          });
  }

  get queueFolder(): string {
    return this.#config.QueueDirectory ?? join(this.#around.stateFolder, 'mqueue');
  }

  async start(): Promise<readonly ListeningOn[]> {
    try {
      return await this.#start();
    } catch (error) {
      await this.#stopAll();
      throw error;
    }
  }

  async stop(signal: string): Promise<void> {
    // sendmail does not say which.
    this.log.stopped(signal.startsWith('SIG') ? 'signal' : signal);
    await this.#stopAll();
  }

  /** After a rotation of the log. */
  reopenLog(): void {
    this.#sink.reopen();
  }

  /** Tries all that waits. */
  flush(): Promise<void> {
    return this.#runner?.flush({}) ?? Promise.resolve();
  }

  /** Resolves when nothing is being delivered. */
  quiet(): Promise<void> {
    return this.#runner?.quiet() ?? Promise.resolve();
  }

  async #start(): Promise<readonly ListeningOn[]> {
    const config = this.#config;
    this.#stops.push(() => this.#sink.close());
    if (this.#statistics !== null) {
      const statistics = this.#statistics;
      this.#stops.push(() => statistics.close());
    }
    const site = await openSite(config, this.#hostname, this.#around.onProblem);
    this.#stops.push(() => site.close());
    const spool = await this.#openSpool();
    await this.#ids.ready();
    const runner = this.#makeRunner(site, spool);
    this.#runner = runner;
    await runner.start();
    this.#stops.push(async () => {
      await runner.stop(STOP_MS);
    });
    const watcher = new RequestWatcher(spool.folder, (request) => runner.carryOut(request));
    await watcher.start();
    this.#stops.push(() => watcher.stop());
    const activity = new ActivityFile(spool.folder, () => spool.locks.held);
    activity.start();
    this.#stops.push(() => activity.stop());
    const server = await this.#makeServer(site, spool, runner);
    const listening = await server.start();
    this.#stops.push(() => server.stop());
    this.log.started(this.#version.split('/')[0] ?? '', `SMTP+queueing@${this.#queueing}`);
    return listening;
  }

  async #stopAll(): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) {
      await Promise.resolve(stop()).catch((error: unknown) => {
        this.#around.onProblem(error instanceof Error ? error.message : String(error));
      });
    }
  }

  async #openSpool(): Promise<Spool> {
    const spool = await Spool.open(this.queueFolder);
    this.#stops.push(() => spool.close());
    const lock = takeQueueLock(spool.folder);
    if (lock.kind === 'held') {
      throw new Error(`the queue ${spool.folder} is in use by process ${lock.owner.pid}`);
    }
    this.#stops.push(() => lock.release());
    return spool;
  }

  #makeRunner(site: Site, spool: Spool): QueueRunner {
    const config = this.#config;
    const parts = {
      spool,
      log: this.log,
      expander: site.expander,
      resolver: site.routing,
      couriers: couriersOf(config, {
        site,
        log: this.log,
        hostname: this.#hostname,
        now: this.#now,
        onConnect: () => this.#statistics?.connected(),
      }),
      builder: notificationBuilder({
        hostname: this.#hostname,
        version: this.#version,
        zone: this.#around.zone,
        warnAfter: config['Timeout.queuewarn'],
        returnAfter: config['Timeout.queuereturn'],
      }),
      statistics: this.#statistics ?? NO_STATISTICS,
      ids: { next: (pid: number) => this.#ids.idsOf(pid).next() },
      pids: this.#pids,
      policy: {
        minimum: config.QueueInterval,
        factor: 2,
        maximum: Math.max(config.QueueInterval, config.MaxQueueInterval),
        minQueueAge: 0,
      },
      timeouts: {
        queueWarn: config['Timeout.queuewarn'],
        queueReturn: config['Timeout.queuereturn'],
        bounceReturn: config['Timeout.queuereturn'],
      },
      slots: new DestinationSlots(config.MaxDeliveriesPerHost, config.MaxDeliveries),
      now: this.#now,
      userOf: (address: string) => site.userOf(address, address),
      maxHops: config.MaxHopCount,
      doubleBounceAddress: 'postmaster',
      returnsBody: !config.PrivacyOptions.includes('nobodyreturn'),
    };
    return new QueueRunner(parts, {
      mode: config.DeliveryMode,
      runners: config.MaxDeliveries,
      deliveries: config.MaxDeliveries,
      ...(this.#around.timers === undefined ? {} : { timers: this.#around.timers }),
    });
  }

  async #makeServer(site: Site, spool: Spool, runner: QueueRunner): Promise<SmtpServer> {
    const config = this.#config;
    const settings = sessionSettings(config, {
      hostname: this.#hostname,
      version: this.#version,
      zone: this.#around.zone,
    });
    const outgoing = outgoingLimits(config, this.#now);
    const kept = join(spool.folder, LIMITS_FILE);
    await outgoing.load(kept);
    this.#stops.push(() => outgoing.save(kept));
    const shared = {
      site,
      spool,
      runner,
      tls: await secureContext(config),
      auth: await authOf(config, {
        hostname: this.#hostname,
        now: this.#now,
        onProblem: this.#around.onProblem,
      }),
      filter: filterOf(config),
      policy: new SitePolicy({
        rulesets: site.rulesets,
        limits: new ClientLimits(this.#now),
        outgoing,
        access: site.access,
        greetPauseMs: config.GreetPause,
      }),
    };
    return new SmtpServer({
      daemons: daemonOptions(config.DaemonPortOptions),
      settings,
      maxClients: config.MaxDaemonChildren,
      log: this.log,
      partsFor: () => this.#partsFor(shared),
      relayText,
    });
  }

  async #clientOf(site: Site, connection: Connection): Promise<Client> {
    const { address: clientAddress, port: clientPort, localAddress, localPort } = connection;
    const timeoutMs = this.#config['Timeout.ident'];
    const question = { clientAddress, clientPort, localAddress, localPort, timeoutMs };
    const [client, identUser] = await Promise.all([
      nameClient({ dns: site.dns, timeoutMs: CLIENT_NAME_MS }, connection),
      timeoutMs === 0 ? undefined : askIdent(question),
    ]);
    return identUser === undefined ? client : { ...client, identUser };
  }

  #partsFor({ site, spool, runner, tls, auth, filter, policy }: SharedParts): SessionParts {
    const pid = this.#pids.next();
    const log = this.log.as(pid);
    const connection = this.#statistics?.connection();
    return {
      log,
      nextId: () => this.#ids.idsOf(pid).next(),
      now: this.#now,
      parsePath: typedPath,
      resolve: (address) => site.resolve(address),
      isDeliverable: (destination) => site.isDeliverable(destination),
      userOf: (shown, address) => site.userOf(shown, address),
      policy,
      queue: {
        folder: spool.folder,
        create: (id) => spool.create(id),
        freeBytes: () => spool.freeBytes(),
        accepted: (envelope) => runner.accept(envelope, log),
      },
      auth,
      statistics: {
        rejected: (mailer) => connection?.rejected(mailer as MailerName | null),
        messageFrom: (mailer, bytes) => this.#statistics?.messageFrom(mailer as MailerName, bytes),
        discarded: (mailer) => this.#statistics?.discarded(mailer as MailerName),
        quarantined: (mailer) => this.#statistics?.quarantined(mailer as MailerName),
      },
      filter,
      tls,
      describe: (address, isList) => described(site, address, isList),
      flush: (domain) => this.#flushFor(runner, `@${domain}`),
      clientOf: (connection) => this.#clientOf(site, connection),
    };
  }

  /** ETRN may be said by anybody, and each looks through the queue: one at a time. */
  #flushFor(runner: QueueRunner, recipient: string): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    void runner
      .flush({ recipient })
      .catch(() => undefined)
      .finally(() => {
        this.#isFlushing = false;
      });
  }

  /** `01:00:00`, as the log has how often the queue is run. */
  get #queueing(): string {
    return intervalText(this.#config.QueueInterval);
  }

  /** `$v/$Z`. */
  get #version(): string {
    const version = this.#config.Version ?? '';
    return version.includes('/') ? version : `${version}/maillog-${this.#around.version}`;
  }
}

interface SharedParts {
  readonly site: Site;
  readonly spool: Spool;
  readonly runner: QueueRunner;
  readonly tls: SecureContext | null;
  readonly auth: SessionAuth | null;
  readonly filter: ReturnType<typeof filterOf>;
  readonly policy: SitePolicy;
}
