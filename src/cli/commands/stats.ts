/**
 * `maillog stats`: the table of mailstats(8), of any period from the store, or of a sendmail.st itself.
 * Text is the table byte for byte; what the log cannot tell for certain is said on stderr, and with its
 * reasons in the JSON form.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type MailstatsAnswer,
  makeMailstats,
  type Trust,
  USUAL_MAILERS,
} from '../../../reports/mailstats.ts';
import { MAILSTATS_COLUMNS, mailstatsRows } from '../../../reports/mailstats-rows.ts';
import { renderCsv } from '../../../reports/render/csv.ts';
import { renderJson } from '../../../reports/render/json.ts';
import { terminalText } from '../../../reports/render/terminal-text.ts';
import { mailstatsTable } from '../../format/mailstats-text.ts';
import { parseSendmailCf } from '../../format/sendmail-cf.ts';
import {
  emptyStatistics,
  MAX_MAILERS,
  type MailStatistics,
  parseStatistics,
} from '../../format/sendmail-st.ts';
import { type ExitCode, fileError, maillogError } from '../../model/errors.ts';
import type { Period } from '../../model/period.ts';
import { toWallClock } from '../../model/zone.ts';
import { droppedRows, findRetentionMark } from '../../store/retention-mark.ts';
import type { Query } from '../../store/store.ts';
import type { CommandContext } from '../context.ts';
import { periodOf } from '../context.ts';
import { complain, print } from '../io.ts';
import { openReader } from '../open-store.ts';
import type { Options } from '../program.ts';

/** Where sendmail itself looks. */
const SENDMAIL_CF = '/etc/mail/sendmail.cf';
/** Options that make no sense of a file, which is about all of its own time and one sendmail. */
const OF_THE_STORE = ['since', 'until', 'date', 'last', 'host', 'msp'];

interface Shown {
  readonly statistics: MailStatistics;
  readonly mailerNames: readonly string[];
  readonly period?: Period;
  readonly trust?: readonly Trust[];
}

export async function runStats(context: CommandContext, options: Options): Promise<ExitCode> {
  const names = readNames(context, options);
  return options.file === undefined
    ? await ofTheStore(context, options, names)
    : await ofAFile(context, options, names);
}

/** Mailers' names of a sendmail.cf that was named, or, for a file, of this machine's. */
function readNames(context: CommandContext, options: Options): readonly string[] | undefined {
  const isDefault = options.cf === undefined;
  if (isDefault && (options.file === undefined || !existsSync(SENDMAIL_CF))) return undefined;
  const path = isDefault ? SENDMAIL_CF : resolve(context.io.cwd, String(options.cf));
  const cf = parseSendmailCf(read(path));
  if (cf.kind === 'cf') return cf.mailerNames;
  throw maillogError('E_FILE_FAILED', {
    path,
    problem: `it defines more than ${MAX_MAILERS} mailers`,
  });
}

function read(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fileError(error, path);
  }
}

async function ofAFile(
  context: CommandContext,
  options: Options,
  names: readonly string[] | undefined,
): Promise<ExitCode> {
  const misplaced = OF_THE_STORE.find((name) => options[name] !== undefined);
  if (misplaced !== undefined) {
    throw maillogError('E_USAGE', { problem: `--${misplaced} is about the store, not --file` });
  }
  const path = resolve(context.io.cwd, String(options.file));
  const statistics = readStatistics(path, context.now);
  await show(context, options, { statistics, mailerNames: names ?? USUAL_MAILERS });
  if (names === undefined) {
    await complain(
      context.io,
      'mailers are named in their usual order; give --cf for the true one',
    );
  }
  return 0;
}

function readStatistics(path: string, now: Date): MailStatistics {
  const outcome = parseStatistics(read(path));
  const bad = (problem: string): Error => maillogError('E_BAD_STATISTICS', { path, problem });
  switch (outcome.kind) {
    case 'statistics':
      return outcome.statistics;
    case 'empty':
      return emptyStatistics(BigInt(Math.floor(now.getTime() / 1000)));
    case 'bad-magic':
      throw bad('it does not begin as one');
    case 'short':
      throw bad('it is cut short');
    case 'bad-version':
      throw bad(`it is of version ${outcome.version}, not 4`);
    case 'bad-size':
      throw bad(`it is of a machine whose structure has ${outcome.size} bytes`);
  }
}

async function ofTheStore(
  context: CommandContext,
  options: Options,
  mailerNames: readonly string[] | undefined,
): Promise<ExitCode> {
  const host = options.host === undefined ? undefined : String(options.host);
  const store = await openReader(context.config.settings.db);
  try {
    const period = periodOf(context, options) ?? (await wholePeriod(store));
    const dropped = droppedRows(await findRetentionMark(store), period.start);
    if (dropped !== undefined) await complain(context.io, dropped);
    if (host !== undefined) await checkHost(store, host);
    const of = options.msp === true ? 'msp' : 'mta';
    const answer = await makeMailstats(store, { ...period, host, of, mailerNames });
    const isEmpty = isNothing(answer.statistics);
    if (!isEmpty || options.format !== 'text') {
      await show(context, options, { ...answer, period });
    }
    if (isEmpty) throw nothing();
    await complain(context.io, noteOf(answer));
    return 0;
  } finally {
    await store.close();
  }
}

const TABLES = ['envelopes', 'deliveries', 'rejections', 'queue_events', 'connections'];

/** From the first to the last line of sendmail's. */
async function wholePeriod(query: Query): Promise<Period> {
  const ends = TABLES.map(
    (table) =>
      `SELECT min(logged_at) AS first_at, max(logged_at) AS last_at FROM raw.${table} WHERE mta = 'sendmail'`,
  );
  const { rows } = await query.query(
    `SELECT min(first_at) AS first_at, max(last_at) AS last_at FROM (${ends.join(' UNION ALL ')})`,
  );
  const { first_at: first, last_at: last } = rows[0] ?? {};
  if (typeof first !== 'string' || typeof last !== 'string') throw nothing();
  const second = (time: string): number => Math.floor(new Date(time).getTime() / 1000) * 1000;
  return { start: new Date(second(first)), end: new Date(second(last) + 1000) };
}

async function checkHost(query: Query, host: string): Promise<void> {
  const { rows } = await query.query(
    `SELECT DISTINCT host FROM raw.envelopes WHERE mta = 'sendmail'
     UNION SELECT DISTINCT host FROM raw.deliveries WHERE mta = 'sendmail' ORDER BY host`,
  );
  const hosts = rows.map((row) => String(row.host));
  if (hosts.includes(host)) return;
  throw maillogError('E_UNKNOWN_NAME', { kind: 'host', name: host, known: hosts.join(', ') });
}

function isNothing(statistics: MailStatistics): boolean {
  const { startedAt: _, ...counters } = statistics;
  return Object.values(counters)
    .flat()
    .every((count) => count === 0n);
}

function nothing(): Error {
  return maillogError('E_NOTHING_FOUND', {
    what: 'no line of sendmail counts in this period',
    hint: 'try another period, or "maillog doctor" for why',
  });
}

/** One line on what is less than certain. */
function noteOf({ trust, hosts }: MailstatsAnswer): string {
  const doubts = (['unknown', 'lower bound', 'estimate'] as const).flatMap((exactness) => {
    const figures = trust.filter((item) => item.exactness === exactness).map(readable);
    return figures.length === 0 ? [] : [`${exactness}: ${figures.join(', ')}`];
  });
  const many = hosts > 1 ? `; all ${hosts} hosts together, --host names one` : '';
  return `from the log; ${doubts.join('; ')}${many} (--format json tells why)`;
}

function readable({ figure }: Trust): string {
  return figure.replaceAll('_', ' ');
}

async function show(context: CommandContext, options: Options, shown: Shown): Promise<void> {
  await print(context.io, rendered(context, options, shown));
}

function rendered(context: CommandContext, options: Options, shown: Shown): string {
  const { statistics, mailerNames, period, trust } = shown;
  if (options.format === 'text') {
    const localTime = (seconds: bigint): string | null => ctimeIn(context.zone, seconds);
    return mailstatsTable(statistics, { mailerNames: mailerNames.map(terminalText), localTime });
  }
  const { mailers, total, connections } = mailstatsRows(statistics, mailerNames);
  if (options.format === 'csv') {
    const keys = MAILSTATS_COLUMNS.map(({ key }) => key);
    const forTerminal = context.io.isTerminal.stdout;
    return renderCsv(keys, [...mailers, total, connections], { forTerminal });
  }
  return renderJson({
    period: {
      start: isoTime(Number(statistics.startedAt) * 1000),
      end: isoTime((period?.end ?? context.now).getTime()),
    },
    mailers: [...mailers],
    total: withoutMailer(total),
    connections: {
      from: connections.messages_from,
      to: connections.messages_to,
      rejected: connections.rejected,
    },
    ...(trust === undefined ? {} : { trust: trust.map((item) => ({ ...item })) }),
  });
}

function withoutMailer(row: Readonly<Record<string, string | number | null>>) {
  const { mailer_number: _, mailer: __, ...counts } = row;
  return counts;
}

/** ISO 8601 in UTC; null for a time that no calendar has, as a damaged file may hold. */
function isoTime(milliseconds: number): string | null {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace('.000Z', 'Z');
}

/** ctime(3) without its newline, in the site's zone. */
function ctimeIn(zone: string, seconds: bigint): string | null {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return null;
  const wall = new Date(toWallClock(date.getTime(), zone));
  if (Number.isNaN(wall.getTime())) return null;
  const [day = '', date2 = '', month = '', year = '', clock = ''] = wall.toUTCString().split(' ');
  return `${day.slice(0, 3)} ${month} ${date2.replace(/^0/, ' ')} ${clock} ${year.replace(/^0+/, '')}`;
}
