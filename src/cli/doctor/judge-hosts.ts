/** Each host by itself: has it fallen silent, is its clock right, is the zone of its stamps the one it names? */
import { Buffer } from 'node:buffer';
import { formatCount, formatDuration } from '../../../reports/render/numbers.ts';
import type { ClockSample } from './clock-sample.ts';
import { ClockSampler } from './clock-sample.ts';
import { doubtful, type Finding } from './finding.ts';
import type { Stamped, StoredHost } from './source-rows.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;
const MINUTE = 60_000;
/** After a week of silence a host is taken to be gone for good. */
const FORGOTTEN = 8 * DAY;
/** What is regular: days of the last week, or hours of the last day, on which it logged. */
const REGULAR_DAYS = 3;
const REGULAR_HOURS = 12;
/** A minute or two are clocks that differ. */
const FUTURE = 10 * MINUTE;
/** A from= line is written within minutes of its queue id, but for long sessions. */
const CLOCK_TOLERANCE_S = 900;
/** Less evidence says nothing. */
const ENOUGH = 3;
const SHOWN = 5;

/** Hosts that logged regularly and have not for a day, while others did. */
export function judgeSilence(hosts: readonly StoredHost[], now: number): readonly Finding[] {
  // When nothing at all comes in, the host is not what is wrong.
  const latest = Math.min(now, Math.max(...hosts.map(({ newest }) => newest)));
  const silent = hosts.filter(({ newest, days, hours }) => {
    const quiet = latest - newest;
    const isRegular = days >= REGULAR_DAYS || hours >= REGULAR_HOURS;
    return quiet >= DAY && quiet < FORGOTTEN && isRegular;
  });
  if (silent.length === 0) return [];
  const sorted = silent.toSorted((a, b) => a.newest - b.newest);
  const names = sorted.slice(0, SHOWN).map(({ host, newest, days }) => {
    const often =
      days >= REGULAR_DAYS ? `logged on ${days} of the 7 days before` : 'logged hourly before';
    return `${host} for ${formatDuration((now - newest) / 1000)} (${often})`;
  });
  const others = silent.length > SHOWN ? ` and ${formatCount(silent.length - SHOWN)} more` : '';
  const advice =
    'on that host: does sendmail run, and does "logger -p mail.info test" come in here; if it was taken out of service, this goes by after a week';
  return [doubtful('host', `nothing from ${names.join('; ')}${others}`, advice)];
}

/** Hosts whose stamps are off the second their queue ids were made in, or of a time that has not come yet. */
export function judgeClocks(
  hosts: readonly StoredHost[],
  stamped: readonly Stamped[],
  now: Date,
): readonly Finding[] {
  const samplers = new Map<string, ClockSampler>();
  for (const { host, queueId, loggedAt } of stamped) {
    const sampler = samplers.get(host) ?? new ClockSampler(now);
    samplers.set(host, sampler);
    const id = Buffer.from(queueId);
    sampler.add(loggedAt / 1000, id, 0, id.length);
  }
  const off = new Map(
    [...samplers].flatMap(([host, sampler]) => {
      const finding = judgeClockOf(host, sampler.sample());
      return finding === undefined ? [] : [[host, finding] as const];
    }),
  );
  const ahead = hosts.filter(
    ({ host, newest }) => newest > now.getTime() + FUTURE && !off.has(host),
  );
  return [...off.values(), ...ahead.map((host) => judgeFuture(host, now.getTime()))];
}

function judgeFuture({ host, newest }: StoredHost, now: number): Finding {
  const off = formatDuration((newest - now) / 1000);
  return doubtful(
    'clock',
    `${host}: its newest line is of ${off} from now`,
    `the clock of ${host} or of this machine is wrong, or the zone of its stamps (--tz, the setting timezone): compare "date -u" on both`,
  );
}

function judgeClockOf(host: string, { compared, median }: ClockSample): Finding | undefined {
  if (compared < ENOUGH || Math.abs(median) <= CLOCK_TOLERANCE_S) return undefined;
  const way = median > 0 ? 'ahead of' : 'behind';
  const off = formatDuration(Math.abs(median));
  return doubtful(
    'clock',
    `${host || 'a host without name'}: its stamps are ${off} ${way} its queue ids, which are in UTC`,
    zoneAdvice(median * 1000, host),
  );
}

/** A difference of whole quarters of an hour is a zone, any other a clock. */
function zoneAdvice(difference: number, host: string): string {
  const quarters = Math.abs(difference) / (15 * MINUTE);
  const isZone =
    Math.abs(quarters - Math.round(quarters)) < 0.1 && Math.abs(difference) < 15 * HOUR;
  return isZone
    ? `looks like a time zone: compare "timedatectl" on ${host} with what its syslog writes; for logs read here give --tz (the setting timezone)`
    : `looks like a clock: is ${host} synchronised (timedatectl, chronyc tracking), and is this machine`;
}
