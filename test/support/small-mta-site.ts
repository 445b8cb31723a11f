/** A small site for our MTA in a folder of its own: users, aliases, a mailbox folder, all on loopback. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mtaConfigOf } from '../../src/config/mta-config.ts';
import { MemorySink } from '../../src/mta/log/log-sink.ts';
import { Mta } from '../../src/mta/mta.ts';

export const SITE_USERS = ['alice', 'bob', 'carol', 'dave'] as const;

export interface MtaSite {
  readonly folder: string;
  readonly mta: Mta;
  readonly port: number;
  readonly sink: MemorySink;
  /** Texts that were logged, without stamps. */
  log(): readonly string[];
  mailbox(user: string): string;
  close(): Promise<void>;
}

/** Started; `values` are settings beside the usual ones. */
export async function startMtaSite(
  values: Readonly<Record<string, unknown>> = {},
): Promise<MtaSite> {
  const folder = mkdtempSync(join(tmpdir(), 'maillog-mta-'));
  const at = (name: string) => join(folder, name);
  mkdirSync(at('mail'));
  chmodSync(at('mail'), 0o1777);
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const ids = SITE_USERS.map((user) => `${user}:x:${uid}:${gid}:${user}:${folder}:/bin/sh\n`);
  writeFileSync(at('passwd'), `root:x:0:0:root:/:/bin/sh\n${ids.join('')}`);
  writeFileSync(at('aliases'), 'postmaster: root\nroot: alice\nteam: alice, bob\n');
  writeFileSync(at('sendmail.st'), '');
  writeFileSync(at('hosts'), '127.0.0.1 localhost\n');
  const sink = new MemorySink();
  const config = mtaConfigOf(
    {
      Hostname: 'mx1.corp.example',
      Version: '8.17.1.9/test',
      Cw: ['corp.example'],
      DaemonPortOptions: ['Name=MTA-v4, Addr=127.0.0.1, Port=0'],
      UserFile: at('passwd'),
      AliasFile: [at('aliases')],
      MailboxPath: at('mail/%u'),
      DefaultUser: `${uid}:${gid}`,
      QueueDirectory: at('mqueue'),
      StatusFile: at('sendmail.st'),
      HostsFile: at('hosts'),
      DnsServers: ['127.0.0.1:9'],
      Canonify: false,
      AcceptUnresolvableDomains: true,
      MinFreeBlocks: 0,
      ...values,
    },
    'test',
    folder,
  );
  const mta = new Mta(config, {
    stateFolder: folder,
    zone: 'UTC',
    version: 'test',
    onProblem: () => undefined,
    sink,
  });
  const [first] = await mta.start().catch((error: unknown) => {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });
  return {
    folder,
    mta,
    port: first?.port ?? 0,
    sink,
    log: () => sink.lines.map(({ text }) => text),
    mailbox: (user) => readFileSync(at(`mail/${user}`), 'latin1'),
    close: async () => {
      await mta.stop('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
