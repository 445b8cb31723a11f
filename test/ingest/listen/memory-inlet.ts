/** An inlet that keeps what it is given, for tests: full and committed when the test says so. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame, FrameKind, Inlet } from '../../../ingest/listen/inlet.ts';
import { DEFAULT_LIMITS, type ListenContext } from '../../../ingest/listen/listener.ts';

export interface KeptFrame {
  readonly kind: FrameKind;
  readonly text: string;
  readonly length: number;
  readonly session: number;
}

export class MemoryInlet implements Inlet {
  readonly frames: KeptFrame[] = [];
  readonly notes: string[] = [];
  /** Frames that may be uncommitted before it is full. */
  capacity = Number.POSITIVE_INFINITY;
  isClosed = false;
  /** Commits on the next turn of the event loop. */
  isAutomatic = true;
  mostUncommitted = 0;
  #position = 0;
  #committed = 0;
  readonly #onRoom: (() => void)[] = [];
  readonly #onCommitted: ((position: number) => void)[] = [];

  put({ kind, bytes, length }: Frame, session: number): number {
    if (this.isClosed) throw new Error('closed');
    this.frames.push({ kind, text: Buffer.from(bytes).toString('latin1'), length, session });
    this.#position += bytes.length + 1;
    this.mostUncommitted = Math.max(this.mostUncommitted, this.uncommitted);
    if (this.isAutomatic) setImmediate(() => this.commit());
    return this.#position;
  }

  opened(session: number, peer: string): void {
    this.notes.push(`opened ${session} ${peer}`);
  }

  closed(session: number): void {
    this.notes.push(`closed ${session}`);
  }

  get uncommitted(): number {
    return this.frames.length - this.#committedFrames;
  }

  #committedFrames = 0;

  get isFull(): boolean {
    return this.uncommitted >= this.capacity;
  }

  onRoom(listener: () => void): void {
    this.#onRoom.push(listener);
  }

  onCommitted(listener: (position: number) => void): void {
    this.#onCommitted.push(listener);
  }

  commit(): void {
    if (this.#committed === this.#position) return;
    this.#committed = this.#position;
    this.#committedFrames = this.frames.length;
    for (const listener of this.#onCommitted) listener(this.#committed);
    for (const listener of this.#onRoom) listener();
  }

  get texts(): string[] {
    return this.frames.map(({ text }) => text);
  }

  /** Commits turn by turn until there are so many frames, all of them in the end. */
  async commitUntil(count: number): Promise<void> {
    for (let turn = 0; this.frames.length < count && turn < 20_000; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      this.commit();
    }
    this.commit();
  }

  async until(count: number): Promise<void> {
    await waitFor(
      () => this.frames.length >= count,
      () => `${this.frames.length} of ${count} frames`,
    );
  }
}

/** Polls until it holds; bounded, so that a test that fails says why. */
export async function waitFor(holds: () => boolean, what: () => string): Promise<void> {
  for (let turn = 0; turn < 2000; turn += 1) {
    if (holds()) return;
    await sleep(turn < 100 ? 2 : 10);
  }
  throw new Error(`waited in vain: ${what()}`);
}

export function context(inlet: Inlet, limits: Partial<ListenContext['limits']> = {}): TestContext {
  const events: string[] = [];
  return {
    inlet,
    limits: { ...DEFAULT_LIMITS, ...limits },
    events,
    onEvent: (kind, detail) => {
      events.push(`${kind}: ${detail}`);
    },
  };
}

export interface TestContext extends ListenContext {
  readonly events: string[];
}
