/**
 * Debian's Postfix in the lab: a root folder with the machine's programs lent to it, a configuration and users of
 * its own, and Maildirs for them. Runs as root inside the lab's own namespaces.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Identity } from '../certificates.ts';

export interface PostfixOptions {
  readonly root: string;
  /** The folder of the unpacked package. */
  readonly packages: string;
  readonly hostname: string;
  readonly domain: string;
  readonly address: string;
  readonly users: readonly string[];
  readonly identity: Identity;
  /** Another address and domain of it, without 8BITMIME. */
  readonly sevenBit: { readonly address: string; readonly domain: string };
}

const POSTFIX = 101;
const POSTDROP = 102;
const FIRST_USER = 1000;
/** postfix-files: whose the queue's folders are, and their modes. */
const QUEUE: readonly (readonly [string, number])[] = [
  ...['active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'hold', 'incoming'].map(
    (name) => [name, 0o700] as const,
  ),
  ...['private', 'saved', 'trace'].map((name) => [name, 0o700] as const),
  ['maildrop', 0o730],
  ['public', 0o710],
];
const SERVICES = [
  'pickup unix n - n 60 1 pickup',
  'cleanup unix n - n - 0 cleanup',
  'qmgr unix n - n 300 1 qmgr',
  'tlsmgr unix - - n 1000? 1 tlsmgr',
  'rewrite unix - - n - - trivial-rewrite',
  ...['bounce', 'defer', 'trace'].map((name) => `${name} unix - - n - 0 bounce`),
  'verify unix - - n - 1 verify',
  'flush unix n - n 1000? 0 flush',
  'proxymap unix - - n - - proxymap',
  'smtp unix - - n - - smtp',
  'relay unix - - n - - smtp',
  'showq unix n - n - - showq',
  'error unix - - n - - error',
  'retry unix - - n - - error',
  'discard unix - - n - - discard',
  'local unix - n n - - local',
  'anvil unix - - n - 1 anvil',
  'scache unix - - n - 1 scache',
  'postlog unix-dgram n - n - 1 postlogd',
];

export class PostfixServer {
  readonly #options: PostfixOptions;
  #master: ChildProcess | undefined;

  constructor(options: PostfixOptions) {
    this.#options = options;
  }

  fill(): void {
    const { users, hostname, address, identity, sevenBit } = this.#options;
    const folders = [
      'dev',
      'proc',
      'tmp',
      'opt',
      'var/mail',
      'var/log',
      'var/lib/postfix',
      'var/spool',
    ];
    for (const name of ['etc/postfix', ...folders]) {
      mkdirSync(this.#at(name), { recursive: true, mode: 0o755 });
    }
    chmodSync(this.#at('var/mail'), 0o1777);
    chownSync(this.#at('var/lib/postfix'), POSTFIX, 0);
    const ids = users.map(
      (user, at) => `${user}:x:${FIRST_USER + at}:${FIRST_USER + at}::/:/bin/sh\n`,
    );
    const system = `root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\npostfix:x:${POSTFIX}:${POSTFIX}::/:/bin/sh\n`;
    this.#write('etc/passwd', system + ids.join(''));
    const groups = users.map((user, at) => `${user}:x:${FIRST_USER + at}:\n`).join('');
    this.#write(
      'etc/group',
      `root:x:0:\npostfix:x:${POSTFIX}:\npostdrop:x:${POSTDROP}:\n${groups}`,
    );
    this.#write('etc/hosts', `127.0.0.1 localhost\n${address} ${hostname}\n`);
    this.#write('etc/resolv.conf', 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n');
    this.#write('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n');
    this.#write('etc/services', 'smtp 25/tcp\n');
    this.#write('etc/postfix/main.cf', this.#configuration());
    // Its address is on no interface, so that it is nobody else's own either.
    const listening = [
      `${address}:smtp inet n - n - - smtpd`,
      `${sevenBit.address}:smtp inet n - n - - smtpd`,
      '  -o smtpd_discard_ehlo_keywords=8bitmime,starttls,chunking',
    ];
    this.#write('etc/postfix/master.cf', `${[...listening, ...SERVICES].join('\n')}\n`);
    this.#write('etc/postfix/aliases', 'postmaster: alice\n');
    copyFileSync(identity.cert, this.#at('etc/postfix/cert.pem'));
    copyFileSync(identity.key, this.#at('etc/postfix/key.pem'));
    this.#makeQueue();
    this.#lend();
  }

  #makeQueue(): void {
    mkdirSync(this.#at('var/spool/postfix'), { recursive: true });
    mkdirSync(this.#at('var/spool/postfix/pid'));
    for (const [name, mode] of QUEUE) {
      const path = this.#at(`var/spool/postfix/${name}`);
      mkdirSync(path);
      chownSync(path, POSTFIX, name === 'maildrop' || name === 'public' ? POSTDROP : 0);
      chmodSync(path, mode);
    }
  }

  #lend(): void {
    const { packages } = this.#options;
    const lent = ['usr', 'bin', 'lib', 'lib64'].filter((name) => existsSync(`/${name}`));
    const whole = [...lent, 'opt/lib', 'opt/sbin'];
    for (const name of whole) mkdirSync(this.#at(name), { recursive: true });
    for (const name of ['dev/null', 'dev/urandom']) this.#write(name, '');
    const bind = (from: string, to: string) =>
      execFileSync('mount', ['--bind', from, this.#at(to)]);
    for (const name of [...lent, 'dev/null', 'dev/urandom']) bind(`/${name}`, name);
    bind(join(packages, 'usr/lib/postfix'), 'opt/lib');
    bind(join(packages, 'usr/sbin'), 'opt/sbin');
    execFileSync('mount', ['-t', 'proc', 'proc', this.#at('proc')]);
  }

  #configuration(): string {
    const { hostname, domain, address, sevenBit } = this.#options;
    return `compatibility_level = 3.6
daemon_directory = /opt/lib/sbin
command_directory = /opt/sbin
shlib_directory = /opt/lib
queue_directory = /var/spool/postfix
data_directory = /var/lib/postfix
mail_owner = postfix
setgid_group = postdrop
import_environment = TZ LD_LIBRARY_PATH
export_environment = TZ LD_LIBRARY_PATH
maillog_file = /var/log/postfix.log
myhostname = ${hostname}
mydestination = ${domain} ${sevenBit.domain}
mynetworks = 127.0.0.0/8 192.0.2.0/24 203.0.113.0/24
inet_interfaces = all
proxy_interfaces = ${address}
inet_protocols = ipv4
smtp_bind_address = ${address}
alias_maps = texthash:/etc/postfix/aliases
alias_database =
local_recipient_maps = unix:passwd.byname
mail_spool_directory = /var/mail/
message_size_limit = 20480000
mailbox_size_limit = 0
smtpd_tls_cert_file = /etc/postfix/cert.pem
smtpd_tls_key_file = /etc/postfix/key.pem
smtpd_tls_security_level = may
smtp_tls_security_level = may
smtpd_tls_loglevel = 1
smtp_tls_loglevel = 1
minimal_backoff_time = 2s
maximal_backoff_time = 5s
queue_run_delay = 2s
biff = no
`;
  }

  start(): void {
    const { root } = this.#options;
    this.#master = spawn('chroot', [root, '/opt/lib/sbin/master', '-c', '/etc/postfix', '-d'], {
      env: { PATH: process.env.PATH, TZ: 'UTC', LD_LIBRARY_PATH: '/opt/lib' },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  }

  stop(): void {
    this.#master?.kill('SIGTERM');
  }

  get log(): readonly string[] {
    const path = this.#at('var/log/postfix.log');
    return existsSync(path) ? readFileSync(path, 'latin1').split('\n') : [];
  }

  messages(user: string): readonly string[] {
    const folder = this.#at(`var/mail/${user}/new`);
    if (!existsSync(folder)) return [];
    return readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'));
  }

  #at(name: string): string {
    return join(this.#options.root, name);
  }

  #write(name: string, text: string): void {
    writeFileSync(this.#at(name), text);
    chmodSync(this.#at(name), 0o644);
  }
}
