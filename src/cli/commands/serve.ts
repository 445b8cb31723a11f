/**
 * `maillog serve`: the daemon. It runs in the foreground until SIGTERM or SIGINT, and a second one ends it at
 * once; SIGHUP reads the configuration again, SIGUSR1 writes how it is to the log. There is no process id
 * file: systemd, or whatever started it, knows.
 */
import { resolve } from 'node:path';
import type { ExitCode } from '../../model/errors.ts';
import type { CommandContext } from '../context.ts';
import { makeContext } from '../context.ts';
import type { Options } from '../program.ts';
import { Daemon } from '../serve/daemon.ts';
import { Lifetime } from '../serve/lifetime.ts';
import { makeLog } from '../serve/log.ts';
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
  const living = {
    start: daemon.start.bind(daemon),
    stop: () => daemon.stop(),
    reload: async () => daemon.reload(planOf(makeContext(io, options))),
    tell: async () => log.info({ health: await daemon.health() }, 'health'),
  };
  const code = await new Lifetime(living, { log, process }).run();
  // What hangs, or a thread that died, may have left handles open that would keep the process.
  if (code !== 0) process.exit(code);
  return code;
}
