/**
 * The process's edges as a value, so that a command can be run by a test: streams, environment, folder.
 *
 * Promise: results go to stdout, all else to stderr, one line per complaint, safe for a terminal. A
 * reader that closes the pipe early (`| head`) ends the command quietly with exit 0, by unwinding, so
 * that what is open gets closed.
 */
import type { Readable, Writable } from 'node:stream';
import { terminalText } from '../../reports/render/terminal-text.ts';
import type { TextStyle } from '../../reports/render/text-style.ts';
import { type ExitCode, fileError, toMaillogError } from '../model/errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Environment;
  readonly cwd: string;
  readonly isTerminal: {
    readonly stdin: boolean;
    readonly stdout: boolean;
    readonly stderr: boolean;
  };
  /** Columns of the terminal that is stdout or stderr, null if neither is one. */
  readonly columns: number | null;
  readonly now: () => Date;
}

/** Whoever read our stdout has gone. Not a failure. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

const CLOSED = new Set([
  'EPIPE',
  'ECONNRESET',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);
const NARROWEST = 20;

/** The real edges. A stream's error reaches the writer by its callback; unheard it would be thrown. */
export function processIo(): Io {
  const { stdin, stdout, stderr } = process;
  for (const stream of [stdout, stderr]) {
    stream.on('error', () => {});
  }
  const columns = stdout.columns ?? stderr.columns ?? null;
  return {
    stdin,
    stdout,
    stderr,
    env: process.env,
    cwd: process.cwd(),
    now: () => new Date(),
    isTerminal: {
      stdin: stdin.isTTY === true,
      stdout: stdout.isTTY === true,
      stderr: stderr.isTTY === true,
    },
    columns,
  };
}

function write(stream: Writable, bytes: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/** Prints a result, done when it has been taken; throws OutputClosed if nobody takes it any more. */
export async function print(io: Io, text: string | Uint8Array): Promise<void> {
  try {
    await write(io.stdout, text);
  } catch (error) {
    if (error instanceof Error && 'code' in error && CLOSED.has(String(error.code))) {
      throw new OutputClosed('standard output was closed', { cause: error });
    }
    throw fileError(error, 'standard output');
  }
}

/** Says one line to the person. Never fails: there would be nowhere to say so. */
export function complain(io: Io, text: string): Promise<void> {
  return sayAs(io, 'maillog', text);
}

/** The same under the name of the program that is stood in for. */
export async function sayAs(io: Io, program: string, text: string): Promise<void> {
  try {
    await write(io.stderr, `${program}: ${terminalText(text)}\n`);
  } catch {
    // A closed stderr must not turn a result into a failure.
  }
}

/** Runs a command and says what went wrong, if anything; its exit code. */
export async function guarded<Code extends number>(
  io: Io,
  command: () => Promise<Code | ExitCode>,
): Promise<Code | ExitCode> {
  try {
    return await command();
  } catch (error) {
    if (error instanceof OutputClosed) {
      return 0;
    }
    const failure = toMaillogError(error);
    await complain(io, failure.message);
    if (io.env.MAILLOG_DEBUG && error instanceof Error) {
      for (const line of (error.stack ?? '').split('\n')) {
        await complain(io, line);
      }
    }
    return failure.exitCode;
  }
}

/** Colour is for terminals, unless NO_COLOR is set and not empty (no-color.org) or it can show none. */
function wantsColour(env: Environment, isTerminal: boolean): boolean {
  return isTerminal && !env.NO_COLOR && env.TERM !== 'dumb';
}

/** By the locale (POSIX: LC_ALL over LC_CTYPE over LANG); without one, terminals of today are UTF-8. */
function showsUnicode(env: Environment, isTerminal: boolean): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  return locale ? /utf-?8/i.test(locale) : isTerminal;
}

/** How text on stdout should look. What is not a terminal (`| grep`) gets everything uncut. */
export function stdoutStyle(io: Io, zone: string | null): TextStyle {
  const isTerminal = io.isTerminal.stdout;
  return {
    width: isTerminal ? Math.max(NARROWEST, io.columns ?? 80) : null,
    colour: wantsColour(io.env, isTerminal),
    unicode: showsUnicode(io.env, isTerminal),
    zone,
  };
}

/** Whether stderr shows characters beyond ASCII. */
export function stderrShowsUnicode(io: Io): boolean {
  return showsUnicode(io.env, io.isTerminal.stderr);
}
