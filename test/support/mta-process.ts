/** Starts `mta-child.ts`, talks to it and ends it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

const CHILD = resolve(import.meta.dirname, 'mta-child.js');

export interface MtaMemory {
  readonly rss: number;
  readonly heapUsed: number;
  /** Open file descriptors. */
  readonly files: number;
}

export class MtaProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #end: Promise<number | null>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, port: number) {
    this.#child = child;
    this.#lines = lines;
    this.port = port;
    this.#end = endOf(child);
  }

  /** `onChild` has it while it starts: to be killed then. Rejects if it ends before it listens. */
  static async start(
    folder: string,
    settings: Readonly<Record<string, unknown>>,
    {
      flags = [],
      onChild,
    }: { flags?: readonly string[]; onChild?: (child: ChildProcess) => void } = {},
  ): Promise<MtaProcess> {
    const args = [...flags, CHILD, folder, JSON.stringify(settings)];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    onChild?.(child);
    child.stdin.on('error', () => undefined);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done === true) throw new Error('the MTA did not start');
    return new MtaProcess(child, lines, Number(first.value));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async memory(): Promise<MtaMemory> {
    return JSON.parse(await this.#ask('memory')) as MtaMemory;
  }

  /** Resolves when everything due has been tried. */
  async flush(): Promise<void> {
    await this.#ask('flush');
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal);
    return await this.#end;
  }

  async #ask(line: string): Promise<string> {
    this.#child.stdin?.write(`${line}\n`);
    const answer = await this.#lines.next();
    if (answer.done === true) throw new Error('the MTA is gone');
    return answer.value;
  }
}

export function endOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((done) => child.once('close', (code) => done(code)));
}
