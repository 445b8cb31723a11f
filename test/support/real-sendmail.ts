/**
 * A real sendmail out of Debian's packages in a small root of its own: a few users, a configuration made with
 * sendmail's m4 files, mailboxes that are files. `/dev/log` of that root is for whoever takes its log.
 *
 * Promises: it sees no network and no process but its own (namespaces of its own, see unshare(1)), mounts only
 * within them, and is gone when a command of it has ended.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { debianEnvironment } from './debian-package.ts';

export const SENDMAIL_PACKAGES = ['sendmail-bin', 'sendmail-cf', 'm4'];
export const MAIL_DOMAIN = 'corp.example';
export const USERS = ['alice', 'bob', 'carol'] as const;
type User = (typeof USERS)[number];

/** Said by us once sendmail has said `after`; the empty text is there at once. */
export interface Turn {
  readonly after: string;
  readonly input: string;
}

const NAMESPACES = ['--mount', '--net', '--uts', '--pid', '--fork', '--kill-child'];
/** No command here takes as long. */
const PATIENCE_MS = 60_000;
/** No command here makes as many processes. */
const IDS_EACH = 1_000;
/** sendmail puts options of its own before the user. */
const DELIVER = '#!/bin/sh\nfor user; do :; done\nexec cat >>"/var/mail/$user"\n';
const HOST = `mx1.${MAIL_DOMAIN}`;

/** Why sendmail cannot be run in namespaces of its own here; undefined where it can. */
export function whyNoNamespaces(): string | undefined {
  const { status, stderr, error } = spawnSync('unshare', [...NAMESPACES, 'true'], {
    encoding: 'utf8',
  });
  return status === 0 ? undefined : `no namespaces of its own: ${error?.message ?? stderr.trim()}`;
}

export class RealSendmail {
  /** Where its processes log to. */
  readonly logSocket: string;
  readonly #root: string;
  readonly #packages: string;
  readonly #script: string;
  #commands = 0;

  /** In `folder`, of the packages unpacked in `packages`. */
  static async make(folder: string, packages: string): Promise<RealSendmail> {
    const sendmail = new RealSendmail(folder, packages);
    await sendmail.#fill();
    return sendmail;
  }

  private constructor(folder: string, packages: string) {
    this.#root = join(folder, 'root');
    this.#script = join(folder, 'enter.sh');
    this.#packages = packages;
    this.logSocket = join(this.#root, 'dev/log');
  }

  /**
   * One command: each input is given to it once it has said what stands before it; then its standard input
   * ends. What it printed.
   */
  run(args: readonly string[], dialogue: readonly Turn[]): Promise<string> {
    this.#commands += 1;
    const child = spawn('unshare', [...NAMESPACES, '/bin/sh', this.#script, '-Am', ...args], {
      timeout: PATIENCE_MS,
      killSignal: 'SIGKILL',
      env: { PATH: process.env.PATH, TZ: 'UTC', FIRST_ID: String(this.#commands * IDS_EACH) },
    });
    let said = '';
    let read = 0;
    const turns = [...dialogue];
    const speak = () => {
      const [turn] = turns;
      if (turn === undefined || !said.includes(turn.after, read)) return;
      read = said.length;
      turns.shift();
      child.stdin.write(turn.input);
      if (turns.length === 0) child.stdin.end();
    };
    speak();
    child.stdin.on('error', () => undefined);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        speak();
      });
    }
    return new Promise((resolve, reject) => {
      child.on('error', reject).on('close', () => resolve(said));
    });
  }

  mailbox(user: User): string {
    const path = join(this.#root, 'var/mail', user);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** Files of messages that are not yet delivered. */
  get queued(): number {
    return readdirSync(join(this.#root, 'var/spool/mqueue')).length;
  }

  async #fill(): Promise<void> {
    const folders = ['dev', 'etc/mail', 'opt/lib', 'proc', 'tmp', 'var/mail', 'var/spool/mqueue'];
    for (const name of folders) mkdirSync(join(this.#root, name), { recursive: true, mode: 0o755 });
    const ids = USERS.map((user, index) => `${user}:x:${1000 + index}:8::/:/bin/sh\n`).join('');
    this.#write('etc/passwd', `root:x:0:0::/:/bin/sh\nnobody:x:65534:8::/:/bin/sh\n${ids}`);
    this.#write('etc/group', 'root:x:0:\nmail:x:8:\n');
    this.#write('etc/hosts', `127.0.0.1 localhost ${HOST} mx1\n`);
    this.#write('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files\n');
    this.#write('etc/mail/service.switch', 'hosts files\naliases files\npasswd files\n');
    this.#write('etc/mail/local-host-names', `${MAIL_DOMAIN}\n`);
    this.#write('etc/mail/aliases', 'postmaster: root\nteam: alice, bob\n');
    this.#write('etc/mail/sendmail.st', '');
    this.#write('etc/mail/sendmail.cf', await this.#configuration());
    this.#write('opt/deliver', DELIVER, 0o755);
    // Without its set-group-ID bit, with which it would not look for libraries in our folder.
    const program = join(this.#packages, 'usr/libexec/sendmail/sendmail');
    copyFileSync(program, join(this.#root, 'opt/sendmail'));
    writeFileSync(this.#script, this.#entering());
  }

  #write(name: string, text: string, mode = 0o644): void {
    writeFileSync(join(this.#root, name), text, { mode });
  }

  async #configuration(): Promise<string> {
    const m4 = join(this.#packages, 'usr/share/sendmail/cf');
    const source = [
      "OSTYPE(`linux')",
      `define(\`confDOMAIN_NAME', \`${HOST}')`,
      "define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch')",
      "define(`confTO_IDENT', `0s')",
      // However busy the machine is, it delivers at once.
      "define(`confQUEUE_LA', `10000')",
      "define(`confREFUSE_LA', `10000')",
      "define(`ALIAS_FILE', `/etc/mail/aliases')",
      "define(`STATUS_FILE', `/etc/mail/sendmail.st')",
      "define(`LOCAL_MAILER_PATH', `/opt/deliver')",
      "define(`LOCAL_MAILER_ARGS', `deliver $u')",
      "FEATURE(`nocanonify')",
      "FEATURE(`accept_unresolvable_domains')",
      "FEATURE(`use_cw_file')",
      "MAILER(`local')",
      "MAILER(`smtp')",
    ];
    const file = join(dirname(this.#root), 'sendmail.mc');
    writeFileSync(file, `${source.join('\n')}\n`);
    const env = await debianEnvironment(this.#packages);
    const args = [`-D_CF_DIR_=${m4}/`, join(m4, 'm4/cf.m4'), file];
    return execFileSync('m4', args, { env, encoding: 'utf8' });
  }

  /** What runs in the new namespaces: the machine's programs and libraries are lent to the root. */
  #entering(): string {
    const root = this.#root;
    const lent = ['usr', 'bin', 'lib', 'lib64'].filter((name) => existsSync(`/${name}`));
    for (const name of lent) mkdirSync(join(root, name), { recursive: true });
    for (const name of ['dev/null', 'dev/urandom']) this.#write(name, '');
    const libraries = join(this.#packages, 'usr/lib');
    const [triplet = ''] = readdirSync(libraries).filter((name) => name.includes('-linux-'));
    return [
      'set -e',
      ...[...lent, 'dev/null', 'dev/urandom'].map(
        (name) => `mount --bind /${name} ${root}/${name}`,
      ),
      `mount -t proc proc ${root}/proc`,
      `mount --bind ${libraries} ${root}/opt/lib`,
      `echo ${HOST} >/proc/sys/kernel/hostname`,
      `export LD_LIBRARY_PATH=/opt/lib/${triplet}`,
      // Queue ids end in the process id: each command begins its ids where no other has been.
      `echo "$FIRST_ID" 2>/dev/null >${root}/proc/sys/kernel/ns_last_pid || :`,
      `chroot ${root} /opt/sendmail "$@"`,
      '',
    ].join('\n');
  }
}
