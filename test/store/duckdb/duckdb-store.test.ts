/** The store: schema, views, transactions, hops, expiry, and SQL from outside. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DuckDbStore } from '../../../src/store/duckdb/duckdb-store.ts';
import { SCHEMA_VERSION } from '../../../src/store/duckdb/migrations.ts';
import { safeQuery } from '../../../src/store/duckdb/safe-query.ts';
import { VIEW_NAMES } from '../../../src/store/duckdb/views.ts';
import { loadInto, loadLog, openStore, TEST_CLOCK } from '../../support/load-log.ts';

const FROM = 'size=100, class=0, nrcpts=1';

/** What users may rely on: every view begins so, then has at least these. */
const CONTRACT: Readonly<Record<string, readonly string[]>> = {
  messages: [
    'sender',
    'sender_domain',
    'size',
    'nrcpts',
    'message_id',
    'relay_host',
    'relay_ip',
    'protocol',
    'auth_user',
    'auth_mech',
    'tls_version',
    'class',
    'body_type',
  ],
  deliveries: [
    'recipient',
    'recipient_domain',
    'original_recipient',
    'controlling_user',
    'mailer',
    'relay_host',
    'relay_ip',
    'delay',
    'xdelay',
    'delay_before_queue',
    'delay_in_queue',
    'delay_connect',
    'delay_transmit',
    'dsn',
    'status',
    'reply',
    'bounce_class',
  ],
  rejections: [
    'stage',
    'action',
    'rule',
    'code',
    'dsn',
    'client_host',
    'client_ip',
    'helo',
    'sender',
    'recipient',
    'reason',
  ],
  auth_events: ['service', 'outcome', 'mechanism', 'user', 'client_host', 'client_ip', 'reason'],
  tls_sessions: ['side', 'peer_host', 'peer_ip', 'version', 'cipher', 'bits', 'verify'],
  connections: ['what', 'client_host', 'client_ip', 'detail'],
  queue_events: ['what', 'child_queue_id', 'detail'],
  daemon_events: ['what', 'severity', 'detail'],
};

test('the views have the columns of the contract, the common ones first', async () => {
  const store = await openStore();
  for (const [view, columns] of Object.entries(CONTRACT)) {
    const { columns: found } = await store.query(`SELECT * FROM ${view}`);
    assert.deepEqual(found.slice(0, 5), ['logged_at', 'host', 'instance', 'mta', 'queue_id'], view);
    assert.deepEqual(found.slice(5, 5 + columns.length), columns, view);
  }
  for (const view of VIEW_NAMES) await store.query(`SELECT * FROM ${view}`);
  await store.close();
});

test('migrating twice changes nothing, a newer schema is refused', async () => {
  const store = await openStore();
  await store.migrate();
  assert.equal(await store.schemaVersion(), SCHEMA_VERSION);
  await store.query(
    `INSERT INTO raw.schema_versions VALUES (${SCHEMA_VERSION + 1}, now()::TIMESTAMP)`,
  );
  await assert.rejects(store.migrate(), /schema version/);
  await store.close();
});

test('a transaction that is rolled back leaves neither rows nor source', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'maillog-store-'));
  const path = join(folder, 'm.duckdb');
  try {
    const store = await openStore(path);
    await store.begin();
    await store.enter({ name: 'x', headLength: 1, headDigest: 'x' });
    await store.rollback();
    assert.equal((await store.checkpoints()).length, 0);
    await store.close();
    const reader = await DuckDbStore.open({ path, readOnly: true });
    assert.deepEqual((await reader.query('SELECT count(*) AS n FROM ledger')).rows, [{ n: 0 }]);
    await reader.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const SUBMISSION = `Nov 24 06:00:00 mx1 sendmail[100100]: 6AO600aa100100: from=alice, ${FROM}, msgid=<1@h>, relay=alice@localhost
Nov 24 06:00:00 mx1 sm-mta[100101]: 6AO600bb100101: from=<alice@h>, ${FROM}, msgid=<1@h>, proto=ESMTP, daemon=MTA-v4, relay=localhost [127.0.0.1]
Nov 24 06:00:00 mx1 sendmail[100100]: 6AO600aa100100: to=bob@x, ctladdr=alice (1000/1000), delay=00:00:00, xdelay=00:00:00, mailer=relay, pri=30100, relay=[127.0.0.1] [127.0.0.1], dsn=2.0.0, stat=Sent (6AO600bb100101 Message accepted for delivery)
Nov 24 06:00:01 mx1 sm-mta[100102]: 6AO600bb100101: to=<bob@x>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30300, relay=x. [192.0.2.1], dsn=2.0.0, stat=Sent (ok)
`;

test('a local submission is one message and two queue entries', async () => {
  const { rows } = await loadLog(SUBMISSION);
  assert.deepEqual(await rows('SELECT queue_id, from_own_queue FROM messages ORDER BY 1'), [
    { queue_id: '6AO600aa100100', from_own_queue: false },
    { queue_id: '6AO600bb100101', from_own_queue: true },
  ]);
  assert.deepEqual(
    await rows('SELECT queue_id, status, controlling_user FROM deliveries ORDER BY 1'),
    [
      { queue_id: '6AO600aa100100', status: 'relayed', controlling_user: 'alice' },
      { queue_id: '6AO600bb100101', status: 'sent', controlling_user: null },
    ],
  );
});

test('the halves of a hop are joined in any order of arrival', async () => {
  const lines = SUBMISSION.split('\n');
  const store = await openStore();
  await loadInto(store, `${lines[1]}\n`);
  await loadInto(store, `${lines[0]}\n${lines[2]}\n`);
  const { rows } = await store.query(
    "SELECT count(*) AS n FROM deliveries WHERE status = 'relayed'",
  );
  assert.deepEqual(rows, [{ n: 1 }]);
  await store.close();
});

test('a remote server that names one of our queue ids makes no hop', async () => {
  const { rows } =
    await loadLog(`Nov 24 06:00:00 mx1 sm-mta[1]: 6AO600aa100100: from=<a@b>, ${FROM}, msgid=<1@h>, proto=ESMTP, daemon=MTA-v4, relay=c [192.0.2.9]
Nov 24 06:00:00 mx1 sm-mta[2]: 6AO600bb100101: from=<e@f>, ${FROM}, msgid=<2@h>, proto=ESMTP, daemon=MTA-v4, relay=c [192.0.2.9]
Nov 24 06:00:01 mx1 sm-mta[3]: 6AO600aa100100: to=<b@x>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30300, relay=x. [192.0.2.1], dsn=2.0.0, stat=Sent (6AO600bb100101 Message accepted for delivery)
Nov 24 06:00:01 mx1 sm-mta[3]: 6AO600bb100101: to=<b@x>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30300, relay=x. [192.0.2.1], dsn=2.0.0, stat=Sent (6AO600bb100101 Message accepted for delivery)
`);
  assert.deepEqual(await rows("SELECT count(*) AS n FROM deliveries WHERE status = 'sent'"), [
    { n: 2 },
  ]);
  assert.deepEqual(await rows('SELECT count(*) AS n FROM messages WHERE from_own_queue'), [
    { n: 0 },
  ]);
});

test('a message given up in the queue is expired for each recipient still waiting, with its last reason', async () => {
  const to = (time: string, rcpt: string, rest: string) =>
    `Nov 24 ${time} mx1 sm-mta[3]: 6AO600aa100100: to=<${rcpt}>, delay=00:00:01, xdelay=00:00:00, mailer=esmtp, pri=30300, relay=x. [192.0.2.1], ${rest}\n`;
  const deferred = 'dsn=4.4.1, stat=Deferred: Connection refused by x.';
  const { rows } = await loadLog(
    to('06:00:01', 'a@x', deferred) +
      to('06:00:01', 'b@x', deferred) +
      to('07:00:01', 'a@x', 'dsn=2.0.0, stat=Sent (ok)') +
      to('08:00:01', 'b@x', 'dsn=4.4.1, stat=Deferred: Connection timed out with x.') +
      'Nov 24 08:00:01 mx1 sm-mta[3]: 6AO600aa100100: 6AO800cc000003: sender notify: Cannot send message for 5 days\n',
  );
  assert.deepEqual(await rows("SELECT recipient, reply FROM deliveries WHERE status = 'expired'"), [
    { recipient: 'b@x', reply: 'Connection timed out with x.' },
  ]);
});

test('a message refused after its data is no message, and its recipients are refused one by one', async () => {
  const { rows } =
    await loadLog(`Nov 24 06:00:00 mx1 sm-mta[1]: 6AO600aa100100: from=<a@b>, size=49300, class=0, nrcpts=2, msgid=<1@h>, proto=ESMTP, daemon=MTA-v4, relay=c.example [192.0.2.9]
Nov 24 06:00:00 mx1 sm-mta[1]: 6AO600aa100100: message size (49300) exceeds maximum (20000)
Nov 24 06:00:00 mx1 sm-mta[1]: 6AO600aa100100: to=<x@y>, delay=00:00:00, pri=79300, stat=Message exceeds maximum fixed size (20000)
Nov 24 06:00:00 mx1 sm-mta[1]: 6AO600aa100100: to=<z@y>, delay=00:00:00, pri=79300, stat=Message exceeds maximum fixed size (20000)
`);
  assert.deepEqual(await rows('SELECT count(*) AS n FROM messages'), [{ n: 0 }]);
  assert.deepEqual(await rows('SELECT recipient, sender, client_ip FROM rejections ORDER BY 1'), [
    { recipient: 'x@y', sender: 'a@b', client_ip: '192.0.2.9' },
    { recipient: 'z@y', sender: 'a@b', client_ip: '192.0.2.9' },
  ]);
});

test('without to= lines (LogLevel 5) the refusal of the whole message stands', async () => {
  const { rows } = await loadLog(
    'Nov 24 06:00:00 mx1 sm-mta[1]: 6AO600aa100100: message size (49300) exceeds maximum (20000)\n',
  );
  assert.deepEqual(await rows('SELECT rule, code FROM rejections'), [
    { rule: 'message size', code: 552 },
  ]);
});

test('SQL from outside may only read', async () => {
  for (const sql of [
    'DELETE FROM raw.hops',
    'SELECT 1; SELECT 2',
    "COPY (SELECT 1) TO '/tmp/maillog-test-never'",
    "SELECT * FROM read_csv('/etc/hostname')",
    "SELECT * FROM '/etc/hostname'",
    "ATTACH '/tmp/maillog-test-never.db'",
    'SET enable_external_access = true',
    'PRAGMA disable_checkpoint_on_shutdown',
    'INSTALL httpfs',
    'CREATE TABLE t (x INT)',
    "SELECT getvariable('x'), * FROM glob('/etc/*')",
    '',
  ]) {
    const store = await openStore();
    await assert.rejects(safeQuery(store, sql), `accepted: ${sql}`);
    await store.close();
  }
});

test('results are JSON values: ISO times in UTC, counts as numbers, null where absent', async () => {
  const store = await openStore();
  const { rows } = await safeQuery(
    store,
    "SELECT TIMESTAMP '2026-01-02 03:04:05' AS t, TIMESTAMP '2026-01-02 03:04:05.25' AS u, sum(1) AS n, NULL AS x, 1.5::DECIMAL(4, 2) AS d, [1, 2] AS l",
  );
  assert.deepEqual(rows, [
    { t: '2026-01-02T03:04:05Z', u: '2026-01-02T03:04:05.25Z', n: 1, x: null, d: 1.5, l: [1, 2] },
  ]);
  await store.close();
});

test('rows reach every column kind unchanged, NULLs and long texts included', async () => {
  const long = 'x'.repeat(300);
  const { rows } = await loadLog(
    `Nov 24 06:00:00 mx1 sm-mta[1]: 6AO600aa100100: from=<${long}@b>, size=9007199254740991, class=-60, nrcpts=3, proto=ESMTP, relay=[192.0.2.9]\n`,
    TEST_CLOCK,
  );
  const [row] = await rows(
    'SELECT logged_at, sender, size, class, nrcpts, message_id, relay_host, relay_ip FROM envelopes',
  );
  assert.deepEqual(row, {
    logged_at: '2026-11-24T06:00:00Z',
    sender: `${long}@b`,
    size: 9007199254740991,
    class: -60,
    nrcpts: 3,
    message_id: null,
    relay_host: null,
    relay_ip: '192.0.2.9',
  });
});
