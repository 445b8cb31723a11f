/**
 * How fast is mail taken and delivered? Messages of 1 KB a second from Postfix's smtp-source, a connection each,
 * over 1 and over 10 connections at a time: ours beside Debian's sendmail and Postfix, all with fsync on the same
 * disk, in turns, in the same run. smtp-sink, which keeps nothing, is the floor.
 *
 *     node dist/test/bench/mta.bench.js [MESSAGES [ROUNDS]]
 *
 * What counts is the ratio, which is the same on a fast and on a slow machine. Needs root and Debian's packages.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extractDebianPackages } from '../support/debian-package.ts';
import { median } from './measure.ts';
import type { MtaBenchJob, MtaLoad, ServerName } from './mta-worker.ts';

const WORKER = join(import.meta.dirname, 'mta-worker.js');
const NAMESPACES = ['--mount', '--net', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc'];
const PATIENCE_MS = 300_000;
const CONNECTIONS = [1, 10];
const ORDER: readonly ServerName[] = ['ours', 'sendmail', 'Postfix', 'smtp-sink'];
const messages = Number(process.argv[2] ?? 2000);
const rounds = Number(process.argv[3] ?? 3);

function measureOne(job: MtaBenchJob): Promise<readonly MtaLoad[]> {
  const child = spawn('unshare', [...NAMESPACES, process.execPath, WORKER, JSON.stringify(job)], {
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => {
      const line = text.split('\n').find((part) => part.startsWith('@@'));
      if (line === undefined) reject(new Error(`it ended with ${code}: ${text.slice(-1000)}`));
      else resolve(JSON.parse(line.slice(2)) as MtaLoad[]);
    });
  });
}

async function measureAll(): Promise<ReadonlyMap<ServerName, readonly MtaLoad[]>> {
  const sendmail = await extractDebianPackages(['sendmail-bin', 'sendmail-cf', 'm4']);
  const postfix = await extractDebianPackages(['postfix']);
  const all = new Map<ServerName, MtaLoad[]>();
  for (let round = 0; round < rounds; round += 1) {
    for (const server of ORDER) {
      const folder = mkdtempSync(join(tmpdir(), 'maillog-mta-bench-'));
      const job = { server, folder, sendmail, postfix, messages, connections: CONNECTIONS };
      try {
        const loads = await measureOne(job);
        all.set(server, [...(all.get(server) ?? []), ...loads]);
      } catch (error) {
        console.error(`${server}: ${error instanceof Error ? error.message : error}`);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
  }
  return all;
}

type Figure = 'accepted' | 'delivered';

function middle(loads: readonly MtaLoad[], connections: number, figure: Figure): number | null {
  const those = loads.filter((load) => load.connections === connections);
  return median(those, (load) => load[figure] ?? 0)?.[figure] ?? null;
}

function show(all: ReadonlyMap<ServerName, readonly MtaLoad[]>): void {
  console.log(`${messages} messages of 1 KB, a connection each; median of ${rounds}`);
  const ours = all.get('ours') ?? [];
  for (const connections of CONNECTIONS) {
    for (const figure of ['accepted', 'delivered'] as const) {
      const own = middle(ours, connections, figure);
      for (const [server, loads] of all) {
        const rate = middle(loads, connections, figure);
        if (rate === null) continue;
        const ratio = own === null ? '' : `ours ${(own / rate).toFixed(2)} x`;
        const name = `${figure}, ${connections} at a time, ${server}`;
        console.log(`${name.padEnd(40)} ${rate.toFixed(0).padStart(6)} /s ${ratio.padStart(14)}`);
      }
    }
  }
}

show(await measureAll());
