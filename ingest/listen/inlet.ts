/**
 * Where listeners put what they take in, and how they learn that it is safe. The spool (`ingest/spool/`)
 * is the inlet of the daemon; tests have others.
 *
 * Promise: what was put is in the store once `committed` has reached the position that `put` returned;
 * it stays in order, and memory stays bounded as long as whoever puts heeds `isFull`.
 */

/**
 * `line`: one line as a log file would hold it. `overlong`: how a line began that was longer than the limit.
 * `cut`: how a frame began whose rest never came. `repeat`: a line that was sent again and is in the store
 * already, to be counted as a duplicate.
 */
export const FRAME_KINDS = ['line', 'overlong', 'cut', 'repeat'] as const;
export type FrameKind = (typeof FRAME_KINDS)[number];

export interface Frame {
  readonly kind: FrameKind;
  /** Without LF; never holds one. The inlet has copied it when `put` returns. */
  readonly bytes: Uint8Array;
  /** Bytes of the message as it came over the wire, before anything was cut or rewritten. */
  readonly length: number;
}

export interface Inlet {
  /** Takes a frame of a session (0 where sessions mean nothing); the position after it. Throws after close. */
  put(frame: Frame, session: number): number;
  /** Notes for recovery that a session of this peer began. */
  opened(session: number, peer: string): void;
  /** Notes for recovery that a session ended in a way after which nothing of it is sent again. */
  closed(session: number): void;
  /** True: do not put now. Streams are paused, datagrams are dropped and counted. */
  readonly isFull: boolean;
  /** Called each time there is room again. */
  onRoom(listener: () => void): void;
  /** Called with the position up to which everything is in the store. */
  onCommitted(listener: (position: number) => void): void;
}
