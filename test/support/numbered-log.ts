/**
 * A sendmail log whose lines bear numbers, so that a store can be asked which of them it has, and how often.
 * Numbers are an envelope each, or a delivery, or four refused passwords that are equal byte for byte; some
 * are followed by lines of another program and lines that nobody can read.
 */

import type { Row } from '../../src/store/store.ts';
import { queueIdAt, stampAt } from '../e2e/sample-log.ts';

/** Equal lines of one number. */
const EQUAL = 4;
/** Every so many numbers two lines come that are no mail. */
const OTHERS_EVERY = 25;

export class NumberedLog {
  /** The numbers 1 to this have been made. */
  numbers = 0;
  /** So many lines in all. */
  lines = 0;

  /** The lines of the next number, without newlines, as logged at this second. */
  next(seconds = Math.floor(Date.now() / 1000)): readonly string[] {
    this.numbers += 1;
    const lines = linesOf(this.numbers, seconds);
    this.lines += lines.length;
    return lines;
  }
}

function linesOf(number: number, seconds: number): readonly string[] {
  const pid = 10_000 + (number % 20_000);
  const id = queueIdAt(seconds, number, pid);
  const head = `${stampAt(seconds)} mx1 sm-mta[${pid}]: ${id}:`;
  const relay = `client${number % 250}.isp.example [203.0.113.${number % 250}]`;
  const others =
    number % OTHERS_EVERY === 0
      ? [
          `${stampAt(seconds)} mx1 CRON[${pid}]: (root) CMD (run-parts ${number})`,
          `${head} to=<broken${number}@corp.example>, xdelay=?`,
        ]
      : [];
  switch (number % 5) {
    case 0:
    case 1:
      return [
        `${head} from=<s${number}@isp.example>, size=${number}, class=0, nrcpts=1, msgid=<${number}@crash.example>, proto=ESMTP, daemon=MTA-v4, relay=${relay}`,
        ...others,
      ];
    case 2:
    case 3:
      return [
        `${head} to=<r${number}@corp.example>, delay=00:00:01, xdelay=00:00:00, mailer=local, pri=60397, dsn=2.0.0, stat=Sent`,
      ];
    default:
      return new Array<string>(EQUAL).fill(
        `${head} AUTH failure (PLAIN): authentication failure (-13) SASL(-13): authentication failure: Password verification failed, user=u${number}, relay=${relay}`,
      );
  }
}

/** The number in a line, 0 in those that are not counted. */
export function numberOf(line: string): number {
  return Number(/<(\d+)@crash|<r(\d+)@|user=u(\d+),/.exec(line)?.slice(1).find(Boolean) ?? 0);
}

/** How often lines with the number should be there. */
export const timesOf = (number: number): number => (number % 5 === 4 ? EQUAL : 1);

export interface Difference {
  readonly number: number;
  readonly found: number;
  readonly expected: number;
}

/** The numbers that are not in the store as often as they should be, by its raw rows. */
export async function differences(
  ask: (sql: string) => Promise<readonly Row[]>,
  numbers: number,
): Promise<readonly Difference[]> {
  const rows = await ask(`WITH found AS (
      SELECT regexp_extract(message_id, '(\\d+)@crash', 1) AS text FROM raw.envelopes
      UNION ALL SELECT regexp_extract(recipient, 'r(\\d+)@', 1) FROM raw.deliveries
      UNION ALL SELECT regexp_extract(auth_user, 'u(\\d+)', 1) FROM raw.auth_events
    ), counted AS (SELECT try_cast(text AS INTEGER) AS number, count(*) AS found FROM found GROUP BY ALL),
    expected AS (
      SELECT range AS number, CASE WHEN range % 5 = 4 THEN ${EQUAL} ELSE 1 END AS expected
      FROM range(1, ${numbers + 1}))
    SELECT coalesce(number, 0) AS number, coalesce(found, 0) AS found, coalesce(expected, 0) AS expected
    FROM counted FULL JOIN expected USING (number)
    WHERE coalesce(found, 0) <> coalesce(expected, 0) ORDER BY ALL`);
  return rows.map(({ number, found, expected }) => ({
    number: Number(number),
    found: Number(found),
    expected: Number(expected),
  }));
}

/** What is in the store too often. */
export const tooOften = (all: readonly Difference[]): readonly Difference[] =>
  all.filter(({ found, expected }) => found > expected);

/** Lines that are missing. */
export function missingLines(all: readonly Difference[]): number {
  return all.reduce((sum, { found, expected }) => sum + Math.max(0, expected - found), 0);
}
