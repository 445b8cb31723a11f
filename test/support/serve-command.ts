/** `maillog serve` as it is on the PATH, for tests of how it starts and ends: its exit code and all it says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const COMMAND = resolve(import.meta.dirname, '../../src/cli/maillog.cjs');
const PATIENCE_MS = 60_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Lines for people, without those of the log. */
  readonly said: readonly string[];
  /** The log's messages. */
  readonly logged: readonly string[];
}

export class ServeCommand {
  readonly child: ChildProcess;
  stderr = '';
  stdout = '';
  readonly #over: Promise<unknown>;

  /** Runs `maillog` with these arguments. */
  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}, entry = COMMAND) {
    const { UV_THREADPOOL_SIZE: _, ...plain } = process.env;
    this.child = spawn(process.execPath, [entry, ...args], {
      env: { ...plain, MAILLOG_TIMEZONE: 'UTC', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.#over = once(this.child, 'close');
  }

  get isOver(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Waits until the log or the other lines hold that text. */
  async says(text: string): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!this.stderr.includes(text)) {
      if (this.isOver || Date.now() > deadline)
        throw new Error(`never said ${text}: ${this.stderr}`);
      await sleep(5);
    }
  }

  async ended(): Promise<Ended> {
    const late = sleep(PATIENCE_MS, 'late', { ref: false });
    if ((await Promise.race([this.#over, late])) === 'late') {
      this.child.kill('SIGKILL');
      throw new Error(`it did not end: ${this.stderr}`);
    }
    const lines = this.stderr.split('\n').filter((line) => line !== '');
    const isLog = (line: string): boolean => line.startsWith('{');
    return {
      code: this.child.exitCode,
      signal: this.child.signalCode,
      said: lines.filter((line) => !isLog(line)),
      logged: lines.filter(isLog).map((line) => String(JSON.parse(line).msg)),
    };
  }
}
