/**
 * Which log is older, by name: the ways of logrotate (numbers, `dateext`), newsyslog, savelog, exicyclog.
 *
 * Promise: in the order given here time runs forward within one log: the highest number first, then dates
 * ascending, last the file without either. (Where both occur, numbers were used before dates.)
 */

export interface LogName {
  /** The name without number, date and compression: all rotations of one log share it. */
  readonly log: string;
  /** Ascending in time. */
  readonly rank: readonly [kind: 'a number' | 'b date' | 'c current', order: string];
}

const COMPRESSION = /\.(?:gz|bz2|xz|zst|zstd|z)$/i;
/** 20261101, 2026-11-01, with an hour, a time or seconds since 1970 after it. */
const DATE = /[-._](?<date>(?:19|20)\d\d-?[01]\d-?[0-3]\d(?:[-._T]?\d{1,10}){0,3})$/;
const NUMBER = /\.(?<number>\d{1,5})$/;
/** logrotate's `extension .log` keeps the ending last: maillog-20261101.log. */
const EXTENSION = /\.(?:log|txt)$/i;

/** Reads a file's name; the folder, if any, stays part of `log`. */
export function parseLogName(path: string): LogName {
  const name = path.replace(COMPRESSION, '');
  const extension = EXTENSION.exec(name)?.[0] ?? '';
  const stem = extension === '' ? name : name.slice(0, -extension.length);
  const date = DATE.exec(stem);
  if (date?.groups?.date !== undefined) {
    const digits = date.groups.date.replaceAll(/\D/g, '');
    return { log: stem.slice(0, date.index) + extension, rank: ['b date', digits] };
  }
  const number = NUMBER.exec(stem);
  if (number?.groups?.number !== undefined) {
    const age = 99_999 - Number(number.groups.number);
    const order = String(age).padStart(5, '0');
    return { log: stem.slice(0, number.index) + extension, rank: ['a number', order] };
  }
  return { log: name, rank: ['c current', ''] };
}

/**
 * Puts the rotations of each log in the order of time. Logs come in the order in which they are first
 * named; equal ranks (a rotation and its compressed copy) keep theirs.
 */
export function sortByTime<T>(items: readonly T[], pathOf: (item: T) => string): T[] {
  const logs = new Map<string, number>();
  const keyed = items.map((item) => {
    const { log, rank } = parseLogName(pathOf(item));
    if (!logs.has(log)) logs.set(log, logs.size);
    return { item, log: logs.get(log) ?? 0, rank };
  });
  keyed.sort((a, b) => a.log - b.log || compareRanks(a.rank, b.rank));
  return keyed.map(({ item }) => item);
}

function compareRanks(a: LogName['rank'], b: LogName['rank']): number {
  return compareText(a[0], b[0]) || compareText(a[1], b[1]);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
