/**
 * The statistics counted from logs, held against what the same sendmail wrote to its sendmail.st meanwhile,
 * counter by counter and mailer by mailer. Every difference is listed here, with its reason.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { MailstatsAnswer, MailstatsRequest } from '../../reports/mailstats.ts';
import { makeMailstats } from '../../reports/mailstats.ts';
import { mailstatsTable } from '../../src/format/mailstats-text.ts';
import type { MailStatistics } from '../../src/format/sendmail-st.ts';
import {
  emptyStatistics,
  encodeStatistics,
  parseStatistics,
} from '../../src/format/sendmail-st.ts';
import { loadLog } from '../support/load-log.ts';

const FOLDER = 'test/fixtures/sendmail';
const LAB = 'test/fixtures/mailstats';
const ALL_OF_TIME = {
  start: new Date('2026-01-01T00:00:00Z'),
  end: new Date('2027-01-01T00:00:00Z'),
};
const SCENARIOS = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.expect.json'))
  .map((name) => name.slice(0, -'.expect.json'.length));

/** `counter mailer: in the file, from the log`, and why the log cannot tell better. */
const DIFFERENCES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  auth: {
    'connectionsFrom: 18, 11':
      'MAIL before AUTH is answered with 530 and leaves no line, seven times',
  },
  defer_retry: {
    'connectionsTo: 6, 5': 'two queue runs within a minute are taken for one, with one connection',
  },
  smart_host: {
    'connectionsTo: 3, 2': 'two queue runs within a minute are taken for one, with one connection',
  },
  'a_cmdline of the agent': {
    'connectionsTo: 18, 17':
      'two queue runs within a minute are taken for one, with one connection',
  },
};

/** The counters of a sendmail.st as its scenario tells them. */
interface TrueStatistics {
  readonly parsed: Readonly<Record<string, number | string | readonly number[]>>;
  /** What mailstats(8) printed of it. */
  readonly mailstats: string;
}

function truthOf(scenario: string): TrueStatistics {
  const text = readFileSync(`${FOLDER}/${scenario}.expect.json`, 'utf8');
  return (JSON.parse(text) as { statistics: TrueStatistics }).statistics;
}

function asStatistics({ parsed }: TrueStatistics): MailStatistics {
  const one = (key: string): bigint => BigInt(parsed[key] as number);
  const many = (key: string): bigint[] => (parsed[key] as readonly number[]).map(BigInt);
  return {
    startedAt: one('itime'),
    connectionsFrom: one('conn_from'),
    connectionsTo: one('conn_to'),
    connectionsRejected: one('conn_rejected'),
    messagesFrom: many('nf'),
    kilobytesFrom: many('bf'),
    messagesTo: many('nt'),
    kilobytesTo: many('bt'),
    rejected: many('nr'),
    discarded: many('nd'),
    quarantined: many('nq'),
  };
}

function readFile(name: string): MailStatistics {
  const outcome = parseStatistics(readFileSync(`${LAB}/${name}.st`));
  assert.equal(outcome.kind, 'statistics');
  return outcome.kind === 'statistics' ? outcome.statistics : emptyStatistics(0n);
}

function differences(file: MailStatistics, { statistics, mailerNames }: MailstatsAnswer): string[] {
  const { startedAt: _, ...counters } = file;
  return (Object.keys(counters) as (keyof typeof counters)[]).flatMap((name) => {
    const [expected, counted] = [file[name], statistics[name]];
    if (typeof expected === 'bigint') {
      return expected === counted ? [] : [`${name}: ${expected}, ${counted}`];
    }
    return expected.flatMap((count, mailer) => {
      const other = (counted as readonly bigint[])[mailer];
      return count === other ? [] : [`${name} ${mailerNames[mailer]}: ${count}, ${other}`];
    });
  });
}

async function count(
  log: string | Uint8Array,
  request: Partial<MailstatsRequest> = {},
): Promise<MailstatsAnswer> {
  const { store } = await loadLog(log);
  try {
    return await makeMailstats(store, { ...ALL_OF_TIME, ...request });
  } finally {
    await store.close();
  }
}

const expected = (name: string): string[] => Object.keys(DIFFERENCES[name] ?? {});

test('the scenarios are there', () => {
  assert.equal(SCENARIOS.length, 16);
});

for (const scenario of SCENARIOS) {
  test(`${scenario}: the log tells what sendmail.st holds`, async () => {
    const truth = truthOf(scenario);
    const answer = await count(readFileSync(`${FOLDER}/${scenario}.maillog`));
    assert.deepEqual(differences(asStatistics(truth), answer), expected(scenario));
    if (expected(scenario).length > 0) return;
    const { startedAt } = asStatistics(truth);
    const text = mailstatsTable({ ...answer.statistics, startedAt }, answer);
    assert.equal(afterFirstLine(text), afterFirstLine(truth.mailstats));
  });
}

/** All but `Statistics from`, whose time is in the zone of whoever prints it. */
const afterFirstLine = (text: string): string => text.slice(text.indexOf('\n'));

test('command-line mail is of the agent, whose file is another, but for what -Am queued', async () => {
  const log = readFileSync(`${LAB}/a_cmdline.maillog`);
  assert.deepEqual(differences(readFile('a_cmdline'), await count(log)), []);
  const agent = await count(log, { of: 'msp' });
  assert.deepEqual(
    differences(readFile('a_cmdline.msp'), agent),
    expected('a_cmdline of the agent'),
  );
});

test('where agent and daemon log under one tag, their mail is told apart by its way', async () => {
  const log = readFileSync(`${LAB}/a_cmdline.maillog`, 'utf8');
  const oneTag = log.replace(/ sm-(?:mta|msp-queue)\[/g, ' sendmail[');
  const daemon = await count(oneTag);
  // A message without recipients never went anywhere, so nothing tells that it was the agent's.
  assert.deepEqual(differences(readFile('a_cmdline'), daemon), [
    'connectionsFrom: 19, 21',
    'messagesFrom local: 22, 23',
    'kilobytesFrom local: 21, 22',
  ]);
});

test('what is refused in a session that is to be discarded counts as discarded', async () => {
  const answer = await count(readFileSync(`${LAB}/j_access_delay.maillog`));
  assert.deepEqual(differences(readFile('j_access_delay'), answer), []);
});

test('servers that are refused count once a queue run, for the sender of the mail', async () => {
  const answer = await count(readFileSync(`${LAB}/k_tls_auth.maillog`));
  assert.deepEqual(differences(readFile('k_tls_auth'), answer), []);
  const rejected = answer.trust.find(({ figure }) => figure === 'rejected');
  assert.equal(rejected?.exactness, 'estimate');
});

test('the parts of a period add up to the whole', async () => {
  const { store } = await loadLog(readFileSync(`${LAB}/j_access_delay.maillog`));
  const whole = await makeMailstats(store, ALL_OF_TIME);
  const { rows } = await store.query(
    'SELECT min(logged_at) AS a, max(logged_at) AS b FROM raw.envelopes',
  );
  const [first, last] = [rows[0]?.a, rows[0]?.b].map((time) => new Date(String(time)).getTime());
  const sums = new Map<string, bigint>();
  for (let at = first ?? 0; at <= (last ?? 0); at += 1000) {
    const part = { start: new Date(at), end: new Date(at + 1000) };
    const { statistics } = await makeMailstats(store, part);
    for (const [name, value] of Object.entries(totals(statistics))) {
      sums.set(name, (sums.get(name) ?? 0n) + value);
    }
  }
  await store.close();
  assert.deepEqual(Object.fromEntries(sums), totals(whole.statistics));
});

/** Counters summed over mailers; connections made are left out, since they are told by whole attempts. */
function totals(statistics: MailStatistics): Record<string, bigint> {
  const { startedAt: _, connectionsTo: __, ...counters } = statistics;
  return Object.fromEntries(
    Object.entries(counters).map(([name, value]) => [
      name,
      typeof value === 'bigint' ? value : value.reduce((sum, count) => sum + count, 0n),
    ]),
  );
}

/** As sendmail prints what is negative, or more than it can hold. */
const LARGEST = 9_223_372_036_854_775_807n;
const DAY = 'Nov 24 08:00:00 mx1 sm-mta[5]: ';
const sent = (id: string, mailer: string, priority: number | bigint): string =>
  `${DAY}${id}: to=<a@corp.example>, delay=00:00:01, xdelay=00:00:01, mailer=${mailer}, pri=${priority}, dsn=2.0.0, stat=Sent\n`;
const came = (id: string, size: number | bigint, rest = 'class=0'): string =>
  `${DAY}${id}: from=<b@else.example>, size=${size}, ${rest}, nrcpts=1, msgid=<${id}@else.example>, proto=ESMTP, daemon=MTA-v4, relay=c.example [192.0.2.9]\n`;

const KILOBYTES: readonly { what: string; log: string; from: bigint; to: bigint }[] = [
  {
    what: 'the added header',
    log: came('6AO80000000005', 900) + sent('6AO80000000005', 'local', 31_100),
    from: 1n,
    to: 2n,
  },
  {
    what: 'a queue run',
    log: came('6AO80000000005', 900) + sent('6AO80000000005', 'local', 121_100),
    from: 1n,
    to: 2n,
  },
  {
    what: 'more than a recipient weighs',
    log: came('6AO80000000005', 70_990) + sent('6AO80000000005', 'local', 101_250),
    from: 71n,
    to: 72n,
  },
  {
    what: 'a class',
    log:
      came('6AO80000000005', 900, 'class=-30') +
      sent('6AO80000000005', 'local', 30_000 + 54_000 + 1100),
    from: 1n,
    to: 2n,
  },
  {
    what: 'a negative priority',
    log: came('6AO80000000005', 900, 'class=100') + sent('6AO80000000005', 'local', LARGEST),
    from: 1n,
    to: 1n,
  },
  {
    what: 'other weights',
    log: came('6AO80000000005', 900) + sent('6AO80000000005', 'local', 20_000),
    from: 1n,
    to: 1n,
  },
  { what: 'a size beyond all bounds', log: came('6AO80000000005', LARGEST), from: 0n, to: 0n },
];

for (const { what, log, from, to } of KILOBYTES) {
  test(`kilobytes with ${what}`, async () => {
    const { kilobytesFrom, kilobytesTo } = (await count(log)).statistics;
    assert.deepEqual([kilobytesFrom[5], kilobytesTo[3]], [from, to]);
  });
}

test('a mailer that sendmail.cf lacks comes after those that it has', async () => {
  const log = came('6AO80000000005', 10) + sent('6AO80000000005', 'cyrusv2', 30_010);
  assert.equal((await count(log)).mailerNames[9], 'cyrusv2');
  const { statistics, mailerNames } = await count(log, {
    mailerNames: ['prog', '*file*', '*include*', 'smtp', 'cyrusv2'],
  });
  assert.deepEqual(mailerNames.slice(3), ['smtp', 'cyrusv2', 'esmtp']);
  assert.equal(statistics.messagesTo[4], 1n);
  assert.equal(encodeStatistics(statistics).length, 1448);
});

test('more mailers than one sendmail can have are those of several', async () => {
  const ids = Array.from({ length: 20 }, (_, i) => i);
  const log = ids.map((i) => sent(`6AO800${i + 10}000005`, `m${i}`, 30_010)).join('');
  await assert.rejects(count(log), { code: 'E_USAGE', message: /29 mailers.*name one host/ });
});

test('what the log cannot tell is said', async () => {
  const trust = async (log: string, figure: string) =>
    (await count(log)).trust.find((item) => item.figure === figure);
  assert.equal((await trust(came('6AO80000000005', 10), 'messages_to'))?.exactness, 'unknown');
  const carriedIn = await trust(sent('6AO80000000005', 'local', 31_100), 'kilobytes_to');
  assert.equal(carriedIn?.exactness, 'lower bound');
  assert.match(carriedIn?.because ?? '', /arrival of the messages of 1 transactions/);
  const connect = `${DAY}NOQUEUE: connect from c.example [192.0.2.9]\n`;
  const connections = await trust(connect + came('6AO80000000005', 10), 'connections_from');
  assert.equal(connections?.exactness, 'exact');
});

test('one host of several', async () => {
  const log = came('6AO80000000005', 10) + came('6AO80000000006', 10).replace(' mx1 ', ' mx2 ');
  assert.deepEqual((await count(log)).hosts, 2);
  const one = await count(log, { host: 'mx2' });
  assert.deepEqual([one.hosts, one.statistics.messagesFrom[5]], [1, 1n]);
});
