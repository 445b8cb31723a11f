/**
 * One accepted connection and the session that reads it.
 *
 * Promise: a session is given bytes only while it wants some; those it leaves wait in one chunk, and the
 * socket is paused. It learns of the end after everything that came before it, and exactly once. What it
 * throws ends the connection and nothing else.
 */
import type { Socket } from 'node:net';
import { untilQuiet } from './listener.ts';

/** What a session sees of its connection. */
export interface Wire {
  readonly peer: string;
  /** Bytes written that the peer has not taken yet. */
  readonly unsent: number;
  write(text: string): void;
  /** Bytes may be taken again. */
  resume(): void;
  /** Ends the connection after what was written. */
  end(): void;
  /** Resolves when nothing waits and nothing has come for a moment, or after `limitMs`. */
  quiet(limitMs: number): Promise<void>;
}

export interface StreamSession {
  /** Reads from `from` on; where it stopped, because it wants nothing more now, or the end. */
  push(chunk: Buffer, from: number): number;
  /** The number of the frame begun and not ended, or 0. */
  readonly openFrame: number;
  /** The connection is over; so many bytes came that were never wanted. */
  ended(unread: number): void;
  /** The listener stops; resolves when the connection may be ended. */
  wrapUp(): Promise<void>;
}

export type OpenSession = (wire: Wire) => StreamSession;

/** How long a peer may take to see that we have ended. */
const MOST_FAREWELL_MS = 5_000;
/** The same when the listener stops. */
const FAREWELL_MS = 250;
const WAIT_MS = 10;
/** A sender that never pauses is not waited for longer than this. */
const MOST_ARRIVAL_MS = 1_000;

export class Connection implements Wire {
  readonly peer: string;
  readonly #socket: Socket;
  readonly #session: StreamSession;
  readonly #gone: (error: Error | undefined) => void;
  /** What the session did not want yet. */
  #rest: Buffer | undefined;
  #isPushing = false;
  /** Bytes that still come are for nobody. */
  #isDeaf = false;
  #isOver = false;
  #isDone = false;
  #error: Error | undefined;
  #frame = 0;
  #frameSince = 0;
  #lastActivity = performance.now();

  constructor(
    socket: Socket,
    peer: string,
    openSession: OpenSession,
    gone: (error: Error | undefined) => void,
  ) {
    this.#socket = socket;
    this.peer = peer;
    this.#gone = gone;
    this.#session = openSession(this);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('drain', () => this.resume());
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.on('close', () => this.#over());
  }

  get unsent(): number {
    return this.#socket.writableLength;
  }

  get isWaiting(): boolean {
    return this.#rest !== undefined;
  }

  write(text: string): void {
    if (this.#socket.writable) this.#socket.write(text, 'latin1');
  }

  /** Data that is not read would make the system reset the connection, and the last answers be lost. */
  end(): void {
    this.#isDeaf = true;
    this.#socket.end();
    this.#socket.resume();
    const patience = setTimeout(() => this.#socket.destroy(), MOST_FAREWELL_MS).unref();
    this.#socket.once('close', () => clearTimeout(patience));
  }

  async quiet(limitMs: number): Promise<void> {
    const begun = performance.now();
    const lastActivity = () => Math.max(begun, this.#lastActivity);
    await untilQuiet(lastActivity, Math.min(limitMs, MOST_ARRIVAL_MS));
    while (this.#rest !== undefined && performance.now() < begun + limitMs) {
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    }
  }

  /** Pushes what waits, and reads on once it is gone. */
  resume(): void {
    const rest = this.#rest;
    if (this.#isPushing || this.#isDone || this.#isDeaf) return;
    if (rest !== undefined) {
      this.#rest = undefined;
      // It waited for us until now.
      this.#frameSince = performance.now();
      this.#push(rest);
    }
    if (this.#rest !== undefined) return;
    if (this.#isOver) this.#finish();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** A frame was begun before `oldest` and has not ended, and the peer is to blame. */
  isSlow(oldest: number): boolean {
    return this.#rest === undefined && this.#frame > 0 && this.#frameSince < oldest;
  }

  /** Ends the connection at once; the session learns of it as of any end. */
  breakOff(): void {
    this.#socket.destroy();
  }

  async stop(): Promise<void> {
    await this.#session.wrapUp();
    if (!this.#socket.closed) {
      const closed = new Promise((resolve) => this.#socket.once('close', resolve));
      this.end();
      const patience = setTimeout(() => this.#socket.destroy(), FAREWELL_MS);
      await closed;
      clearTimeout(patience);
    }
    this.#finish();
  }

  #take(chunk: Buffer): void {
    this.#lastActivity = performance.now();
    if (this.#isDeaf) return;
    // It was read from the socket before that was paused.
    if (this.#rest !== undefined) this.#rest = Buffer.concat([this.#rest, chunk]);
    else this.#push(chunk);
  }

  #push(chunk: Buffer): void {
    this.#isPushing = true;
    try {
      const at = this.#session.push(chunk, 0);
      if (at < chunk.length) this.#rest = chunk.subarray(at);
    } catch (error) {
      this.#error = asError(error);
      this.#isDeaf = true;
      this.#socket.destroy();
    }
    this.#isPushing = false;
    this.#watchFrame();
    if (this.#rest !== undefined && !this.#isDeaf) this.#socket.pause();
  }

  /** The time of waiting for us does not count as the peer's. */
  #watchFrame(): void {
    const frame = this.#session.openFrame;
    if (frame !== this.#frame || this.#rest !== undefined) this.#frameSince = performance.now();
    this.#frame = frame;
  }

  #over(): void {
    this.#isOver = true;
    if (this.#rest === undefined || this.#isDeaf) this.#finish();
  }

  #finish(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    try {
      this.#session.ended(this.#rest?.length ?? 0);
    } catch (error) {
      this.#error ??= asError(error);
    }
    this.#rest = undefined;
    this.#gone(this.#error);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
