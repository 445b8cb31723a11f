/**
 * A statistics table as rows: one for each mailer that mailstats(8) would show, the total, and the
 * connections, whose three counts stand where mailstats(8) puts them.
 */
import type { MailStatistics } from '../src/format/sendmail-st.ts';
import { count, type RowOf, text } from './section.ts';

export const MAILSTATS_COLUMNS = [
  count('mailer_number', 'M'),
  text('mailer', 'mailer'),
  count('messages_from', 'from'),
  count('kilobytes_from', 'kB from'),
  count('messages_to', 'to'),
  count('kilobytes_to', 'kB to'),
  count('rejected', 'rej.'),
  count('discarded', 'disc.'),
  count('quarantined', 'quar.'),
] as const;

export type MailstatsRow = RowOf<typeof MAILSTATS_COLUMNS>;

export interface MailstatsRows {
  readonly mailers: readonly MailstatsRow[];
  readonly total: MailstatsRow;
  readonly connections: MailstatsRow;
}

const FIELDS = {
  messages_from: 'messagesFrom',
  kilobytes_from: 'kilobytesFrom',
  messages_to: 'messagesTo',
  kilobytes_to: 'kilobytesTo',
  rejected: 'rejected',
  discarded: 'discarded',
  quarantined: 'quarantined',
} as const satisfies Readonly<Record<string, keyof MailStatistics>>;
type Field = keyof typeof FIELDS;
const FIELD_NAMES = Object.keys(FIELDS) as readonly Field[];
/** A mailer with nothing but kilobytes is not shown, nor is it in the total. */
const SHOWN_BY: readonly Field[] = FIELD_NAMES.filter((name) => !name.startsWith('kilobytes'));

export function mailstatsRows(
  statistics: MailStatistics,
  mailerNames: readonly string[],
): MailstatsRows {
  const mailers = statistics.messagesFrom
    .map((_, number) => mailerRow(statistics, number, mailerNames[number] ?? null))
    .filter((row) => SHOWN_BY.some((name) => row[name] !== 0));
  const sum = (name: Field): number => mailers.reduce((total, row) => total + Number(row[name]), 0);
  return {
    mailers,
    total: { mailer_number: null, mailer: 'total', ...fieldsOf(sum) },
    connections: {
      mailer_number: null,
      mailer: 'connections',
      ...fieldsOf(() => null),
      messages_from: Number(statistics.connectionsFrom),
      messages_to: Number(statistics.connectionsTo),
      rejected: Number(statistics.connectionsRejected),
    },
  };
}

function mailerRow(
  statistics: MailStatistics,
  number: number,
  mailer: string | null,
): MailstatsRow {
  const value = (name: Field): number => Number(statistics[FIELDS[name]][number] ?? 0n);
  return { mailer_number: number, mailer, ...fieldsOf(value) };
}

function fieldsOf<T>(value: (name: Field) => T): Record<Field, T> {
  return Object.fromEntries(FIELD_NAMES.map((name) => [name, value(name)])) as Record<Field, T>;
}
