/**
 * What a client sends, as lines and as message data. One reader for the whole session; the socket below it is
 * exchanged when TLS begins.
 *
 * Promises: at most one wait at a time; what one peer can make us keep is bounded by the longest line that is
 * asked for, then the socket is paused. A wait ends with a line, the end of input, an error's name or a timeout.
 */
import type { Socket } from 'node:net';

export type LineOutcome =
  | { readonly kind: 'line'; readonly line: string }
  | { readonly kind: 'closed'; readonly why: string }
  | { readonly kind: 'timeout' }
  /** Nobody is to be waited for any more. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'too-long'; readonly length: number };

export type ChunkOutcome =
  | { readonly kind: 'chunk'; readonly chunk: Buffer }
  | { readonly kind: 'closed'; readonly why: string }
  | { readonly kind: 'timeout' };

const LF = 0x0a;
const CR = 0x0d;
const EMPTY = Buffer.alloc(0);

export class SessionInput {
  #socket: Socket;
  #pending: Buffer = EMPTY;
  #closed: string | null = null;
  #isStopped = false;
  #wake: (() => void) | null = null;
  readonly #onData = (chunk: Buffer) => this.#take(chunk);
  readonly #onEnd = () => this.#close('unexpected close');
  readonly #onError = (error: Error) => this.#close(reasonOf(error));

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  /** From now on another socket is read, as TLS over the old one. What came unencrypted is forgotten. */
  attach(socket: Socket): void {
    this.detach();
    this.#socket = socket;
    this.#listen();
  }

  /** Leaves the socket to somebody else. */
  detach(): void {
    this.#socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onEnd);
    this.#pending = EMPTY;
  }

  /** The command that is waited for is the last: a wait for one ends. */
  stop(): void {
    this.#isStopped = true;
    this.#wake?.();
  }

  /** Whether the client has sent something that nobody has read yet. */
  get hasInput(): boolean {
    return this.#pending.length > 0;
  }

  get isClosed(): boolean {
    return this.#closed !== null;
  }

  /** Waits until there is input, for `ms` at most: whether there is. */
  async waitForInput(ms: number): Promise<boolean> {
    if (!this.hasInput && this.#closed === null) await this.#wait(ms);
    return this.hasInput;
  }

  /** Lets time pass, unless the client is gone or nobody is to be waited for. */
  async pause(ms: number): Promise<void> {
    const end = performance.now() + ms;
    for (let left = ms; left > 0 && this.#closed === null && !this.#isStopped; ) {
      await this.#wait(left);
      left = end - performance.now();
    }
  }

  /** The next line without its end, which is LF or CR LF. */
  async line(limit: number, timeoutMs: number): Promise<LineOutcome> {
    for (let from = 0; ; ) {
      const end = this.#pending.indexOf(LF, from);
      if (end > limit || (end < 0 && this.#pending.length >= limit)) {
        return { kind: 'too-long', length: limit };
      }
      if (end >= 0) return { kind: 'line', line: this.#cut(end) };
      from = this.#pending.length;
      if (this.#closed !== null) return { kind: 'closed', why: this.#closed };
      if (this.#isStopped) return { kind: 'stopped' };
      if (!(await this.#wait(timeoutMs))) return { kind: 'timeout' };
    }
  }

  #cut(end: number): string {
    const last = end > 0 && this.#pending[end - 1] === CR ? end - 1 : end;
    const line = this.#pending.toString('latin1', 0, last);
    this.#drop(end + 1);
    return line;
  }

  /** All that has come, at least one byte. What is not used of it is given back with `unread`. */
  async chunk(timeoutMs: number): Promise<ChunkOutcome> {
    while (!this.hasInput && this.#closed === null) {
      if (!(await this.#wait(timeoutMs))) return { kind: 'timeout' };
    }
    if (!this.hasInput) return { kind: 'closed', why: this.#closed ?? 'unexpected close' };
    const chunk = this.#pending;
    this.#drop(chunk.length);
    return { kind: 'chunk', chunk };
  }

  unread(rest: Buffer): void {
    this.#pending = this.hasInput ? Buffer.concat([rest, this.#pending]) : rest;
  }

  #listen(): void {
    this.#socket.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onEnd);
    this.#socket.on('error', this.#onError);
    // It may be gone already, and would not say so again.
    if (this.#socket.destroyed || this.#socket.readableEnded) this.#close('unexpected close');
  }

  #take(chunk: Buffer): void {
    this.#pending = this.hasInput ? Buffer.concat([this.#pending, chunk]) : chunk;
    if (this.#pending.length >= 65_536) this.#socket.pause();
    this.#wake?.();
  }

  #drop(length: number): void {
    this.#pending = length >= this.#pending.length ? EMPTY : this.#pending.subarray(length);
    if (this.#socket.isPaused() && this.#pending.length < 65_536) this.#socket.resume();
  }

  #close(why: string): void {
    this.#closed ??= why;
    this.#wake?.();
  }

  /** Until something comes or the client is gone: whether that was in time. */
  #wait(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(false), ms);
      const done = (isInTime: boolean) => {
        clearTimeout(timer);
        this.#wake = null;
        resolve(isInTime);
      };
      this.#wake = () => done(true);
    });
  }
}

/** As the C library words it. */
function reasonOf(error: Error & { code?: string }): string {
  if (error.code === 'ECONNRESET') return 'Connection reset by peer';
  if (error.code === 'EPIPE') return 'Broken pipe';
  if (error.code === 'ETIMEDOUT') return 'Connection timed out';
  return 'unexpected close';
}
