/**
 * Numbers as people read them: counts, bytes, durations, shares. One definition each, for every report.
 *
 * Promise: a unit never overflows by rounding (no `1024.0 KiB`, no `60 s` in a minute), and a share that
 * is neither none nor all is never shown as 0 % or 100 %. What is not a finite number is `-`.
 */

export const ABSENT = '-';

const COUNT = new Intl.NumberFormat('en', { maximumFractionDigits: 3 });
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `1,234,567`; fractions to three places. */
export function formatCount(count: number | bigint): string {
  const isNumber = typeof count === 'bigint' || Number.isFinite(count);
  return isNumber ? COUNT.format(count) : ABSENT;
}

/** `0 B`, `1,023 B`, `1.5 KiB`, `12.0 GiB`: IEC 80000-13 units of 1024. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) {
    return ABSENT;
  }
  let size = bytes;
  let unit = 0;
  // From 1023.95 on, one decimal would round to 1024.0 of the unit.
  while (Math.abs(size) >= (unit === 0 ? 1024 : 1023.95) && unit < BYTE_UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  const digits = unit === 0 ? COUNT.format(size) : size.toFixed(1);
  return `${digits} ${BYTE_UNITS[unit]}`;
}

const two = (number: number): string => String(number).padStart(2, '0');

/** From a minute on, in two units: `3m 05s`, `2h 07m`, `2d 03h`; cut, not rounded up. */
function formatLong(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < HOUR) {
    return `${Math.floor(whole / MINUTE)}m ${two(whole % MINUTE)}s`;
  }
  if (whole < DAY) {
    return `${Math.floor(whole / HOUR)}h ${two(Math.floor((whole % HOUR) / MINUTE))}m`;
  }
  return `${COUNT.format(Math.floor(whole / DAY))}d ${two(Math.floor((whole % DAY) / HOUR))}h`;
}

/** A duration in seconds: `0 s`, `35 ms`, `1.4 s`, `42 s`, `3m 05s`, `2h 07m`, `2d 03h`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) {
    return ABSENT;
  }
  if (seconds < 0) {
    return `-${formatDuration(-seconds)}`;
  }
  const milliseconds = Math.round(seconds * 1000);
  if (milliseconds === 0) {
    return '0 s';
  }
  if (milliseconds < 1000) {
    return `${milliseconds} ms`;
  }
  if (milliseconds < 9950) {
    return `${(milliseconds / 1000).toFixed(1)} s`;
  }
  return milliseconds < 59_500 ? `${Math.round(seconds)} s` : formatLong(Math.max(seconds, MINUTE));
}

/** A share (0..1) as `12.3 %`, `<0.1 %`, `>99.9 %`. */
export function formatPercent(share: number): string {
  if (!Number.isFinite(share)) {
    return ABSENT;
  }
  if (share > 0 && share < 0.0005) {
    return '<0.1 %';
  }
  if (share >= 0.9995 && share < 1) {
    return '>99.9 %';
  }
  return `${(share * 100).toFixed(1)} %`;
}

/** What share of the whole a part is; `-` of nothing. */
export function formatShare(part: number, whole: number): string {
  return whole === 0 ? ABSENT : formatPercent(part / whole);
}

/** Numbers of unknown meaning: digits as they are, at most six decimals. */
export function formatPlain(number: number): string {
  return Number.isInteger(number) ? String(number) : String(Number(number.toFixed(6)));
}
