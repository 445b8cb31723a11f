/**
 * With a daemon and without: every command prints the same. And what a daemon adds: two clients that write
 * at once, and clients that are killed.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runMaillog } from '../../src/cli/program.ts';
import { RemoteStore } from '../../src/store/remote/client.ts';
import { socketPathOf } from '../../src/store/remote/socket-path.ts';
import { memoryIo } from '../cli/memory-io.ts';
import type { TestDaemonOptions } from '../support/test-daemon.ts';
import { startDaemon } from '../support/test-daemon.ts';
import { sampleLines } from './sample-log.ts';
import { digestOf, ledgerAddsUp } from './store-digest.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.js');
const FIXTURES = resolve('test/fixtures/sendmail');
const LOGS = readdirSync(FIXTURES)
  .filter((name) => name.endsWith('.maillog'))
  .map((name) => join(FIXTURES, name));
/** Held still: ages are told in minutes, and the minute may turn between two answers. */
const NOW = new Date();
const folder = mkdtempSync(join(tmpdir(), 'maillog-daemon-'));
after(() => rmSync(folder, { recursive: true }));

interface Printed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(db: string, args: readonly string[], stdin = ''): Promise<Printed> {
  const env = { HOME: folder, MAILLOG_TIMEZONE: 'UTC', MAILLOG_DB: db };
  const io = memoryIo({ env, cwd: folder, stdin, now: NOW });
  const code = await runMaillog(args, io);
  return { code, ...io.written() };
}

/** Without what differs from run to run. */
function settled({ code, stdout, stderr }: Printed): Printed {
  const plain = (text: string) =>
    text
      .replaceAll(/"seconds":[\d.]+/g, '"seconds":0')
      .replaceAll(/ in [^,\n]+(?:, [\d,]+ lines\/s)?$/gm, ' in 0 s')
      .replaceAll(/read just now|(?:[\d.]+ \w+ ?)+ago/g, 'read just now')
      // What is free on the disk changes while other tests run.
      .replaceAll(/[\d.]+ [KMGT]iB(?= (?:is |are )?free)/g, '1 GiB')
      .replaceAll(/\.\d+\.tmp/g, '.tmp');
  return { code, stdout: plain(stdout), stderr: plain(stderr) };
}

const DAY = ['--date', '2026-11-24'];
const READING: readonly (readonly string[])[] = [
  ['report', ...DAY],
  ['report', '--format', 'json'],
  ['report', 'rejects', ...DAY, '--format', 'csv'],
  ['report', 'nothing'],
  ['stats', ...DAY],
  ['stats', '--format', 'json'],
  ['top', 'senders'],
  ['top', 'relays', '--by', 'bytes', '--format', 'json'],
  ['top', 'senders', '--date', '2001-01-01'],
  ['series', '--by', 'status', '--step', '1h', ...DAY],
  ['series', '--by', 'messages', '--format', 'csv'],
  ['trace', 'ann@partner.example'],
  ['trace', 'nobody@nowhere'],
  ['query', 'SELECT * FROM deliveries ORDER BY ALL', '--format', 'json'],
  ['query', 'SELECT * FROM ledger ORDER BY source', '--format', 'csv'],
  [
    'query',
    "SELECT 1 AS a, 2 AS a, [1, NULL] AS l, 1e300 * 1e300 AS i, TIMESTAMP '2026-01-02 03:04:05.25' AS t",
  ],
  ['query', 'SELECT range AS n FROM range(5000)', '--format', 'csv'],
  ['query', '-'],
  ['query', ''],
  ['query', 'SELECT 1; SELECT 2'],
  ['query', 'SELEC 1'],
  ['query', 'SELECT nothing FROM messages'],
  ['query', 'DROP VIEW messages'],
  ['query', "SELECT * FROM read_text('/etc/hostname')"],
  ['query', 'SET threads = 1'],
  ['query', "SELECT error('stop')"],
  ['doctor'],
  ['doctor', '--format', 'json'],
  ['export', 'messages', '--out', 'out.csv', '--force', ...DAY],
  ['export', 'SELECT sender, size FROM messages ORDER BY ALL;', '--out', 'out.csv', '--force'],
  ['export', 'deliveries', '--out', 'out.parquet', '--force'],
  ['export', 'DROP VIEW messages', '--out', 'x.csv'],
  ['export', 'SELECT nothing', '--out', 'x.csv'],
  ['export', "SELECT * FROM messages -- '", '--out', 'none/x.csv'],
  ['export', 'nothing', '--out', 'x.csv'],
];

async function answers(db: string): Promise<readonly unknown[]> {
  rmSync(`${db}.reports`, { recursive: true, force: true });
  const all: unknown[] = [];
  for (const args of READING) {
    const printed = await run(db, args, 'SELECT count(*) AS n FROM messages');
    const out = args.includes('out.csv') ? readFileSync(join(folder, 'out.csv'), 'utf8') : '';
    all.push({ args, ...settled(printed), out });
  }
  return all;
}

suite('every command prints the same', () => {
  let db = '';
  let alone: readonly unknown[] = [];

  before(async () => {
    db = join(folder, 'mail.duckdb');
    assert.equal((await run(db, ['ingest', ...LOGS])).code, 0);
    alone = await answers(db);
  });

  for (const apart of [false, true]) {
    test(`of a daemon whose store is ${apart ? 'in a thread' : 'in its process'}`, async () => {
      const daemon = await startDaemon(db, { apart });
      try {
        const asked = await answers(db);
        for (const [index, answer] of alone.entries()) assert.deepEqual(asked[index], answer);
        assert.deepEqual(readdirSync(`${db}.exports`), []);
      } finally {
        await daemon.close();
      }
    });
  }

  test('a report that was kept is the same for both', async () => {
    const past = ['report', '--date', '2020-01-01'];
    const first = await run(db, past);
    const daemon = await startDaemon(db);
    try {
      assert.deepEqual(await run(db, past), first);
      assert.ok(readdirSync(`${db}.reports`).length > 0);
    } finally {
      await daemon.close();
    }
  });

  test('loads say the same and leave the same', async () => {
    const damaged = join(folder, 'damaged.gz');
    writeFileSync(damaged, Buffer.from('1f8b0800000000000003', 'hex'));
    const loads = [
      ['ingest', '--format', 'json', ...LOGS.slice(0, 3)],
      ['ingest', '--format', 'json', ...LOGS],
      ['ingest', damaged, ...LOGS.slice(0, 1)],
      ['ingest', join(folder, 'none')],
      ['ingest', '--format', 'json', '-'],
    ];
    const stdin = `${sampleLines({ lines: 300, seed: 3 }).join('\n')}\n`;
    const [one, two] = [join(folder, 'one.duckdb'), join(folder, 'two.duckdb')];
    const daemon = await startDaemon(two);
    try {
      for (const args of loads) {
        const [here, there] = [await run(one, args, stdin), await run(two, args, stdin)];
        const expected = settled(here);
        assert.deepEqual(settled(there), {
          ...expected,
          stdout: expected.stdout.replaceAll(one, two),
        });
      }
    } finally {
      await daemon.close();
    }
    assert.deepEqual(await digestOf(two), await digestOf(one));
  });
});

/** Three logs that overlap, their union, and what one clean load of that leaves. */
async function overlapping(lines: number) {
  const all = sampleLines({ lines, seed: 31 });
  const cuts = [
    all.slice(0, lines * 0.6),
    all.slice(lines * 0.4),
    all.slice(lines * 0.2, lines * 0.8),
  ];
  const paths = cuts.map((cut, index) => {
    const path = join(folder, `cut-${lines}-${index}-of-log`);
    writeFileSync(path, `${cut.join('\n')}\n`);
    return path;
  });
  const whole = join(folder, `whole-${lines}.log`);
  writeFileSync(whole, `${all.join('\n')}\n`);
  const clean = join(folder, `clean-${lines}.duckdb`);
  assert.equal((await run(clean, ['ingest', whole])).code, 0);
  return { paths, whole, tables: (await digestOf(clean)).tables };
}

function spawnIngest(db: string, files: readonly string[]) {
  const env = { PATH: process.env.PATH, HOME: folder, TZ: 'UTC', MAILLOG_TIMEZONE: 'UTC' };
  const args = [MAIN, 'ingest', '--db', db, '--format', 'json', ...files];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  const ended = new Promise<{ code: number | null; text: string }>((done) => {
    child.on('close', (code) => done({ code, text: Buffer.concat(parts).toString('utf8') }));
  });
  return { child, ended };
}

async function withDaemon(
  name: string,
  options: TestDaemonOptions,
  work: (db: string) => Promise<void>,
): Promise<string> {
  const db = join(folder, `${name}.duckdb`);
  const daemon = await startDaemon(db, options);
  try {
    await work(db);
  } finally {
    await daemon.close();
  }
  return db;
}

suite('many clients', () => {
  test('that load overlapping files at once leave what one after the other leaves', async () => {
    const { paths, tables } = await overlapping(40_000);
    const db = await withDaemon('overlap', { apart: true }, async (path) => {
      const loads = [paths.slice(0, 2), paths.slice(1)].map((files) => spawnIngest(path, files));
      for (const { ended } of loads) assert.equal((await ended).code, 0);
    });
    const digest = await digestOf(db);
    assert.deepEqual(digest.tables, tables);
    assert.equal(Number(digest.ledger.read) - Number(digest.ledger.duplicate), 40_000);
    assert.ok(await ledgerAddsUp(db));
  });

  test('that load the same growing source overtake each other and count each line once', async () => {
    const { whole, tables } = await overlapping(40_000);
    const head = join(folder, 'growing.log');
    writeFileSync(head, readFileSync(whole).subarray(0, 10_000));
    const db = await withDaemon('same', { apart: true }, async (path) => {
      assert.equal((await run(path, ['ingest', head])).code, 0);
      cpSync(whole, head);
      const loads = [0, 1, 2].map(() => spawnIngest(path, [head]));
      for (const { ended } of loads) {
        const { code, text } = await ended;
        assert.equal(code, 0);
        assert.equal(JSON.parse(text).lines.read, 40_000);
      }
    });
    const digest = await digestOf(db);
    assert.deepEqual(digest.tables, tables);
    assert.equal(Number(digest.ledger.read) - Number(digest.ledger.duplicate), 40_000);
    assert.ok(await ledgerAddsUp(db));
  });

  test('that are killed lose nothing and hold up nobody', async () => {
    const { paths, tables } = await overlapping(40_000);
    const db = await withDaemon('killed', { apart: true }, async (path) => {
      for (const after of [200, 400]) {
        const { child, ended } = spawnIngest(path, paths);
        await sleep(after);
        child.kill('SIGKILL');
        await ended;
      }
      assert.equal(await spawnIngest(path, paths).ended.then(({ code }) => code), 0);
    });
    assert.deepEqual((await digestOf(db)).tables, tables);
    assert.ok(await ledgerAddsUp(db));
  });

  test('one that is killed within a transaction gives the turn back at once', async () => {
    await withDaemon('turn', { apart: true, turnPatienceMs: 60_000 }, async (path) => {
      const script = `
        const { RemoteStore } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/store/remote/client.js'))});
        const store = await RemoteStore.connect(${JSON.stringify(socketPathOf(path))});
        await store.begin();
        process.stdout.write('begun');
        setInterval(() => {}, 1000);`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await new Promise((begun) => child.stdout.once('data', begun));
      const store = await RemoteStore.connect(socketPathOf(path));
      let hasBegun = false;
      const waiting = store.begin().then(() => {
        hasBegun = true;
      });
      assert.equal((await store.query('SELECT 1 AS n')).rows.length, 1);
      assert.equal(hasBegun, false);
      child.kill('SIGKILL');
      await waiting;
      await store.rollback();
      await store.close();
    });
  });
});
