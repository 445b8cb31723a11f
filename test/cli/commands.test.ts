/** The commands as a user runs them, over one store made of real logs; edges in memory. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { runMaillog } from '../../src/cli/program.ts';
import { memoryIo } from './memory-io.ts';

const FIXTURES = resolve('test/fixtures/sendmail');
let folder = '';
let db = '';

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const io = memoryIo({ env: { HOME: folder, MAILLOG_TIMEZONE: 'UTC' }, cwd: folder });
  const code = await runMaillog(args, io);
  return { code, ...io.written() };
}

const json = async (...args: string[]): Promise<Record<string, unknown>[]> => {
  const { code, stdout, stderr } = await run(...args, '--db', db, '--format', 'json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Record<string, unknown>[];
};

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'maillog-cli-'));
  db = join(folder, 'mail.duckdb');
  const logs = ['multi_rcpt', 'access_db', 'defer_retry'].map((name) =>
    join(FIXTURES, `${name}.maillog`),
  );
  const { code, stderr } = await run('ingest', '--db', db, ...logs);
  assert.equal(code, 0, stderr);
});
after(() => rmSync(folder, { recursive: true }));

test('ingest prints the ledger as JSON; a second time all lines are duplicates', async () => {
  const { code, stdout } = await run(
    'ingest',
    '--db',
    db,
    '--format',
    'json',
    join(FIXTURES, 'multi_rcpt.maillog'),
  );
  assert.equal(code, 0);
  const summary = JSON.parse(stdout);
  assert.deepEqual(summary.lines, {
    read: 60,
    parsed: 0,
    foreign: 0,
    unsupported: 0,
    malformed: 0,
    duplicate: 60,
  });
  assert.deepEqual(Object.keys(summary), ['lines', 'events', 'bytes', 'seconds']);
});

test('top lists come in order, by the measure asked for', async () => {
  const rows = await json('top', 'senders', '--by', 'recipients', '--top', '2');
  assert.equal(rows.length, 2);
  assert.deepEqual(rows[0], {
    sender: 'ann@isp.example',
    messages: 6,
    bytes: 1335,
    recipients: 45,
  });
  for (const name of [
    'recipients',
    'sender-domains',
    'recipient-domains',
    'relays',
    'clients',
    'reasons',
  ]) {
    assert.ok((await json('top', name)).length > 0, name);
  }
  const unknown = await run('top', 'nobody', '--db', db);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /^maillog: there is no list "nobody": choose from senders, /);
});

test('series have a row for each step and kind, empty steps included', async () => {
  const rows = await json(
    'series',
    '--by',
    'status',
    '--step',
    '30m',
    '--since',
    '2026-11-24T06:00Z',
    '--until',
    '2026-11-24T08:00Z',
  );
  const kinds = new Set(rows.map(({ series }) => series));
  assert.equal(rows.length, kinds.size * 4);
  assert.equal(rows[0]?.at, '2026-11-24T06:00:00Z');
  const sent = rows.filter(({ series }) => series === 'sent').map(({ amount }) => Number(amount));
  assert.equal(
    sent.reduce((a, b) => a + b),
    (await json('query', "SELECT count(*) AS n FROM deliveries WHERE status = 'sent'"))[0]?.n,
  );
});

test('trace follows a message by address, queue id and message-id, its bounce included', async () => {
  for (const word of [
    'u550@picky.example',
    '6AO6pF91021061',
    '<multi_rcpt.6@lab.example>',
    'multi_rcpt.6@lab.example',
  ]) {
    const rows = await json('trace', word);
    const events = rows.map(({ event }) => event);
    assert.ok(
      events.includes('arrived') && events.includes('bounced') && events.includes('dsn'),
      word,
    );
    assert.ok(
      rows.some(({ queue_id: id }) => id === '6AO6pG91021062'),
      word,
    );
  }
  const none = await run('trace', 'nobody@nowhere', '--db', db);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /nothing found/);
});

test('query reads the views and nothing else', async () => {
  assert.deepEqual(
    await json('query', 'SELECT sum(lines_read) AS n, sum(lines_parsed) AS p FROM ledger'),
    [{ n: 199, p: 139 }],
  );
  for (const sql of [
    'DROP VIEW messages',
    "SELECT * FROM read_text('/etc/hostname')",
    'SELECT 1; SELECT 2',
  ]) {
    const { code, stderr } = await run('query', sql, '--db', db);
    assert.equal(code, 1);
    assert.match(stderr, /^maillog: /);
  }
});

test('export writes Parquet and CSV, and never over a file unasked', async () => {
  const out = join(folder, 'deliveries.csv');
  assert.equal(
    (await run('export', 'deliveries', '--db', db, '--out', out, '--date', '2026-11-24')).code,
    0,
  );
  assert.match(readFileSync(out, 'utf8'), /^logged_at,host,instance,mta,queue_id,recipient,/);
  assert.equal((await run('export', 'deliveries', '--db', db, '--out', out)).code, 1);
  const parquet = join(folder, 'm.parquet');
  assert.equal(
    (await run('export', 'SELECT sender FROM messages', '--db', db, '--out', parquet)).code,
    0,
  );
  assert.equal(readFileSync(parquet).subarray(0, 4).toString(), 'PAR1');
  const writing = await run(
    'export',
    'DELETE FROM raw.hops',
    '--db',
    db,
    '--out',
    join(folder, 'x.csv'),
  );
  assert.equal(writing.code, 1);
  assert.ok(!existsSync(join(folder, 'x.csv')));
});

test('schema, config, version, completion and help answer without a store', async () => {
  assert.match(
    (await run('schema', 'messages', '--format', 'csv')).stdout,
    /messages,message_id,varchar/,
  );
  assert.match((await run('config')).stdout, /timezone/);
  assert.match((await run('version')).stdout, /^maillog \d+\.\d+\.\d+ \(DuckDB v/);
  assert.match((await run('completion')).stdout, /complete -o filenames -F _maillog maillog/);
  assert.match((await run('--help')).stdout, /Usage: maillog/);
});

test('wrong usage is exit 2, a missing store exit 1, each with one clear line', async () => {
  assert.equal((await run('frob')).code, 2);
  assert.equal((await run('top')).code, 2);
  assert.equal((await run('report', '--date', 'soon', '--db', db)).code, 2);
  const missing = await run('top', 'senders', '--db', join(folder, 'none.duckdb'));
  assert.equal(missing.code, 1);
  assert.match(
    missing.stderr,
    /^maillog: there is no database at .*: run "maillog ingest FILE\.\.\." first/,
  );
  assert.equal(missing.stderr.trim().split('\n').length, 1);
});

test('a file that is not there is named, the others go on, and the exit code says so', async () => {
  const other = join(folder, 'other.duckdb');
  const { code, stdout, stderr } = await run(
    'ingest',
    '--db',
    other,
    join(folder, 'no.log'),
    join(FIXTURES, 'auth.maillog'),
  );
  assert.equal(code, 1);
  assert.match(stderr, /no\.log/);
  assert.match(stdout, /lines read 47 = parsed 47/);
});
