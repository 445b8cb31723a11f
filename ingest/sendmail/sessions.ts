/**
 * What one SMTP session told before its message: AUTH= and STARTTLS= lines bear no queue id, only the
 * process id they share with the from= lines that follow (sendmail forks one process a connection).
 *
 * Memory is bounded: past a limit all is forgotten, since sessions are short.
 */
import type { LogBlock } from '../pipeline/log-block.ts';

export interface Session {
  host: number;
  user: string | undefined;
  mechanism: string | undefined;
  tlsVersion: string | undefined;
}

const LIMIT = 50_000;

export class Sessions {
  /** By process id. Two hosts of one log that have the same at a time: the later session counts. */
  readonly #byProcess = new Map<number, Session>();

  /** The session of the current line's process, if it told anything. */
  find(block: LogBlock): Session | undefined {
    const session = this.#byProcess.get(block.header.pid);
    return session?.host === block.hostId ? session : undefined;
  }

  /** The session of the current line's process, made if need be. */
  open(block: LogBlock): Session {
    const found = this.find(block);
    if (found !== undefined) return found;
    if (this.#byProcess.size >= LIMIT) this.clear();
    const session = {
      host: block.hostId,
      user: undefined,
      mechanism: undefined,
      tlsVersion: undefined,
    };
    this.#byProcess.set(block.header.pid, session);
    return session;
  }

  /** A new connection begins in this process: nothing said before holds for it. */
  restart(block: LogBlock): void {
    if (this.find(block) !== undefined) this.#byProcess.delete(block.header.pid);
  }

  clear(): void {
    this.#byProcess.clear();
  }
}
