/**
 * How much a user or a host may send out: messages and recipients in any hour and any day. Windows slide: an
 * hour is sixty counts of a minute, a day ninety-six of a quarter of an hour.
 *
 * Replies (our own, sendmail has none): `452 4.7.1 <A>... Too many messages from NAME in an hour`, `recipients`
 * and `a day` alike; with `isPermanent`, `550 5.7.1`. They are logged as of check_mail and check_rcpt.
 *
 * Promises: bounded. Of more senders than `mostSenders` those longest silent are forgotten. Kept over a restart
 * in one file, written as a whole or not at all; a file that is damaged is as none.
 */
import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { ACCEPT, refuse, type Subject, type Verdict } from './verdict.ts';

/** 0 is no limit. */
export interface SendingLimits {
  readonly messagesPerHour: number;
  readonly messagesPerDay: number;
  readonly recipientsPerHour: number;
  readonly recipientsPerDay: number;
}

export interface OutgoingOptions {
  readonly users: SendingLimits;
  readonly hosts: SendingLimits;
  readonly isPermanent: boolean;
  readonly now: () => number;
  readonly mostSenders?: number;
}

/** Who sends: a user who has authenticated, or a client's address. */
export interface SendingParty {
  readonly kind: 'user' | 'host';
  readonly name: string;
}

export const NO_LIMITS: SendingLimits = Object.freeze({
  messagesPerHour: 0,
  messagesPerDay: 0,
  recipientsPerHour: 0,
  recipientsPerDay: 0,
});

const HOUR = { bucketMs: 60_000, buckets: 60 } as const;
const DAY = { bucketMs: 15 * 60_000, buckets: 96 } as const;
const MOST_SENDERS = 20_000;
const LONGEST_NAME = 256;
const MOST_FILE_BYTES = 256 * 1024 * 1024;

interface Window {
  readonly bucketMs: number;
  readonly buckets: number;
}

/** Numbers of buckets with their counts, oldest first. */
type Counts = [bucket: number, count: number][];
type CounterName = 'messagesHour' | 'messagesDay' | 'recipientsHour' | 'recipientsDay';
type Counters = Record<CounterName, Counts>;

const WINDOWS: Readonly<Record<CounterName, Window>> = {
  messagesHour: HOUR,
  messagesDay: DAY,
  recipientsHour: HOUR,
  recipientsDay: DAY,
};
const COUNTER_NAMES: readonly CounterName[] = [
  'messagesHour',
  'messagesDay',
  'recipientsHour',
  'recipientsDay',
];

export class OutgoingLimits {
  readonly #options: OutgoingOptions;
  /** By kind and name, in the order in which they last sent. */
  readonly #senders = new Map<string, Counters>();

  constructor(options: OutgoingOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#senders.size;
  }

  /** Whether a further message may begin; `shown` is the sender as the client typed it. */
  checkMail(party: SendingParty, shown: string): Verdict {
    const { messagesPerHour, messagesPerDay } = this.#limits(party);
    const subject = { ruleset: 'check_mail', arg1: shown, address: shown };
    if (this.#isOver(party, 'messagesHour', messagesPerHour, 1)) {
      return this.#refuse(subject, party, 'messages', 'an hour');
    }
    return this.#isOver(party, 'messagesDay', messagesPerDay, 1)
      ? this.#refuse(subject, party, 'messages', 'a day')
      : ACCEPT;
  }

  /** Whether a message that has `accepted` recipients may have one more. */
  checkRcpt(party: SendingParty, shown: string, accepted: number): Verdict {
    const { recipientsPerHour, recipientsPerDay } = this.#limits(party);
    const subject = { ruleset: 'check_rcpt', arg1: shown, address: shown };
    if (this.#isOver(party, 'recipientsHour', recipientsPerHour, accepted + 1)) {
      return this.#refuse(subject, party, 'recipients', 'an hour');
    }
    return this.#isOver(party, 'recipientsDay', recipientsPerDay, accepted + 1)
      ? this.#refuse(subject, party, 'recipients', 'a day')
      : ACCEPT;
  }

  /** A message was taken. */
  sent(party: SendingParty, recipients: number): void {
    const key = keyOf(party);
    const counters = this.#senders.get(key) ?? emptyCounters();
    this.#senders.delete(key);
    this.#senders.set(key, counters);
    for (const name of COUNTER_NAMES) {
      this.#add(counters, name, name.startsWith('messages') ? 1 : recipients);
    }
    const most = this.#options.mostSenders ?? MOST_SENDERS;
    for (const oldest of this.#senders.keys()) {
      if (this.#senders.size <= most) break;
      this.#senders.delete(oldest);
    }
  }

  async save(path: string): Promise<void> {
    const temporary = `${path}.${randomBytes(6).toString('hex')}`;
    try {
      await writeFile(temporary, JSON.stringify([...this.#senders]), { mode: 0o600, flag: 'wx' });
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  /** What was saved; false where there is nothing that can be read. */
  async load(path: string): Promise<boolean> {
    try {
      const text = await readFile(path, 'utf8');
      if (text.length > MOST_FILE_BYTES) return false;
      const senders = parseSenders(JSON.parse(text));
      if (senders === null) return false;
      for (const [key, counters] of senders) this.#senders.set(key, counters);
      return true;
    } catch {
      return false;
    }
  }

  #limits(party: SendingParty): SendingLimits {
    return party.kind === 'user' ? this.#options.users : this.#options.hosts;
  }

  #isOver(party: SendingParty, name: CounterName, limit: number, more: number): boolean {
    if (limit <= 0) return false;
    const counts = this.#senders.get(keyOf(party))?.[name] ?? [];
    const oldest = this.#bucket(name) - WINDOWS[name].buckets;
    const sum = counts.reduce((all, [bucket, count]) => (bucket > oldest ? all + count : all), 0);
    return sum + more > limit;
  }

  #add(counters: Counters, name: CounterName, count: number): void {
    const bucket = this.#bucket(name);
    const oldest = bucket - WINDOWS[name].buckets;
    // A clock that was set back must not leave counts that never end.
    const kept = counters[name].filter(([number]) => number > oldest && number <= bucket);
    const last = kept.at(-1);
    if (last?.[0] === bucket) last[1] += count;
    else kept.push([bucket, count]);
    counters[name] = kept;
  }

  #bucket(name: CounterName): number {
    return Math.floor(this.#options.now() / WINDOWS[name].bucketMs);
  }

  #refuse(subject: Subject, party: SendingParty, what: string, period: string): Verdict {
    const text = `Too many ${what} from ${party.name} in ${period}`;
    return this.#options.isPermanent
      ? refuse(subject, { code: 550, status: '5.7.1', text })
      : refuse(subject, { code: 452, status: '4.7.1', text });
  }
}

function keyOf({ kind, name }: SendingParty): string {
  return `${kind}:${name.slice(0, LONGEST_NAME).toLowerCase()}`;
}

function emptyCounters(): Counters {
  return { messagesHour: [], messagesDay: [], recipientsHour: [], recipientsDay: [] };
}

function parseSenders(value: unknown): [string, Counters][] | null {
  if (!Array.isArray(value)) return null;
  const senders: [string, Counters][] = [];
  for (const entry of value as unknown[]) {
    if (!Array.isArray(entry)) return null;
    const [key, counters] = entry as unknown[];
    if (typeof key !== 'string' || typeof counters !== 'object' || counters === null) return null;
    const parsed = emptyCounters();
    for (const name of COUNTER_NAMES) {
      const counts = parseCounts(
        (counters as Record<string, unknown>)[name],
        WINDOWS[name].buckets,
      );
      if (counts === null) return null;
      parsed[name] = counts;
    }
    senders.push([key, parsed]);
  }
  return senders;
}

function parseCounts(value: unknown, most: number): Counts | null {
  if (!Array.isArray(value) || value.length > most) return null;
  const counts: Counts = [];
  for (const pair of value as unknown[]) {
    const [bucket, count] = Array.isArray(pair) ? (pair as unknown[]) : [];
    if (!Number.isSafeInteger(bucket) || !Number.isSafeInteger(count)) return null;
    counts.push([Number(bucket), Number(count)]);
  }
  return counts;
}
