/**
 * Runs a command as a process of its own and says what it cost: wall clock, CPU of it and its
 * children (bash's `time`, to the millisecond), and its largest resident size (GNU time, where it is).
 * A command too quick to measure is run several times over and the cost divided.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Cost {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly rssBytes: number | undefined;
  readonly output: string;
}

export interface Job {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** How often to run it within one measurement. */
  readonly times?: number;
  /** Exit codes other than 0 that are no failure. */
  readonly accept?: readonly number[];
}

const GNU_TIME = '/usr/bin/time';
/** $1 is the folder for what comes out, $2 the repetitions, the rest is the command. */
const SCRIPT = `
TIMEFORMAT='%3R %3U %3S'
out=$1 times=$2 code=0
shift 2
{ time for ((i = 0; i < times; i++)); do
  "$@" >"$out/output" 2>"$out/errors" </dev/null || code=$?
done; } 2>"$out/times"
exit $code`;

/** Rejects when the command cannot be run or fails. */
export async function measure(job: Job): Promise<Cost> {
  const folder = await mkdtemp(join(tmpdir(), 'maillog-measure-'));
  try {
    return await measureIn(folder, job);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureIn(folder: string, job: Job): Promise<Cost> {
  const times = job.times ?? 1;
  const gnuTime = existsSync(GNU_TIME) && process.platform === 'linux';
  const sizeFile = join(folder, 'size');
  const command = gnuTime
    ? [GNU_TIME, '-q', '-f', '%M', '-o', sizeFile, ...job.command]
    : job.command;
  const code = await exitCode(['-c', SCRIPT, 'measure', folder, String(times), ...command], job);
  if (code !== 0 && !job.accept?.includes(code)) {
    const errors = await readFile(join(folder, 'errors'), 'utf8').catch(() => '');
    throw new Error(`exit ${code}: ${errors.trim().split('\n').at(-1) ?? ''}`);
  }
  const [wall = 0, user = 0, system = 0] = (await readFile(join(folder, 'times'), 'utf8'))
    .trim()
    .split(/\s+/)
    .map(Number);
  const kilobytes = gnuTime ? Number(await readFile(sizeFile, 'utf8')) : Number.NaN;
  return {
    wallSeconds: wall / times,
    cpuSeconds: (user + system) / times,
    rssBytes: Number.isFinite(kilobytes) ? kilobytes * 1024 : undefined,
    output: await readFile(join(folder, 'output'), 'utf8'),
  };
}

function exitCode(args: readonly string[], job: Job): Promise<number> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, LC_ALL: 'C', ...job.environment };
    const child = spawn('bash', args, { stdio: 'ignore', env });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === null) reject(new Error(`ended by ${signal}`));
      else resolve(code);
    });
  });
}

/** The middle one by CPU time: other users of the machine spoil single runs. */
export function median<T>(list: readonly T[], by: (item: T) => number): T | undefined {
  const sorted = [...list].sort((a, b) => by(a) - by(b));
  return sorted[Math.floor((sorted.length - 1) / 2)];
}
