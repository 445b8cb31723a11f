/**
 * What was counted since the last posting: sendmail's `struct statistics` in memory (stats.c, markstats).
 * Counters are by mailer number.
 */
import { emptyStatistics, kilobytesOf, type MailStatistics } from '../../format/sendmail-st.ts';
import { MAILER_NUMBERS, type MailerName } from '../model.ts';

type MailerField = Exclude<
  keyof MailStatistics,
  'startedAt' | 'connectionsFrom' | 'connectionsTo' | 'connectionsRejected'
>;

const MAILER_FIELDS: readonly MailerField[] = [
  'messagesFrom',
  'kilobytesFrom',
  'messagesTo',
  'kilobytesTo',
  'rejected',
  'discarded',
  'quarantined',
];

export class Counts {
  #sum = emptyStatistics(0n);
  isEmpty = true;

  connectionAccepted(): void {
    this.#merge({ ...emptyStatistics(0n), connectionsFrom: 1n });
  }

  connectionMade(): void {
    this.#merge({ ...emptyStatistics(0n), connectionsTo: 1n });
  }

  /** Without a mailer the connection alone counts. */
  rejected(mailer: MailerName | null): void {
    this.#merge({ ...emptyStatistics(0n), connectionsRejected: 1n });
    if (mailer !== null) this.#addOne(mailer, { rejected: 1n });
  }

  discarded(mailer: MailerName | null): void {
    this.#merge({ ...emptyStatistics(0n), connectionsRejected: 1n });
    if (mailer !== null) this.#addOne(mailer, { discarded: 1n });
  }

  quarantined(mailer: MailerName): void {
    this.#addOne(mailer, { quarantined: 1n });
  }

  messageFrom(mailer: MailerName, bytes: number): void {
    this.#addOne(mailer, { messagesFrom: 1n, kilobytesFrom: kilobytes(bytes) });
  }

  messageTo(mailer: MailerName, bytes: number): void {
    this.#addOne(mailer, { messagesTo: 1n, kilobytesTo: kilobytes(bytes) });
  }

  addAll(other: Counts): void {
    this.#merge(other.#sum);
    this.isEmpty &&= other.isEmpty;
  }

  /** The file's counters with ours; it keeps its time. */
  addedTo(statistics: MailStatistics): MailStatistics {
    return sumOf(statistics, this.#sum);
  }

  /** A file that begins now. */
  begun(startedAt: bigint): MailStatistics {
    return { ...this.#sum, startedAt };
  }

  #addOne(mailer: MailerName, counts: Partial<Record<MailerField, bigint>>): void {
    const number = MAILER_NUMBERS.indexOf(mailer);
    const empty = emptyStatistics(0n);
    const fields = Object.entries(counts).map(([field, count]) => {
      const counters = [...empty[field as MailerField]];
      counters[number] = count;
      return [field, counters];
    });
    this.#merge({ ...empty, ...Object.fromEntries(fields) });
  }

  #merge(other: MailStatistics): void {
    this.#sum = sumOf(this.#sum, other);
    this.isEmpty = false;
  }
}

function sumOf(one: MailStatistics, other: MailStatistics): MailStatistics {
  const fields = MAILER_FIELDS.map((field) => [
    field,
    one[field].map((count, mailer) => count + (other[field][mailer] ?? 0n)),
  ]);
  return {
    ...one,
    ...Object.fromEntries(fields),
    connectionsFrom: one.connectionsFrom + other.connectionsFrom,
    connectionsTo: one.connectionsTo + other.connectionsTo,
    connectionsRejected: one.connectionsRejected + other.connectionsRejected,
  };
}

function kilobytes(bytes: number): bigint {
  return kilobytesOf(BigInt(Math.max(0, Math.trunc(bytes)) || 0));
}
