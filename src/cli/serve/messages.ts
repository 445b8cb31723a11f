/**
 * What the daemon's two threads say to each other besides questions to the store: the main thread has
 * sockets, spools and signals; the store's thread has the database and all reading of logs.
 */
import type { SourceReport } from '../../../ingest/live/source-status.ts';
import type { ErrorCode } from '../../model/errors.ts';

export type ToStore =
  /** A listener's spool: where does the store stand? Answered by `spool`. */
  | { readonly kind: 'spool'; readonly name: string; readonly key: string; readonly folder: string }
  /** The spool can be read up to there. */
  | { readonly kind: 'written'; readonly key: string; readonly end: number }
  /** Nothing more is written to the spool. Answered by `drained` when the store has all of it. */
  | { readonly kind: 'finish'; readonly key: string }
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
  /** The database could not be opened. */
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'spool'; readonly key: string; readonly position: number }
  /** The store cannot tell now. */
  | { readonly kind: 'no spool'; readonly key: string; readonly reason: string }
  | { readonly kind: 'taken'; readonly key: string; readonly position: number }
  | { readonly kind: 'drained'; readonly key: string }
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
