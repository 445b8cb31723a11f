/**
 * ctime(3) without its newline: "Tue Nov 14 22:13:20 2023", in the process's time zone (TZ).
 *
 * Promises: exact for every time_t that glibc can name (years of 32 bits), null for those it cannot.
 */
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS = [
  'Jan',
  'Feb',
  'Mar',
  'Apr',
  'May',
  'Jun',
  'Jul',
  'Aug',
  'Sep',
  'Oct',
  'Nov',
  'Dec',
] as const;

/** The calendar, weekdays included, repeats after 400 years. */
const CYCLE_YEARS = 400n;
const CYCLE_SECONDS = 12_622_780_800n;
/** A Date reaches 8.64e12 seconds either way; a time beyond this is moved by whole cycles. */
const DATE_REACH = 8_600_000_000_000n;
/** Moved times stay this many cycles from 1970, where a zone's rule no longer changes. */
const CYCLES_KEPT = 10n;
/** `tm_year`, an int, counts from 1900. */
const FIRST_YEAR = 1900n - 2n ** 31n;
const LAST_YEAR = 2n ** 31n - 1n;

export function ctime(epochSeconds: bigint): string | null {
  const cycles = cyclesToMove(epochSeconds);
  const date = new Date(Number(epochSeconds - cycles * CYCLE_SECONDS) * 1000);
  const year = BigInt(date.getFullYear()) + cycles * CYCLE_YEARS;
  if (year < FIRST_YEAR || year > LAST_YEAR) return null;
  const day = String(date.getDate()).padStart(2);
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(':');
  return `${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${day} ${clock} ${year}`;
}

function cyclesToMove(epochSeconds: bigint): bigint {
  if (epochSeconds > DATE_REACH) return epochSeconds / CYCLE_SECONDS - CYCLES_KEPT;
  if (epochSeconds < -DATE_REACH) return epochSeconds / CYCLE_SECONDS + CYCLES_KEPT;
  return 0n;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
