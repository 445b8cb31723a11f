/** The detective: one story over several hosts, by its way and not by clocks that differ. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLAIN_STYLE } from '../../reports/render/text-style.ts';
import { TRACE_COLUMNS, TRACE_SQL, traceBindings } from '../../reports/trace.ts';
import { traceText } from '../../reports/trace-text.ts';
import type { DuckDbStore } from '../../src/store/duckdb/duckdb-store.ts';
import type { Row } from '../../src/store/store.ts';
import { loadInto, loadLog, openStore } from '../support/load-log.ts';
import type { LoggingHost } from '../support/three-host-log.ts';
import { hostLog } from '../support/three-host-log.ts';

const ALL_TIME = {
  start: new Date('1970-01-01T00:00:00Z'),
  end: new Date('2200-01-01T00:00:00Z'),
  limit: 1000,
};

async function trace(store: DuckDbStore, word: string): Promise<readonly Row[]> {
  return (await store.query(TRACE_SQL, { ...ALL_TIME, ...traceBindings(word) })).rows;
}

async function load(...hosts: LoggingHost[]): Promise<DuckDbStore> {
  const store = await openStore();
  for (const host of hosts) await loadInto(store, hostLog(host));
  return store;
}

const brief = (rows: readonly Row[]): readonly string[] =>
  rows.map(({ leg, host, event, recipient, spent, clock_skew: skew }) =>
    [leg, host, event, recipient, spent, skew].map((cell) => cell ?? '-').join(' '),
  );

const WHOLE = [
  '1 sub arrived - 0 -',
  '1 sub relayed bob@x.example 1 300',
  '1 sub relayed eve@x.example 1 300',
  '2 hub arrived - 0 -',
  '2 hub deferred bob@x.example 1 -',
  '2 hub deferred eve@x.example 1 -',
  '2 hub relayed bob@x.example 720 -300',
  '2 hub relayed eve@x.example 720 -300',
  '3 mx arrived - 0 -',
  '3 mx sent bob@x.example 3 -',
  '3 mx bounced eve@x.example 3 -',
  '3 mx dsn - 3 -',
  '4 mx relayed ann@a.example 1 300',
  '5 hub arrived - 0 -',
  '5 hub sent ann@a.example 1 -',
];

test('any word of it tells the whole story over three hosts, in whatever order their logs came', async () => {
  for (const hosts of [
    ['sub', 'hub', 'mx'],
    ['mx', 'hub', 'sub'],
  ] as const) {
    const store = await load(...hosts);
    for (const word of [
      '6AO600aa100100',
      '6AO600bb100101',
      '6AO60Cdd100109',
      '1@a.example',
      '<1@a.example>',
      'Bob@x.example',
    ]) {
      const rows = await trace(store, word);
      assert.deepEqual(brief(rows), WHOLE, word);
      assert.deepEqual(new Set(rows.map(({ message }) => message)), new Set([1]));
    }
    await store.close();
  }
});

test('the columns of the contract come first, then what was added', () => {
  assert.deepEqual(TRACE_COLUMNS.slice(0, 9), [
    'logged_at',
    'host',
    'queue_id',
    'event',
    'sender',
    'recipient',
    'relay',
    'dsn',
    'detail',
  ]);
  assert.deepEqual(TRACE_COLUMNS.slice(9), ['message', 'leg', 'spent', 'clock_skew']);
});

test('without the log of the first host the story begins with the second', async () => {
  const store = await load('mx', 'hub');
  const rows = await trace(store, 'bob@x.example');
  assert.deepEqual(
    brief(rows),
    WHOLE.slice(3).map((line) => line.replace(/^\d/, (leg) => String(Number(leg) - 1))),
  );
  await store.close();
});

test('two hosts that use one id for different messages have two stories', async () => {
  const line = (host: string, sender: string, messageId: string) =>
    `Nov 24 06:00:00 ${host} sm-mta[1]: 6AO600bb100101: from=<${sender}>, size=1, class=0, nrcpts=1, msgid=${messageId}, proto=ESMTP, daemon=MTA-v4, relay=c.example [192.0.2.9]\n`;
  const { store } = await loadLog(line('hub', 'a@a', '<1@a>') + line('mx', 'b@b', '<2@b>'));
  const stories = (await trace(store, '6AO600bb100101')).map(({ host, message }) => [
    message,
    host,
  ]);
  assert.deepEqual(stories, [
    [1, 'hub'],
    [2, 'mx'],
  ]);
  assert.deepEqual(
    (await trace(store, 'b@b')).map(({ host }) => host),
    ['mx'],
  );
  await store.close();
});

test('hops that go round end the trace all the same', async () => {
  const store = await load('hub');
  await store.query(`INSERT INTO raw.hops VALUES
    ('hub', '6AO600bb100101', 'hub', '6AO60Cdd100109', '2026-11-24 06:05:02', true),
    ('hub', '6AO60Cdd100109', 'hub', '6AO600bb100101', '2026-11-24 06:05:03', true)`);
  const rows = await trace(store, '6AO600bb100101');
  assert.deepEqual(new Set(rows.map(({ leg }) => leg)), new Set([1, 2]));
  await store.close();
});

test('the story in sentences: who, where, how long, why, and what became of each', async () => {
  const store = await load('hub', 'mx', 'sub');
  const told = traceText(await trace(store, '1@a.example'), { ...PLAIN_STYLE, width: null });
  assert.equal(
    told,
    'From <ann> to 2 recipients, 12.0 KiB, message-id <1@a.example>: sub 1.0 s, ' +
      'then hub 12m 00s, waiting ("Connection refused by mx.a.example."), then mx 3.0 s; ' +
      'delivered 2026-11-24 06:12:03 to mail.x.example after 12m 04s in all; ' +
      `1 recipient bounced ("550 5.1.1 say 'no' \\u202e"). ` +
      'Time spent: sub 1.0 s, hub 12m 00s, mx 3.0 s; 12m 04s in all. ' +
      'The clock of hub is 5m 00s ahead of that of sub. The clock of mx is 5m 00s behind that of hub.\n',
  );
  const lines = traceText(await trace(store, '1@a.example'), PLAIN_STYLE).split('\n');
  assert.ok(lines.length > 4 && lines.every((line) => line.length <= 80));
  await store.close();
});

test('words of any form bind, and find nothing in an empty store', async () => {
  const store = await openStore();
  for (const word of [
    '',
    '<',
    '%',
    "'; DROP",
    '6AO600bb100101',
    'ZZZZZZZZ100101',
    '\u0000',
    '<>',
  ]) {
    assert.deepEqual(await trace(store, word), [], word);
  }
  await store.close();
});
