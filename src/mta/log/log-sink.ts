/**
 * Where lines of the log go. A line is finished when it gets here: one line, printable ASCII, not too long.
 *
 * Promises of every sink: `write` never throws and never waits; lines come out in the order in which they
 * came in; what goes wrong is said once, through `onProblem`, until it is well again.
 */

/** Severities of syslog(3). */
export const SEVERITIES = {
  alert: 1,
  critical: 2,
  error: 3,
  warning: 4,
  notice: 5,
  info: 6,
  debug: 7,
} as const;
export type Severity = keyof typeof SEVERITIES;

export interface LogLine {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly severity: Severity;
  readonly host: string;
  readonly tag: string;
  readonly pid: number;
  readonly text: string;
}

export interface LogSink {
  write(line: LogLine): void;
  /** Begins a new file where one was moved away; nothing elsewhere. */
  reopen(): void;
  /** Everything written so far is where it belongs, or has failed. */
  flush(): Promise<void>;
  /** Flushes and ends; lines written afterwards are gone. */
  close(): Promise<void>;
}

export type SinkProblem = (text: string) => void;

/** Lines kept in memory: for tests. */
export class MemorySink implements LogSink {
  readonly lines: LogLine[] = [];

  write(line: LogLine): void {
    this.lines.push(line);
  }

  reopen(): void {}

  async flush(): Promise<void> {}

  async close(): Promise<void> {}
}

/** The same lines to several sinks. */
export class SeveralSinks implements LogSink {
  readonly #sinks: readonly LogSink[];

  constructor(sinks: readonly LogSink[]) {
    this.#sinks = sinks;
  }

  write(line: LogLine): void {
    for (const sink of this.#sinks) sink.write(line);
  }

  reopen(): void {
    for (const sink of this.#sinks) sink.reopen();
  }

  async flush(): Promise<void> {
    await Promise.all(this.#sinks.map((sink) => sink.flush()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#sinks.map((sink) => sink.close()));
  }
}
