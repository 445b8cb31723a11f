/** Edges of a process held in memory, for tests of commands. */
import { Readable, Writable } from 'node:stream';
import type { Environment, Io } from '../../src/cli/io.ts';

export interface MemoryIo extends Io {
  /** What was written so far. */
  readonly written: () => { readonly stdout: string; readonly stderr: string };
}

export interface MemoryIoOptions {
  readonly stdin?: string;
  readonly env?: Environment;
  readonly cwd?: string;
  readonly isTerminal?: boolean;
  readonly columns?: number;
  /** The clock's time, held still. */
  readonly now?: Date;
  /** The error with which stdout fails. */
  readonly stdoutFails?: string;
  readonly stderrFails?: string;
}

function collector(chunks: Buffer[], fails: string | undefined): Writable {
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      if (fails !== undefined) {
        done(Object.assign(new Error(fails), { code: fails }));
        return;
      }
      chunks.push(chunk);
      done();
    },
  });
  return stream.on('error', () => {});
}

export function memoryIo(options: MemoryIoOptions = {}): MemoryIo {
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  const { isTerminal = false, columns = null, env = {}, cwd = '/', stdin = '' } = options;
  const stderr = collector(err, options.stderrFails);
  return {
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout: collector(out, options.stdoutFails),
    stderr: Object.assign(stderr, isTerminal ? { isTTY: true, columns } : {}),
    env,
    cwd,
    isTerminal: { stdin: isTerminal, stdout: isTerminal, stderr: isTerminal },
    columns,
    now: () => options.now ?? new Date(),
    written: () => ({
      stdout: Buffer.concat(out).toString('utf8'),
      stderr: Buffer.concat(err).toString('utf8'),
    }),
  };
}
