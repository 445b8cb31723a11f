/**
 * A private world for a real mail server: namespaces with a network, a DNS and other mail hosts of its own, in
 * which a scenario is played. Nothing leaves it, and all of it ends when the play does. Needs root.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extractDebianPackages } from '../debian-package.ts';
import type { Played, Scenario } from './scenario.ts';
import type { LabJob } from './worker.ts';

const WORKER = join(import.meta.dirname, 'worker.js');
const NAMESPACES = ['--mount', '--net', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc'];
const PATIENCE_MS = 180_000;
const SENDMAIL = ['sendmail-bin', 'sendmail-cf', 'm4'];
const DNSMASQ = ['dnsmasq-base'];
export const LAB_PACKAGES = [SENDMAIL, DNSMASQ] as const;

/** What real sendmail makes of a scenario. */
export const playWithSendmail = (scenario: Scenario): Promise<Played> => playIn(scenario, false);

/** What ours makes of it. */
export const playWithOurs = (scenario: Scenario): Promise<Played> => playIn(scenario, true);

async function playIn(scenario: Scenario, isOurs: boolean): Promise<Played> {
  const sendmail = await extractDebianPackages(SENDMAIL);
  const dnsmasq = await extractDebianPackages(DNSMASQ);
  const folder = mkdtempSync(join(tmpdir(), 'maillog-lab-'));
  mkdirSync(join(folder, 'root'));
  const program = [join(dnsmasq, 'usr/sbin/dnsmasq'), '/usr/sbin/dnsmasq'].find((path) =>
    existsSync(path),
  );
  const libraries = ['usr/lib', 'lib']
    .map((name) => join(dnsmasq, name))
    .filter((path) => existsSync(path))
    .flatMap((path) =>
      readdirSync(path)
        .filter((name) => name.includes('-linux-'))
        .map((name) => join(path, name)),
    )
    .join(':');
  const job: LabJob = {
    folder,
    sendmail,
    dnsmasq: program ?? 'dnsmasq',
    libraries,
    scenario,
    isOurs,
  };
  try {
    return await run(job);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(job: LabJob): Promise<Played> {
  const file = join(job.folder, 'job.json');
  writeFileSync(file, JSON.stringify(job));
  const child = spawn('unshare', [...NAMESPACES, process.execPath, WORKER, file], {
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
      if (line === undefined) reject(new Error(`the lab ended with ${code}: ${text.slice(-2000)}`));
      else resolve(JSON.parse(line.slice(2)) as Played);
    });
  });
}
