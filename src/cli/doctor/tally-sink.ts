/**
 * A sink that keeps nothing but counts: a log can be looked at by the very code that ingests it, with no
 * store and in little memory, however long it is.
 */
import { columnsOf } from '../../../ingest/pipeline/table-builder.ts';
import type { Column, RowBatch, TableRows } from '../../model/columns.ts';
import { DELIVERY_STATUSES, LINE_OUTCOMES, MTAS } from '../../model/vocabulary.ts';
import { EVENT_TABLES } from '../../store/schema.ts';
import type { Checkpoint, LineKey, Sink } from '../../store/store.ts';
import { type ClockSample, ClockSampler } from './clock-sample.ts';
import type { Reason } from './contents.ts';

const EVENT_NAMES: ReadonlySet<string> = new Set(EVENT_TABLES);
const EVENT = columnsOf('daemon_events');
const QUEUE_ID = columnsOf('envelopes').queue_id ?? 0;
const STATUS = columnsOf('deliveries').status ?? 0;
const { why: WHY = 0, outcome: OUTCOME = 0 } = columnsOf('unparsed_lines');
const FOREIGN = LINE_OUTCOMES.indexOf('foreign');
const SENT = DELIVERY_STATUSES.indexOf('sent');
/** There are few reasons, but nobody promised. */
const MOST_REASONS = 1000;

export class TallySink implements Sink {
  sent = 0;
  /** Milliseconds; null before the first event. */
  first: number | null = null;
  last: number | null = null;
  readonly #mtas = new Set<string>();
  readonly #reasons = new Map<string, number>();
  readonly #clock: ClockSampler;

  constructor(now: Date) {
    this.#clock = new ClockSampler(now);
  }

  /** Mail programs whose lines were read. */
  get mtas(): readonly string[] {
    return [...this.#mtas].sort();
  }

  /** Why lines were not understood, the most frequent reason first. */
  get reasons(): readonly Reason[] {
    return [...this.#reasons]
      .map(([why, lines]) => ({ why, lines }))
      .sort((a, b) => b.lines - a.lines || (a.why < b.why ? -1 : 1));
  }

  get clock(): ClockSample {
    return this.#clock.sample();
  }

  async append({ arena, tables }: RowBatch): Promise<void> {
    for (const rows of tables) {
      if (EVENT_NAMES.has(rows.table)) this.#tallyEvents(rows);
      if (rows.table === 'deliveries') this.#tallyDeliveries(rows);
      if (rows.table === 'envelopes') this.#compareClocks(rows, arena);
      if (rows.table === 'unparsed_lines') this.#tallyReasons(rows, arena);
    }
  }

  #tallyEvents({ rows, columns }: TableRows): void {
    const times = columns[EVENT.logged_at ?? 0];
    const mtas = columns[EVENT.mta ?? 0];
    for (let row = 0; row < rows; row += 1) {
      const time = microsAt(times, row) / 1000;
      if (time > 0) {
        this.first = Math.min(this.first ?? time, time);
        this.last = Math.max(this.last ?? time, time);
      }
      const mta = MTAS[codeAt(mtas, row)];
      if (mta !== undefined) this.#mtas.add(mta);
    }
  }

  #tallyDeliveries({ rows, columns }: TableRows): void {
    const statuses = columns[STATUS];
    for (let row = 0; row < rows; row += 1) if (codeAt(statuses, row) === SENT) this.sent += 1;
  }

  #compareClocks({ rows, columns }: TableRows, arena: Uint8Array): void {
    const times = columns[EVENT.logged_at ?? 0];
    const ids = columns[QUEUE_ID];
    if (ids?.kind !== 'text') return;
    for (let row = 0; row < rows; row += 1) {
      const [start = 0, length = 0] = [ids.starts[row], ids.lengths[row]];
      this.#clock.add(microsAt(times, row) / 1e6, arena, start, length);
    }
  }

  #tallyReasons({ rows, columns }: TableRows, arena: Uint8Array): void {
    const whys = columns[WHY];
    if (whys?.kind !== 'text') return;
    for (let row = 0; row < rows; row += 1) {
      if (codeAt(columns[OUTCOME], row) === FOREIGN) continue;
      const [start = 0, length = 0] = [whys.starts[row], whys.lengths[row]];
      const why = new TextDecoder().decode(arena.subarray(start, start + length));
      const count = this.#reasons.get(why);
      if (count === undefined && this.#reasons.size >= MOST_REASONS) continue;
      this.#reasons.set(why, (count ?? 0) + 1);
    }
  }

  async migrate(): Promise<void> {}

  async checkpoints(): Promise<readonly Checkpoint[]> {
    return [];
  }

  async checkpointOf(): Promise<undefined> {}

  async begin(): Promise<void> {}

  async keepFrom(): Promise<undefined> {}

  async enter(): Promise<number> {
    return 1;
  }

  async advance(): Promise<void> {}

  async hasOtherSources(): Promise<boolean> {
    return false;
  }

  async linesSeen(): Promise<readonly LineKey[]> {
    return [];
  }

  async commit(): Promise<void> {}

  async rollback(): Promise<void> {}

  async correlate(): Promise<void> {}

  async refreshRollups(): Promise<void> {}

  async close(): Promise<void> {}
}

function microsAt(column: Column | undefined, row: number): number {
  return column?.kind === 'time' ? (column.micros[row] ?? Number.NaN) : Number.NaN;
}

function codeAt(column: Column | undefined, row: number): number {
  return column?.kind === 'label' ? (column.codes[row] ?? -1) : -1;
}
