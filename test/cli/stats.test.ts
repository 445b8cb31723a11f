/** `maillog stats` as a user runs it: of a store, and of a statistics file. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { runMaillog } from '../../src/cli/program.ts';
import { memoryIo } from './memory-io.ts';

const LOGS = resolve('test/fixtures/sendmail');
const FILES = resolve('test/fixtures/mailstats');
const TABLE = `Statistics from Tue Nov 24 06:51:38 2026
 M   msgsfr  bytes_from   msgsto    bytes_to  msgsrej msgsdis msgsqur  Mailer
 3        0          0K        3          3K        0       0       0  local
 5        9          9K        2          2K        7       4       1  esmtp
=====================================================================
 T        9          9K        5          5K        7       4       1
 C       20                    2                   16
`;
const ESMTP = {
  mailer_number: 5,
  mailer: 'esmtp',
  messages_from: 9,
  kilobytes_from: 9,
  messages_to: 2,
  kilobytes_to: 2,
  rejected: 7,
  discarded: 4,
  quarantined: 1,
};
let folder = '';

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { HOME: folder, MAILLOG_TIMEZONE: 'UTC', MAILLOG_DB: join(folder, 'mail.duckdb') };
  const io = memoryIo({ env, cwd: folder });
  const code = await runMaillog(args, io);
  return { code, ...io.written() };
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'maillog-stats-'));
  const { code, stderr } = await run('ingest', join(LOGS, 'access_db.maillog'));
  assert.equal(code, 0, stderr);
  writeFileSync(join(folder, 'sendmail.cf'), 'Mlocal, P=x\nMsmtp, P=x\nMesmtp, P=x\n');
  writeFileSync(join(folder, 'empty.st'), '');
  writeFileSync(join(folder, 'version.st'), changed(4, 3));
  writeFileSync(join(folder, 'size.st'), changed(16, 100));
});
after(() => rmSync(folder, { recursive: true }));

/** A good file with one byte changed. */
function changed(at: number, byte: number): Uint8Array {
  const bytes = readFileSync(join(FILES, 'a_cmdline.st'));
  bytes[at] = byte;
  return bytes;
}

test('the table is what mailstats printed of the same time; doubts go to stderr', async () => {
  const { code, stdout, stderr } = await run('stats');
  assert.equal(stdout, TABLE);
  assert.equal(code, 0);
  assert.match(
    stderr,
    /^maillog: from the log; lower bound: connections from; estimate: messages from by mailer, kilobytes to, connections to \(.*\)\n$/,
  );
});

test('the period is the table’s, in the site’s zone', async () => {
  const { stdout } = await run('stats', '--date', '2026-11-24');
  assert.equal(stdout, TABLE.replace('06:51:38', '00:00:00'));
  const berlin = await run('stats', '--date', '2026-11-24', '--config', await zoned());
  assert.equal(berlin.stdout, TABLE.replace('06:51:38', '00:00:00'));
  const half = await run('stats', '--until', '2026-11-24T06:51:38Z');
  assert.equal(half.code, 1);
});

async function zoned(): Promise<string> {
  const path = join(folder, 'berlin.toml');
  writeFileSync(path, 'timezone = "Europe/Berlin"\n');
  return path;
}

test('rows as CSV and JSON, with total and connections, and how far to trust them', async () => {
  const csv = await run('stats', '--format', 'csv');
  assert.deepEqual(csv.stdout.split('\r\n'), [
    'mailer_number,mailer,messages_from,kilobytes_from,messages_to,kilobytes_to,rejected,discarded,quarantined',
    '3,local,0,0,3,3,0,0,0',
    '5,esmtp,9,9,2,2,7,4,1',
    ',total,9,9,5,5,7,4,1',
    ',connections,20,,2,,16,,',
    '',
  ]);
  const answer = JSON.parse((await run('stats', '--format', 'json')).stdout);
  assert.deepEqual(answer.period, { start: '2026-11-24T06:51:38Z', end: '2026-11-24T06:51:39Z' });
  assert.deepEqual(answer.mailers[1], ESMTP);
  const { mailer_number: _, mailer: __, ...counts } = ESMTP;
  assert.deepEqual(answer.total, { ...counts, messages_to: 5, kilobytes_to: 5 });
  assert.deepEqual(answer.connections, { from: 20, to: 2, rejected: 16 });
  assert.deepEqual(answer.trust[0], {
    figure: 'messages_from',
    exactness: 'exact',
    because: 'each is logged at LogLevel 6 and up',
  });
});

test('mailers are numbered as in the sendmail.cf that is named', async () => {
  const { stdout } = await run('stats', '--cf', 'sendmail.cf', '--format', 'csv');
  assert.match(stdout, /^3,local,/m);
  assert.match(stdout, /^5,esmtp,/m);
  writeFileSync(join(folder, 'other.cf'), 'Mesmtp, P=x\n');
  assert.match((await run('stats', '--cf', 'other.cf', '--format', 'csv')).stdout, /^3,esmtp,/m);
  const many = Array.from({ length: 30 }, (_, i) => `Mm${i}, P=x\n`).join('');
  writeFileSync(join(folder, 'many.cf'), many);
  const { code, stderr } = await run('stats', '--cf', 'many.cf');
  assert.equal(code, 1);
  assert.match(stderr, /many\.cf cannot be used: it defines more than 25 mailers/);
});

test('nothing in the period, and no such host', async () => {
  const none = await run('stats', '--date', '2020-01-01');
  assert.deepEqual([none.code, none.stdout], [1, '']);
  assert.match(none.stderr, /nothing found: no line of sendmail counts in this period/);
  const csv = await run('stats', '--date', '2020-01-01', '--format', 'csv');
  assert.match(csv.stdout, /^,total,0,0,0,0,0,0,0\r$/m);
  const host = await run('stats', '--host', 'mx9');
  assert.equal(host.code, 2);
  assert.match(host.stderr, /there is no host "mx9": choose from mx1/);
  assert.equal((await run('stats', '--host', 'mx1')).stdout, TABLE);
  assert.equal((await run('stats', '--msp')).code, 1);
});

test('a statistics file comes out in the same forms', async () => {
  const path = join(FILES, 'a_cmdline.st');
  const text = await run('stats', '--file', path, '--cf', 'sendmail.cf');
  assert.equal(text.code, 0);
  assert.match(text.stdout, /^Statistics from Tue Nov 24 08:41:43 2026\n/);
  assert.match(text.stdout, /^ 3 {7}22 {9}21K {7}50 {9}49K {8}0 {7}0 {7}0 {2}local$/m);
  assert.equal(text.stderr, '');
  const csv = await run('stats', '--file', path, '--cf', 'sendmail.cf', '--format', 'csv');
  assert.match(csv.stdout, /^,connections,19,,8,,0,,\r$/m);
  const json = await run('stats', '--file', path, '--cf', 'sendmail.cf', '--format', 'json');
  assert.equal(JSON.parse(json.stdout).period.start, '2026-11-24T08:41:43Z');
  const empty = await run('stats', '--file', 'empty.st', '--cf', 'sendmail.cf');
  assert.deepEqual([empty.code, empty.stdout.split('\n').length], [0, 6]);
});

const BAD_FILES: readonly (readonly [path: string, problem: RegExp])[] = [
  [join(FILES, 'bad.st'), /not a sendmail statistics file: it does not begin as one/],
  [join(FILES, 'short.st'), /not a sendmail statistics file: it is cut short/],
  ['version.st', /it is of version 3, not 4/],
  ['size.st', /it is of a machine whose structure has 1380 bytes/],
  ['missing.st', /missing\.st does not exist/],
];

for (const [path, problem] of BAD_FILES) {
  test(`a file that is none: ${path.replace(/^.*\//, '')}`, async () => {
    const { code, stdout, stderr } = await run('stats', '--file', path);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, problem);
  });
}

test('options about the store do not go with a file', async () => {
  for (const option of [['--last', '24h'], ['--host', 'mx1'], ['--msp']]) {
    const { code, stderr } = await run('stats', '--file', join(FILES, 'sendmail.st'), ...option);
    assert.equal(code, 2);
    assert.match(stderr, /is about the store, not --file/);
  }
});

test('the report of that name has the same rows', async () => {
  const { code, stdout } = await run(
    'report',
    'mailstats',
    '--date',
    '2026-11-24',
    '--format',
    'json',
  );
  assert.equal(code, 0);
  const { sections } = JSON.parse(stdout);
  assert.equal(sections.length, 1);
  assert.deepEqual(sections[0].rows[1], ESMTP);
  assert.deepEqual(
    sections[0].rows.map(({ mailer }: { mailer: string }) => mailer),
    ['local', 'esmtp', 'total', 'connections'],
  );
});
