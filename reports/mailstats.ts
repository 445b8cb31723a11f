/**
 * The statistics that sendmail keeps of its traffic (mailstats(8), sendmail.st), of any period, from the log.
 *
 * Promises: a counter is what the same sendmail added to its file in that time, as far as its log tells;
 * where the log cannot tell for certain, the answer says so, figure by figure, and why.
 */
import { MAX_MAILERS, type MailStatistics } from '../src/format/sendmail-st.ts';
import { maillogError } from '../src/model/errors.ts';
import type { Bindings, Query, Row } from '../src/store/store.ts';
import { mailstatsSql, type StatisticsOf } from './mailstats-sql.ts';

export type Exactness = 'exact' | 'lower bound' | 'estimate' | 'unknown';

/** How far a figure is to be trusted, and why no further. */
export interface Trust {
  readonly figure: string;
  readonly exactness: Exactness;
  readonly because: string;
}

export interface MailstatsRequest {
  readonly start: Date;
  readonly end: Date;
  /** Only this host's; all hosts' together by default. */
  readonly host?: string | undefined;
  readonly of?: StatisticsOf;
  /** By number, from the site's sendmail.cf; else the usual order. */
  readonly mailerNames?: readonly string[] | undefined;
}

export interface MailstatsAnswer {
  readonly statistics: MailStatistics;
  /** By number; mailers of the log that the given names lack come after them. */
  readonly mailerNames: readonly string[];
  readonly trust: readonly Trust[];
  /** Hosts whose mail is in it. */
  readonly hosts: number;
}

/** The order in which sendmail.cf defines them if made with MAILER(local) and MAILER(smtp) (cf/README). */
export const USUAL_MAILERS: readonly string[] = [
  'prog',
  '*file*',
  '*include*',
  'local',
  'smtp',
  'esmtp',
  'smtp8',
  'dsmtp',
  'relay',
];

export async function makeMailstats(
  query: Query,
  request: MailstatsRequest,
): Promise<MailstatsAnswer> {
  const { start, end, host, of = 'mta', mailerNames = USUAL_MAILERS } = request;
  const bindings: Bindings = { start, end, ...(host === undefined ? {} : { host }) };
  const sql = mailstatsSql({ of, oneHost: host !== undefined });
  const { rows } = await query.query(sql, bindings);
  return answerOf(rows, BigInt(Math.floor(start.getTime() / 1000)), mailerNames);
}

/** The answer that the statement's rows amount to. */
export function answerOf(
  rows: readonly Row[],
  startedAt: bigint,
  knownNames: readonly string[] = USUAL_MAILERS,
): MailstatsAnswer {
  const mailerNames = allNames(rows, knownNames);
  const counters = (figure: string, key: 'messages' | 'kilobytes' = 'messages'): bigint[] => {
    const counts = new Array<bigint>(MAX_MAILERS).fill(0n);
    for (const row of rows) {
      if (row.figure !== figure) continue;
      const mailer = mailerNames.indexOf(String(row.mailer));
      counts[mailer] = (counts[mailer] ?? 0n) + toCount(row[key]);
    }
    return counts;
  };
  const count = (figure: string): bigint =>
    toCount(rows.find((row) => row.figure === figure)?.messages);
  return {
    statistics: {
      startedAt,
      connectionsFrom: count('connections_from'),
      connectionsTo: count('connections_to'),
      connectionsRejected: count('connections_rejected'),
      messagesFrom: counters('messages_from'),
      kilobytesFrom: counters('messages_from', 'kilobytes'),
      messagesTo: counters('messages_to'),
      kilobytesTo: counters('messages_to', 'kilobytes'),
      rejected: counters('rejected'),
      discarded: counters('discarded'),
      quarantined: counters('quarantined'),
    },
    mailerNames,
    trust: trustOf(count),
    hosts: Number(count('hosts')),
  };
}

function toCount(value: unknown): bigint {
  return BigInt(Math.round(Number(value ?? 0)));
}

/** The known names, and behind them, in their own order, those that only the log knows. */
function allNames(rows: readonly Row[], known: readonly string[]): readonly string[] {
  const seen = new Set(rows.flatMap(({ mailer }) => (typeof mailer === 'string' ? [mailer] : [])));
  const others = [...seen].filter((mailer) => !known.includes(mailer)).sort();
  const names = [...known, ...others];
  if (names.length <= MAX_MAILERS) return names;
  throw maillogError('E_USAGE', {
    problem: `there are ${names.length} mailers, more than the ${MAX_MAILERS} of one sendmail: name one host`,
  });
}

type Count = (figure: string) => bigint;

function trustOf(count: Count): readonly Trust[] {
  return [
    exact('messages_from'),
    {
      figure: 'messages_from by mailer',
      exactness: 'estimate',
      because: "a sender's mailer is told by what became of mail to its domain",
    },
    exact('kilobytes_from'),
    ...trustOfDeliveries(count),
    trustOfRefusals('rejected', count),
    exact('discarded'),
    exact('quarantined'),
    trustOfConnections(count),
    {
      figure: 'connections_to',
      exactness: 'estimate',
      because: 'the log tells attempts, not which of them shared a connection',
    },
    trustOfRefusals('connections_rejected', count),
  ];
}

function exact(figure: string): Trust {
  return { figure, exactness: 'exact', because: 'each is logged at LogLevel 6 and up' };
}

/** One refusal counts in each process; where a server is refused, its line does not tell of which. */
function trustOfRefusals(figure: string, count: Count): Trust {
  if (count('refused_servers') === 0n) return exact(figure);
  const because =
    'servers were refused (tls_server): one counts in each queue run, and runs are guessed';
  return { figure, exactness: 'estimate', because };
}

function trustOfDeliveries(count: Count): readonly Trust[] {
  if (count('accepted') > 0n && count('sent_lines') === 0n) {
    const because = 'mail came in and no success is logged: LogLevel is below 8, or all failed';
    return [
      { figure: 'messages_to', exactness: 'unknown', because },
      { figure: 'kilobytes_to', exactness: 'unknown', because },
    ];
  }
  const unknown = count('unknown_sizes');
  return [
    { figure: 'messages_to', exactness: 'exact', because: 'each is logged at LogLevel 8 and up' },
    unknown === 0n
      ? {
          figure: 'kilobytes_to',
          exactness: 'estimate',
          because: 'the header that is added is told by priorities; a queue run may change it',
        }
      : {
          figure: 'kilobytes_to',
          exactness: 'lower bound',
          because: `the arrival of the messages of ${unknown} transactions is not in the log`,
        },
  ];
}

function trustOfConnections(count: Count): Trust {
  const figure = 'connections_from';
  return count('connect_lines') > 0n
    ? { figure, exactness: 'exact', because: 'each is logged at LogLevel 10 and up' }
    : {
        figure,
        exactness: 'lower bound',
        because: 'below LogLevel 10 some sessions leave no line',
      };
}
