/**
 * Inside the lab's namespaces: brings up the network, the DNS and the other hosts, plays a scenario against one
 * server, and prints what came of it as one line of JSON. Argument: a file with the job as JSON.
 */
import { execFileSync, spawn } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnixDatagramListener } from '../../../ingest/listen/unix-datagram.ts';
import { context, MemoryInlet } from '../../ingest/listen/memory-inlet.ts';
import { OurServer } from './our-server.ts';
import { play } from './play.ts';
import { LAB_ADDRESS, LAB_HOST, RealServer } from './real-server.ts';
import { RemoteHosts } from './remote-hosts.ts';
import type { Played, Scenario } from './scenario.ts';
import { dnsmasqConfiguration } from './zone.ts';

export interface LabJob {
  readonly folder: string;
  readonly sendmail: string;
  readonly dnsmasq: string;
  readonly libraries: string;
  readonly scenario: Scenario;
  /** Ours instead of sendmail. */
  readonly isOurs: boolean;
}

const job = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as LabJob;
const NETWORKS = ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'];

function network(): void {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  for (const net of NETWORKS) execFileSync('ip', ['route', 'add', 'local', net, 'dev', 'lo']);
  writeFileSync('/proc/sys/kernel/hostname', LAB_HOST);
}

async function dns(): Promise<void> {
  const file = join(job.folder, 'dnsmasq.conf');
  writeFileSync(file, dnsmasqConfiguration(53));
  spawn(
    job.dnsmasq,
    [
      '--keep-in-foreground',
      `--conf-file=${file}`,
      '--log-facility=/dev/null',
      `--pid-file=${join(job.folder, 'dnsmasq.pid')}`,
    ],
    {
      stdio: 'inherit',
      env: { ...process.env, LD_LIBRARY_PATH: job.libraries },
    },
  );
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers(['127.0.0.1']);
  for (let turn = 0; turn < 40; turn += 1) {
    const found = await resolver.resolve4(LAB_HOST).catch(() => []);
    if (found.length > 0) return;
    await sleep(100);
  }
  throw new Error('no name server in the lab');
}

/** Without a connection, which would be logged. */
async function listening(): Promise<void> {
  const bytes = LAB_ADDRESS.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  const place = `${bytes.toReversed().join('').toUpperCase()}:0019`;
  for (let turn = 0; turn < 100; turn += 1) {
    if (readFileSync('/proc/net/tcp', 'utf8').includes(` ${place} 00000000:0000 0A `)) return;
    await sleep(100);
  }
}

async function playAll({ sessions, sessionsAtOnce = 1 }: Scenario): Promise<string[][]> {
  const transcripts: string[][] = [];
  const left = [...sessions.entries()];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [index, session] = next;
      transcripts[index] = [...(await play(session, { host: LAB_ADDRESS, port: 25 }))];
    }
  };
  await Promise.all(Array.from({ length: sessionsAtOnce }, work));
  return transcripts;
}

async function main(): Promise<void> {
  network();
  await dns();
  const remotes = new RemoteHosts();
  await remotes.start(25);
  const { config } = job.scenario;
  const server = job.isOurs
    ? new OurServer(join(job.folder, 'root'), config)
    : new RealServer(join(job.folder, 'root'), job.sendmail, config);
  const inlet = new MemoryInlet();
  server.fill();
  const log = new UnixDatagramListener(
    { transport: 'unix', path: server.logSocket },
    context(inlet),
    { hostName: 'mx1' },
  );
  await log.start();
  await server.start();
  await listening();
  await sleep(500);
  const transcripts = await playAll(job.scenario);
  await server.quiet();
  for (let run = 0; run < (job.scenario.queueRuns ?? 0); run += 1) {
    await sleep(job.scenario.runPauses?.[run] ?? 0);
    await server.runQueue();
  }
  await sleep(300);
  await server.stop();
  const played: Played = {
    transcripts,
    log: inlet.texts,
    mailboxes: server.mailboxes,
    statistics: server.statistics,
    queued: server.queued,
    taken: remotes.taken,
  };
  process.stdout.write(`\n@@${JSON.stringify(played)}\n`, () => process.exit(0));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exit(1);
});
