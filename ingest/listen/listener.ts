/**
 * What all listeners have in common: how they are started and stopped, their limits, what they count and
 * how they tell that something happened.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { ListenAddress } from './address.ts';
import type { Inlet } from './inlet.ts';
import type { TlsIdentity } from './stream-server.ts';

export interface Listener {
  /** Resolves with the address that was bound, the port filled in; rejects with what to do about it. */
  start(): Promise<ListenAddress>;
  /** Accepts nothing more, takes what has arrived, and ends. */
  stop(): Promise<void>;
  counters(): ListenerCounters;
  /** Where there is TLS: the identity for connections to come. */
  renewTls?(identity: TlsIdentity): void;
}

export interface ListenerCounters {
  readonly connectionsOpen: number;
  readonly connectionsTotal: number;
  readonly connectionsRefused: number;
  /** Messages taken, whatever became of them. */
  readonly frames: number;
  readonly bytes: number;
  /** Messages that came while there was no room, and were not taken. */
  readonly dropped: number;
  readonly cut: number;
  readonly overlong: number;
  /** Frames a peer sent again and that were known. */
  readonly repeated: number;
  readonly errors: number;
  /** Datagrams the kernel dropped before we could read them; absent where the system does not tell. */
  readonly kernelDrops?: number;
}

export interface ListenLimits {
  /** Bytes of a message; longer ones become `overlong`. */
  readonly maxLine: number;
  readonly maxConnections: number;
  /** Connections of one client address. */
  readonly maxPerPeer: number;
  /** A frame that was begun must have ended after this time. */
  readonly frameTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  readonly keepAliveMs: number;
  /** RELP frames of a session that are not yet answered; then its socket is paused. */
  readonly relpWindow: number;
  /** How long `stop` waits for what is on its way. */
  readonly stopGraceMs: number;
}

export const DEFAULT_LIMITS: ListenLimits = {
  maxLine: 64 * 1024,
  maxConnections: 4096,
  maxPerPeer: 1024,
  frameTimeoutMs: 60_000,
  handshakeTimeoutMs: 10_000,
  keepAliveMs: 30_000,
  relpWindow: 1024,
  stopGraceMs: 2_000,
};

/** How much of an overlong or cut message is kept. */
export const HEAD_LENGTH = 4096;

export const LISTEN_EVENTS = ['refused', 'timeout', 'tls', 'protocol', 'dropped', 'error'] as const;
export type ListenEvent = (typeof LISTEN_EVENTS)[number];
export type OnListenEvent = (kind: ListenEvent, detail: string) => void;

export interface ListenContext {
  readonly inlet: Inlet;
  readonly limits: ListenLimits;
  readonly onEvent: OnListenEvent;
}

/** The counters while they count. */
export class Tally implements ListenerCounters {
  connectionsOpen = 0;
  connectionsTotal = 0;
  connectionsRefused = 0;
  frames = 0;
  bytes = 0;
  dropped = 0;
  cut = 0;
  overlong = 0;
  repeated = 0;
  errors = 0;

  snapshot(): ListenerCounters {
    return { ...this };
  }
}

const MINUTE_MS = 60_000;

/** Reports the first event of a kind in a minute; of the others it tells with the next one how many they were. */
export class EventGate {
  readonly #report: OnListenEvent;
  readonly #now: () => number;
  readonly #kinds = new Map<ListenEvent, { opensAt: number; held: number }>();

  constructor(report: OnListenEvent, now: () => number = Date.now) {
    this.#report = report;
    this.#now = now;
  }

  report(kind: ListenEvent, detail: string): void {
    const now = this.#now();
    const last = this.#kinds.get(kind);
    if (last !== undefined && now < last.opensAt) {
      last.held += 1;
      return;
    }
    const held = last?.held ?? 0;
    this.#kinds.set(kind, { opensAt: now + MINUTE_MS, held: 0 });
    this.#report(kind, held > 0 ? `${detail} (and ${held} more since the last report)` : detail);
  }
}

export const UNKNOWN_PEER = '-';

/** A dual-stack socket shows IPv4 peers as `::ffff:192.0.2.1`. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return UNKNOWN_PEER;
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/**
 * Resolves once nothing has happened for several looks in a row, or after `limitMs`. Between two looks the
 * event loop has read from sockets, however long this process was kept from running.
 */
export async function untilQuiet(lastActivity: () => number, limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs;
  let last = lastActivity();
  for (let quiet = 0; quiet < QUIET_LOOKS && performance.now() < deadline; quiet += 1) {
    await sleep(LOOK_MS);
    await nextTurn();
    const now = lastActivity();
    if (now !== last) quiet = 0;
    last = now;
  }
}

/** Loopback and kernel queues are read within a turn of the event loop; this is many. */
const QUIET_LOOKS = 5;
const LOOK_MS = 5;
