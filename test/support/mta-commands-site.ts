/** A site of our MTA in a folder of its own, on free ports of the loopback: for tests of its commands. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runMaillog } from '../../src/cli/program.ts';
import { readMtaConfig } from '../../src/config/mta-config.ts';
import { Mta } from '../../src/mta/mta.ts';
import { type MemoryIoOptions, memoryIo } from '../cli/memory-io.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class CommandsSite {
  readonly folder = mkdtempSync(join(tmpdir(), 'maillog-mta-'));
  #mta: Mta | undefined;

  /** `more` is TOML. */
  constructor(more = '') {
    mkdirSync(this.path('mail'));
    const ids = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
    const user = (name: string) => `${name}:x:${ids}:${name}:/nonexistent:/bin/sh\n`;
    this.write('passwd', user('ann') + user('bob') + user('root'));
    this.write('aliases', 'postmaster: root\nteam: ann, bob\n');
    this.write('hosts', '127.0.0.1 localhost\n');
    this.configure(0, more);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'latin1');
  }

  /** Mail for others waits: it would go to a port where nobody is. */
  configure(port: number, more = ''): void {
    const lines = [
      'Hostname = "mx.campus.example"',
      `DaemonPortOptions = ["Name=MTA-v4, Addr=127.0.0.1, Port=${port}"]`,
      'Cw = ["campus.example"]',
      'AliasFile = ["aliases"]',
      'UserFile = "passwd"',
      'HostsFile = "hosts"',
      `MailboxPath = "${this.path('mail')}/%u"`,
      'QueueDirectory = "mqueue"',
      'LogFile = "maillog"',
      'AcceptUnresolvableDomains = true',
      'DS = "[127.0.0.1]"',
      'SmtpPort = 1',
      more,
      '',
    ];
    this.write('mta.toml', lines.join('\n'));
  }

  /** The port it took is in its configuration afterwards, for commands. */
  async start(more = ''): Promise<number> {
    const path = this.path('mta.toml');
    const mta = new Mta(readMtaConfig(this.read('mta.toml'), path, this.folder), {
      stateFolder: this.folder,
      zone: 'UTC',
      version: 'test',
      onProblem: () => undefined,
    });
    const [listening] = await mta.start();
    this.#mta = mta;
    const port = listening?.port ?? 0;
    this.configure(port, more);
    return port;
  }

  quiet(): Promise<void> {
    return this.#mta?.quiet() ?? Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.#mta?.stop('SIGTERM');
    this.#mta = undefined;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async run(args: readonly string[], options: MemoryIoOptions = {}): Promise<Ran> {
    const env = {
      HOME: this.folder,
      MAILLOG_TIMEZONE: 'UTC',
      MAILLOG_MTA_CONFIG: this.path('mta.toml'),
    };
    const io = memoryIo({ env, cwd: this.folder, ...options });
    const code = await runMaillog(args, io);
    return { code, ...io.written() };
  }
}
