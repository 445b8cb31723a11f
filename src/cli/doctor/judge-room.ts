/** Room on the disk, and what retention has dropped or should have. */
import { formatBytes, formatDuration } from '../../../reports/render/numbers.ts';
import type { RetentionMark } from '../../store/retention-mark.ts';
import { doubtful, type Finding, fine, wrong } from './finding.ts';

export interface Room {
  readonly folder: string;
  readonly free: number;
  readonly total: number;
  /** The database with its log. */
  readonly used: number;
  /** Below it the daemon takes nothing more. */
  readonly reserve: number;
  /** Days whose rows the database holds. */
  readonly days: number;
}

const GIBIBYTE = 1024 ** 3;
const MOST_SHARE = 1 / 20;
const DAY_S = 86_400;
/** Fewer days tell nothing of growth. */
const ENOUGH_DAYS = 3;
const SOON_DAYS = 7;

/** Nothing to say while there is room. */
export function judgeRoom(room: Room): readonly Finding[] {
  const { folder, free, total, used, days } = room;
  const reserve = Math.min(room.reserve, total * MOST_SHARE);
  const check = 'disk';
  const text = `${formatBytes(free)} of ${formatBytes(total)} are free in ${folder}; the database has ${formatBytes(used)}`;
  const advice =
    'free some, move the database (db), or keep fewer days (retention.days, maillog prune)';
  if (free < reserve) {
    const limit = `below ${formatBytes(reserve)} the daemon takes nothing (serve.reserve_megabytes)`;
    return [wrong(check, `${text}: ${limit}`, advice)];
  }
  const left = days >= ENOUGH_DAYS ? (free - reserve) / (used / days) : Number.POSITIVE_INFINITY;
  if (left < SOON_DAYS) {
    const soon = `at ${formatBytes(used / days)} a day that lasts ${formatDuration(left * DAY_S)}`;
    return [doubtful(check, `${text}; ${soon}`, advice)];
  }
  return free < Math.min(GIBIBYTE, total * MOST_SHARE) ? [doubtful(check, text, advice)] : [];
}

export interface Retention {
  /** The setting; 0 keeps all. */
  readonly days: number;
  readonly mark: RetentionMark | undefined;
  /** Time of the first event, milliseconds; null without any. */
  readonly first: number | null;
  readonly now: number;
}

/** Pruning runs hourly in a daemon, daily in cron: this much later it has not run. */
const LATE_DAYS = 3;

export function judgeRetention({ days, mark, first, now }: Retention): readonly Finding[] {
  const check = 'retention';
  const kept =
    days > 0 ? `${days} days are kept (retention.days)` : 'retention.days is not set now';
  if (days > 0 && first !== null && first < now - (days + LATE_DAYS) * DAY_S * 1000) {
    const oldest = new Date(first).toISOString().slice(0, 10);
    return [
      doubtful(
        check,
        `${kept}, but there are rows of ${oldest}`,
        'run maillog prune daily from cron; a daemon does it hourly',
      ),
    ];
  }
  if (mark === undefined) return [];
  return [fine(check, `rows before ${mark.day} were dropped, hourly counts of them stay; ${kept}`)];
}
