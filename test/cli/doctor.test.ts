/** `maillog doctor` as a user runs it: each way in which an answer can be empty, and what is said of it. */
import assert from 'node:assert/strict';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, beforeEach, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { displayWidth } from '../../reports/render/display-width.ts';
import { checkNode, LEAST_NODE } from '../../src/cli/commands/doctor.ts';
import type { Finding } from '../../src/cli/doctor/finding.ts';
import { runMaillog } from '../../src/cli/program.ts';
import { type MemoryIoOptions, memoryIo } from './memory-io.ts';

const LOG = resolve('test/fixtures/sendmail/multi_rcpt.maillog');
/** A day's log must not be of yesterday, whenever the test runs. */
const LINES = 60;

let folder = '';
let db = '';

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(args: readonly string[], options: MemoryIoOptions = {}): Promise<Ran> {
  const env = { HOME: folder, MAILLOG_TIMEZONE: 'UTC', MAILLOG_DB: db };
  const io = memoryIo({ env, cwd: folder, ...options });
  const code = await runMaillog(args, io);
  return { code, ...io.written() };
}

async function doctor(...args: string[]): Promise<{ code: number; findings: readonly Finding[] }> {
  const { code, stdout, stderr } = await run(['doctor', '--format', 'json', ...args]);
  assert.ok(stdout.startsWith('['), stderr);
  return { code, findings: JSON.parse(stdout) as Finding[] };
}

/** Verdict and words of one check. */
async function ask(check: string, ...args: string[]): Promise<Finding> {
  const { findings } = await doctor(...args);
  const found = findings.find((finding) => finding.check === check);
  assert.ok(found !== undefined, `${check} is not among ${findings.map((f) => f.check)}`);
  return found;
}

function write(name: string, bytes: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'maillog-doctor-'));
});
beforeEach((context) => {
  db = join(folder, `${context.name.replace(/\W+/g, '-').slice(0, 60)}.duckdb`);
});
after(() => rmSync(folder, { recursive: true }));

suite('the store', () => {
  test('that is not there is a failure, and the way to it is named', async () => {
    const { code, findings } = await doctor();
    assert.equal(code, 1);
    assert.deepEqual(
      findings.map(({ check, verdict }) => `${check} ${verdict}`),
      ['node ok', 'configuration ok', 'store fail'],
    );
    assert.match(findings[2]?.finding ?? '', /there is no database at .*\(\$MAILLOG_DB\)$/);
    assert.match(findings[2]?.advice ?? '', /maillog ingest/);
  });

  test('that is not there matters little when files are looked at', async () => {
    assert.equal((await ask('store', LOG)).verdict, 'warn');
  });

  test('of another kind is told apart', async () => {
    writeFileSync(db, 'no database at all, but long enough to look like one to somebody');
    assert.match((await ask('store')).finding, /is not a maillog database/);
    rmSync(db);
    const instance = await DuckDBInstance.create(db);
    const connection = await instance.connect();
    await connection.run('CREATE TABLE other (x INTEGER)');
    connection.closeSync();
    instance.closeSync();
    const { code, findings } = await doctor();
    assert.equal(code, 1);
    assert.match(findings.at(-1)?.finding ?? '', /a DuckDB file, but not maillog's$/);
  });

  test('of a newer maillog is not read', async () => {
    await run(['ingest', LOG]);
    const instance = await DuckDBInstance.create(db);
    const connection = await instance.connect();
    await connection.run('INSERT INTO raw.schema_versions VALUES (999, now()::TIMESTAMP)');
    connection.closeSync();
    instance.closeSync();
    const { findings } = await doctor();
    assert.equal(findings.at(-1)?.verdict, 'fail');
    assert.match(findings.at(-1)?.finding ?? '', /schema version 999, of a newer maillog$/);
  });

  test('that is well has a row for each check, and none is a failure', async () => {
    await run(['ingest', LOG]);
    const { code, findings } = await doctor();
    assert.equal(code, 0);
    assert.deepEqual(
      findings.map(({ check }) => check),
      [
        'node',
        'configuration',
        'store',
        'sources',
        'source',
        'ledger',
        'lines',
        'events',
        'clock',
        'log level',
      ],
    );
    // How old the log's last event is depends on the day of the test.
    const others = findings.filter(({ check }) => check !== 'events');
    assert.deepEqual(
      others.filter(({ verdict }) => verdict !== 'ok'),
      [],
    );
    const words = Object.fromEntries(findings.map(({ check, finding }) => [check, finding]));
    assert.match(words.sources ?? '', /^1, the latest read just now: .*multi_rcpt\.maillog$/);
    assert.match(words.ledger ?? '', /^adds up: each of 60 lines read has one outcome$/);
    assert.equal(words.lines, `all ${LINES} mail lines understood`);
    assert.match(words.events ?? '', / from 2026-11-24 06:51 to 2026-11-24 06:51 \(UTC\)/);
    assert.match(words.clock ?? '', /stamps agree with their queue ids$/);
  });

  test('with nothing read into it says so', async () => {
    await run(['ingest', LOG]);
    const instance = await DuckDBInstance.create(db);
    const connection = await instance.connect();
    await connection.run('DELETE FROM raw.sources');
    connection.closeSync();
    instance.closeSync();
    const { code, findings } = await doctor();
    assert.equal(code, 1);
    assert.equal(findings.at(-1)?.finding, 'nothing was ever read into it');
  });

  test('whose ledger does not add up is wrong', async () => {
    await run(['ingest', LOG]);
    const instance = await DuckDBInstance.create(db);
    const connection = await instance.connect();
    await connection.run('UPDATE raw.sources SET lines_parsed = lines_parsed - 1');
    connection.closeSync();
    instance.closeSync();
    assert.equal((await ask('ledger')).verdict, 'fail');
  });

  test('that is behind its log says which, and by how much', async () => {
    const path = join(folder, 'grows.log');
    cpSync(LOG, path);
    await run(['ingest', path]);
    const instance = await DuckDBInstance.create(db);
    const connection = await instance.connect();
    await connection.run('UPDATE raw.sources SET last_read_at = last_read_at - INTERVAL 2 HOUR');
    connection.closeSync();
    instance.closeSync();
    assert.equal((await ask('source')).verdict, 'ok');
    appendFileSync(path, 'x'.repeat(2048));
    const { verdict, finding, advice } = await ask('source');
    assert.equal(verdict, 'warn');
    assert.match(
      finding,
      /grows\.log: 2\.0 KiB of .* are not read yet; it was last read 2h 00m ago$/,
    );
    assert.match(advice ?? '', /cron/);
  });
});

suite('files', () => {
  test('are told by form, packing and content', async () => {
    const packed = write('packed', gzipSync(readFileSync(LOG)));
    const { finding, verdict } = await ask('file', packed);
    assert.equal(verdict, 'ok');
    assert.match(
      finding,
      /packed: [\d.]+ KiB, gzip, stamps traditional \(no year, no zone\), lines of sendmail$/,
    );
    assert.match((await ask('lines', packed)).finding, /: all 60 mail lines understood$/);
  });

  test('are not written to any store', async () => {
    await doctor(LOG);
    assert.equal((await ask('store')).verdict, 'fail');
  });

  test('that are cut short are wrong, yet what they hold is told', async () => {
    const cut = write('cut.gz', gzipSync(readFileSync(LOG)).subarray(0, 900));
    const { findings, code } = await doctor(cut);
    assert.equal(code, 1);
    const file = findings.find(({ check }) => check === 'file');
    assert.equal(file?.verdict, 'fail');
    assert.match(file?.finding ?? '', /it cannot be read to its end$/);
    assert.match(findings.find(({ check }) => check === 'lines')?.finding ?? '', /mail lines/);
  });

  test('that are not there, or empty', async () => {
    const none = await ask('file', join(folder, 'nothing'));
    assert.deepEqual(
      [none.verdict, none.finding.endsWith('nothing: no such file')],
      ['fail', true],
    );
    assert.match((await ask('lines', write('empty', ''))).finding, /empty: no line at all$/);
  });

  test('that are no mail log', async () => {
    const kernel = write(
      'kern.log',
      'Nov 24 06:51:15 mx1 kernel: [12.3] eth0: link up\n'.repeat(9),
    );
    const lines = await ask('lines', kernel);
    assert.equal(lines.verdict, 'fail');
    assert.match(lines.finding, /none of 9 lines is a mail server's$/);
    assert.match(lines.advice ?? '', /\/var\/log\/mail\.log/);
    const prose = write('prose', 'Dear postmaster,\nwhere is my mail?\n');
    assert.match(
      (await ask('file', prose)).finding,
      /no line of its beginning starts with a stamp$/,
    );
    assert.equal((await ask('lines', prose)).verdict, 'fail');
  });

  test('of mail programs that are not read', async () => {
    const line = 'Nov 24 06:51:15 mx1 postfix/qmgr[5]: 4B1C2D: removed\n';
    const lines = await ask('lines', write('postfix.log', line.repeat(5)));
    assert.equal(lines.verdict, 'fail');
    assert.match(lines.finding, /5 of 5 mail lines not understood/);
    assert.match(lines.advice ?? '', /only sendmail's own lines are read/);
  });

  test('whose log level is low', async () => {
    const all = readFileSync(LOG, 'utf8').split('\n');
    const noOutcome = all.filter((line) => !line.includes(': to=')).join('\n');
    const low = await ask('log level', write('low.log', noOutcome));
    assert.equal(low.verdict, 'warn');
    assert.match(low.finding, /outcomes of to= lines: 0, deliveries: 0; the LogLevel is below 8/);
    const noArrival = all.filter((line) => !line.includes(': from=')).join('\n');
    const half = await ask('log level', write('half.log', noArrival));
    assert.match(half.finding, /from= lines: 0, .*; mail goes out, but none came in$/);
  });

  test('whose stamps contradict their queue ids', async () => {
    const text = readFileSync(LOG, 'utf8');
    const edited = write('edited.log', text.replaceAll('Nov 24', 'Mar  3'));
    const clock = await ask('clock', edited);
    assert.equal(clock.verdict, 'warn');
    assert.match(clock.finding, /stamps are more than a day off their queue ids$/);
    const ahead = text.replaceAll(/^Nov 24 (\S+)/gm, '2026-11-24T$1-03:00');
    const shifted = await ask('clock', write('ahead.log', ahead));
    assert.match(shifted.finding, /stamps are 3h 00m ahead of their queue ids/);
  });

  test('on standard input', async () => {
    const { stdout, code } = await run(['doctor', '--format', 'csv', '-'], {
      stdin: readFileSync(LOG, 'utf8'),
    });
    assert.equal(code, 0);
    assert.match(stdout, /^check,verdict,finding,advice,examples\r?\n/);
    assert.match(stdout, /file,ok,"standard input: a stream, lines of sendmail"/);
    assert.match(stdout, /standard input: all 60 mail lines understood/);
  });
});

suite('as text', () => {
  for (const columns of [40, 60, 80, 200]) {
    test(`fits ${columns} columns, and no word of the advice is lost`, async () => {
      const { stdout } = await run(['doctor', '/no/such/log'], {
        isTerminal: true,
        columns,
        env: { HOME: folder, MAILLOG_DB: join(folder, 'x'.repeat(70)), NO_COLOR: '1' },
      });
      const words = stdout.replaceAll(/\s+/g, '');
      assert.ok(words.includes('quoteapatternsuchas"maillog*"'), stdout);
      if (columns < 48) return;
      const widest = Math.max(...stdout.split('\n').map(displayWidth));
      assert.ok(widest <= columns, `${widest} > ${columns}`);
    });
  }

  test('nothing in a name can drive the terminal', async () => {
    const { stdout } = await run(['doctor', '/no/\u001b[31mred\u202e'], { isTerminal: true });
    assert.match(stdout, /\\x1b\[31mred\\u202e/);
  });
});

test('the oldest Node is the one of package.json', () => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8'));
  assert.equal(engines.node, `>=${LEAST_NODE.join('.')}`);
  assert.equal(checkNode('20.18.3').verdict, 'fail');
  assert.equal(checkNode('20.19.0').verdict, 'ok');
  assert.equal(checkNode('22.1.0').verdict, 'ok');
});
