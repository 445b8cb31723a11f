/**
 * A real rsyslogd out of its Debian package, which takes lines from a local socket and forwards them by
 * RELP. It keeps what it cannot send, and tries for ever. See rsyslog.conf(5), omrelp and imptcp there.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { debianEnvironment } from './debian-package.ts';

const PATIENCE_MS = 30_000;

export class Rsyslog {
  #child: ChildProcess | undefined;
  #socket: Socket | undefined;
  readonly #folder: string;
  /** What it said on its standard error. */
  said = '';

  /** `folder` is made. */
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  async start(unpacked: string, port: number): Promise<void> {
    const configuration = join(this.#folder, 'rsyslog.conf');
    const socket = join(this.#folder, 'in');
    writeFileSync(configuration, this.#configuration(socket, port));
    const environment = await debianEnvironment(unpacked);
    const args = ['-n', '-f', configuration, '-i', join(this.#folder, 'pid')];
    const child = spawn(join(unpacked, 'usr/sbin/rsyslogd'), args, {
      env: { ...environment, RSYSLOG_MODDIR: modulesOf(unpacked) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
    });
    const deadline = Date.now() + PATIENCE_MS;
    while (!existsSync(socket)) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`rsyslogd did not start: ${this.said}`);
      }
      await sleep(20);
    }
    this.#socket = connect(socket);
    await once(this.#socket, 'connect');
  }

  /** Hands lines over; waits while it takes no more. */
  async log(lines: readonly string[]): Promise<void> {
    const text = lines.map((line) => `<22>${line}\n`).join('');
    if (this.#socket?.write(text) === false) await once(this.#socket, 'drain');
  }

  async stop(): Promise<void> {
    this.#socket?.destroy();
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const over = once(child, 'exit');
    child.kill('SIGKILL');
    await over;
  }

  /** Queues that hold all there will be: nothing may be thrown away but by us. */
  #configuration(socket: string, port: number): string {
    return `
global(workDirectory="${this.#folder}")
main_queue(queue.type="LinkedList" queue.size="1000000" queue.timeoutEnqueue="600000")
module(load="imptcp")
module(load="omrelp")
input(type="imptcp" path="${socket}" ruleset="relp")
ruleset(name="relp") {
  action(type="omrelp" target="127.0.0.1" port="${port}" template="RSYSLOG_TraditionalForwardFormat"
    timeout="10" action.resumeRetryCount="-1" action.resumeInterval="1"
    queue.type="LinkedList" queue.size="1000000" queue.timeoutEnqueue="600000")
}
`;
  }
}

function modulesOf(unpacked: string): string {
  const libraries = join(unpacked, 'usr/lib');
  const found = readdirSync(libraries)
    .map((name) => join(libraries, name, 'rsyslog'))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error(`no modules of rsyslog below ${libraries}`);
  return found;
}
