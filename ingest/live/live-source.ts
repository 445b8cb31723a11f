/**
 * A source that goes on: a log that is being written, a listener's spool, the journal. What the live
 * ingester asks of one.
 *
 * Promise: blocks come in order and end at line ends; after `start` reading begins at the store's
 * checkpoint, so what was read and not committed comes again. Nothing here waits for data.
 */
import type { Checkpoint, Sink, SourceIdentity } from '../../src/store/store.ts';
import type { ClockOptions } from '../pipeline/clock.ts';
import type { Extent } from '../pipeline/source-writer.ts';
import type { LineItem } from '../source/line-blocks.ts';

/** Where reading begins. */
export interface SourceStart {
  readonly identity: SourceIdentity;
  readonly known: Checkpoint | undefined;
  /** Latest time its lines can bear, epoch seconds. */
  readonly latest: number;
  /** Whole lines before that place, to set clocks by. They are not taken again. */
  readonly before: Buffer;
}

export type LiveRead =
  | {
      readonly kind: 'block';
      readonly item: LineItem;
      readonly extent?: Extent;
      /** A small one, ended for what comes next, which is there already: to be taken in the same round. */
      readonly isFollowed?: boolean;
    }
  /** Nothing more now. */
  | { readonly kind: 'idle' }
  /** What stands there now is another content: to be started anew. */
  | { readonly kind: 'replaced' }
  /** Nothing more ever; `problem` if it could not be read to its end. */
  | { readonly kind: 'ended'; readonly problem?: string };

export interface LiveSource {
  /** For people: a path, an address. It may change when a file is renamed. */
  readonly name: string;
  /** True where a sender waits for the commit: others may wait for company. */
  readonly urgent: boolean;
  /** Bytes known to be there and not read yet. */
  readonly backlog: number;
  /** Finds where the store left it; undefined while there is nothing to tell it by. */
  start(sink: Sink): Promise<SourceStart | undefined>;
  /** The next block; valid until the next call. */
  read(): Promise<LiveRead>;
  /** Everything read so far is durable in the store. */
  committed(): void;
  close(): Promise<void>;
}

/** Sources that come and go. */
export interface LiveSources {
  /** Looks again, if it is time to; the sources there are now. */
  refresh(): Promise<readonly LiveSource[]>;
  /** The next refresh looks, whether it is time to or not. */
  lookAtOnce?(): void;
  /** One of its sources is over. */
  ended?(source: LiveSource, problem: string | undefined): Promise<void>;
  close(): Promise<void>;
}

/** Lines before a checkpoint that are read to set clocks by. */
export const PRIMING_BYTES = 64 * 1024;

export type ClockMaker = (latest: number) => ClockOptions;

/** Whole lines at the end of a stretch of bytes that may begin within a line. */
export function wholeLines(bytes: Buffer, beginsLine: boolean): Buffer {
  const end = bytes.lastIndexOf(0x0a) + 1;
  const start = beginsLine ? 0 : bytes.indexOf(0x0a) + 1;
  return bytes.subarray(Math.min(start, end), end);
}
