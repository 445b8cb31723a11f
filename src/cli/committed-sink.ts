/**
 * What of one input has become durable, for a load that may have to take the input again: another reader of
 * the same content was faster, or the turn to write was lost. What was counted before is not counted twice,
 * neither for the person nor in the ledger.
 */
import { noCounts, noEvents } from '../../ingest/pipeline/source-writer.ts';
import type { RowBatch } from '../model/columns.ts';
import type { EventTable } from '../store/schema.ts';
import { EVENT_TABLES } from '../store/schema.ts';
import type {
  Checkpoint,
  LineCounts,
  LineKey,
  Progress,
  Sink,
  SourceIdentity,
} from '../store/store.ts';

/** How far the input has been accounted for. */
interface Place {
  readonly lines: number;
  readonly offset: number;
}

const NOWHERE: Place = { lines: 0, offset: 0 };

export class CommittedSink implements Sink {
  readonly counts: LineCounts = noCounts();
  readonly #sink: Sink;
  #events = noEvents();
  #place = NOWHERE;
  #pendingCounts = noCounts();
  #pendingEvents = noEvents();
  #pendingPlace = NOWHERE;
  /** What the next ledger must leave out, since it was counted already. */
  #counted = NOWHERE;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /**
   * The input is taken again from there: lines before it are given as known ones, but those accounted for
   * were. Events of the attempts before are handed out.
   */
  startAgain(known: Checkpoint | undefined): Readonly<Record<EventTable, number>> {
    const { lines, offset } = this.#place;
    this.#counted = {
      lines: Math.min(lines, known?.lines ?? 0),
      offset: Math.min(offset, known?.offset ?? 0),
    };
    const events = this.#events;
    this.#events = noEvents();
    return events;
  }

  migrate(): Promise<void> {
    return this.#sink.migrate();
  }

  checkpoints(): Promise<readonly Checkpoint[]> {
    return this.#sink.checkpoints();
  }

  checkpointOf(headDigest: string): Promise<Checkpoint | undefined> {
    return this.#sink.checkpointOf(headDigest);
  }

  begin(): Promise<void> {
    this.#pendingCounts = noCounts();
    this.#pendingEvents = noEvents();
    return this.#sink.begin();
  }

  enter(source: SourceIdentity, known?: Checkpoint): Promise<number> {
    return this.#sink.enter(source, known);
  }

  keepFrom(): ReturnType<Sink['keepFrom']> {
    return this.#sink.keepFrom();
  }

  append(batch: RowBatch): Promise<void> {
    for (const { table, rows } of batch.tables) {
      const name = EVENT_TABLES.find((one) => one === table);
      if (name !== undefined) this.#pendingEvents[name] += rows;
    }
    return this.#sink.append(batch);
  }

  hasOtherSources(sourceId: number): Promise<boolean> {
    return this.#sink.hasOtherSources(sourceId);
  }

  linesSeen(sourceId: number, from: number, to: number): Promise<readonly LineKey[]> {
    return this.#sink.linesSeen(sourceId, from, to);
  }

  advance(sourceId: number, progress: Progress): Promise<void> {
    const counts = { ...progress.counts };
    counts.read -= this.#counted.lines;
    counts.duplicate -= this.#counted.lines;
    counts.bytes -= this.#counted.offset;
    // A transaction may hold several sources.
    add(this.#pendingCounts, counts);
    this.#pendingPlace = { lines: progress.lines, offset: progress.offset };
    return this.#sink.advance(sourceId, { ...progress, counts });
  }

  async commit(): Promise<void> {
    await this.#sink.commit();
    this.#counted = NOWHERE;
    this.#place = this.#pendingPlace;
    add(this.counts, this.#pendingCounts);
    add(this.#events, this.#pendingEvents);
  }

  rollback(): Promise<void> {
    return this.#sink.rollback();
  }

  correlate(): Promise<void> {
    return this.#sink.correlate();
  }

  refreshRollups(): Promise<void> {
    return this.#sink.refreshRollups();
  }

  close(): Promise<void> {
    return this.#sink.close();
  }
}

/** Adds the numbers of one record to those of another. */
export function add<K extends string>(
  sums: Record<K, number>,
  more: Readonly<Record<K, number>>,
): void {
  for (const key of Object.keys(more) as K[]) sums[key] += more[key];
}
