/** Our MTA in the lab, given the same site as real sendmail. Its log goes to the same kind of socket. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mtaConfigOf } from '../../../src/config/mta-config.ts';
import { Mta } from '../../../src/mta/mta.ts';
import { settingsOfMc } from './mc-settings.ts';
import { LAB_ADDRESS, LAB_HOST } from './real-server.ts';
import type { SiteConfig } from './scenario.ts';
import { fillSite } from './site-files.ts';
import { LAB_ALIASES, LAB_USERS, labPasswd } from './users.ts';

const DELIVER = '#!/bin/sh\nexec 9>>"$1/$2"\nflock 9\nexec cat >&9\n';

export class OurServer {
  readonly #folder: string;
  readonly #site: SiteConfig;
  #mta: Mta | undefined;

  constructor(folder: string, site: SiteConfig) {
    this.#folder = folder;
    this.#site = site;
  }

  get logSocket(): string {
    return join(this.#folder, 'log');
  }

  fill(): void {
    mkdirSync(join(this.#folder, 'mail'), { recursive: true });
    chmodSync(join(this.#folder, 'mail'), 0o777);
    // The lab has a mount namespace of its own: these are seen by nobody else.
    for (const name of ['/home', '/srv']) execFileSync('mount', ['-t', 'tmpfs', 'lab', name]);
    for (const user of LAB_USERS) mkdirSync(join('/home', user), { recursive: true });
    fillSite('/srv/lab', '/home', this.#site);
    const { aliases = '', access = '', relayDomains = '', virtusertable = '' } = this.#site;
    this.#write('passwd', labPasswd());
    this.#write('aliases', `${LAB_ALIASES.join('\n')}\n${aliases}`);
    this.#write('access', access);
    this.#write('relay-domains', relayDomains);
    this.#write('virtusertable', virtusertable);
    this.#write('mailertable', this.#site.mailertable ?? '');
    this.#write('local-host-names', this.#site.local ?? 'corp.example\n');
    this.#write('hosts', `127.0.0.1 localhost\n${LAB_ADDRESS} ${LAB_HOST} mx1\n`);
    this.#write('sendmail.st', '');
    const { users = {} } = this.#site;
    this.#write(
      'passwords',
      Object.entries(users)
        .map(([name, password]) => `${name}:{PLAIN}${password}\n`)
        .join(''),
    );
    this.#write('deliver', DELIVER, 0o755);
  }

  async start(): Promise<void> {
    const at = (name: string) => join(this.#folder, name);
    const { daemons = [], ...settings } = settingsOfMc(this.#site.mc ?? []);
    const values = {
      Hostname: LAB_HOST,
      Version: '8.17.1.9/8.17.1.9',
      DaemonPortOptions: [
        `Name=MTA-v4, Addr=${LAB_ADDRESS}, Port=25`,
        `Name=MSP-v4, Addr=${LAB_ADDRESS}, Port=587, M=a`,
        ...(daemons as readonly string[]),
      ],
      Fw: at('local-host-names'),
      FR: at('relay-domains'),
      AccessMap: at('access'),
      VirtUserTable: at('virtusertable'),
      MailerTable: at('mailertable'),
      AliasFile: [at('aliases')],
      UserFile: at('passwd'),
      DefaultUser: '1:0',
      Mailbox: 'program',
      LocalMailer: [at('deliver'), at('mail'), '$u'],
      HostsFile: at('hosts'),
      DnsServers: ['127.0.0.1'],
      QueueDirectory: at('mqueue'),
      QueueInterval: '1h',
      StatusFile: at('sendmail.st'),
      AuthFile: at('passwords'),
      AuthMechanisms: ['CRAM-MD5'],
      AuthWithoutTls: true,
      TrustAuthMech: [],
      Syslog: this.logSocket,
      SMTPUTF8: false,
      Canonify: false,
      'Timeout.connect': '3s',
      ...settings,
      ...this.#site.ours,
    };
    this.#mta = new Mta(mtaConfigOf(values, 'lab', this.#folder), {
      stateFolder: this.#folder,
      zone: 'UTC',
      version: 'lab',
      onProblem: (text) => process.stderr.write(`${text}\n`),
    });
    await this.#mta.start();
  }

  async runQueue(): Promise<void> {
    await this.#mta?.flush();
    await this.quiet();
  }

  async quiet(): Promise<void> {
    await this.#mta?.quiet();
    await sleep(200);
  }

  async stop(): Promise<void> {
    await this.#mta?.stop('SIGTERM');
    await sleep(100);
  }

  get mailboxes(): Record<string, string> {
    const folder = join(this.#folder, 'mail');
    return Object.fromEntries(
      readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'latin1')]),
    );
  }

  get statistics(): string {
    return readFileSync(join(this.#folder, 'sendmail.st')).toString('base64');
  }

  get queued(): readonly string[] {
    const folder = join(this.#folder, 'mqueue');
    if (!existsSync(folder)) return [];
    return readdirSync(folder).filter((name) => /^[qhQ]f/.test(name));
  }

  #write(name: string, text: string, mode = 0o644): void {
    writeFileSync(join(this.#folder, name), text, { mode });
    chmodSync(join(this.#folder, name), mode);
  }
}
