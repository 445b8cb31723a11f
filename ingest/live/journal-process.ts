/**
 * A running `journalctl`: its entries, what it says on its standard error, its end. See journalctl(1).
 *
 * Promise: after `stop` nothing is handed on any more, and the child is gone or was killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { EntryReader, type JournalEntry } from './journal-line.ts';

export interface JournalListener {
  entries(entries: readonly JournalEntry[]): void;
  /** It is over by itself; `missing`: there is no such program. */
  ended(problem: string, missing: boolean): void;
}

/** What is kept of its standard error, which should be a line or two. */
const MOST_SAID = 2000;
/** Milliseconds to end in before it is killed. */
const GRACE_MS = 2000;

export class JournalProcess {
  /** By a clock that is never set. */
  readonly startedAt = performance.now();
  readonly #listener: JournalListener;
  readonly #child: ChildProcess;
  readonly #reader = new EntryReader();
  readonly #gone: Promise<void>;
  #isOver = false;
  #said = '';

  constructor(command: string, args: readonly string[], listener: JournalListener) {
    this.#listener = listener;
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#gone = new Promise((resolve) => {
      child.on('error', (error) => {
        if (child.pid !== undefined) return;
        this.#end(`cannot run ${command}: ${error.message}`, hasCode(error, 'ENOENT'));
        resolve();
      });
      // Not `exit`: what it wrote before may still be in the pipe.
      child.on('close', (status, signal) => {
        this.#end(`${command} ended with ${signal ?? `status ${status}`}`, false);
        resolve();
      });
    });
    // Where the system has no descriptors left there are no pipes, and then `error`.
    child.stdout?.on('data', (chunk: Buffer) => this.#take(chunk));
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString()).slice(0, MOST_SAID);
    });
    for (const stream of [child.stdout, child.stderr]) stream?.on('error', () => undefined);
  }

  /** What it has said on its standard error since this was last asked. */
  takeSaid(): string {
    const said = this.#said.trim();
    this.#said = '';
    return said;
  }

  pause(): void {
    this.#child.stdout?.pause();
  }

  resume(): void {
    this.#child.stdout?.resume();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    const { pid, stdout, stderr } = this.#child;
    if (pid === undefined) return;
    // A child that waits for room in the pipe must not wait for ever.
    stdout?.destroy();
    stderr?.destroy();
    this.#child.kill('SIGTERM');
    if (await this.#isGoneWithin(GRACE_MS)) return;
    this.#child.kill('SIGKILL');
    await this.#isGoneWithin(GRACE_MS);
  }

  async #isGoneWithin(milliseconds: number): Promise<boolean> {
    const timer = new AbortController();
    const late = sleep(milliseconds, false, { signal: timer.signal }).catch(() => false);
    const isGone = await Promise.race([this.#gone.then(() => true), late]);
    timer.abort();
    return isGone;
  }

  #take(chunk: Buffer): void {
    if (!this.#isOver) this.#listener.entries(this.#reader.take(chunk));
  }

  #end(how: string, missing: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const said = this.takeSaid();
    this.#listener.ended(said === '' ? how : `${how}: ${said}`, missing);
  }
}

function hasCode(error: Error, code: string): boolean {
  return 'code' in error && error.code === code;
}
