/** The MTA's log for a command beside it: the same places, the same words, the command's own process id. */
import { hostname as machineName } from 'node:os';
import type { MtaLog } from '../../mta/log/mta-log.ts';
import { SendmailLog } from '../../mta/log/sendmail-log.ts';
import { logSinks } from '../../mta/log-sinks.ts';
import type { MtaPlace } from './place.ts';

export interface OpenLog {
  readonly log: MtaLog;
  close(): Promise<void>;
}

export function openMtaLog(
  { config }: MtaPlace,
  zone: string,
  onProblem: (text: string) => void,
  tag = config.LogTag ?? 'sm-mta',
): OpenLog {
  const sink = logSinks(config, { zone, onProblem });
  const hostname = config.Hostname ?? machineName();
  const log = new SendmailLog({
    sink,
    level: config.LogLevel,
    tag,
    hostname: hostname.split('.')[0] ?? hostname,
    pid: process.pid,
    now: Date.now,
  });
  return { log, close: () => sink.close() };
}
