/**
 * sendmail.st, the statistics file that sendmail keeps and mailstats(8) prints: version 4 as a 64-bit
 * little-endian machine writes it (`struct statistics` of mailstats.h, natural C alignment, 1448 bytes).
 *
 * Promises: any bytes give an outcome, never an exception; every counter is exact over all of int64;
 * what encode wrote, parse gives back. Verdicts come in the order in which mailstats(8) reaches them.
 */

/** Mailers that the file has room for (MAXMAILERS). */
export const MAX_MAILERS = 25;
export const STATISTICS_SIZE = 1448;
export const STATISTICS_VERSION = 4;

const MAGIC = 0x1b1de;
const VERSION_AT = 4;
const STARTED_AT = 8;
const SIZE_AT = 16;
const CONNECTIONS_AT = 24;
const MAILERS_AT = 48;

/** Counters since `startedAt`. Every array is indexed by mailer number and has MAX_MAILERS places. */
export interface MailStatistics {
  /** Epoch seconds of the first posting after the file was emptied. */
  readonly startedAt: bigint;
  readonly connectionsFrom: bigint;
  readonly connectionsTo: bigint;
  readonly connectionsRejected: bigint;
  readonly messagesFrom: readonly bigint[];
  readonly kilobytesFrom: readonly bigint[];
  readonly messagesTo: readonly bigint[];
  readonly kilobytesTo: readonly bigint[];
  readonly rejected: readonly bigint[];
  readonly discarded: readonly bigint[];
  readonly quarantined: readonly bigint[];
}

export type StatisticsOutcome =
  | { readonly kind: 'statistics'; readonly statistics: MailStatistics }
  | { readonly kind: 'empty' | 'bad-magic' | 'short' }
  | { readonly kind: 'bad-version'; readonly version: number }
  | { readonly kind: 'bad-size'; readonly size: number };

/** The per-mailer arrays in file order. */
const MAILER_FIELDS = [
  'messagesFrom',
  'kilobytesFrom',
  'messagesTo',
  'kilobytesTo',
  'rejected',
  'discarded',
  'quarantined',
] as const satisfies readonly (keyof MailStatistics)[];
type MailerField = (typeof MAILER_FIELDS)[number];

/** All zero, counting from `startedAt`: what an emptied file means. */
export function emptyStatistics(startedAt: bigint): MailStatistics {
  return {
    startedAt,
    connectionsFrom: 0n,
    connectionsTo: 0n,
    connectionsRejected: 0n,
    ...mailerCounters(() => 0n),
  };
}

/** Kilobytes as sendmail books them: of 1000 bytes, each message rounded up before it is added. */
export function kilobytesOf(bytes: bigint): bigint {
  return (bytes + 999n) / 1000n;
}

/** Bytes after the structure are ignored, as mailstats(8) does. */
export function parseStatistics(bytes: Uint8Array): StatisticsOutcome {
  if (bytes.length === 0) return { kind: 'empty' };
  // Missing bytes count as zero, so that a short file is judged by what it does have.
  const whole = new Uint8Array(STATISTICS_SIZE);
  whole.set(bytes.subarray(0, STATISTICS_SIZE));
  const view = new DataView(whole.buffer);
  if (view.getInt32(0, true) !== MAGIC) return { kind: 'bad-magic' };
  const version = view.getInt32(VERSION_AT, true);
  if (version !== STATISTICS_VERSION) return { kind: 'bad-version', version };
  if (bytes.length < STATISTICS_SIZE) return { kind: 'short' };
  const size = view.getInt16(SIZE_AT, true);
  if (size !== STATISTICS_SIZE) return { kind: 'bad-size', size };
  return { kind: 'statistics', statistics: readCounters(view) };
}

/** A counter outside int64 wraps as it would in C; a missing one is 0; a 26th mailer is a RangeError. */
export function encodeStatistics(statistics: MailStatistics): Uint8Array {
  const bytes = new Uint8Array(STATISTICS_SIZE);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, MAGIC, true);
  view.setInt32(VERSION_AT, STATISTICS_VERSION, true);
  view.setBigInt64(STARTED_AT, statistics.startedAt, true);
  view.setInt16(SIZE_AT, STATISTICS_SIZE, true);
  view.setBigInt64(CONNECTIONS_AT, statistics.connectionsFrom, true);
  view.setBigInt64(CONNECTIONS_AT + 8, statistics.connectionsTo, true);
  view.setBigInt64(CONNECTIONS_AT + 16, statistics.connectionsRejected, true);
  for (const field of MAILER_FIELDS) {
    const counters = statistics[field];
    if (counters.length > MAX_MAILERS) {
      throw new RangeError(`${field} has ${counters.length} mailers, ${MAX_MAILERS} is the most`);
    }
    for (const [mailer, count] of counters.entries()) {
      view.setBigInt64(offsetOf(field, mailer), count, true);
    }
  }
  return bytes;
}

function readCounters(view: DataView): MailStatistics {
  return {
    startedAt: view.getBigInt64(STARTED_AT, true),
    connectionsFrom: view.getBigInt64(CONNECTIONS_AT, true),
    connectionsTo: view.getBigInt64(CONNECTIONS_AT + 8, true),
    connectionsRejected: view.getBigInt64(CONNECTIONS_AT + 16, true),
    ...mailerCounters((field, mailer) => view.getBigInt64(offsetOf(field, mailer), true)),
  };
}

function mailerCounters(
  count: (field: MailerField, mailer: number) => bigint,
): Record<MailerField, bigint[]> {
  const counters = (field: MailerField) =>
    Array.from({ length: MAX_MAILERS }, (_, mailer) => count(field, mailer));
  return {
    messagesFrom: counters('messagesFrom'),
    kilobytesFrom: counters('kilobytesFrom'),
    messagesTo: counters('messagesTo'),
    kilobytesTo: counters('kilobytesTo'),
    rejected: counters('rejected'),
    discarded: counters('discarded'),
    quarantined: counters('quarantined'),
  };
}

function offsetOf(field: MailerField, mailer: number): number {
  return MAILERS_AT + (MAILER_FIELDS.indexOf(field) * MAX_MAILERS + mailer) * 8;
}
