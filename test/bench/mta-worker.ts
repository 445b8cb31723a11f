/**
 * One mail server under smtp-source's load, inside namespaces of its own (mta.bench.ts enters them): its queue,
 * mailboxes and all on the one disk. Prints what it measured as one line of JSON. Arguments: a job as JSON.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LAB_ADDRESS, LAB_HOST, RealServer } from '../support/mta-lab/real-server.ts';
import { MtaProcess } from '../support/mta-process.ts';
import { fillSite } from '../support/open-mta-site.ts';
import { RealPostfix } from './mta-postfix.ts';

export const SERVERS = ['ours', 'sendmail', 'Postfix', 'smtp-sink'] as const;
export type ServerName = (typeof SERVERS)[number];

export interface MtaBenchJob {
  readonly server: ServerName;
  readonly folder: string;
  /** Unpacked Debian packages. */
  readonly sendmail: string;
  readonly postfix: string;
  readonly messages: number;
  readonly connections: readonly number[];
}

export interface MtaLoad {
  readonly connections: number;
  /** Messages a second. */
  readonly accepted: number;
  /** Until the last of them was in its mailbox; null: it keeps none. */
  readonly delivered: number | null;
}

interface Running {
  /** Bytes of the mailbox; null: it keeps none. */
  mailbox(): number | null;
  stop(): Promise<unknown>;
}

const job = JSON.parse(process.argv[2] ?? '{}') as MtaBenchJob;
const RECIPIENT = 'alice@corp.example';
const SIZE = 1024;
const TRIES = 1200;
const libraries = ['usr/lib/postfix', ...triplets(join(job.postfix, 'usr/lib'))];
const environment = {
  ...process.env,
  LD_LIBRARY_PATH: libraries.map((name) => join(job.postfix, name)).join(':'),
};

function triplets(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.includes('-linux-'))
    .map((name) => `usr/lib/${name}`);
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

function network(): void {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  execFileSync('ip', ['route', 'add', 'local', '192.0.2.0/24', 'dev', 'lo']);
  execFileSync('hostname', [LAB_HOST]);
}

async function startOurs(): Promise<Running> {
  const settings = {
    ...fillSite(job.folder),
    DaemonPortOptions: [`Name=MTA-v4, Addr=${LAB_ADDRESS}, Port=25`],
    LogFile: join(job.folder, 'mail.log'),
    AcceptUnresolvableDomains: true,
    DnsServers: ['127.0.0.1'],
  };
  const mta = await MtaProcess.start(job.folder, settings);
  return { mailbox: () => sizeOf(join(job.folder, 'mail/alice')), stop: () => mta.end() };
}

async function startSendmail(): Promise<Running> {
  const root = join(job.folder, 'root');
  const server = new RealServer(root, job.sendmail, {
    mc: ["FEATURE(`accept_unresolvable_domains')"],
  });
  server.fill();
  server.start();
  return {
    mailbox: () => sizeOf(join(root, 'var/mail/alice')),
    stop: async () => server.stop(),
  };
}

async function startPostfix(): Promise<Running> {
  const server = new RealPostfix(join(job.folder, 'root'), job.postfix, environment);
  server.start();
  return { mailbox: () => sizeOf(server.mailbox('alice')), stop: () => server.stop() };
}

async function startSink(): Promise<Running> {
  const args = ['-u', 'nobody', `${LAB_ADDRESS}:25`, '100'];
  const child: ChildProcess = spawn(join(job.postfix, 'usr/sbin/smtp-sink'), args, {
    env: environment,
    stdio: 'ignore',
  });
  return { mailbox: () => null, stop: async () => child.kill('SIGKILL') };
}

const STARTS: Readonly<Record<ServerName, () => Promise<Running>>> = {
  ours: startOurs,
  sendmail: startSendmail,
  Postfix: startPostfix,
  'smtp-sink': startSink,
};

async function untilUp(): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: LAB_ADDRESS, port: 25 });
      socket.once('data', () => resolve(true)).once('error', () => resolve(false));
      socket.once('data', () => socket.end('QUIT\r\n'));
    });
    if (isUp) return;
    await sleep(50);
  }
  throw new Error(`${job.server} does not answer`);
}

/** Until the mailbox has grown by that many messages: all are of one size, give or take an id. */
async function untilDelivered({ mailbox }: Running, from: number, messages: number) {
  for (let tries = 0; tries < TRIES; tries += 1) {
    if ((mailbox() ?? 0) - from >= messages * SIZE) return;
    await sleep(25);
  }
  throw new Error(`only ${(mailbox() ?? 0) - from} bytes of ${messages} messages came`);
}

async function load(server: Running, connections: number): Promise<MtaLoad> {
  const { messages } = job;
  const before = server.mailbox();
  const started = performance.now();
  const args = ['-s', connections, '-m', messages, '-l', SIZE, '-f', 'ann@partner.example'];
  const where = ['-t', RECIPIENT, `inet:${LAB_ADDRESS}:25`];
  execFileSync(join(job.postfix, 'usr/sbin/smtp-source'), [...args.map(String), ...where], {
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const accepted = (messages / (performance.now() - started)) * 1000;
  if (before === null) return { connections, accepted, delivered: null };
  await untilDelivered(server, before, messages);
  return { connections, accepted, delivered: (messages / (performance.now() - started)) * 1000 };
}

async function main(): Promise<void> {
  network();
  mkdirSync(job.folder, { recursive: true });
  const server = await STARTS[job.server]();
  await untilUp();
  const loads: MtaLoad[] = [];
  for (const connections of job.connections) loads.push(await load(server, connections));
  await server.stop();
  process.stdout.write(`\n@@${JSON.stringify(loads)}\n`, () => process.exit(0));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exit(1);
});
