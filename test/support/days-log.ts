/**
 * Five days of log, 20 to 24 November 2026, in which a midnight is crossed by all that views join: a message
 * deferred before and given up after, a hop, a refusal; and by lines that nobody can read.
 */
import { queueIdAt, sampleLines, stampAt } from '../e2e/sample-log.ts';

export const FIRST_DAY = Date.UTC(2026, 10, 20) / 1000;
/** The midnight that is crossed: the mark of most tests. */
export const MARK = Date.UTC(2026, 10, 23) / 1000;
export const END = Date.UTC(2026, 10, 25) / 1000;
const DAY = 86_400;
const HOURS = [0, 7, 13, 23];

/** Lines of a day, in order. */
export function linesOfDay(day: number, perChunk = 60): readonly string[] {
  return HOURS.flatMap((hour, index) =>
    sampleLines({
      lines: perChunk,
      seed: day * 10 + index,
      start: FIRST_DAY + day * DAY + hour * 3600 + (hour === 23 ? 3540 : 0),
    }),
  );
}

const NUMBERS = 'size=100, class=0, nrcpts=1';
const RELAY = 'relay=x.example. [192.0.2.1]';
const at = (second: number, text: string): string => `${stampAt(second)} mx1 sm-mta[77]: ${text}`;

/** A message that is given up after the mark, some time after its last try. */
function givenUp(): readonly string[] {
  const id = queueIdAt(MARK - 3600, 1, 700);
  const to = `${id}: to=<late@x.example>, delay=00:00:01, xdelay=00:00:00, mailer=esmtp, pri=30300, ${RELAY}, dsn=4.4.1, stat=Deferred: Connection refused by x.example.`;
  return [
    at(
      MARK - 3600,
      `${id}: from=<a@isp.example>, ${NUMBERS}, msgid=<late@h>, proto=ESMTP, daemon=MTA-v4, ${RELAY}`,
    ),
    at(MARK - 3599, to),
    at(MARK - 60, to),
    at(
      MARK + 7200,
      `${id}: ${queueIdAt(MARK + 7200, 2, 701)}: sender notify: Cannot send message for 5 days`,
    ),
  ];
}

/** A message handed from one queue of ours to another at midnight. */
function hop(): readonly string[] {
  const [outer, inner] = [queueIdAt(MARK - 2, 3, 702), queueIdAt(MARK - 1, 4, 703)];
  const tail = 'msgid=<hop@h>, relay=alice@localhost';
  return [
    at(MARK - 2, `${outer}: from=alice, ${NUMBERS}, ${tail}`),
    at(
      MARK - 1,
      `${outer}: to=<b@x.example>, ctladdr=alice (1000/1000), delay=00:00:01, xdelay=00:00:01, mailer=relay, pri=30300, relay=[127.0.0.1] [127.0.0.1], dsn=2.0.0, stat=Sent (${inner} Message accepted for delivery)`,
    ),
    at(
      MARK + 1,
      `${inner}: from=<alice@mx1.example>, ${NUMBERS}, msgid=<hop@h>, proto=ESMTP, daemon=MTA-v4, relay=localhost [127.0.0.1]`,
    ),
    at(
      MARK + 2,
      `${inner}: to=<b@x.example>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30300, ${RELAY}, dsn=2.0.0, stat=Sent (ok)`,
    ),
  ];
}

/** A refusal before the mark of what was logged as arrived after it; one of a command that brings no mail. */
function refusals(): readonly string[] {
  const id = queueIdAt(MARK - 1, 5, 704);
  const other = queueIdAt(MARK - 7000, 6, 705);
  return [
    at(
      MARK - 7000,
      `${other}: ruleset=check_vrfy, arg1=root, relay=c.example [192.0.2.9], reject=550 5.7.1 root... Access denied`,
    ),
    at(MARK - 1, `${id}: message size (49300) exceeds maximum (20000)`),
    at(
      MARK + 1,
      `${id}: from=<big@isp.example>, size=49300, class=0, nrcpts=1, msgid=<big@h>, proto=ESMTP, daemon=MTA-v4, ${RELAY}`,
    ),
  ];
}

/** All days in one log, in the order of time. */
export function fiveDays(perChunk = 60): readonly string[] {
  const days = [0, 1, 2, 3, 4].flatMap((day) => linesOfDay(day, perChunk));
  const special = [...givenUp(), ...hop(), ...refusals()];
  return [...days, ...special].sort((a, b) => a.slice(0, 15).localeCompare(b.slice(0, 15)));
}

export const textOf = (lines: readonly string[]): string => `${lines.join('\n')}\n`;

/** Lines of the days before now, the oldest first, for commands that go by the clock: mornings, in UTC. */
export function recentDays(days: number, perDay: number): readonly string[] {
  const today = Math.floor(Date.now() / 86_400_000) * DAY;
  return Array.from({ length: days }, (_, index) => index).flatMap((index) =>
    sampleLines({
      lines: perDay,
      seed: 500 + index,
      start: today - (days - index) * DAY + 6 * 3600,
    }),
  );
}
