/**
 * What is done against clients that try many commands: counted, logged once, answered later and later, as
 * sendmail's checksmtpattack() does.
 */
import { reply } from './replies.ts';
import type { SmtpSession } from './session.ts';

/** After so many of a kind it is an attack (sendmail's MAXNOOPCOMMANDS and the like). */
const LIMITS = { NOOP: 20, 'HELO/EHLO': 3, VRFY: 6, EXPN: 6, ETRN: 8 } as const;
const MOST_UNKNOWN = 25;
const LONGEST_WAIT_MS = 4 * 60 * 1000;

export class BadCommands {
  readonly #session: SmtpSession;
  readonly #counts = new Map<string, number>();
  #unknown = 0;

  constructor(session: SmtpSession) {
    this.#session = session;
  }

  /** Waits if this command came too often. `limit` where it is not a fixed one. */
  async count(command: keyof typeof LIMITS | 'AUTH', limit?: number): Promise<void> {
    const most = limit ?? LIMITS[command as keyof typeof LIMITS];
    // Both ask about addresses.
    const kind = command === 'EXPN' ? 'VRFY' : command;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    if (count < most) return;
    const { log, relay, id, settings } = this.#session;
    if (count === most) log.attack(id, relay, command, count);
    if (!settings.isAttackDelayed) return;
    await this.#session.flush();
    const wait = 1000 * 2 ** Math.min(count - most, 20);
    await this.#session.input.pause(Math.min(wait, LONGEST_WAIT_MS));
  }

  unknown(line: string): void {
    const session = this.#session;
    this.#unknown += 1;
    if (this.#unknown > MOST_UNKNOWN) {
      const { hostname } = session.settings;
      session.say(reply(421, '4.7.0', `${hostname} Too many bad commands; closing connection`));
      session.end();
      return;
    }
    session.say(reply(500, '5.5.1', `Command unrecognized: "${line}"`));
  }
}
