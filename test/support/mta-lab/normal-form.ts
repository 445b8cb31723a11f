/**
 * What was played in a form in which two plays can be compared: without times, process ids, ports and queue ids,
 * and with each message's lines together, since messages are delivered side by side.
 */
import type { Played } from './scenario.ts';

export interface NormalForm {
  readonly transcripts: readonly string[];
  readonly log: readonly string[];
  readonly statistics: readonly string[];
  readonly mailboxes: readonly string[];
  /** How many messages wait, and what the other hosts were given. */
  readonly rest: readonly string[];
}

export type Part = keyof NormalForm;
/** Null: the line does not count. */
export type Mask = (line: string, part: Part) => string | null;

const QUEUE_ID = /\b[0-9A-Za-x]{8}\d{6,}\b/g;
const DATE = /\w{3}, \d{1,2} \w{3} \d{4} [\d:]{8} (?:[+-]\d{4} \(\w+\)|[+-]\d{4}|GMT)/g;
/** It is in the messages of every client. */
const CLIENTS_DATE = 'Tue, 24 Nov 2026 06:51:06 +0000';

export function normalForm(played: Played, masks: readonly Mask[]): NormalForm {
  const masked = (lines: readonly string[], part: Part): string[] =>
    lines.flatMap((line) => {
      let text: string | null = line;
      for (const mask of masks) text = text === null ? null : mask(text, part);
      return text === null ? [] : [text];
    });
  return {
    transcripts: masked(played.transcripts.flatMap(transcript), 'transcripts'),
    log: grouped(masked(played.log, 'log')),
    statistics: masked(statistics(played.statistics), 'statistics'),
    mailboxes: Object.entries(played.mailboxes)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, text]) => mailbox(name, text, (lines) => masked(lines, 'mailboxes'))),
    rest: masked(
      [
        `queued ${played.queued.length}`,
        ...played.taken
          .map(({ host, mailFrom, recipients, text }) => {
            const envelope = `taken by ${host} from ${mailFrom} for ${recipients.join(' ')}`;
            return [envelope, ...masked(plainText(text).split('\n'), 'mailboxes')].join('\n');
          })
          .sort(),
      ].flatMap((text) => text.split('\n')),
      'rest',
    ),
  };
}

function transcript(lines: readonly string[], index: number): string[] {
  return [
    `session ${index + 1}`,
    ...withoutLastWords(lines).map((line) =>
      line
        .replace(QUEUE_ID, 'QID')
        .replace(DATE, 'DATE')
        .replace(/8\.17\.1\.9\/\S+;/, 'VERSION;')
        .replace(/<\d+\.\d+@/, '<CHALLENGE@'),
    ),
  ];
}

/** Whether a client could still speak to one who hung up is chance. */
function withoutLastWords(lines: readonly string[]): readonly string[] {
  const last = lines.findLastIndex((line) => line.startsWith('S: ') && line !== 'S: <closed>');
  return lines.slice(0, last + 1);
}

/** Each message's lines, under names that both plays give it: by the order in which they began. */
function grouped(lines: readonly string[]): string[] {
  const texts = lines.map((line) =>
    line
      .replace(/^\w+ +\d+ [\d:]+ \S+ /, '')
      .replace(/\[\d+\]: /, ': ')
      .replace(/\bx?delay=[\d:+]+/g, (text) => `${text.split('=')[0]}=D`)
      .replace(/queued as \w+/, 'queued as Q'),
  );
  const names = namesOf(texts);
  const groups = new Map<string, string[]>();
  for (const text of texts) {
    const named = text
      .replace(QUEUE_ID, (id) => names.get(id) ?? 'QID')
      .replace(/\d{12}\.(?=M\d)/g, 'T.');
    const key = /^\S+: (M[\d.]+): /.exec(named)?.[1] ?? '';
    groups.set(key, [...(groups.get(key) ?? []), named]);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, group]) => group);
}

/** `M3` is the third message, `M3.1` what came of it first, such as its bounce. */
function namesOf(texts: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const births = texts.flatMap((text) => {
    const [, parent, child] = /: (\w{14,}): (\w{14,}): /.exec(text) ?? [];
    return parent === undefined || child === undefined ? [] : [{ parent, child }];
  });
  const children = new Set(births.map(({ child }) => child));
  for (const id of texts.flatMap((text) => /^\S+: (\w{14,}): /.exec(text)?.[1] ?? [])) {
    if (!children.has(id) && !names.has(id)) names.set(id, `M${names.size + 1}`);
  }
  const counts = new Map<string, number>();
  // A child's child may come before the child's own line.
  for (let left = births; left.length > 0; ) {
    const known = left.filter(({ parent }) => names.has(parent));
    if (known.length === 0) return names;
    for (const { parent, child } of known) {
      const count = (counts.get(parent) ?? 0) + 1;
      counts.set(parent, count);
      names.set(child, `${names.get(parent)}.${count}`);
    }
    left = left.filter(({ parent }) => !known.some((one) => one.parent === parent));
  }
  return names;
}

const MAILERS = 25;
const TABLES = ['nf', 'bf', 'nt', 'bt', 'nr', 'nd', 'nq'];
/** Where they begin in sendmail.st, and the counts of connections before them. */
const TABLES_AT = 48;
const CONNECTIONS_AT = 24;

function statistics(base64: string): string[] {
  const bytes = Buffer.from(base64, 'base64');
  const numbers = (at: number, count: number): string =>
    Array.from({ length: count }, (_, index) =>
      at + 8 * index + 8 <= bytes.length ? bytes.readBigInt64LE(at + 8 * index) : 'none',
    ).join(' ');
  const [from, to, refused] = numbers(CONNECTIONS_AT, 3).split(' ');
  return [
    `connections from ${from}`,
    `connections to ${to}`,
    `connections refused ${refused}`,
    ...TABLES.map((name, at) => `${name} ${numbers(TABLES_AT + 8 * MAILERS * at, MAILERS)}`),
  ];
}

/** Messages are appended by whoever is first. */
function mailbox(
  name: string,
  text: string,
  masked: (lines: readonly string[]) => string[],
): string[] {
  const messages = plainText(text)
    .split(/(?=^Return-Path: )/m)
    .filter((message) => message !== '');
  return messages
    .map((message) => masked(message.split('\n')).join('\n'))
    .sort()
    .flatMap((message) => [`mailbox ${name}`, ...message.split('\n')]);
}

function plainText(text: string): string {
  return text
    .replaceAll(CLIENTS_DATE, 'CLIENTS-DATE')
    .replace(/"QID\.\d+\//g, '"QID.T/')
    .replace(/\b[0-9A-Za-x]{8}\d{6,}\.\d{9,}\//g, 'QID.T/')
    .replace(QUEUE_ID, 'QID')
    .replace(/\d{12}\.QID/g, 'T.QID')
    .replace(/8\.17\.1\.9\/[^)]+\)/g, 'VERSION)')
    .replace(DATE, 'DATE');
}
