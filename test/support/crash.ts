/** What tests share that kill the daemon: seeds, moments, and a load to compare with. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DaemonProcess, makeSite, type Site } from './daemon.ts';
import type { RandomSource } from './random.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.js');

export const KILLS = Number(process.env.MAILLOG_CRASH_KILLS ?? 50);

/** Those of the test, or the one that was asked for. */
export function crashSeeds(usual: readonly number[]): readonly number[] {
  const given = process.env.MAILLOG_CRASH_SEED;
  return given === undefined ? usual : [Number(given)];
}

/** A folder of its own; with `MAILLOG_CRASH_KEEP` set it stays, to be looked at. */
export function makeCrashSite(name: string): Site {
  const site = makeSite(name);
  if (process.env.MAILLOG_CRASH_KEEP === undefined) return site;
  process.stderr.write(`${site.folder} stays\n`);
  return { ...site, remove: () => undefined };
}

/**
 * Starts the daemon and kills it: while it starts, right after, or when it has been at work for a while.
 * `atWork` waits until it is.
 */
export async function killAtRandom(
  daemon: DaemonProcess,
  random: RandomSource,
  atWork: () => Promise<void> = async () => undefined,
): Promise<void> {
  let isReady = false;
  // Rejects when it is killed before.
  const starting = daemon.start().then(
    () => {
      isReady = true;
    },
    () => undefined,
  );
  if (random.chance(0.3)) await sleep(random.below(1000));
  else {
    await starting;
    if (!isReady) throw new Error(`the daemon did not start: ${daemon.noise}`);
    await atWork();
    await sleep(random.below(1200));
  }
  await daemon.end('SIGKILL');
  await starting;
}

export interface CommandEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real command, to its end. */
export async function runCommand(args: readonly string[]): Promise<CommandEnd> {
  const env = { ...process.env, MAILLOG_TIMEZONE: 'UTC' };
  const child = spawn(process.execPath, [MAIN, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (part: string) => {
      text[name] += part;
    });
  }
  const code = await new Promise<number | null>((done) => child.on('close', done));
  return { code, ...text };
}

export function runIngest(db: string, files: readonly string[]): Promise<CommandEnd> {
  return runCommand(['ingest', '--db', db, ...files]);
}

/** A port that was free just now, for what must listen on the same one again. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
