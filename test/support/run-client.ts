/** Runs a real mail client to its end: what it printed, and how it ended. */
import { spawn } from 'node:child_process';

export interface ClientRun {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

export interface ClientOptions {
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
}

const PATIENCE_MS = 60_000;

export function runClient(
  program: string,
  args: readonly string[],
  { input = '', env = {} }: ClientOptions = {},
): Promise<ClientRun> {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('latin1').on('data', (text: string) => {
    errors += text;
  });
  child.stdin.on('error', () => undefined).end(input);
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, output, errors }));
  });
}
