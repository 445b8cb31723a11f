/**
 * A real rsyslogd out of Debian's packages, as a relay: what it is fed over a socket, as a mail host's syslog
 * would be, it forwards the way a test configures.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { debianEnvironment } from './debian-package.ts';

export const RSYSLOG_PACKAGES = ['rsyslog', 'rsyslog-relp', 'rsyslog-gnutls', 'rsyslog-openssl'];
/** No rsyslogd takes as long to start or to end. */
const PATIENCE_MS = 20_000;

export interface RsyslogOptions {
  /** The folder of the unpacked packages. */
  readonly root: string;
  /** Its own, for its socket and its work. */
  readonly folder: string;
  /** Statements of rsyslog.conf(5) behind the input. */
  readonly config: string;
}

export class Rsyslog {
  /** What it said of itself. */
  said = '';
  readonly #child: ChildProcess;
  readonly #socket: string;
  #input: Socket | undefined;

  private constructor(child: ChildProcess, socket: string) {
    this.#child = child;
    this.#socket = socket;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.said += text;
      });
    }
  }

  static async start({ root, folder, config }: RsyslogOptions): Promise<Rsyslog> {
    mkdirSync(folder, { recursive: true });
    const [socket, file] = [join(folder, 'in.sock'), join(folder, 'rsyslog.conf')];
    // What it has to say goes to standard error instead of the forwarded log.
    const own = `global(workDirectory="${folder}" processInternalMessages="off" maxMessageSize="64k")`;
    const input = `module(load="imptcp")\ninput(type="imptcp" path="${socket}" unlink="on")`;
    writeFileSync(file, `${own}\n${config}\n${input}\n`);
    const args = ['-n', '-f', file, '-i', join(folder, 'pid'), '-M', modulesOf(root)];
    const child = spawn(join(root, 'usr/sbin/rsyslogd'), args, {
      env: { ...(await debianEnvironment(root)), TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.on('error', () => undefined);
    const rsyslog = new Rsyslog(child, socket);
    await rsyslog.#untilListening();
    return rsyslog;
  }

  /**
   * Messages with their priority, as a syslog socket gets them. All go over one connection that stays: imptcp
   * (8.2302) now and then misses one that is closed right after it was opened.
   */
  async feed(messages: readonly string[]): Promise<void> {
    if (this.#input === undefined) {
      this.#input = connect(this.#socket);
      await once(this.#input, 'connect');
    }
    const text = messages.map((message) => `${message}\n`).join('');
    if (!this.#input.write(text)) await once(this.#input, 'drain');
  }

  async end(): Promise<void> {
    this.#input?.destroy();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const over = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE_MS);
    await over;
    clearTimeout(late);
  }

  /** The socket's file is there a moment before somebody answers. */
  #isListening(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.#socket);
      socket.on('error', () => resolve(false));
      socket.on('connect', () => {
        socket.destroy();
        resolve(true);
      });
    });
  }

  async #untilListening(): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await this.#isListening())) {
      if (this.#child.exitCode !== null || Date.now() > deadline) {
        await this.end();
        throw new Error(`rsyslogd did not start: ${this.said}`);
      }
      await sleep(5);
    }
  }
}

function modulesOf(root: string): string {
  const libraries = join(root, 'usr/lib');
  const [triplet = ''] = readdirSync(libraries).filter((name) => name.includes('-linux-'));
  return join(libraries, triplet, 'rsyslog');
}
