/**
 * From the first signal that could come to the last: what each does, and that the process ends in bounded
 * time, whatever hangs. Signals count from before the start on, since a SIGHUP that nobody hears would kill
 * and a SIGUSR1 would open Node's debugger.
 */
import type { ExitCode } from '../../model/errors.ts';
import { toMaillogError } from '../../model/errors.ts';

/** What becomes of it is told there: pino, or lines for a person. */
export interface LifetimeLog {
  info(details: object, text: string): void;
  error(details: object, text: string): void;
}

export interface Living {
  /** Ends early when the signal is aborted. `died`: there is nothing left to serve. */
  start(signal: AbortSignal, died: (reason: string) => void): Promise<void>;
  /** False when something could not be brought to its end. */
  stop(): Promise<boolean>;
  reload(): Promise<void>;
  /** Says how it is. */
  tell(): Promise<void>;
}

export interface LifetimeOptions {
  readonly log: LifetimeLog;
  /** What the process's signals come from, and what ends it at once. */
  readonly process: Pick<NodeJS.Process, 'on' | 'off' | 'exit'>;
  /** How long the end may take. */
  readonly patienceMs?: number;
}

/** Less than systemd's usual patience of 90 seconds. */
const PATIENCE_MS = 60_000;

export class Lifetime {
  readonly #living: Living;
  readonly #options: LifetimeOptions;
  readonly #aborted = new AbortController();
  readonly #signals: readonly (readonly [NodeJS.Signals, () => void])[];
  /** Reloads, one after the other, and not before it runs. */
  #reloads: Promise<void> = Promise.resolve();
  #end: (code: ExitCode) => void = () => undefined;
  readonly #ended: Promise<ExitCode>;

  constructor(living: Living, options: LifetimeOptions) {
    this.#living = living;
    this.#options = options;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#signals = [
      ['SIGTERM', () => this.#interrupted('SIGTERM')],
      ['SIGINT', () => this.#interrupted('SIGINT')],
      ['SIGHUP', () => this.#reload()],
      ['SIGUSR1', () => void living.tell()],
    ];
  }

  /** The exit code; rejects when it could not start. */
  async run(): Promise<ExitCode> {
    const { process } = this.#options;
    for (const [signal, act] of this.#signals) process.on(signal, act);
    try {
      return await this.#live();
    } finally {
      for (const [signal, act] of this.#signals) process.off(signal, act);
    }
  }

  async #live(): Promise<ExitCode> {
    const started = this.#living.start(this.#aborted.signal, (reason) => {
      this.#options.log.error({ reason }, 'the store has gone');
      this.#end(1);
    });
    this.#reloads = started.catch(() => undefined);
    const failure = await Promise.race([started.then(() => null, asFailure), this.#ended]);
    if (isFailure(failure) && !this.#aborted.signal.aborted) throw failure.error;
    const code = await this.#ended;
    return (await this.#stopped()) ? code : 1;
  }

  /** True when all came to its end in time. */
  async #stopped(): Promise<boolean> {
    const { log, patienceMs = PATIENCE_MS } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), patienceMs);
    });
    const outcome = await Promise.race([this.#living.stop(), late]);
    clearTimeout(timer);
    if (outcome !== 'late') return outcome;
    log.error({ seconds: patienceMs / 1000 }, 'stopping takes too long: ended as it is');
    return false;
  }

  #interrupted(signal: NodeJS.Signals): void {
    const { log, process } = this.#options;
    if (this.#aborted.signal.aborted) {
      log.error({ signal }, 'ended at once, as a second signal asks for');
      process.exit(1);
      return;
    }
    log.info({ signal }, 'stopping');
    this.#aborted.abort(new Error('stopped while starting'));
    this.#end(0);
  }

  #reload(): void {
    this.#reloads = this.#reloads.then(async () => {
      if (this.#aborted.signal.aborted) return;
      try {
        await this.#living.reload();
      } catch (error) {
        const { message } = toMaillogError(error);
        this.#options.log.error({ reason: message }, 'not reloaded: nothing was changed');
      }
    });
  }
}

interface Failure {
  readonly error: unknown;
}

function asFailure(error: unknown): Failure {
  return { error };
}

function isFailure(value: unknown): value is Failure {
  return typeof value === 'object' && value !== null;
}
