/**
 * Mailers that are programs: sendmail's `prog` for `"|command"` in aliases and .forward files, and a local mailer
 * like procmail, maildrop or dovecot-lda.
 *
 * Promises: text of a sender or of a message never reaches a shell: a command of an alias is its author's text
 * and goes to the shell as it stands, with no macros in it, and a local mailer is run by its argument vector. They run
 * as the controlling user when we are root, with a clean environment, and not for ever.
 */
import { stat } from 'node:fs/promises';
import type { UserTable } from '../aliases/users.ts';
import { outcomeLine } from '../dsn/transcript.ts';
import type { Attempt, Courier, CourierJob, FinalRecipient, Outcome } from '../model.ts';
import type { Clock } from './courier-clock.ts';
import { ownerOf } from './file.ts';
import { localAttempt } from './local-outcome.ts';
import { messageChunks } from './message-stream.ts';
import { type ProgramResult, type ProgramRun, runProgram } from './run-program.ts';
import { isRoot, type Owner } from './safe-folder.ts';
import {
  deferredOutcome,
  EX_NOUSER,
  EX_TEMPFAIL,
  EX_UNAVAILABLE,
  exitOutcome,
  isTransientError,
  systemErrorText,
} from './sysexits.ts';
import { localSender, unixFromLine, withReturnPath } from './unix-from.ts';

export interface ProgramCourierOptions {
  readonly users: UserTable;
  readonly now: Clock;
  readonly timeoutMs: number;
  /** Who runs what aliases name: sendmail's DefaultUser. */
  readonly defaultUser: Owner;
  /** `/bin/sh`, or `/usr/libexec/sendmail/smrsh` that allows only commands of its own folder. */
  readonly shell?: string;
  /** A local mailer's `["/usr/bin/procmail", "-Y", "-a", "$h", "-d", "$u"]`. */
  readonly localMailer?: readonly string[];
  /** What a program printed, for the bounce. */
  readonly onOutput?: (recipient: FinalRecipient, output: string) => void;
}

const PATH = '/usr/local/bin:/usr/bin:/bin';

export class ProgramCourier implements Courier {
  readonly #options: ProgramCourierOptions;
  readonly #outputs = new Map<FinalRecipient, string>();

  constructor(options: ProgramCourierOptions) {
    this.#options = options;
  }

  async deliver(job: CourierJob): Promise<readonly Attempt[]> {
    const attempts: Attempt[] = [];
    for (const recipient of job.recipients) {
      const deliver = () =>
        recipient.destination.mailer === 'prog'
          ? this.#runCommand(job, recipient)
          : this.#runLocalMailer(job, recipient);
      const attempt = await localAttempt(recipient, this.#options.now, deliver);
      attempts.push(this.#withOutput(attempt, recipient));
    }
    return attempts;
  }

  /** A bounce shows what the program printed. */
  #withOutput(attempt: Attempt, recipient: FinalRecipient): Attempt {
    const output = this.#outputs.get(recipient) ?? '';
    this.#outputs.delete(recipient);
    const line = outcomeLine([recipient.shown], attempt.outcome);
    if (output === '' || line === null) return attempt;
    return { ...attempt, dialogue: [...output.trimEnd().split('\n'), line] };
  }

  async #runCommand(job: CourierJob, recipient: FinalRecipient): Promise<Outcome> {
    const { shell = '/bin/sh', defaultUser, users } = this.#options;
    const command = recipient.destination.user;
    if (command.includes('\0')) return exitOutcome(EX_UNAVAILABLE);
    const owner = ownerOf(recipient, defaultUser);
    const user = users.byUid(owner.uid);
    const result = await this.#run({
      file: shell,
      argv0: 'sh',
      argv: ['-c', command],
      cwd: await folderOf(user?.home),
      environment: environmentOf(user?.name ?? 'nobody', user?.home ?? '/', '/bin/sh'),
      user: isRoot() ? owner : null,
      input: withFromLine(job),
    });
    return this.#outcome(recipient, result, shell);
  }

  async #runLocalMailer(job: CourierJob, recipient: FinalRecipient): Promise<Outcome> {
    const { localMailer = [], users } = this.#options;
    const user = users.find(recipient.destination.user);
    const [file = '', ...template] = localMailer;
    if (user === null) return exitOutcome(EX_NOUSER);
    if (file === '') return exitOutcome(EX_UNAVAILABLE);
    const macros = {
      u: user.name,
      h: recipient.destination.host,
      z: user.home,
      g: notAnOption(localSender(job.envelope)),
    };
    const result = await this.#run({
      file,
      argv0: file,
      argv: template.map((one) => expandArgument(one, macros)),
      cwd: await folderOf(user.home),
      environment: environmentOf(user.name, user.home, user.shell),
      // Root, as in sendmail: the mailer takes the user's name itself (flag S).
      user: null,
      input: withReturnPath(job.envelope, messageChunks(job.message.path)),
    });
    return this.#outcome(recipient, result, file);
  }

  async #run(run: Omit<ProgramRun, 'timeoutMs'>): Promise<ProgramResult> {
    return await runProgram({ ...run, timeoutMs: this.#options.timeoutMs });
  }

  #outcome(recipient: FinalRecipient, result: ProgramResult, program: string): Outcome {
    const mailer = `${recipient.destination.mailer} mailer (${program})`;
    if (result.kind === 'not-started') {
      return isTransientError(result.code)
        ? deferredOutcome('4.0.0', systemErrorText(result.code))
        : exitOutcome(EX_UNAVAILABLE);
    }
    this.#options.onOutput?.(recipient, result.output);
    this.#outputs.set(recipient, result.output);
    if (result.kind === 'timeout') return deferredOutcome('4.4.7', `${mailer} timed out`);
    const why = result.code === EX_TEMPFAIL ? `${mailer} exited with EX_TEMPFAIL` : '';
    return exitOutcome(result.code, why);
  }
}

async function* withFromLine(job: CourierJob): AsyncGenerator<Buffer> {
  yield Buffer.from(unixFromLine(job.envelope), 'latin1');
  yield* messageChunks(job.message.path);
}

/** `$u`, `$h`, `$z`, `$g` and `$f`; an argument stays one, whatever is put in. */
export function expandArgument(
  template: string,
  macros: Readonly<Record<'u' | 'h' | 'z' | 'g', string>>,
): string {
  return template.replaceAll(/\$([uhzgf$])/g, (_, name: string) => {
    if (name === '$') return '$';
    return macros[name === 'f' ? 'g' : (name as 'u' | 'h' | 'z' | 'g')];
  });
}

/** A sender is a stranger's text: `-x` would be an option to many programs. */
function notAnOption(sender: string): string {
  return sender.startsWith('-') ? 'MAILER-DAEMON' : sender;
}

function environmentOf(name: string, home: string, shell: string): Record<string, string> {
  return {
    PATH,
    HOME: home,
    USER: name,
    LOGNAME: name,
    SHELL: shell,
    AGENT: 'sendmail',
    ...(process.env.TZ === undefined ? {} : { TZ: process.env.TZ }),
  };
}

/** As the mailers' `D=$z:/`: the home, or the root where there is none. */
async function folderOf(home: string | undefined): Promise<string> {
  if (home === undefined) return '/';
  const found = await stat(home).catch(() => null);
  return found?.isDirectory() ? home : '/';
}
