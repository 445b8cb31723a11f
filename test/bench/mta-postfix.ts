/**
 * Debian's Postfix out of its unpacked package in a root folder of its own, with local mailboxes. Runs as root
 * inside namespaces of its own.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LAB_ADDRESS, LAB_HOST } from '../support/mta-lab/real-server.ts';

const [POSTFIX, POSTDROP] = [110, 111];
/** postfix-files(5): what master(8) looks for in its queue directory, and whose it is. */
const QUEUE_FOLDERS = [
  'active',
  'bounce',
  'corrupt',
  'defer',
  'deferred',
  'flush',
  'hold',
  'incoming',
  'private',
  'saved',
  'trace',
];

export class RealPostfix {
  readonly #root: string;
  readonly #packages: string;
  readonly #environment: NodeJS.ProcessEnv;
  #master: ChildProcess | undefined;

  constructor(root: string, packages: string, environment: NodeJS.ProcessEnv) {
    this.#root = root;
    this.#packages = packages;
    this.#environment = environment;
  }

  mailbox(user: string): string {
    return join(this.#root, 'var/mail', user);
  }

  start(): void {
    this.#fill();
    this.#lend();
    const library = readdirSync(join(this.#packages, 'usr/lib')).find((n) => n.includes('-linux-'));
    this.#master = spawn(
      'chroot',
      [this.#root, '/opt/usr/lib/postfix/sbin/master', '-d', '-c', '/etc/postfix'],
      {
        env: {
          PATH: this.#environment.PATH,
          TZ: 'UTC',
          LD_LIBRARY_PATH: `/opt/usr/lib/postfix:/opt/usr/lib/${library}`,
        },
        stdio: ['ignore', 'inherit', 'inherit'],
      },
    );
  }

  async stop(): Promise<void> {
    this.#master?.kill('SIGTERM');
  }

  #fill(): void {
    const folders = [
      'dev',
      'etc/postfix',
      'opt',
      'proc',
      'tmp',
      'var/mail',
      'var/lib/postfix',
      'home/alice',
      'var/spool/postfix',
    ];
    for (const name of folders) mkdirSync(join(this.#root, name), { recursive: true });
    chmodSync(join(this.#root, 'var/mail'), 0o1777);
    chmodSync(join(this.#root, 'tmp'), 0o1777);
    chownSync(join(this.#root, 'var/lib/postfix'), POSTFIX, POSTFIX);
    const queue = join(this.#root, 'var/spool/postfix');
    for (const name of QUEUE_FOLDERS) {
      mkdirSync(join(queue, name), { mode: 0o700 });
      chownSync(join(queue, name), POSTFIX, 0);
    }
    for (const [name, mode] of [
      ['public', 0o710],
      ['maildrop', 0o730],
    ] as const) {
      mkdirSync(join(queue, name));
      chownSync(join(queue, name), POSTFIX, POSTDROP);
      chmodSync(join(queue, name), mode);
    }
    mkdirSync(join(queue, 'pid'));
    this.#write(
      'etc/passwd',
      `root:x:0:0::/:/bin/sh\npostfix:x:${POSTFIX}:${POSTFIX}::/:/bin/false\nnobody:x:65534:65534::/:/bin/false\nalice:x:1000:1000::/home/alice:/bin/sh\n`,
    );
    this.#write(
      'etc/group',
      `root:x:0:\nmail:x:8:\npostfix:x:${POSTFIX}:\npostdrop:x:${POSTDROP}:\nnogroup:x:65534:\nalice:x:1000:\n`,
    );
    this.#write('etc/hosts', `127.0.0.1 localhost\n${LAB_ADDRESS} ${LAB_HOST} mx1\n`);
    this.#write('etc/resolv.conf', 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n');
    this.#write('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files\n');
    this.#write('etc/services', 'smtp 25/tcp\n');
    this.#write('etc/postfix/main.cf', mainConfiguration());
    this.#write('etc/postfix/master.cf', MASTER);
  }

  /** The machine's programs and libraries, and the package's, are lent to the root. */
  #lend(): void {
    const lent = ['usr', 'bin', 'lib', 'lib64'].filter((name) => existsSync(`/${name}`));
    for (const name of lent) mkdirSync(join(this.#root, name), { recursive: true });
    for (const name of ['dev/null', 'dev/urandom']) this.#write(name, '');
    for (const name of [...lent, 'dev/null', 'dev/urandom']) {
      execFileSync('mount', ['--bind', `/${name}`, join(this.#root, name)]);
    }
    execFileSync('mount', ['-t', 'proc', 'proc', join(this.#root, 'proc')]);
    execFileSync('mount', ['--bind', this.#packages, join(this.#root, 'opt')]);
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.#root, name), text);
  }
}

function mainConfiguration(): string {
  return `compatibility_level = 3.6
command_directory = /opt/usr/sbin
daemon_directory = /opt/usr/lib/postfix/sbin
shlib_directory = /opt/usr/lib/postfix
meta_directory = /etc/postfix
queue_directory = /var/spool/postfix
data_directory = /var/lib/postfix
mail_owner = postfix
setgid_group = postdrop
import_environment = TZ LD_LIBRARY_PATH
export_environment = TZ LD_LIBRARY_PATH
myhostname = ${LAB_HOST}
mydestination = corp.example
inet_interfaces = all
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
local_recipient_maps =
alias_maps =
mail_spool_directory = /var/mail
smtpd_client_connection_count_limit = 0
smtpd_tls_security_level = none
in_flow_delay = 0
maillog_file = /var/maillog
maillog_file_prefixes = /var
`;
}

const MASTER = `smtp inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
local unix - n n - - local
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`;
