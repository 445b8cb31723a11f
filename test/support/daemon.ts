/** The real daemon as a child process, which tests start, ask, kill and start again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RemoteStore } from '../../src/store/remote/client.ts';
import { socketPathOf } from '../../src/store/remote/socket-path.ts';
import type { Row } from '../../src/store/store.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.js');
/** No daemon takes as long to start or to end; one that does has failed. */
const PATIENCE_MS = 60_000;

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export class DaemonProcess {
  readonly db: string;
  readonly lines: LogLine[] = [];
  readonly #args: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #rest = '';
  /** Its limit of open files (ulimit -n), if not ours. */
  openFiles: number | undefined;
  /** What it wrote that was no line of its log. */
  noise = '';

  constructor(db: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.db = db;
    this.#args = args;
    this.#env = { ...process.env, MAILLOG_TIMEZONE: 'UTC', UV_THREADPOOL_SIZE: '12', ...env };
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Done when it says that it is ready; rejects when it ends before. */
  async start(): Promise<void> {
    const from = this.lines.length;
    const limit = this.openFiles === undefined ? '' : `ulimit -n ${this.openFiles} && `;
    const command = [process.execPath, MAIN, 'serve', '--db', this.db, ...this.#args];
    const child = spawn('/bin/sh', ['-c', `${limit}exec "$0" "$@"`, ...command], {
      env: this.#env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    let isOver = false;
    child.on('exit', () => {
      isOver = true;
    });
    const deadline = Date.now() + PATIENCE_MS;
    while (!this.lines.slice(from).some(({ msg }) => msg === 'ready')) {
      if (isOver || Date.now() > deadline) {
        throw new Error(`the daemon did not start: ${this.noise}${JSON.stringify(this.lines)}`);
      }
      await sleep(5);
    }
  }

  /** Where a listener listens in fact, by its address as given. */
  bound(listener: string): URL {
    const line = this.lines.findLast(
      ({ msg, listener: of }) => msg === 'listening' && of === listener,
    );
    return new URL(String(line?.bound));
  }

  /** Sends a signal and waits for the end; the exit code, null after a kill. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
    // Not `exit`: what it said before must not be taken for the next one's words.
    const over = once(child, 'close');
    child.kill(signal);
    const late = sleep(PATIENCE_MS, undefined, { ref: false }).then(() => 'late' as const);
    if ((await Promise.race([over, late])) === 'late') {
      child.kill('SIGKILL');
      throw new Error(`the daemon did not end on ${signal}`);
    }
    return child.exitCode;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Asks over the control socket. */
  async rows(sql: string): Promise<readonly Row[]> {
    const store = await RemoteStore.connect(socketPathOf(this.db));
    try {
      return (await store.query(sql)).rows;
    } finally {
      await store.close();
    }
  }

  async health(): Promise<Readonly<Record<string, unknown>>> {
    const store = await RemoteStore.connect(socketPathOf(this.db));
    try {
      return (await store.call('health')).result as Readonly<Record<string, unknown>>;
    } finally {
      await store.close();
    }
  }

  /** Asks until the answer is right; the last one is returned either way. */
  async until(sql: string, isRight: (row: Row) => boolean, patience = 30_000): Promise<Row> {
    const deadline = Date.now() + patience;
    for (;;) {
      const row = (await this.rows(sql))[0] ?? {};
      if (isRight(row) || Date.now() > deadline) return row;
      await sleep(50);
    }
  }

  #hear(text: string): void {
    const parts = (this.#rest + text).split('\n');
    this.#rest = parts.pop() ?? '';
    for (const part of parts) {
      try {
        this.lines.push(JSON.parse(part) as LogLine);
      } catch {
        this.noise += `${part}\n`;
      }
    }
  }
}

export interface Site {
  readonly folder: string;
  readonly db: string;
  remove(): void;
}

export function makeSite(name: string): Site {
  const folder = mkdtempSync(join(tmpdir(), `maillog-${name}-`));
  return {
    folder,
    db: join(folder, 'store.duckdb'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
