/**
 * What one SMTP session told before its message: AUTH= and STARTTLS= lines bear no queue id, only the
 * process id they share with the from= lines that follow (sendmail forks one process a connection).
 *
 * Memory is bounded: past a limit all is forgotten, since sessions are short.
 */
import type { LogBlock } from '../pipeline/log-block.ts';

export interface Session {
  user: string | undefined;
  mechanism: string | undefined;
  tlsVersion: string | undefined;
}

const LIMIT = 50_000;
/** Process ids fit below this (Linux: 2^22); the host's number stands above. */
const PID_SPAN = 2 ** 24;

export class Sessions {
  readonly #byProcess = new Map<number, Session>();

  /** The session of the current line's process, if it told anything. */
  find(block: LogBlock): Session | undefined {
    return this.#byProcess.get(keyOf(block));
  }

  /** The session of the current line's process, made if need be. */
  open(block: LogBlock): Session {
    const key = keyOf(block);
    let session = this.#byProcess.get(key);
    if (session === undefined) {
      if (this.#byProcess.size >= LIMIT) this.clear();
      session = { user: undefined, mechanism: undefined, tlsVersion: undefined };
      this.#byProcess.set(key, session);
    }
    return session;
  }

  /** A new connection begins in this process: nothing said before holds for it. */
  restart(block: LogBlock): void {
    this.#byProcess.delete(keyOf(block));
  }

  clear(): void {
    this.#byProcess.clear();
  }
}

function keyOf(block: LogBlock): number {
  return block.hostId * PID_SPAN + block.header.pid;
}
