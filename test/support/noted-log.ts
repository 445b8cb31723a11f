/** A log of the MTA that keeps what was said: a text for each event, its method and its arguments. */
import type { MtaLog } from '../../src/mta/log/mta-log.ts';

export class NotedLog {
  readonly said: string[] = [];
  readonly log: MtaLog;

  constructor() {
    const said = this.said;
    this.log = new Proxy({} as MtaLog, {
      get:
        (_, method) =>
        (...args: unknown[]) => {
          const shown = args.map((arg) => (typeof arg === 'string' ? arg : JSON.stringify(arg)));
          said.push(`${String(method)}: ${shown.join(' | ')}`);
        },
    });
  }
}
