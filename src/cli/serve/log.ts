/** The daemon's own log: one JSON object a line on standard error (pino), where systemd's journal takes it. */
import { type Logger, pino } from 'pino';

export type { Logger };

export function makeLog(level: string): Logger {
  const options = {
    level,
    base: { name: 'maillog', pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  // Synchronous: what is said last, when everything falls, is what is wanted most.
  return pino(options, pino.destination({ dest: 2, sync: true }));
}
