/**
 * Stamps of from= lines held against the second in their queue ids, as a sample: how many are absurdly far
 * apart, and by how much the others are off in the middle.
 */
import { QueueIdClock } from '../../format/queue-id.ts';

export interface ClockSample {
  /** Within a day or so: what a zone or a slow clock can do. */
  readonly compared: number;
  /** Further apart. */
  readonly absurd: number;
  /** Of those compared, stamp minus queue id in seconds; 0 without any. */
  readonly median: number;
}

/** More than any two zones are apart. */
const ABSURD_S = 26 * 3600;
const MOST_KEPT = 10_000;

export class ClockSampler {
  readonly #clock: QueueIdClock;
  readonly #differences: number[] = [];
  #compared = 0;
  #absurd = 0;

  constructor(now: Date) {
    this.#clock = new QueueIdClock(now.getUTCFullYear() + 1);
  }

  /** `stamp` in seconds UTC; ids without a date in them are passed over. */
  add(stamp: number, bytes: Uint8Array, start: number, length: number): void {
    const made = this.#clock.secondsOf(bytes, start, length);
    if (made < 0 || Number.isNaN(stamp)) return;
    const difference = stamp - made;
    if (Math.abs(difference) > ABSURD_S) {
      this.#absurd += 1;
      return;
    }
    this.#compared += 1;
    if (this.#differences.length < MOST_KEPT) this.#differences.push(difference);
  }

  sample(): ClockSample {
    const sorted = this.#differences.toSorted((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
    return { compared: this.#compared, absurd: this.#absurd, median };
  }
}
