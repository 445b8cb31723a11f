/** How the daemon is, at one moment: what `status`, /health, metrics and the signal all tell from. */
import type { SourceReport } from '../../../ingest/live/source-status.ts';

export interface ListenerHealth {
  /** As configured. */
  readonly address: string;
  /** Where it listens in fact: with the port the system chose. */
  readonly bound: string;
  readonly counters: Readonly<Record<string, number>>;
  readonly spoolBytes: number;
  /** Senders are held up, or datagrams dropped, since the spool is full. */
  readonly isFull: boolean;
}

export interface Health {
  /** `ok`, or `blocked` while nothing can be stored. */
  readonly state: 'ok' | 'blocked';
  readonly blocked: string | null;
  readonly version: string;
  readonly pid: number;
  readonly db: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly uptime: number;
  readonly memory: number;
  readonly sources: readonly SourceReport[];
  readonly listeners: readonly ListenerHealth[];
}
