/**
 * What was read of a log, be it in the store or in a file at hand, and what that tells of the log: wrong
 * file, too low a log level, a clock that is off, lines nobody understands.
 */
import { formatCount, formatDuration, formatShare } from '../../../reports/render/numbers.ts';
import { formatInZone } from '../../model/zone.ts';
import type { EventTable } from '../../store/schema.ts';
import type { LineCounts } from '../../store/store.ts';
import type { ClockSample } from './clock-sample.ts';
import { doubtful, type Finding, fine, wrong } from './finding.ts';

export interface Reason {
  readonly why: string;
  readonly lines: number;
}

export interface Contents {
  readonly counts: LineCounts;
  readonly events: Readonly<Record<EventTable, number>>;
  /** Deliveries that succeeded. */
  readonly sent: number;
  /** Times of the first and the last event in milliseconds, null without any. */
  readonly first: number | null;
  readonly last: number | null;
  /** Of lines not understood, the most frequent first. */
  readonly reasons: readonly Reason[];
  readonly clock: ClockSample;
}

/** Where a judgement is made. */
export interface Place {
  /** `mail.log: ` before every finding, or nothing. */
  readonly prefix: string;
  readonly now: number;
  readonly zone: string;
}

const DAY = 86_400_000;
/** Shares of mail lines not understood from which on it is worth a word, and from which on it is wrong. */
const FEW = 0.01;
const MOST = 0.5;
const REASONS_SHOWN = 3;
/** Of so many lines one tells of a success, if successes are logged. */
const MANY = 20;
/** A from= line is written within minutes of its queue id, but for long sessions. */
const CLOCK_TOLERANCE_S = 900;
const WRONG_FILE =
  "name the mail server's own log, often /var/log/mail.log or /var/log/maillog (mail.* in syslog's configuration)";
const RAISE = 'set LogLevel to 9, its default (confLOG_LEVEL in sendmail.mc), and restart sendmail';
const NO_DIALECT = 'mail program without a dialect';

/** All judgements, those that explain others first; after a wrong file there is nothing more to say. */
export function judge(contents: Contents, place: Place): readonly Finding[] {
  const lines = judgeLines(contents, place);
  if (lines.verdict === 'fail') return [lines];
  return [
    lines,
    judgeEvents(contents, place),
    judgeClock(contents, place),
    judgeLevel(contents, place),
  ];
}

function judgeLines({ counts, reasons }: Contents, { prefix }: Place): Finding {
  const { read, parsed, foreign, unsupported, malformed, duplicate } = counts;
  const check = 'lines';
  if (read === 0) {
    const advice = 'name a log that has lines; it may have been rotated away';
    return wrong(check, `${prefix}no line at all`, advice);
  }
  const top = topReasons(reasons);
  if (parsed + unsupported + duplicate === 0) {
    const why = top === '' ? '' : `: ${top}`;
    const none = `${prefix}none of ${formatCount(read)} lines is a mail server's${why}`;
    return wrong(check, none, WRONG_FILE);
  }
  const others = foreign > 0 ? `, ${formatCount(foreign)} not of mail` : '';
  const known = duplicate > 0 ? `, ${formatCount(duplicate)} known before` : '';
  const mail = parsed + unsupported + malformed;
  const strange = unsupported + malformed;
  if (strange === 0) {
    return fine(check, `${prefix}all ${formatCount(mail)} mail lines understood${others}${known}`);
  }
  const share = `${formatCount(strange)} of ${formatCount(mail)} mail lines not understood`;
  const finding = `${prefix}${share} (${formatShare(strange, mail)})${others}${known}: ${top}`;
  if (strange <= mail * FEW) return fine(check, finding);
  const make = strange >= mail * MOST ? wrong : doubtful;
  return make(check, finding, adviceOn(reasons));
}

/** Empty where none are kept. */
function topReasons(reasons: readonly Reason[]): string {
  return reasons
    .slice(0, REASONS_SHOWN)
    .map(({ why, lines }) => `${why} (${formatCount(lines)})`)
    .join('; ');
}

function adviceOn(reasons: readonly Reason[]): string {
  return reasons[0]?.why === NO_DIALECT
    ? "only sendmail's own lines are read; those of other mail programs are counted, nothing more"
    : 'look at them: maillog report reconciliation, or maillog query "FROM unparsed_lines"';
}

function judgeEvents({ first, last, events }: Contents, { prefix, now, zone }: Place): Finding {
  const check = 'events';
  if (first === null || last === null) {
    return doubtful(
      check,
      `${prefix}no event`,
      'all lines were known before: look at the store instead',
    );
  }
  const count = Object.values(events).reduce((sum, rows) => sum + rows, 0);
  const show = (time: number): string => formatInZone(time, zone, 'minutes');
  const span = `${prefix}${formatCount(count)} from ${show(first)} to ${show(last)} (${zone})`;
  if (last > now + DAY) {
    return doubtful(
      check,
      `${span}: the last is in the future`,
      'give the zone and year of the stamps, --tz and --year; or set the clock right',
    );
  }
  if (now - last <= DAY) return fine(check, span);
  return doubtful(
    check,
    `${span}: the last is ${formatDuration((now - last) / 1000)} old`,
    'for today, look whether the server still logs there and whether the newest file is read; for these days give --date or --since',
  );
}

function judgeClock({ clock }: Contents, { prefix }: Place): Finding {
  const check = 'clock';
  const { compared, absurd, median } = clock;
  if (compared + absurd === 0) {
    return fine(check, `${prefix}no queue id to hold the stamps against`);
  }
  const all = formatCount(compared + absurd);
  if (absurd > 0) {
    return doubtful(
      check,
      `${prefix}${formatCount(absurd)} of ${all} stamps are more than a day off their queue ids`,
      'the log was edited, or the clock was wrong when it was written; such lines keep their own stamps',
    );
  }
  if (Math.abs(median) > CLOCK_TOLERANCE_S) {
    const off = `${formatDuration(Math.abs(median))} ${median > 0 ? 'ahead of' : 'behind'}`;
    return doubtful(
      check,
      `${prefix}stamps are ${off} their queue ids, which are in UTC`,
      'the clock that wrote the stamps was off, or their zone is not the one they name',
    );
  }
  return fine(check, `${prefix}${all} stamps agree with their queue ids`);
}

/** sendmail logs from= lines from LogLevel 5 on, failures to deliver from 7, successes from 8 (op.me). */
function judgeLevel({ events, sent }: Contents, { prefix }: Place): Finding {
  const check = 'log level';
  const { envelopes, deliveries } = events;
  const seen = `from= lines: ${formatCount(envelopes)}, outcomes of to= lines: ${formatCount(deliveries)}`;
  if (envelopes + deliveries === 0) {
    return doubtful(
      check,
      `${prefix}neither from= nor to= lines: no message in sight`,
      `name the log of the host that takes the mail; if this is it, ${RAISE}`,
    );
  }
  if (envelopes === 0) {
    return doubtful(
      check,
      `${prefix}${seen}; mail goes out, but none came in`,
      `the log begins after the mail came, or from= lines were filtered out: read the older files too; if there are none, ${RAISE}`,
    );
  }
  if (deliveries === 0 || (sent === 0 && envelopes + deliveries >= MANY)) {
    return doubtful(
      check,
      `${prefix}${seen}, deliveries: 0; the LogLevel is below 8, or no mail gets out`,
      `look at the queue (mailq); if mail gets out, ${RAISE}`,
    );
  }
  return fine(check, `${prefix}${seen}, deliveries: ${formatCount(sent)}`);
}
