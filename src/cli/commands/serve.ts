/**
 * `maillog serve`: the daemon. It runs in the foreground until SIGTERM or SIGINT; SIGHUP reads the
 * configuration again, SIGUSR1 writes how it is to the log. There is no process id file: systemd, or
 * whatever started it, knows.
 */
import { resolve } from 'node:path';
import type { ExitCode } from '../../model/errors.ts';
import { toMaillogError } from '../../model/errors.ts';
import type { CommandContext } from '../context.ts';
import { makeContext } from '../context.ts';
import type { Options } from '../program.ts';
import { Daemon } from '../serve/daemon.ts';
import { type Logger, makeLog } from '../serve/log.ts';
import { makePlan, type ServePlan } from '../serve/plan.ts';

export async function runServe(
  context: CommandContext,
  options: Options,
  files: readonly string[],
): Promise<ExitCode> {
  const { io } = context;
  const paths = files.map((name) => resolve(io.cwd, name));
  const planOf = (of: CommandContext): ServePlan => makePlan(of, paths);
  const plan = planOf(context);
  const log = makeLog(plan.settings.logLevel);
  const daemon = new Daemon(plan, log, io.env);
  const ending = new Ending();
  await daemon.start((reason) => {
    log.error({ reason }, 'the store has gone');
    ending.end(1);
  });
  const reload = (): void => reloaded(log, () => daemon.reload(planOf(makeContext(io, options))));
  const tell = (): void => void daemon.health().then((health) => log.info({ health }, 'health'));
  const signals: readonly [NodeJS.Signals, () => void][] = [
    ['SIGTERM', () => ending.end(0)],
    ['SIGINT', () => ending.end(0)],
    ['SIGHUP', reload],
    ['SIGUSR1', tell],
  ];
  for (const [signal, act] of signals) process.on(signal, act);
  const code = await ending.wait();
  if (code === 0) await daemon.stop();
  for (const [signal, act] of signals) process.off(signal, act);
  // A thread that died may have left handles open that would keep the process.
  if (code !== 0) process.exit(code);
  return code;
}

/** A configuration with a mistake changes nothing. */
function reloaded(log: Logger, act: () => void): void {
  try {
    act();
  } catch (error) {
    log.error({ reason: toMaillogError(error).message }, 'not reloaded');
  }
}

/** Until something ends the daemon. */
class Ending {
  readonly #promise: Promise<ExitCode>;
  #resolve: (code: ExitCode) => void = () => undefined;

  constructor() {
    this.#promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  end(code: ExitCode): void {
    this.#resolve(code);
  }

  wait(): Promise<ExitCode> {
    return this.#promise;
  }
}
