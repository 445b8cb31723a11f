/**
 * mailstats(8): prints the statistics that sendmail keeps, with the flags, output and exit statuses of
 * sendmail 8.17's own program (sysexits.h), so that munin, netdata and cron jobs may run it unchanged.
 *
 * Promises: `-p` empties the file only after its numbers have been written. This is the one difference:
 * the original empties it too when standard output is full, and says nothing. Here that is exit 74.
 *
 * Paths and mailers' names are byte strings (latin1) from end to end, as in C.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { mailstatsForPrograms, mailstatsTable } from '../format/mailstats-text.ts';
import { parseSendmailCf, type SendmailCfOutcome } from '../format/sendmail-cf.ts';
import {
  emptyStatistics,
  MAX_MAILERS,
  type MailStatistics,
  parseStatistics,
  STATISTICS_SIZE,
  STATISTICS_VERSION,
} from '../format/sendmail-st.ts';

const EX = {
  ok: 0,
  usage: 64,
  noInput: 66,
  software: 70,
  osErr: 71,
  osFile: 72,
  ioErr: 74,
} as const;

const SENDMAIL_CF = '/etc/mail/sendmail.cf';
const SUBMIT_CF = '/etc/mail/submit.cf';
const USAGE = 'usage: mailstats [-C cffile] [-c] [-P] [-f stfile] [-o] [-p]';
/** How long an empty file is given to fill: sendmail may just be writing it. */
const EMPTY_FILE_PATIENCE = 1000;
/** A cf has some 60 kB; what lies beyond this is not looked at, should someone name /dev/zero. */
const CF_MAX = 16 * 1024 * 1024;

/** What the program needs of the world besides files. */
export interface MailstatsIo {
  /** Rejects if the bytes could not be written. */
  readonly stdout: (bytes: Uint8Array) => Promise<void>;
  readonly stderr: (bytes: Uint8Array) => Promise<void>;
  /** Epoch seconds. */
  readonly now: () => bigint;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

interface Options {
  readonly cfFile: string;
  readonly stFile: string | null;
  readonly withNames: boolean;
  readonly forPrograms: boolean;
  readonly truncate: boolean;
}

/** Ends the run: what to say on stderr, and the exit status. */
class Failure extends Error {
  readonly status: number;

  constructor(message: string, options: ErrorOptions & { readonly status: number }) {
    super(message, options);
    this.status = options.status;
  }
}

/** Runs with the arguments after the program's name; gives the exit status. */
export async function runMailstats(argv: readonly string[], io: MailstatsIo): Promise<number> {
  try {
    const options = parseOptions(argv.map((argument) => Buffer.from(argument).toString('latin1')));
    const cf = readCf(options.cfFile);
    const stFile = options.stFile ?? cf.statusFile;
    if (stFile === null) {
      throw new Failure('mailstats: no statistics file located', { status: EX.osFile });
    }
    const statistics = await readStatistics(stFile, io);
    const mailerNames = options.withNames ? cf.mailerNames : null;
    const text = options.forPrograms
      ? mailstatsForPrograms(statistics, { mailerNames, now: io.now() })
      : mailstatsTable(statistics, { mailerNames });
    if ((await print(text, io)) && options.truncate) truncate(stFile);
    return EX.ok;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    await io.stderr(Buffer.from(`${error.message}\n`, 'latin1')).catch(() => {});
    return error.status;
  }
}

/** getopt(3) as GNU does it: options may follow operands, of which there must be none. */
function parseOptions(argv: readonly string[]): Options {
  const options = {
    cfFile: SENDMAIL_CF,
    stFile: null as string | null,
    withNames: true,
    forPrograms: false,
    truncate: false,
  };
  let operands = 0;
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') {
      operands += rest.length;
      break;
    }
    if (word.startsWith('-') && word !== '-') readCluster(word.slice(1), rest, options);
    else operands++;
  }
  if (operands > 0) throw new Failure(USAGE, { status: EX.usage });
  return options;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** `-oP`, `-fFILE`, `-of FILE`: takes the value from `rest` where the cluster has none. */
function readCluster(cluster: string, rest: string[], options: Mutable<Options>): void {
  for (let at = 0; at < cluster.length; at++) {
    const letter = cluster.charAt(at);
    if (letter === 'C' || letter === 'f') {
      const value = cluster.slice(at + 1) || rest.shift();
      if (value === undefined) throw misused(`option requires an argument -- '${letter}'`);
      if (letter === 'C') options.cfFile = value;
      else options.stFile = value;
      return;
    }
    setSwitch(letter, options);
  }
}

function setSwitch(letter: string, options: Mutable<Options>): void {
  switch (letter) {
    case 'c':
      options.cfFile = SUBMIT_CF;
      break;
    case 'o':
      options.withNames = false;
      break;
    case 'p':
      options.truncate = true;
      options.forPrograms = true;
      break;
    case 'P':
      options.forPrograms = true;
      break;
    default:
      throw misused(`invalid option -- '${letter}'`);
  }
}

function misused(complaint: string): Failure {
  return new Failure(`mailstats: ${complaint}\n${USAGE}`, { status: EX.usage });
}

function readCf(path: string): Extract<SendmailCfOutcome, { kind: 'cf' }> {
  const fd = open(path, constants.O_RDONLY);
  try {
    const cf = parseSendmailCf(readAtMost(fd, CF_MAX));
    if (cf.kind === 'too-many-mailers') {
      throw new Failure(`Too many mailers defined, ${MAX_MAILERS} max.`, {
        status: EX.software,
      });
    }
    return cf;
  } finally {
    closeSync(fd);
  }
}

/** An error while reading ends the file, as it does for the original: a folder is an empty cf. */
function readAtMost(fd: number, limit: number): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    while (length < limit) {
      const chunk = Buffer.allocUnsafe(64 * 1024);
      const count = readSync(fd, chunk);
      if (count === 0) break;
      chunks.push(chunk.subarray(0, count));
      length += count;
    }
  } catch {}
  return Buffer.concat(chunks);
}

async function readStatistics(path: string, io: MailstatsIo): Promise<MailStatistics> {
  const fd = open(path, constants.O_RDONLY);
  try {
    let outcome = parseStatistics(readOnce(fd, path));
    if (outcome.kind === 'empty') {
      await io.sleep(EMPTY_FILE_PATIENCE);
      outcome = parseStatistics(readOnce(fd, path));
    }
    switch (outcome.kind) {
      case 'statistics':
        return outcome.statistics;
      case 'empty':
        return emptyStatistics(io.now());
      case 'bad-magic':
        throw wrongFile(`mailstats: incorrect magic number in ${path}`);
      case 'bad-version':
        throw wrongFile(
          `mailstats version (${STATISTICS_VERSION}) incompatible with ${path} version (${outcome.version})`,
        );
      case 'short':
      case 'bad-size':
        throw wrongFile('mailstats: file size changed.');
    }
  } finally {
    closeSync(fd);
  }
}

function wrongFile(message: string): Failure {
  return new Failure(message, { status: EX.osErr });
}

/** One read, from where the last one ended. */
function readOnce(fd: number, path: string): Uint8Array {
  const buffer = Buffer.alloc(STATISTICS_SIZE);
  try {
    return buffer.subarray(0, readSync(fd, buffer));
  } catch (error) {
    throw unreadable(path, error);
  }
}

function open(path: string, flags: number): number {
  try {
    return openSync(Buffer.from(path, 'latin1'), flags);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): Failure {
  const subject = path === '' ? '' : `${path}: `;
  return new Failure(`mailstats: ${subject}${errorText(error)}`, {
    status: EX.noInput,
    cause: error,
  });
}

/** False if the reader has gone, which is no error but no reason to empty the file either. */
async function print(text: string, io: MailstatsIo): Promise<boolean> {
  try {
    await io.stdout(Buffer.from(text, 'latin1'));
    return true;
  } catch (error) {
    if (codeOf(error) === 'EPIPE') return false;
    throw new Failure(`mailstats: standard output: ${errorText(error)}`, {
      status: EX.ioErr,
      cause: error,
    });
  }
}

/** Without creating it, and like the original without complaint if we may read but not write. */
function truncate(path: string): void {
  try {
    closeSync(openSync(Buffer.from(path, 'latin1'), constants.O_RDWR | constants.O_TRUNC));
  } catch {}
}

/** strerror(3) for what opening and reading a file can meet. */
const ERROR_TEXTS = new Map([
  ['EACCES', 'Permission denied'],
  ['EIO', 'Input/output error'],
  ['EISDIR', 'Is a directory'],
  ['ELOOP', 'Too many levels of symbolic links'],
  ['EMFILE', 'Too many open files'],
  ['ENAMETOOLONG', 'File name too long'],
  ['ENODEV', 'No such device'],
  ['ENOENT', 'No such file or directory'],
  ['ENOSPC', 'No space left on device'],
  ['ENOTDIR', 'Not a directory'],
  ['ENXIO', 'No such device or address'],
  ['EPERM', 'Operation not permitted'],
]);

function errorText(error: unknown): string {
  return ERROR_TEXTS.get(codeOf(error)) ?? (error instanceof Error ? error.message : String(error));
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
