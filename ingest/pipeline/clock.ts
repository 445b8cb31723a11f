/**
 * The time of each line in UTC. A traditional syslog stamp has neither year nor zone; sendmail's queue ids
 * tell both, since they hold the UTC second of their making (see src/format/queue-id.ts).
 *
 * Evidence is a line whose true time is known from its id: a `from=` line (made when the transaction
 * began) or a `to=` line (id plus delay=). Stamp minus evidence is the zone's offset plus a little, so the
 * *lowest* difference in a window counts, taken down to an offset in use. It may only rise when a whole
 * window agrees (spring), and falls at once (autumn, when 02:59 is followed by 02:00).
 *
 * A difference of more than a day is no zone: the log was edited or a clock was wrong. Such lines keep
 * their own stamp and are counted in `mismatches`.
 */
import { daysFromCivil } from '../../src/format/queue-id.ts';
import { StampKind, yearlessParts } from '../../src/format/syslog-header.ts';
import type { LogBlock } from './log-block.ts';
import type { TimeEvidence } from './time-evidence.ts';

export interface ClockOptions {
  /** Year of the first stamp without one, when the user says so. */
  readonly year?: number | undefined;
  /** Offset in seconds east of UTC at a civil time (epoch seconds as if UTC), when the zone is given. */
  readonly zone?: ((civil: number) => number) | undefined;
  /** Zone to fall back on when no id tells: the site's. */
  readonly defaultZone: (civil: number) => number;
  /** Latest time a log can be from, epoch seconds: the file's own time, or now. */
  readonly latest: number;
}

const QUARTER = 900;
const DAY = 86400;
/** Evidence looked at together: lines of these many, of these hours. */
const WINDOW = 32;
const WINDOW_SECONDS = 2 * 3600;
/** Lines out of order are so by seconds; a clock put back goes back by more than this. */
const STEP_BACK = 1800;
/** Fewer agreeing lines than this do not move the clock forward. */
const ENOUGH = 3;
/** Offsets in use since syslog exists, in seconds east of UTC: whole hours from -12 to 14, and these. */
const BROKEN_HOURS = [
  -9.5, -3.5, -2.5, 3.5, 4.5, 5.5, 5.75, 6.5, 8.5, 8.75, 9.5, 10.5, 11.5, 12.75, 13.75,
];
const WHOLE_HOURS = Array.from({ length: 27 }, (_, index) => index - 12);
const OFFSETS = [...WHOLE_HOURS, ...BROKEN_HOURS]
  .map((hours) => hours * 3600)
  .sort((a, b) => a - b);
const MAX_OFFSET = 14 * 3600;
const ABSURD = 26 * 3600;

/** The clock of one host in one source. */
interface HostClock {
  offset: number | undefined;
  /** UTC of the last line placed, to choose the year of the next. */
  last: number | undefined;
}

/** The evidence of one host in a block, in line order. */
interface HostEvidence {
  readonly lines: number[];
  readonly seconds: number[];
  /** Stamp minus evidence, NaN where absurd. */
  readonly differences: number[];
}

export class SourceClock {
  /** Lines whose stamp and queue id disagree by more than a day. */
  mismatches = 0;
  /** The largest such difference in seconds. */
  largestMismatch = 0;
  readonly #options: ClockOptions;
  readonly #hosts = new Map<number, HostClock>();
  #block: LogBlock | undefined;

  constructor(options: ClockOptions) {
    this.#options = options;
  }

  /** What is to be said of lines whose stamps contradict their ids, but for the first so many of them. */
  warning(told = 0): string | undefined {
    const lines = this.mismatches - told;
    if (lines <= 0) return undefined;
    const days = Math.round(Math.abs(this.largestMismatch) / DAY);
    const side = this.largestMismatch > 0 ? 'after' : 'before';
    return `${lines} lines bear stamps up to ${days} days ${side} what their queue ids say: the log was edited, or a clock was wrong`;
  }

  /** Fills `lines.time` of the whole block. */
  resolve(block: LogBlock, evidence: TimeEvidence): void {
    this.#block = block;
    const { lines } = block;
    let needsClock = false;
    for (let line = 0; line < lines.count; line += 1) {
      if (lines.kind[line] === StampKind.absolute) lines.time[line] = lines.stamp[line] ?? 0;
      else if (lines.kind[line] !== StampKind.none) needsClock = true;
    }
    this.#checkAbsolute(evidence);
    if (!needsClock) return;
    const byHost = this.#evidenceByHost(evidence);
    for (const host of this.#hostsOfBlock()) this.#resolveHost(host, byHost.get(host));
  }

  /** Hosts with lines that need a clock. */
  #hostsOfBlock(): Set<number> {
    const { lines } = this.#block as LogBlock;
    const hosts = new Set<number>();
    let last = -1;
    for (let line = 0; line < lines.count; line += 1) {
      const host = lines.hostId[line] ?? 0;
      if (host === last || !this.#needsClock(line)) continue;
      hosts.add(host);
      last = host;
    }
    return hosts;
  }

  #needsClock(line: number): boolean {
    const kind = this.#block?.lines.kind[line];
    return kind === StampKind.yearless || kind === StampKind.local;
  }

  /** Stamps with a zone are believed, but an absurd distance to their ids is counted. */
  #checkAbsolute(evidence: TimeEvidence): void {
    const { lines } = this.#block as LogBlock;
    for (let i = 0; i < evidence.count; i += 1) {
      const line = evidence.lines[i] ?? 0;
      if (lines.kind[line] !== StampKind.absolute) continue;
      this.#countIfAbsurd((lines.time[line] ?? 0) - (evidence.seconds[i] ?? 0));
    }
  }

  #countIfAbsurd(difference: number): boolean {
    if (Math.abs(difference) <= ABSURD) return false;
    this.mismatches += 1;
    if (Math.abs(difference) > Math.abs(this.largestMismatch)) this.largestMismatch = difference;
    return true;
  }

  #evidenceByHost(evidence: TimeEvidence): Map<number, HostEvidence> {
    const { lines } = this.#block as LogBlock;
    const byHost = new Map<number, HostEvidence>();
    for (let i = 0; i < evidence.count; i += 1) {
      const line = evidence.lines[i] ?? 0;
      const seconds = evidence.seconds[i] ?? 0;
      if (!this.#needsClock(line)) continue;
      const host = lines.hostId[line] ?? 0;
      let own = byHost.get(host);
      if (own === undefined) {
        own = { lines: [], seconds: [], differences: [] };
        byHost.set(host, own);
      }
      const difference = this.#difference(line, seconds);
      if (this.#countIfAbsurd(difference)) continue;
      own.lines.push(line);
      own.seconds.push(seconds);
      own.differences.push(difference);
    }
    return byHost;
  }

  /** Civil stamp of the line, in the year that comes nearest to the evidence, minus the evidence. */
  #difference(line: number, seconds: number): number {
    return this.#civilNear(line, seconds) - seconds;
  }

  #resolveHost(host: number, evidence: HostEvidence | undefined): void {
    let clock = this.#hosts.get(host);
    if (clock === undefined) {
      clock = { offset: undefined, last: undefined };
      this.#hosts.set(host, clock);
    }
    const changes = this.#offsetChanges(clock, evidence);
    const { lines } = this.#block as LogBlock;
    const trusted = this.#options.year === undefined ? evidence : undefined;
    const course = new ClockCourse(clock, changes, trusted);
    for (let line = 0; line < lines.count; line += 1) {
      if (lines.hostId[line] !== host || !this.#needsClock(line)) continue;
      course.advance(line);
      const time = this.#place(line, clock);
      lines.time[line] = time;
      clock.last = time;
    }
  }

  /** UTC of one line by its host's clock. */
  #place(line: number, clock: HostClock): number {
    const reference = clock.last ?? this.#firstReference(line);
    const near = reference + (clock.offset ?? 0);
    const civil = this.#civilNear(line, near);
    const zone =
      this.#options.zone ?? (clock.offset === undefined ? this.#options.defaultZone : undefined);
    return civil - (zone === undefined ? (clock.offset ?? 0) : zone(civil));
  }

  /** Without any evidence: the year the user gave, else the latest in which the line is not in the future. */
  #firstReference(line: number): number {
    const { lines } = this.#block as LogBlock;
    if (lines.kind[line] === StampKind.local) return lines.stamp[line] ?? 0;
    const parts = yearlessParts(lines.stamp[line] ?? 0);
    if (this.#options.year !== undefined) return civilSeconds(parts, this.#options.year);
    const latest = this.#options.latest + DAY;
    const year = new Date(latest * 1000).getUTCFullYear();
    const civil = civilSeconds(parts, year);
    return civil <= latest ? civil : civilSeconds(parts, year - 1);
  }

  /** The stamp as civil seconds, in the year that brings it nearest to `near`. */
  #civilNear(line: number, near: number): number {
    const { lines } = this.#block as LogBlock;
    const stamp = lines.stamp[line] ?? 0;
    if (lines.kind[line] === StampKind.local) return stamp;
    return nearestYear(stamp, near);
  }

  /** Where in the block this host's offset changes, by the evidence. */
  #offsetChanges(clock: HostClock, evidence: HostEvidence | undefined): OffsetChange[] {
    if (evidence === undefined || evidence.lines.length === 0) return [];
    if (this.#options.zone !== undefined) return [];
    const changes: OffsetChange[] = [];
    const lowest = windowMinima(evidence);
    let offset = clock.offset;
    for (let i = 0; i < evidence.lines.length; i += 1) {
      const wanted = this.#wantedOffset(offset, evidence.differences[i] ?? 0, lowest[i]);
      if (wanted === undefined || wanted === offset) continue;
      const from = i === 0 ? -1 : (evidence.lines[i - 1] ?? -1);
      const line =
        offset === undefined
          ? 0
          : this.#breakBetween(from, evidence.lines[i] ?? 0, wanted - offset);
      changes.push({ line, offset: wanted });
      offset = wanted;
    }
    return changes;
  }

  #wantedOffset(
    offset: number | undefined,
    difference: number,
    window: Window | undefined,
  ): number | undefined {
    if (window === undefined) return undefined;
    if (offset === undefined) return roundOffset(window.lowest);
    if (difference < offset - QUARTER / 2) return roundOffset(difference);
    const rises = window.lowest > offset + QUARTER * 1.5 && window.size >= ENOUGH;
    return rises ? roundOffset(window.lowest) : undefined;
  }

  /** The line after `from`, up to `to`, where the stamps jump: there the clock was put forward or back. */
  #breakBetween(from: number, to: number, change: number): number {
    const { lines } = this.#block as LogBlock;
    const host = lines.hostId[to];
    let before = from >= 0 ? (lines.stamp[from] ?? 0) : Number.NaN;
    for (let line = from + 1; line < to; line += 1) {
      if (lines.hostId[line] !== host || !this.#needsClock(line)) continue;
      const step = (lines.stamp[line] ?? 0) - before;
      if (change < 0 ? step < change / 2 : step >= change - 60) return line;
      before = lines.stamp[line] ?? 0;
    }
    return to;
  }
}

/** The least difference of some evidence, and how much there was. */
interface Window {
  readonly lowest: number;
  readonly size: number;
}

interface OffsetChange {
  readonly line: number;
  readonly offset: number;
}

/** Sets a host's clock line by line: by the changes of its offset, and by what ids tell on the way. */
class ClockCourse {
  readonly #clock: HostClock;
  readonly #changes: readonly OffsetChange[];
  readonly #evidence: HostEvidence | undefined;
  #nextChange = 0;
  #nextEvidence = 0;

  constructor(
    clock: HostClock,
    changes: readonly OffsetChange[],
    evidence: HostEvidence | undefined,
  ) {
    this.#clock = clock;
    this.#changes = changes;
    this.#evidence = evidence;
    clock.last ??= evidence?.seconds[0];
  }

  advance(line: number): void {
    let change = this.#changes[this.#nextChange];
    while (change !== undefined && change.line <= line) {
      this.#clock.offset = change.offset;
      this.#nextChange += 1;
      change = this.#changes[this.#nextChange];
    }
    const known = this.#evidence;
    while (known !== undefined && (known.lines[this.#nextEvidence] ?? Infinity) <= line) {
      this.#clock.last = known.seconds[this.#nextEvidence];
      this.#nextEvidence += 1;
    }
  }
}

/**
 * The greatest offset in use that is not above the difference: waiting only ever adds to it. Minutes of
 * grace are for clocks that differ.
 */
function roundOffset(difference: number): number | undefined {
  if (difference > MAX_OFFSET + DAY / 2) return undefined;
  let best: number | undefined;
  for (const offset of OFFSETS) if (offset <= difference + QUARTER / 2) best = offset;
  return best;
}

/**
 * For each piece of evidence the least difference of it and those that follow: up to a number of them,
 * within some hours (but always a few), and never across a step back of the clock, behind which another
 * offset holds.
 */
function windowMinima({ seconds, differences }: HostEvidence): Window[] {
  const minima: Window[] = [];
  for (let start = 0; start < differences.length; start += 1) {
    let lowest = differences[start] ?? 0;
    let end = start + 1;
    while (end < differences.length && end - start < WINDOW) {
      const near = (seconds[end] ?? 0) - (seconds[start] ?? 0) < WINDOW_SECONDS;
      if ((!near && end - start >= ENOUGH) || stepsBack(seconds, differences, end)) break;
      lowest = Math.min(lowest, differences[end] ?? lowest);
      end += 1;
    }
    minima.push({ lowest, size: end - start });
  }
  return minima;
}

/** Whether the host's clock, as its stamps show it, went back before this piece of evidence. */
function stepsBack(
  seconds: readonly number[],
  differences: readonly number[],
  at: number,
): boolean {
  const civil = (seconds[at] ?? 0) + (differences[at] ?? 0);
  const before = (seconds[at - 1] ?? 0) + (differences[at - 1] ?? 0);
  return civil < before - STEP_BACK;
}

function civilSeconds(parts: { month: number; day: number; second: number }, year: number): number {
  return daysFromCivil(year, parts.month, parts.day) * DAY + parts.second;
}

let cachedDate = -1;
let cachedYear = 0;
let cachedDay = 0;

let yearStart = 0;
let yearEnd = 0;
let yearNumber = 1970;

/** Calendar year of an instant; remembered, since a log stays in one for long. */
function yearOf(seconds: number): number {
  if (seconds >= yearStart && seconds < yearEnd) return yearNumber;
  yearNumber = new Date(seconds * 1000).getUTCFullYear();
  yearStart = daysFromCivil(yearNumber, 1, 1) * DAY;
  yearEnd = daysFromCivil(yearNumber + 1, 1, 1) * DAY;
  return yearNumber;
}

/** A yearless stamp as civil seconds in the year nearest to `near`. */
function nearestYear(stamp: number, near: number): number {
  const date = Math.floor(stamp / DAY);
  const second = stamp - date * DAY;
  const year = yearOf(near);
  if (date === cachedDate && year === cachedYear) {
    const civil = cachedDay * DAY + second;
    if (Math.abs(civil - near) < 180 * DAY) return civil;
  }
  const { month, day } = yearlessParts(stamp);
  let best = Number.NaN;
  for (const candidate of [year, year - 1, year + 1]) {
    const days = daysFromCivil(candidate, month, day);
    const civil = days * DAY + second;
    if (Number.isNaN(best) || Math.abs(civil - near) < Math.abs(best - near)) {
      best = civil;
      if (candidate === year) {
        cachedDate = date;
        cachedYear = year;
        cachedDay = days;
      }
    }
  }
  return best;
}
