/**
 * How often each client comes (sendmail's ${client_rate} and ${client_connections}) and how long it waits
 * for our greeting. Counts of a client's last minute are kept for ten seconds each, as sendmail does.
 *
 * Promise: bounded. Of more clients than `mostClients`, those longest unseen are forgotten first, but none
 * that has a connection open.
 */
import type { Client } from '../model.ts';
import type { AccessMap } from './access.ts';
import type { ClientLoad } from './check-relay.ts';
import { clientAddress, clientName } from './site.ts';

const BUCKET_MS = 10_000;
const BUCKETS = 6;
/** Longer pauses would outlast what clients wait for a greeting (RFC 5321, 4.5.3.2.1). */
const LONGEST_PAUSE_MS = 5 * 60_000;

interface Seen {
  open: number;
  /** Number of the newest bucket, and how many connections each of the last ones has. */
  newest: number;
  readonly counts: number[];
}

export class ClientLimits {
  readonly #now: () => number;
  readonly #mostClients: number;
  /** In the order in which they were last seen. */
  readonly #clients = new Map<string, Seen>();

  constructor(now: () => number, mostClients = 50_000) {
    this.#now = now;
    this.#mostClients = mostClients;
  }

  get size(): number {
    return this.#clients.size;
  }

  /** A client has connected: what it comes to, itself included. */
  opened(address: string): ClientLoad {
    const seen = this.#clients.get(address) ?? { open: 0, newest: 0, counts: [] };
    this.#clients.delete(address);
    this.#clients.set(address, seen);
    seen.open += 1;
    const bucket = Math.floor(this.#now() / BUCKET_MS);
    const older = Math.min(Math.max(bucket - seen.newest, 0), BUCKETS);
    seen.counts.unshift(...Array.from({ length: older }, () => 0));
    seen.counts.length = BUCKETS;
    seen.counts[0] = (seen.counts[0] ?? 0) + 1;
    seen.newest = Math.max(bucket, seen.newest);
    this.#forget();
    return { rate: seen.counts.reduce((sum, count) => sum + (count ?? 0), 0), open: seen.open };
  }

  closed(address: string): void {
    const seen = this.#clients.get(address);
    if (seen !== undefined) seen.open = Math.max(seen.open - 1, 0);
  }

  #forget(): void {
    if (this.#clients.size <= this.#mostClients) return;
    for (const [address, seen] of this.#clients) {
      if (seen.open === 0) this.#clients.delete(address);
      if (this.#clients.size <= this.#mostClients) return;
    }
  }
}

/** FEATURE greet_pause: milliseconds, by GreetPause: of the access map, else the site's own. */
export function greetPause(client: Client, access: AccessMap | null, siteMs: number): number {
  const value =
    access?.domain('GreetPause', clientName(client), 'tag only') ??
    access?.address('GreetPause', clientAddress(client), 'tag only');
  const pause = value === undefined ? siteMs : Number(value.trim());
  return Number.isFinite(pause) ? Math.min(Math.max(pause, 0), LONGEST_PAUSE_MS) : siteMs;
}
