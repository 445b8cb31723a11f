/** What is known of one live source: how far it is, how long something has been waiting, how its lines fared. */
import type { LineCounts } from '../../src/store/store.ts';
import type { SourceWriter } from '../pipeline/source-writer.ts';
import { noCounts } from '../pipeline/source-writer.ts';
import type { LiveSource, SourceStart } from './live-source.ts';

export interface SourceReport {
  readonly source: string;
  /** Bytes there and not in the store. */
  readonly backlog: number;
  /** Seconds for which something has been waiting. */
  readonly lag: number;
  readonly offset: number;
  /** Time of the newest line, epoch seconds; null before the first. */
  readonly newest: number | null;
  /** When something was last committed, epoch seconds; null before. */
  readonly committedAt: number | null;
  /** Since this process began. */
  readonly counts: LineCounts;
}

export class SourceStatus {
  readonly #source: LiveSource;
  /** Of earlier starts of the source in this process. */
  readonly #before = noCounts();
  #current: LineCounts = noCounts();
  #writer: SourceWriter | undefined;
  #offset = 0;
  #newest: number | null = null;
  #committedAt: number | null = null;
  #behindSince: number | undefined;

  constructor(source: LiveSource) {
    this.#source = source;
  }

  begun({ known }: SourceStart): void {
    for (const key of Object.keys(this.#before) as (keyof LineCounts)[]) {
      this.#before[key] += this.#current[key];
    }
    this.#current = noCounts();
    this.#writer = undefined;
    this.#offset = known?.offset ?? 0;
  }

  looked(): void {
    if (this.#source.backlog === 0) this.#behindSince = undefined;
    else this.#behindSince ??= Date.now();
  }

  committed(writer: SourceWriter): void {
    this.#writer = writer;
    this.#current = { ...writer.counts };
    this.#offset = writer.offset;
    if (writer.lastTime > 0) this.#newest = Math.max(this.#newest ?? 0, writer.lastTime);
    this.#committedAt = Date.now() / 1000;
    if (this.#source.backlog === 0) this.#behindSince = undefined;
  }

  report(): SourceReport {
    const counts = { ...this.#before };
    for (const key of Object.keys(counts) as (keyof LineCounts)[]) {
      counts[key] += this.#current[key];
    }
    const behind = this.#behindSince;
    return {
      source: this.#source.name,
      backlog: this.#source.backlog,
      lag: behind === undefined ? 0 : (Date.now() - behind) / 1000,
      offset: this.#writer?.offset ?? this.#offset,
      newest: this.#newest,
      committedAt: this.#committedAt,
      counts,
    };
  }
}
