/**
 * A whole MTA on loopback ports with a folder of its own: users alice, bob and carol, aliases, a log in memory.
 * Every name of the DNS leads to 127.0.0.1, so that what it sends out reaches the test's own sink.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mtaConfigOf } from '../../src/config/mta-config.ts';
import { MemorySink } from '../../src/mta/log/log-sink.ts';
import { Mta } from '../../src/mta/mta.ts';
import { startOpenDns } from './open-dns.ts';

/** An address of the loopback that is a stranger to the server, with a name. */
export const STRANGER = '127.0.0.9';
const USERS = ['alice', 'bob', 'carol'];

export interface MtaSite {
  readonly folder: string;
  readonly port: number;
  readonly mta: Mta;
  readonly sink: MemorySink;
  readonly problems: readonly string[];
  /** A user's mailbox; empty where there is none. */
  readonly mailbox: (user: string) => string;
  /** Ids in the queue. */
  readonly queued: () => readonly string[];
  readonly stop: () => Promise<void>;
}

/** Files that a site's settings name; run as root or not, mailboxes belong to who runs it. */
export function fillSite(folder: string): Readonly<Record<string, unknown>> {
  const at = (name: string) => join(folder, name);
  const [uid, gid] = [process.getuid?.() ?? 1000, process.getgid?.() ?? 1000];
  const passwd = USERS.map((name) => `${name}:x:${uid}:${gid}:${name}:${at(name)}:/bin/sh\n`);
  writeFileSync(at('passwd'), `root:x:0:0:root:${folder}:/bin/sh\n${passwd.join('')}`);
  writeFileSync(at('aliases'), 'postmaster: alice\nmailer-daemon: postmaster\nteam: alice, bob\n');
  writeFileSync(at('hosts'), `127.0.0.1 localhost\n${STRANGER} stranger.example\n`);
  mkdirSync(at('mail'), { recursive: true });
  for (const name of USERS) mkdirSync(at(name), { recursive: true });
  return {
    Hostname: 'mx1.corp.example',
    Version: '8.17.1.9/8.17.1.9',
    DaemonPortOptions: ['Name=MTA-v4, Addr=127.0.0.1, Port=0'],
    Cw: ['corp.example'],
    AliasFile: [at('aliases')],
    UserFile: at('passwd'),
    HostsFile: at('hosts'),
    MailboxPath: `${at('mail')}/%u`,
    ForwardPath: '$z/.forward',
    QueueDirectory: at('mqueue'),
    Canonify: false,
    ClientTls: 'never',
  };
}

export async function startMtaSite(
  settings: Readonly<Record<string, unknown>> = {},
): Promise<MtaSite> {
  const folder = mkdtempSync(join(tmpdir(), 'maillog-mta-'));
  const dns = await startOpenDns();
  const values = { ...fillSite(folder), DnsServers: [dns.address], ...settings };
  const sink = new MemorySink();
  const problems: string[] = [];
  const mta = new Mta(mtaConfigOf(values, 'site', folder), {
    stateFolder: folder,
    zone: 'UTC',
    version: 'test',
    onProblem: (text) => problems.push(text),
    sink,
  });
  const [listening] = await mta.start();
  return {
    folder,
    port: listening?.port ?? 0,
    mta,
    sink,
    problems,
    mailbox: (user) => textOf(join(folder, 'mail', user)),
    queued: () => readdirSync(mta.queueFolder).filter((name) => /^[qQ]f/.test(name)),
    stop: async () => {
      await mta.stop('SIGTERM');
      await dns.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
