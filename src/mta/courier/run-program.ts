/**
 * Runs one program with a message on its standard input, in a group of its own.
 *
 * Promises: never a shell of ours; the environment is what is given and nothing else; what it prints is kept up to a
 * bound and the rest is thrown away; when its time is over the whole group is killed; resolves always.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';

export interface ProgramRun {
  readonly file: string;
  readonly argv: readonly string[];
  /** As what it appears in its own argv[0]. */
  readonly argv0: string;
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Null: as ourselves. */
  readonly user: { readonly uid: number; readonly gid: number } | null;
  readonly input: AsyncIterable<Buffer>;
  readonly timeoutMs: number;
}

export type ProgramResult =
  | { readonly kind: 'exited'; readonly code: number; readonly output: string }
  | { readonly kind: 'timeout'; readonly output: string }
  | { readonly kind: 'not-started'; readonly code: string };

const MOST_OUTPUT = 64 * 1024;
/** As a shell tells of a child that a signal ended. */
const SIGNAL_BASE = 128;
const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGSYS: 31,
};

export async function runProgram(run: ProgramRun): Promise<ProgramResult> {
  const child = spawn(run.file, run.argv, {
    argv0: run.argv0,
    cwd: run.cwd,
    env: { ...run.environment },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(run.user ?? {}),
  });
  let output = '';
  const keep = (bytes: Buffer) => {
    if (output.length < MOST_OUTPUT) output += bytes.toString('latin1');
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const failure = await once(child, 'spawn').then(
    () => null,
    (error: NodeJS.ErrnoException) => error.code ?? 'EIO',
  );
  if (failure !== null) return { kind: 'not-started', code: failure };
  let isLate = false;
  const killGroup = () => {
    isLate = true;
    killQuietly(-(child.pid ?? 0));
  };
  const timer = setTimeout(killGroup, run.timeoutMs);
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  // Once it is gone nobody reads the rest, though a child of its own may hold the pipe open.
  child.once('exit', () => child.stdin.destroy());
  const [[code, signal]] = await Promise.all([exit, feed(child.stdin, run.input)]);
  clearTimeout(timer);
  // A child it left behind may hold the pipes: nobody waits for that one.
  await settle(child.stdout);
  child.stdout.destroy();
  child.stderr.destroy();
  if (isLate) return { kind: 'timeout', output };
  return { kind: 'exited', code: code ?? SIGNAL_BASE + (SIGNALS[signal ?? ''] ?? 0), output };
}

/** A program that does not read its input, or not all of it, is free to. */
async function feed(stdin: Writable, input: AsyncIterable<Buffer>): Promise<void> {
  let isGone = false;
  stdin.on('error', () => {
    isGone = true;
  });
  stdin.on('close', () => {
    isGone = true;
  });
  for await (const chunk of input) {
    if (isGone) break;
    if (!stdin.write(chunk))
      await Promise.race([once(stdin, 'drain'), once(stdin, 'close')]).catch(() => undefined);
  }
  if (isGone) return;
  stdin.end();
  await finished(stdin).catch(() => undefined);
}

/** Output that is on its way already, without waiting for its end. */
async function settle(stream: NodeJS.ReadableStream): Promise<void> {
  await Promise.race([
    once(stream, 'end').catch(() => undefined),
    new Promise((resolve) => setTimeout(resolve, 20)),
  ]);
}

function killQuietly(pid: number): void {
  if (pid >= -1) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
