/**
 * Our mail server on loopback ports of its own, in a folder of its own, for tests that send real mail through it:
 * a few users with mailboxes of every kind, its log kept in memory. `remove` ends it and takes the folder away.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mtaConfigOf } from '../../src/config/mta-config.ts';
import { MemorySink } from '../../src/mta/log/log-sink.ts';
import { Mta } from '../../src/mta/mta.ts';
import { makeCertificates } from './certificates.ts';

export const MTA_NAME = 'mx.corp.example';
export const MTA_DOMAIN = 'corp.example';
export const MTA_USERS = ['alice', 'bob', 'carol'] as const;
/** What a message has more when it has been delivered: two fields, the second in several lines. */
const ADDED = /^Return-Path: .*\nReceived: .*\n(?:\t.*\n)+/;
const PATIENCE_MS = 20_000;

export interface MtaHostOptions {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly aliases?: string;
  /** Files of the folder, by name; settings name them as they are. */
  readonly files?: Readonly<Record<string, string>>;
  /** Name=, Port= and so on of further ports. */
  readonly daemons?: readonly string[];
  readonly address?: string;
  readonly zone?: string;
  /** A certificate of its own authority (`ca`), and STARTTLS. */
  readonly hasTls?: boolean;
  /** Beside the usual ones. */
  readonly users?: readonly string[];
  readonly now?: () => number;
}

export class MtaHost {
  readonly folder = mkdtempSync(join(tmpdir(), 'maillog-mta-'));
  readonly problems: string[] = [];
  readonly #sink = new MemorySink();
  readonly #options: MtaHostOptions;
  readonly #ports = new Map<string, number>();
  #mta: Mta | undefined;
  #tls: Readonly<Record<string, string>> = {};

  static async start(options: MtaHostOptions = {}): Promise<MtaHost> {
    const site = new MtaHost(options);
    site.#fill();
    await site.start();
    return site;
  }

  private constructor(options: MtaHostOptions) {
    this.#options = options;
  }

  #fill(): void {
    chmodSync(this.folder, 0o755);
    for (const name of ['mail', 'homes']) mkdirSync(this.at(name));
    chmodSync(this.at('mail'), 0o1777);
    const users = this.#users.map((user) => {
      const [uid, gid] = this.idOf(user);
      mkdirSync(this.home(user));
      chownSync(this.home(user), uid, gid);
      return `${user}:x:${uid}:${gid}:${user}:${this.home(user)}:/bin/sh\n`;
    });
    this.write('passwd', users.join(''));
    this.write('aliases', `postmaster: carol\n${this.#options.aliases ?? ''}`);
    if (this.#options.hasTls === true) this.#certify();
    for (const [name, text] of Object.entries(this.#options.files ?? {})) this.write(name, text);
  }

  #certify(): void {
    const { ca, server } = makeCertificates(this.folder);
    this.#tls = { CACertFile: ca, ServerCertFile: server.cert, ServerKeyFile: server.key };
  }

  /** The authority's certificate. */
  get ca(): string {
    return this.#tls.CACertFile ?? '';
  }

  get #users(): readonly string[] {
    return [...MTA_USERS, ...(this.#options.users ?? [])];
  }

  /** Root gives each user an id of his own; anybody else is all of them. */
  idOf(user: string): readonly [number, number] {
    const own = process.geteuid?.() ?? 0;
    const number = 61_000 + this.#users.indexOf(user);
    return own === 0 ? [number, number] : [own, process.getegid?.() ?? 0];
  }

  home(user: string): string {
    return join(this.at('homes'), user);
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text: string, mode = 0o644): string {
    writeFileSync(this.at(name), text, { encoding: 'latin1', mode });
    chmodSync(this.at(name), mode);
    return this.at(name);
  }

  async start(): Promise<void> {
    const { settings = {}, daemons = [], address = '127.0.0.1', zone = 'UTC', now } = this.#options;
    const values = {
      Hostname: MTA_NAME,
      Version: '8.17.1.9/8.17.1.9',
      DaemonPortOptions: [`Name=MTA, Addr=${address}, Port=0`, ...daemons],
      Cw: [MTA_DOMAIN],
      AliasFile: ['aliases'],
      UserFile: 'passwd',
      DefaultUser: this.idOf('carol').join(':'),
      Mailbox: 'maildir',
      MailboxPath: settings.Mailbox === 'mbox' ? this.at('mail/%u') : '%h/Maildir',
      HostsFile: '/dev/null',
      // Nobody answers there.
      DnsServers: ['127.0.0.1:9'],
      AcceptUnresolvableDomains: true,
      Canonify: false,
      QueueInterval: '1h',
      ...this.#tls,
      ...settings,
    };
    this.#mta = new Mta(mtaConfigOf(values, 'site', this.folder), {
      stateFolder: this.folder,
      zone,
      version: '0',
      onProblem: (text) => this.problems.push(text),
      sink: this.#sink,
      ...(now === undefined ? {} : { now }),
    });
    for (const { name, port } of await this.#mta.start()) this.#ports.set(name, port);
  }

  get port(): number {
    return this.portOf('MTA');
  }

  portOf(name: string): number {
    return this.#ports.get(name) ?? 0;
  }

  /** Texts of the log, each behind its queue id. */
  get log(): readonly string[] {
    return this.#sink.lines.map(({ text }) => text);
  }

  /** Those that match, and none from before `since` lines. */
  logged(pattern: RegExp, since = 0): readonly string[] {
    return this.log.slice(since).filter((line) => pattern.test(line));
  }

  async flush(): Promise<void> {
    await this.#mta?.flush();
    await this.#mta?.quiet();
  }

  quiet(): Promise<void> {
    return this.#mta?.quiet() ?? Promise.resolve();
  }

  /** Messages of the user's Maildir, oldest first. */
  messages(user: string): readonly string[] {
    const folder = join(this.home(user), 'Maildir/new');
    if (!existsSync(folder)) return [];
    const place = (name: string) => Number(/Q(\d+)\./.exec(name)?.[1] ?? 0);
    return readdirSync(folder)
      .sort((one, other) => place(one) - place(other))
      .map((name) => readFileSync(join(folder, name), 'latin1'));
  }

  mbox(user: string): string {
    const path = join(this.at('mail'), user);
    return existsSync(path) ? readFileSync(path, 'latin1') : '';
  }

  get queued(): readonly string[] {
    return readdirSync(this.at('mqueue')).filter((name) => /^[qhQ]f/.test(name));
  }

  /** Waits, for a bounded time, for what comes after a reply: a delivery, a line of the log. */
  async until(isSo: () => boolean, what: string): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    while (!isSo()) {
      if (Date.now() > end) throw new Error(`waited in vain for ${what}\n${this.log.join('\n')}`);
      await sleep(20);
    }
  }

  /** Ends the server; what it has is kept. */
  async stop(): Promise<void> {
    const mta = this.#mta;
    this.#mta = undefined;
    await mta?.stop('SIGTERM');
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The message as it was sent, of one that was delivered; what was put before it is checked and cut off. */
export function asSent(delivered: string): string {
  if (!ADDED.test(delivered)) throw new Error(`no Return-Path and Received: ${delivered}`);
  return delivered.replace(ADDED, '');
}
