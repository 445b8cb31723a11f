/**
 * Debian's sendmail in the lab: its root folder filled and configured as a site asks, its daemon run, and what it
 * leaves behind. Runs as root inside the lab's own namespaces.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SiteConfig } from './scenario.ts';
import { fillSite } from './site-files.ts';
import { LAB_ALIASES, LAB_USERS, labPasswd } from './users.ts';

export const LAB_HOST = 'mx1.corp.example';
export const LAB_ADDRESS = '192.0.2.10';
const STOP_MS = 3_000;
/** A filter that puts the message into the user's mailbox, From_ line and all. */
const DELIVER =
  '#!/bin/sh\nfor user; do :; done\nexec 9>>"/var/mail/$user"\nflock 9\nexec cat >&9\n';

export class RealServer {
  readonly #root: string;
  readonly #packages: string;
  readonly #site: SiteConfig;
  #daemon: ChildProcess | undefined;

  constructor(root: string, packages: string, site: SiteConfig) {
    this.#root = root;
    this.#packages = packages;
    this.#site = site;
  }

  get logSocket(): string {
    return join(this.#root, 'dev/log');
  }

  fill(): void {
    const folders = [
      'dev',
      'etc/mail',
      'opt/lib',
      'proc',
      'tmp',
      'var/mail',
      'var/spool/mqueue',
      'root',
      'home',
    ];
    for (const name of folders) mkdirSync(join(this.#root, name), { recursive: true, mode: 0o755 });
    for (const user of LAB_USERS) mkdirSync(join(this.#root, 'home', user), { recursive: true });
    chmodSync(join(this.#root, 'var/mail'), 0o777);
    chmodSync(join(this.#root, 'tmp'), 0o777);
    this.#write('etc/passwd', labPasswd());
    this.#write(
      'etc/group',
      `root:x:0:\nmail:x:8:\n${LAB_USERS.map((u, i) => `${u}:x:${1000 + i}:\n`).join('')}`,
    );
    this.#write('etc/hosts', `127.0.0.1 localhost\n${LAB_ADDRESS} ${LAB_HOST} mx1\n`);
    this.#write('etc/resolv.conf', 'nameserver 127.0.0.1\noptions timeout:1 attempts:2\n');
    this.#write('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n');
    this.#write('etc/services', 'smtp 25/tcp\nsubmission 587/tcp\n');
    this.#write('etc/mail/service.switch', 'hosts files dns\naliases files\npasswd files\n');
    this.#fillMail();
    copyFileSync(join(this.#packages, 'etc/mail/helpfile'), join(this.#root, 'etc/mail/helpfile'));
    fillSite(join(this.#root, 'srv/lab'), join(this.#root, 'home'), this.#site);
    this.#lend();
    this.#compile();
  }

  #fillMail(): void {
    const {
      access = '',
      aliases = '',
      relayDomains = '',
      virtusertable = '',
      mailertable = '',
    } = this.#site;
    this.#write('etc/mail/local-host-names', this.#site.local ?? 'corp.example\n');
    this.#write('etc/mail/aliases', `${LAB_ALIASES.join('\n')}\n${aliases}`);
    this.#write('etc/mail/relay-domains', relayDomains);
    this.#write('etc/mail/access', access);
    this.#write('etc/mail/virtusertable', virtusertable);
    this.#write('etc/mail/mailertable', mailertable);
    this.#write('etc/mail/sendmail.st', '');
    this.#write('etc/mail/sendmail.cf', this.#configuration());
    this.#write('opt/deliver', DELIVER, 0o755);
  }

  /** The machine's programs and libraries are lent to the root. */
  #lend(): void {
    const lent = ['usr', 'bin', 'lib', 'lib64'].filter((name) => existsSync(`/${name}`));
    for (const name of lent) mkdirSync(join(this.#root, name), { recursive: true });
    for (const name of ['dev/null', 'dev/urandom']) this.#write(name, '');
    for (const name of [...lent, 'dev/null', 'dev/urandom']) {
      execFileSync('mount', ['--bind', `/${name}`, join(this.#root, name)]);
    }
    execFileSync('mount', ['-t', 'proc', 'proc', join(this.#root, 'proc')]);
    execFileSync('mount', ['--bind', join(this.#packages, 'usr/lib'), join(this.#root, 'opt/lib')]);
    const folder = join(this.#packages, 'usr/libexec/sendmail');
    for (const name of ['sendmail', 'makemap'])
      copyFileSync(join(folder, name), join(this.#root, 'opt', name));
  }

  #compile(): void {
    for (const map of ['access', 'virtusertable', 'mailertable']) {
      const input = readFileSync(join(this.#root, 'etc/mail', map));
      this.#chroot('/opt/makemap', ['hash', `/etc/mail/${map}`], input);
    }
    this.#chroot('/opt/sendmail', ['-bi'], Buffer.alloc(0));
  }

  #environment(): NodeJS.ProcessEnv {
    const [triplet = ''] = readdirSync(join(this.#packages, 'usr/lib')).filter((name) =>
      name.includes('-linux-'),
    );
    return { PATH: process.env.PATH, TZ: 'UTC', LD_LIBRARY_PATH: `/opt/lib/${triplet}` };
  }

  #chroot(command: string, args: readonly string[], input: Buffer): void {
    execFileSync('chroot', [this.#root, command, ...args], {
      env: this.#environment(),
      input,
      stdio: ['pipe', 'ignore', 'inherit'],
    });
  }

  start(): void {
    this.#daemon = spawn('chroot', [this.#root, '/opt/sendmail', '-L', 'sm-mta', '-bD', '-q1h'], {
      env: this.#environment(),
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  }

  async runQueue(): Promise<void> {
    this.#chroot('/opt/sendmail', ['-L', 'sm-mta', '-q'], Buffer.alloc(0));
    await this.quiet();
  }

  /** Until no delivery is under way: no process but the daemon's own. */
  async quiet(): Promise<void> {
    for (let at = 0, still = 0; at < 200 && still < 3; at += 1) {
      await sleep(100);
      const { stdout } = { stdout: execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }) };
      const busy = stdout
        .split('\n')
        .filter((line) =>
          /sendmail: (?!accepting|running queue)|\/opt\/sendmail.*-q$|opt\/deliver/.test(line),
        );
      still = busy.length <= 0 ? still + 1 : 0;
    }
  }

  /** Until it has said its last. */
  async stop(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined || daemon.exitCode !== null) return;
    const gone = once(daemon, 'close');
    daemon.kill('SIGTERM');
    await Promise.race([gone, sleep(STOP_MS)]);
    await sleep(100);
  }

  get mailboxes(): Record<string, string> {
    const folder = join(this.#root, 'var/mail');
    return Object.fromEntries(
      readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'latin1')]),
    );
  }

  get statistics(): string {
    return readFileSync(join(this.#root, 'etc/mail/sendmail.st')).toString('base64');
  }

  get queued(): readonly string[] {
    return readdirSync(join(this.#root, 'var/spool/mqueue')).filter((name) => /^[qhQ]f/.test(name));
  }

  #write(name: string, text: string, mode = 0o644): void {
    writeFileSync(join(this.#root, name), text, { mode });
    chmodSync(join(this.#root, name), mode);
  }

  #configuration(): string {
    const m4 = join(this.#packages, 'usr/share/sendmail/cf');
    const source = [
      "OSTYPE(`linux')",
      `define(\`confDOMAIN_NAME', \`${LAB_HOST}')`,
      "define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch')",
      "define(`confTO_IDENT', `0s')",
      "define(`confQUEUE_LA', `10000')",
      "define(`confREFUSE_LA', `10000')",
      "define(`confPRIVACY_FLAGS', `needmailhelo,needexpnhelo,needvrfyhelo,restrictqrun,restrictexpand,nobodyreturn,authwarnings')",
      "define(`ALIAS_FILE', `/etc/mail/aliases')",
      "define(`STATUS_FILE', `/etc/mail/sendmail.st')",
      "define(`LOCAL_MAILER_PATH', `/opt/deliver')",
      "define(`LOCAL_MAILER_ARGS', `deliver $u')",
      "define(`confTO_CONNECT', `3s')",
      "FEATURE(`no_default_msa')",
      `DAEMON_OPTIONS(\`Family=inet, Name=MTA-v4, Port=25, Addr=${LAB_ADDRESS}')`,
      `DAEMON_OPTIONS(\`Family=inet, Name=MSP-v4, Port=587, Addr=${LAB_ADDRESS}, M=a')`,
      "FEATURE(`nocanonify')",
      "FEATURE(`use_cw_file')",
      "FEATURE(`access_db', `hash -T<TMPF> /etc/mail/access')",
      "FEATURE(`blocklist_recipients')",
      "FEATURE(`virtusertable', `hash /etc/mail/virtusertable')",
      "FEATURE(`mailertable', `hash /etc/mail/mailertable')",
      "define(`confCR_FILE', `-o /etc/mail/relay-domains')",
      ...(this.#site.mc ?? []),
      "MAILER(`local')",
      "MAILER(`smtp')",
    ];
    const file = join(this.#root, 'tmp/sendmail.mc');
    writeFileSync(file, `${source.join('\n')}\n`);
    const libraries = join(this.#packages, 'usr/lib');
    const [triplet = ''] = readdirSync(libraries).filter((name) => name.includes('-linux-'));
    const env = {
      PATH: `${join(this.#packages, 'usr/bin')}:${process.env.PATH}`,
      LD_LIBRARY_PATH: join(libraries, triplet),
    };
    return execFileSync('m4', [`-D_CF_DIR_=${m4}/`, join(m4, 'm4/cf.m4'), file], {
      env,
      encoding: 'utf8',
    });
  }
}
