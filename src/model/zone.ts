/**
 * Local time in an IANA time zone, by the runtime's own tz database (ECMA-402 Intl).
 *
 * Promise: a wall-clock time that occurs twice (clocks set back) is its first occurrence, one that does
 * not occur (clocks set forward) is as much later as the gap is wide: RFC 5545 3.3.5, and "compatible"
 * of Temporal. A wall-clock time is carried as the epoch milliseconds it would be in UTC.
 */

const DAY = 86_400_000;

const formats = new Map<string, Intl.DateTimeFormat>();

function formatFor(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) {
    return known;
  }
  const format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    era: 'short',
  });
  formats.set(zone, format);
  return format;
}

/** Whether the runtime knows this zone (`Europe/Berlin`, `UTC`). */
export function isTimeZone(zone: string): boolean {
  try {
    formatFor(zone);
    return true;
  } catch {
    return false;
  }
}

/** The machine's own zone (TZ, /etc/localtime), UTC if it has none that is known. */
export function systemTimeZone(): string {
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  return isTimeZone(zone) ? zone : 'UTC';
}

/** Wall-clock time in a zone at an instant. */
export function toWallClock(instant: number, zone: string): number {
  const parts: Record<string, number> = {};
  let beforeChrist = false;
  for (const { type, value } of formatFor(zone).formatToParts(instant)) {
    parts[type] = Number(value);
    beforeChrist ||= type === 'era' && value.startsWith('B');
  }
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  const millisecond = ((instant % 1000) + 1000) % 1000;
  const wall = new Date(0);
  // Date.UTC takes years 0..99 for 1900..1999; setUTCFullYear does not.
  wall.setUTCFullYear(beforeChrist ? 1 - year : year, month - 1, day);
  wall.setUTCHours(hour, minute, second, millisecond);
  return wall.getTime();
}

/** Milliseconds by which a zone is ahead of UTC at an instant. */
export function zoneOffset(instant: number, zone: string): number {
  return toWallClock(instant, zone) - instant;
}

/** The instant at which a zone's clocks show a wall-clock time. */
export function fromWallClock(wall: number, zone: string): number {
  const before = zoneOffset(wall - DAY, zone);
  const after = zoneOffset(wall + DAY, zone);
  const possible = [wall - before, wall - after].filter(
    (instant) => toWallClock(instant, zone) === wall,
  );
  return possible.length > 0 ? Math.min(...possible) : wall - before;
}

/** `2026-01-31 14:05:09` on a zone's clocks; to the minute if `minutes`. */
export function formatInZone(instant: number, zone: string, unit: 'seconds' | 'minutes'): string {
  const iso = new Date(toWallClock(instant, zone)).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, unit === 'seconds' ? 19 : 16)}`;
}
