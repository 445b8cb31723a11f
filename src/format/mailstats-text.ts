/**
 * The output of mailstats(8), byte for byte that of 8.17: a table for people, and the form for programs
 * (`-P`) that munin, netdata and Monitorix read.
 *
 * Promises: a mailer with nothing but kilobytes is hidden and not totalled; totals wrap at 64 bits like C's.
 */
import { ctime } from './ctime.ts';
import { MAX_MAILERS, type MailStatistics } from './sendmail-st.ts';

export interface TableOptions {
  /** By mailer number, "" or nothing where unknown; null leaves the column out (`-o`). */
  readonly mailerNames: readonly string[] | null;
  /** For a zone other than the process's; null if the time cannot be told. */
  readonly localTime?: (epochSeconds: bigint) => string | null;
}

export interface ProgramOptions {
  readonly mailerNames: readonly string[] | null;
  /** The end of the period, in epoch seconds. */
  readonly now: bigint;
}

const RULE = '='.repeat(69);
const HEADER = ' M   msgsfr  bytes_from   msgsto    bytes_to  msgsrej msgsdis msgsqur';

/** The numbers of one row, left to right. */
interface Row {
  readonly messagesFrom: bigint;
  readonly kilobytesFrom: bigint;
  readonly messagesTo: bigint;
  readonly kilobytesTo: bigint;
  readonly rejected: bigint;
  readonly discarded: bigint;
  readonly quarantined: bigint;
}

export function mailstatsTable(statistics: MailStatistics, options: TableOptions): string {
  const { mailerNames, localTime = ctime } = options;
  const startedAt = localTime(statistics.startedAt);
  // The newline belongs to ctime(3): where that fails, the header follows on the same line.
  const since = startedAt === null ? '(null)' : `${startedAt}\n`;
  const from = pad(statistics.connectionsFrom, 8);
  const to = pad(statistics.connectionsTo, 8);
  return [
    `Statistics from ${since}${HEADER}${mailerNames === null ? '' : '  Mailer'}`,
    ...rowLines(statistics, mailerNames, 'K'),
    RULE,
    ` T ${rowText(totalOf(statistics), 'K')}`,
    ` C ${from} ${' '.repeat(10)}  ${to} ${' '.repeat(10)}    ${pad(statistics.connectionsRejected, 6)}`,
    '',
  ].join('\n');
}

export function mailstatsForPrograms(statistics: MailStatistics, options: ProgramOptions): string {
  const from = pad(statistics.connectionsFrom, 8);
  const to = pad(statistics.connectionsTo, 8);
  return [
    `${statistics.startedAt} ${options.now}`,
    ...rowLines(statistics, options.mailerNames, ''),
    ` T ${rowText(totalOf(statistics), '')}`,
    ` C ${from} ${to} ${pad(statistics.connectionsRejected, 6)}`,
    '',
  ].join('\n');
}

function rowLines(
  statistics: MailStatistics,
  mailerNames: readonly string[] | null,
  unit: string,
): string[] {
  return shownRows(statistics).map(([mailer, row]) => {
    const name = mailerNames === null ? '' : `  ${mailerNames[mailer] ?? ''}`;
    return `${String(mailer).padStart(2)} ${rowText(row, unit)}${name}`;
  });
}

function rowText(row: Row, unit: string): string {
  const from = `${pad(row.messagesFrom, 8)} ${pad(row.kilobytesFrom, 10)}${unit}`;
  const to = `${pad(row.messagesTo, 8)} ${pad(row.kilobytesTo, 10)}${unit}`;
  const refused = [row.rejected, row.discarded, row.quarantined].map((count) => pad(count, 6));
  return `${from} ${to}   ${refused.join('  ')}`;
}

function pad(count: bigint, width: number): string {
  return String(count).padStart(width);
}

function shownRows(statistics: MailStatistics): [number, Row][] {
  const rows: [number, Row][] = [];
  for (let mailer = 0; mailer < MAX_MAILERS; mailer++) {
    const row = rowOf(statistics, mailer);
    if (hasMessages(row)) rows.push([mailer, row]);
  }
  return rows;
}

function rowOf(statistics: MailStatistics, mailer: number): Row {
  return {
    messagesFrom: statistics.messagesFrom[mailer] ?? 0n,
    kilobytesFrom: statistics.kilobytesFrom[mailer] ?? 0n,
    messagesTo: statistics.messagesTo[mailer] ?? 0n,
    kilobytesTo: statistics.kilobytesTo[mailer] ?? 0n,
    rejected: statistics.rejected[mailer] ?? 0n,
    discarded: statistics.discarded[mailer] ?? 0n,
    quarantined: statistics.quarantined[mailer] ?? 0n,
  };
}

function hasMessages(row: Row): boolean {
  const counts = [row.messagesFrom, row.messagesTo, row.rejected, row.discarded, row.quarantined];
  return counts.some((count) => count !== 0n);
}

function totalOf(statistics: MailStatistics): Row {
  const rows = shownRows(statistics).map(([, row]) => row);
  const sum = (field: keyof Row) =>
    BigInt.asIntN(
      64,
      rows.reduce((total, row) => total + row[field], 0n),
    );
  return {
    messagesFrom: sum('messagesFrom'),
    kilobytesFrom: sum('kilobytesFrom'),
    messagesTo: sum('messagesTo'),
    kilobytesTo: sum('kilobytesTo'),
    rejected: sum('rejected'),
    discarded: sum('discarded'),
    quarantined: sum('quarantined'),
  };
}
