/**
 * A trace in sentences: of each message who sent it, how long it was in which queue and why, and what became of
 * it. Numbers are from our own hosts' clocks, each compared with itself only; what a remote server said
 * is quoted.
 *
 * Promise: nothing from the log can drive a terminal, and no line is wider than the style allows where it can be broken.
 */
import { formatInZone } from '../src/model/zone.ts';
import type { Row } from '../src/store/store.ts';
import { displayWidth } from './render/display-width.ts';
import { formatBytes, formatCount, formatDuration } from './render/numbers.ts';
import { terminalText } from './render/terminal-text.ts';
import type { TextStyle } from './render/text-style.ts';

/** More stories than anybody reads; the table has them all. */
const MOST_STORIES = 20;
const LONGEST_QUOTE = 120;
const INDENT = '  ';

/** Outcomes that end the story for a recipient. */
const FINAL: Readonly<Record<string, string>> = {
  sent: 'delivered',
  bounced: 'bounced',
  expired: 'given up after waiting too long',
  discarded: 'discarded',
  quarantined: 'quarantined',
};
/** Outcomes that another follows. */
const PASSING = new Set(['deferred', 'queued', 'relayed']);
const REFUSALS = new Set(['reject', 'tempfail', 'discard', 'quarantine', 'hold']);

const text = (row: Row | undefined, column: string): string => {
  const value = row?.[column];
  return typeof value === 'string' ? terminalText(value) : '';
};
const seconds = (row: Row, column: string): number => Number(row[column] ?? 0);
const recipients = (count: number): string =>
  `${formatCount(count)} ${count === 1 ? 'recipient' : 'recipients'}`;

/** A remote's words: quoted, and not more of them than fit a sentence. */
function quoted(row: Row | undefined): string {
  const said = text(row, 'said');
  if (said === '') return '';
  const short = said.length > LONGEST_QUOTE ? `${said.slice(0, LONGEST_QUOTE)}...` : said;
  return ` ("${short.replaceAll('"', "'")}")`;
}

interface Leg {
  readonly host: string;
  readonly rows: readonly Row[];
  /** From its arrival to the last attempt. */
  readonly spent: number;
}

/** The queues that the message itself passed, without those of notices about it. */
function legsOf(story: readonly Row[]): readonly Leg[] {
  const legs = new Map<unknown, Row[]>();
  for (const row of story) {
    if (row.is_hop !== true) continue;
    const rows = legs.get(row.leg) ?? [];
    legs.set(row.leg, [...rows, row]);
  }
  return [...legs.values()].map((rows) => ({
    host: text(rows[0], 'host') || 'an unnamed host',
    rows,
    spent: Math.max(0, ...rows.map((row) => seconds(row, 'spent'))),
  }));
}

function opening(story: readonly Row[]): string {
  const arrival = story.find(({ event }) => event === 'arrived') ?? story[0];
  const sender = story.find(({ sender: address }) => typeof address === 'string');
  const parts = [
    sender === undefined ? 'From an unknown sender' : `From <${text(sender, 'sender')}>`,
    ` to ${recipientsOf(story, arrival)}`,
    typeof arrival?.size === 'number' ? `, ${formatBytes(arrival.size)}` : '',
    text(arrival, 'message_id') === '' ? '' : `, message-id ${text(arrival, 'message_id')}`,
  ];
  return parts.join('');
}

function recipientsOf(story: readonly Row[], arrival: Row | undefined): string {
  const named = new Set(
    story.filter(({ is_hop: own }) => own === true).flatMap((row) => text(row, 'recipient') || []),
  );
  const announced = typeof arrival?.nrcpts === 'number' ? arrival.nrcpts : named.size;
  const [only] = named;
  return named.size === 1 && announced <= 1 && only !== undefined
    ? `<${only.replace(/^<(.*)>$/, '$1')}>`
    : recipients(announced);
}

function passage({ host, rows, spent }: Leg): string {
  const waited = rows.findLast(({ event }) => event === 'deferred');
  const why = waited === undefined ? '' : `, waiting${quoted(waited)}`;
  return `${host} ${formatDuration(spent)}${why}`;
}

/** The last word on each recipient in each queue; a recipient handed on is told of by the next. */
function outcomes(legs: readonly Leg[]): readonly Row[] {
  const last = new Map<string, Row>();
  for (const { rows } of legs) {
    for (const row of rows) {
      const known = Object.hasOwn(FINAL, String(row.event)) || PASSING.has(String(row.event));
      if (known) last.set(JSON.stringify([row.leg, row.recipient]), row);
    }
  }
  return [...last.values()];
}

function ending(rows: readonly Row[], style: TextStyle): readonly string[] {
  const words = Object.entries({ ...FINAL, deferred: 'still waiting' });
  return words.flatMap(([event, word]) => {
    const of = rows.filter((row) => row.event === event);
    const last = of.at(-1);
    if (last === undefined) return [];
    if (event === 'sent') return [delivered(of, last, style)];
    return [`${recipients(of.length)} ${word}${quoted(last)}`];
  });
}

function delivered(rows: readonly Row[], last: Row, style: TextStyle): string {
  const how = rows.length === 1 ? 'delivered' : `${recipients(rows.length)} delivered, the last`;
  const all = formatDuration(Math.max(...rows.map((row) => seconds(row, 'in_all'))));
  return `${how} ${clock(last, style)} to ${text(last, 'relay') || 'a mailbox'} after ${all} in all`;
}

function clock(row: Row, style: TextStyle): string {
  const at = text(row, 'logged_at');
  const instant = Date.parse(at);
  if (Number.isNaN(instant)) return at;
  return formatInZone(instant, style.zone ?? 'UTC', 'seconds').replace('T', ' ');
}

/** Total seconds by host, and clocks seen to differ. */
function closing(legs: readonly Leg[]): readonly string[] {
  const hosts = new Map<string, number>();
  for (const { host, spent } of legs) hosts.set(host, (hosts.get(host) ?? 0) + spent);
  const spent = [...hosts].map(([host, time]) => `${host} ${formatDuration(time)}`);
  const total = Math.max(
    0,
    ...legs.flatMap(({ rows }) => rows.map((row) => seconds(row, 'in_all'))),
  );
  const skews = legs.flatMap(({ rows }) => rows.filter(({ clock_skew: skew }) => skew !== null));
  const differ = new Map(
    skews.map((row) => {
      const skew = seconds(row, 'clock_skew');
      const side = skew < 0 ? 'behind' : 'ahead of';
      const [next, here] = [text(row, 'next_host'), text(row, 'host')];
      return [
        next,
        `The clock of ${next} is ${formatDuration(Math.abs(skew))} ${side} that of ${here}.`,
      ];
    }),
  );
  return [`Time spent: ${spent.join(', ')}; ${formatDuration(total)} in all.`, ...differ.values()];
}

function storyOf(story: readonly Row[], style: TextStyle): string {
  const legs = legsOf(story);
  const rows = outcomes(legs);
  const refusal = story.find(({ event }) => REFUSALS.has(String(event)));
  const refused =
    refusal === undefined
      ? []
      : [`${text(refusal, 'event')} at ${text(refusal, 'host')}${quoted(refusal)}`];
  const way = legs.length === 0 ? [] : [legs.map(passage).join(', then ')];
  const parts = [...way, ...refused, ...ending(rows, style)];
  return [`${opening(story)}: ${parts.join('; ')}.`, ...closing(legs)].join(' ');
}

/** The stories in sentences, numbered as the column `message` of the rows is where there are several. */
export function traceText(rows: readonly Row[], style: TextStyle): string {
  const stories = new Map<number, Row[]>();
  for (const row of rows) {
    if (typeof row.message !== 'number') continue;
    const story = stories.get(row.message) ?? [];
    story.push(row);
    stories.set(row.message, story);
  }
  const shown = [...stories].slice(0, MOST_STORIES).map(([number, story]) => {
    const mark = stories.size === 1 ? '' : `${number}. `;
    return wrap(`${mark}${storyOf(story, style)}`, style.width);
  });
  const more = stories.size - shown.length;
  if (more > 0) shown.push(`${formatCount(more)} more messages: see their rows.`);
  return shown.map((line) => `${line}\n`).join('');
}

/** Breaks between words; a word that is too long stays whole. */
function wrap(sentence: string, width: number | null): string {
  if (width === null) return sentence;
  const lines: string[] = [];
  let line = '';
  for (const word of sentence.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && displayWidth(longer) > width) {
      lines.push(line);
      line = `${INDENT}${word}`;
    } else line = longer;
  }
  return [...lines, line].join('\n');
}
