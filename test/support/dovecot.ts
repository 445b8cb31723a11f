/**
 * Debian's Dovecot, laid over /usr in a mount namespace of its own: IMAP, POP3 and LMTP on loopback ports and a Unix
 * socket, with users of a file. All of it ends when it is stopped.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const DOVECOT_PACKAGES = ['dovecot-core', 'dovecot-imapd', 'dovecot-pop3d', 'dovecot-lmtpd'];
export const DOVECOT_PASSWORD = 'secret';
const NAMESPACES = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
const PATIENCE_MS = 20_000;

export interface DovecotUser {
  readonly name: string;
  readonly ids: readonly [number, number];
  readonly home: string;
  /** As its mail_location; not given: a Maildir in the home. */
  readonly mail?: string;
}

export interface DovecotPorts {
  readonly imap: number;
  readonly pop3: number;
  readonly lmtp: number;
}

export class Dovecot {
  readonly ports: DovecotPorts;
  readonly lmtpSocket: string;
  readonly #child: ChildProcess;

  /** In `folder`, which exists and is not its alone; of the packages unpacked in `packages`. */
  static async start(
    folder: string,
    packages: string,
    users: readonly DovecotUser[],
  ): Promise<Dovecot> {
    const ports = { imap: await freePort(), pop3: await freePort(), lmtp: await freePort() };
    mkdirSync(join(folder, 'dovecot'));
    const lines = users.map(({ name, ids: [uid, gid], home, mail }) => {
      const extra = mail === undefined ? '' : `userdb_mail=${mail}`;
      return `${name}:{PLAIN}${DOVECOT_PASSWORD}:${uid}:${gid}::${home}::${extra}\n`;
    });
    writeFileSync(join(folder, 'dovecot.users'), lines.join(''));
    writeFileSync(join(folder, 'dovecot.conf'), configuration(folder, ports));
    const over = `mount -t overlay overlay -o lowerdir=${packages}/usr:/usr /usr`;
    const command = `${over} && exec /usr/sbin/dovecot -F -c ${join(folder, 'dovecot.conf')}`;
    const child = spawn('unshare', [...NAMESPACES, '/bin/sh', '-c', command], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const dovecot = new Dovecot(folder, ports, child);
    await dovecot.#listening(folder);
    return dovecot;
  }

  private constructor(folder: string, ports: DovecotPorts, child: ChildProcess) {
    this.ports = ports;
    this.lmtpSocket = join(folder, 'dovecot/lmtp');
    this.#child = child;
  }

  async #listening(folder: string): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    while (!(await this.#answers())) {
      if (Date.now() > end || this.#child.exitCode !== null) {
        const log = join(folder, 'dovecot.log');
        throw new Error(`no Dovecot: ${existsSync(log) ? readFileSync(log, 'utf8') : ''}`);
      }
      await sleep(50);
    }
  }

  async #answers(): Promise<boolean> {
    const all = Object.values(this.ports).map(
      (port) =>
        new Promise<boolean>((resolve) => {
          const socket = connect(port, '127.0.0.1', () => {
            socket.destroy();
            resolve(true);
          });
          socket.on('error', () => resolve(false));
        }),
    );
    return (await Promise.all(all)).every(Boolean) && existsSync(this.lmtpSocket);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const over = once(this.#child, 'exit');
    // unshare ends its child with itself, and that one's whole process tree.
    this.#child.kill('SIGKILL');
    await over;
  }
}

function configuration(folder: string, { imap, pop3, lmtp }: DovecotPorts): string {
  return `base_dir = ${folder}/dovecot
state_dir = ${folder}/dovecot
log_path = ${folder}/dovecot.log
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_login_user = nobody
default_internal_user = mail
default_internal_group = mail
first_valid_uid = 1
auth_username_format = %Ln
mail_location = maildir:%h/Maildir
mbox_write_locks = dotlock fcntl
mail_fsync = never
passdb {
  driver = passwd-file
  args = ${folder}/dovecot.users
}
userdb {
  driver = passwd-file
  args = ${folder}/dovecot.users
}
service imap-login {
  inet_listener imap {
    port = ${imap}
  }
}
service pop3-login {
  inet_listener pop3 {
    port = ${pop3}
  }
}
service lmtp {
  unix_listener lmtp {
    mode = 0666
  }
  inet_listener lmtp {
    port = ${lmtp}
  }
}
protocol lmtp {
  postmaster_address = postmaster@corp.example
}
`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
