/**
 * What the daemon's two threads say to each other besides questions to the store: the main thread has
 * sockets, spools and signals; the store's thread has the database and all reading of logs.
 */
import type { SourceReport } from '../../../ingest/live/source-status.ts';

export type ToStore =
  /** A listener's spool: where does the store stand? Answered by `spool`. */
  | { readonly kind: 'spool'; readonly name: string; readonly key: string; readonly folder: string }
  /** The spool can be read up to there. */
  | { readonly kind: 'written'; readonly key: string; readonly end: number }
  /** What is followed from now on. */
  | {
      readonly kind: 'reload';
      readonly follow: readonly string[];
      readonly journal: readonly string[];
      readonly retentionDays: number;
    }
  | { readonly kind: 'status'; readonly id: number }
  | { readonly kind: 'stop' };

/** How a log line of the daemon's own is written: pino's words. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface StoreStatus {
  readonly sources: readonly SourceReport[];
  /** Why nothing is taken now; null when all is well. */
  readonly blocked: string | null;
}

export type FromStore =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly code: string | null; readonly message: string }
  | { readonly kind: 'spool'; readonly key: string; readonly position: number }
  | { readonly kind: 'taken'; readonly key: string; readonly position: number }
  | { readonly kind: 'batch'; readonly lines: number; readonly milliseconds: number }
  | { readonly kind: 'blocked'; readonly reason: string | null }
  | { readonly kind: 'status'; readonly id: number; readonly status: StoreStatus }
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'stopped' };
