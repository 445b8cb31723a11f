/**
 * The time of a play: it stands still while something happens, and goes to the next thing when all is quiet. What
 * takes time in the play says so itself (`take`).
 */
import type { Timers } from '../../../mta/delivery/queue-runner.ts';

interface Alarm {
  readonly at: number;
  readonly ring: () => void;
}

export class PlayedClock {
  #at: number;
  /** Real time at which it began to run; null: it stands. */
  #runningSince: number | null;
  readonly #alarms = new Set<Alarm>();

  /** Runs as the real one does until it is told to `stand`, since servers that start wait for seconds to pass. */
  constructor(at: number) {
    this.#at = at;
    this.#runningSince = performance.now();
  }

  readonly now = (): number =>
    this.#at + (this.#runningSince === null ? 0 : performance.now() - this.#runningSince);

  readonly timers: Timers = {
    set: (ring, milliseconds) => {
      const alarm = { at: this.now() + milliseconds, ring };
      this.#alarms.add(alarm);
      return () => this.#alarms.delete(alarm);
    },
  };

  stand(): void {
    this.#at = Math.ceil(this.now());
    this.#runningSince = null;
  }

  /** Something took so long. */
  take(milliseconds: number): void {
    this.#at += milliseconds;
  }

  /** When the next alarm is due; infinity: none is set. */
  get nextAlarm(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...[...this.#alarms].map(({ at }) => at));
  }

  /** Goes there, never back, and rings what is due by then. */
  goTo(time: number): void {
    this.#at = Math.max(this.#at, time);
    for (const alarm of [...this.#alarms].sort((a, b) => a.at - b.at)) {
      if (alarm.at > this.#at) break;
      this.#alarms.delete(alarm);
      alarm.ring();
    }
  }
}
