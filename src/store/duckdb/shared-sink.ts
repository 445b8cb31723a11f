/**
 * A way into a shared store: a Sink whose transactions wait for their turn. The turn is given back by
 * commit, rollback or close, and taken away by `expire` and when the store has to be opened again; the next
 * call that belongs to the transaction then rejects with TurnLost, once.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { RowBatch } from '../../model/columns.ts';
import type { RetentionMark } from '../retention-mark.ts';
import type { Checkpoint, LineKey, Progress, SourceIdentity, WriteStore } from '../store.ts';
import { TurnLost } from '../store.ts';
import type { Runner } from './reader-pool.ts';
import { StoreSession } from './store-session.ts';
import type { Priority, Turn, WriteTurns } from './write-turns.ts';

export interface SinkHome {
  readonly turns: WriteTurns;
  readonly connect: () => Promise<DuckDBConnection>;
  readonly run: Runner;
  readonly onClose: () => void;
}

export class SharedSink implements WriteStore {
  readonly isShared = true;
  readonly #priority: Priority;
  readonly #home: SinkHome;
  #session: Promise<StoreSession> | undefined;
  #turn: Turn | undefined;
  #lost: TurnLost | undefined;

  constructor(priority: Priority, home: SinkHome) {
    this.#priority = priority;
    this.#home = home;
  }

  /** It holds the turn to write. */
  get holdsTurn(): boolean {
    return this.#turn !== undefined;
  }

  /** The store was migrated when it was opened. */
  async migrate(): Promise<void> {}

  checkpoints(): Promise<readonly Checkpoint[]> {
    return this.#use((session) => session.checkpoints());
  }

  checkpointOf(headDigest: string): Promise<Checkpoint | undefined> {
    return this.#use((session) => session.checkpointOf(headDigest));
  }

  hasOtherSources(sourceId: number): Promise<boolean> {
    return this.#use((session) => session.hasOtherSources(sourceId));
  }

  /** Waits for the turn, unless the signal ends the waiting. */
  async begin(signal?: AbortSignal): Promise<void> {
    if (this.#turn !== undefined) throw new Error('begin within a transaction');
    this.#lost = undefined;
    const turn = await this.#home.turns.take(this.#priority, signal);
    this.#turn = turn;
    try {
      await this.#use((session) => session.begin());
    } catch (error) {
      this.#giveBack();
      throw error;
    }
  }

  enter(source: SourceIdentity, known?: Checkpoint): Promise<number> {
    return this.#within((session) => session.enter(source, known));
  }

  keepFrom(): Promise<RetentionMark | undefined> {
    return this.#use((session) => session.keepFrom());
  }

  append(batch: RowBatch): Promise<void> {
    return this.#within((session) => session.append(batch));
  }

  linesSeen(sourceId: number, from: number, to: number): Promise<readonly LineKey[]> {
    return this.#use((session) => {
      this.#tellLoss();
      return session.linesSeen(sourceId, from, to);
    });
  }

  advance(sourceId: number, progress: Progress): Promise<void> {
    return this.#within((session) => session.advance(sourceId, progress));
  }

  async commit(): Promise<void> {
    try {
      await this.#within((session) => session.commit());
    } finally {
      this.#giveBack();
    }
  }

  /** Nothing where no transaction is open; a lost one is rolled back already. */
  async rollback(): Promise<void> {
    this.#lost = undefined;
    if (this.#turn === undefined) return;
    try {
      await this.#use((session) => session.rollback());
    } finally {
      this.#giveBack();
    }
  }

  correlate(signal?: AbortSignal): Promise<void> {
    return this.#inTurn((session) => session.correlate(), signal);
  }

  refreshRollups(signal?: AbortSignal): Promise<void> {
    return this.#inTurn((session) => session.refreshRollups(), signal);
  }

  async #inTurn(
    work: (session: StoreSession) => Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const turn = await this.#home.turns.take(this.#priority, signal);
    try {
      await this.#use(work);
    } finally {
      turn.release();
    }
  }

  /** Takes the turn away from whoever has been silent. */
  async expire(): Promise<void> {
    if (this.#turn === undefined) return;
    await this.rollback().catch(() => undefined);
    this.#lost = new TurnLost('the turn to write was lost: nothing was written for too long');
  }

  async close(): Promise<void> {
    await this.rollback().catch(() => undefined);
    await this.reset();
    this.#home.onClose();
  }

  /** The store is about to be closed: what is open is lost with its connection. */
  async reset(): Promise<void> {
    if (this.#turn !== undefined) {
      this.#lost = new TurnLost('the turn to write was lost: the store had to be opened again');
    }
    const session = await this.#session?.catch(() => undefined);
    this.#session = undefined;
    session?.close();
    this.#giveBack();
  }

  #giveBack(): void {
    this.#turn?.release();
    this.#turn = undefined;
  }

  #tellLoss(): void {
    const lost = this.#lost;
    this.#lost = undefined;
    if (lost !== undefined) throw lost;
  }

  async #within<T>(work: (session: StoreSession) => Promise<T>): Promise<T> {
    this.#tellLoss();
    if (this.#turn === undefined) throw new Error('no transaction is open');
    return this.#use(work);
  }

  #use<T>(work: (session: StoreSession) => Promise<T>): Promise<T> {
    return this.#home.run(async () => {
      this.#session ??= this.#home
        .connect()
        .then((connection) => new StoreSession(connection, false));
      return work(await this.#session);
    });
  }
}
