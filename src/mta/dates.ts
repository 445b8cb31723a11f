/**
 * Dates in messages as sendmail prints them (arpadate.c as built for Linux: GMT where the zone has no
 * offset, otherwise the offset and no name), and the time in Message-Ids.
 */
import { toWallClock, zoneOffset } from '../model/zone.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';

/** `Tue, 24 Nov 2026 06:51:06 GMT`, `Wed, 4 Jul 2001 15:45:58 +0800` (RFC 5322 section 3.3). */
export function mailDate(instant: number, zone: string): string {
  const second = Math.floor(instant / 1000) * 1000;
  const wall = new Date(toWallClock(second, zone));
  const iso = wall.toISOString();
  const month = wall.getUTCMonth() * 3;
  const year = String(wall.getUTCFullYear()).padStart(4, '0');
  const date = `${wall.getUTCDate()} ${MONTHS.slice(month, month + 3)} ${year}`;
  const clock = iso.slice(iso.indexOf('T') + 1).slice(0, 8);
  return `${DAYS[wall.getUTCDay()]}, ${date} ${clock} ${offsetText(zoneOffset(second, zone))}`;
}

function offsetText(milliseconds: number): string {
  const minutes = Math.abs(Math.trunc(milliseconds / 60_000));
  if (minutes === 0) return 'GMT';
  const text = String(Math.floor(minutes / 60) * 100 + (minutes % 60)).padStart(4, '0');
  return `${milliseconds < 0 ? '-' : '+'}${text}`;
}

/** `202611240652`, in UTC: sendmail's $t, which begins a Message-Id of its making. */
export function compactTime(instant: number): string {
  return new Date(instant).toISOString().replace(/\D/g, '').slice(0, 12);
}

/** `<202611240652.6AO6qLMe021077@mx1.corp.example>`. */
export function messageIdOf(instant: number, queueId: string, host: string): string {
  return `<${compactTime(instant)}.${queueId}@${host}>`;
}

/** Of a whole number of seconds, in sendmail's words: `4 hours`, `1 day, 2 hours`. */
export function spelledInterval(seconds: number): string {
  const units = [
    ['week', 604_800],
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60],
    ['second', 1],
  ] as const;
  let rest = Math.max(0, Math.floor(seconds));
  if (rest === 0) return 'zero seconds';
  const parts: string[] = [];
  for (const [name, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${name}${count === 1 ? '' : 's'}`);
  }
  return parts.join(', ');
}
