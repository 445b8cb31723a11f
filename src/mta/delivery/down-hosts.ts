/**
 * Destinations that could not be reached, for the length of one queue run: they are not tried again in it.
 * What was found is told again of the next message, without an address, since no connection was made.
 */
import type { Attempt, FinalRecipient, Outcome } from '../model.ts';

export class DownHosts {
  readonly #found = new Map<string, Outcome>();

  /** Remembers the destination if that is what the attempts say. */
  note(key: string, attempts: readonly Attempt[]): void {
    // The last mail exchanger that was asked is the one that is named.
    const found = attempts.map(({ outcome }) => outcome).findLast(isUnreachable);
    if (found !== undefined) this.#found.set(key, { ...found, relay: nameOf(found.relay) });
  }

  /** The attempt that need not be made; undefined: it must. */
  skip(key: string, recipients: readonly FinalRecipient[], now: number): Attempt | undefined {
    const outcome = this.#found.get(key);
    return outcome && { recipients, outcome, startedAt: now, endedAt: now };
  }
}

/** No connection, or one that was lost: of a host that answered, its words would be there. */
function isUnreachable({ kind, dsn, reply, relay }: Outcome): boolean {
  return kind === 'deferred' && reply === null && relay !== null && /^4\.4\.[12]$/.test(dsn);
}

/** `mx.example. [192.0.2.1]` without the address. */
function nameOf(relay: string | null): string | null {
  if (relay === null) return null;
  const blank = relay.indexOf(' ');
  return blank < 0 ? relay : relay.slice(0, blank);
}
