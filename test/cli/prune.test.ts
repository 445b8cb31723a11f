/** `maillog prune`, and what other commands say of a time whose rows are gone. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { keepDaysOf, pruneText } from '../../src/cli/commands/prune.ts';
import { makeContext } from '../../src/cli/context.ts';
import { runMaillog } from '../../src/cli/program.ts';
import { recentDays, textOf } from '../support/days-log.ts';
import { memoryIo } from './memory-io.ts';

let folder = '';
let db = '';
let log = '';

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const io = memoryIo({
    env: { HOME: folder, MAILLOG_TIMEZONE: 'UTC', MAILLOG_DB: db },
    cwd: folder,
  });
  const code = await runMaillog(args, io);
  return { code, ...io.written() };
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'maillog-prune-'));
  db = join(folder, 'mail.duckdb');
  log = join(folder, 'mail.log');
  writeFileSync(log, textOf(recentDays(6, 200)));
  assert.equal((await run('ingest', log)).code, 0);
});
after(() => rmSync(folder, { recursive: true }));

test('without a number of days nothing is dropped, with a bad one neither', async () => {
  const none = await run('prune');
  assert.equal(none.code, 2);
  assert.match(none.stderr, /kept for ever \(retention\.days is not set\): give --keep-days N/);
  for (const days of ['0', '-1', 'x', '1.5', '999999']) {
    assert.equal((await run('prune', `--keep-days=${days}`)).code, 2, days);
  }
  const missing = await run('prune', '--keep-days', '3', '--db', join(folder, 'none.duckdb'));
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /there is no database/);
});

test('the number of days is asked for, else configured', () => {
  const context = makeContext(memoryIo({ env: { HOME: folder } }), {});
  const settings = { ...context.config.settings, retentionDays: 90 };
  const configured = { ...context, config: { ...context.config, settings } };
  assert.equal(keepDaysOf(configured, {}), 90);
  assert.equal(keepDaysOf(configured, { keepDays: '7' }), 7);
});

test('a dry run tells, a run drops, and every question says that rows are gone', async () => {
  const series = await run('series', '--by', 'status', '--step', '1d', '--format', 'csv');
  const bytes = await run(
    'series',
    '--by',
    'bytes',
    '--last',
    '7d',
    '--step',
    '1h',
    '--format',
    'csv',
  );
  const dry = await run('prune', '--keep-days', '3', '--dry-run');
  assert.match(dry.stdout, /^rows before \d{4}-\d\d-\d\d would be dropped: envelopes \d+/);
  assert.match(dry.stdout, /what stays: hourly counts of that time, the ledger, incidents/);
  const json = JSON.parse((await run('prune', '--keep-days', '3', '--format', 'json')).stdout);
  assert.equal(json.dry_run, false);
  assert.ok(json.tables.deliveries > 0 && json.tables.lines_seen > 0);
  assert.ok(dry.stdout.includes(`deliveries ${json.tables.deliveries}`));
  const gone = new RegExp(
    `^maillog: rows before ${json.day} were dropped by retention; only hourly counts of them are left`,
    'm',
  );
  const after = await run('series', '--by', 'status', '--step', '1d', '--format', 'csv');
  assert.deepEqual([after.stdout, after.stderr], [series.stdout, '']);
  const totals = (text: string) => text.split('\n').filter((line) => !line.endsWith(',0'));
  const again = await run(
    'series',
    '--by',
    'bytes',
    '--last',
    '7d',
    '--step',
    '1h',
    '--format',
    'csv',
  );
  assert.deepEqual(totals(again.stdout), totals(bytes.stdout));
  assert.match((await run('series', '--step', '15m')).stderr, gone);
  assert.match((await run('top', 'senders')).stderr, gone);
  assert.match((await run('stats', '--last', '7d')).stderr, gone);
  const report = await run('report', '--last', '7d');
  assert.match(report.stderr, gone);
  assert.match(report.stdout, /Note\s+rows before /);
  const csv = await run('report', 'events', '--last', '7d', '--format', 'csv');
  assert.match(csv.stdout, /^notices,retention,,"rows before .* were dropped/m);
  const { dropped } = JSON.parse((await run('report', '--last', '7d', '--format', 'json')).stdout);
  assert.match(dropped, /^rows before/);
  for (const args of [['report'], ['top', 'senders', '--last', '2d']]) {
    assert.equal((await run(...args)).stderr, '', args.join(' '));
  }
});

test('an old log under another name is counted and not kept', async () => {
  const copy = join(folder, 'copy.log');
  writeFileSync(copy, textOf(['# an old copy', ...recentDays(6, 200).slice(0, 200)]));
  const { code, stdout, stderr } = await run('ingest', copy);
  assert.equal(code, 0);
  assert.match(stdout, /lines read 201 = /);
  assert.match(
    stderr,
    /copy\.log: 200 lines older than the retention \(\d{4}-\d\d-\d\d\) were read and not kept/,
  );
});

test('the summary says what became of the space', () => {
  const space = {
    before: { fileBytes: 10e6, freeBytes: 0 },
    after: { fileBytes: 10e6, freeBytes: 4e6 },
  };
  const result = { day: '2026-01-31', dryRun: false, tables: { hops: 2 }, goingOn: 3, space };
  assert.match(pruneText(result), /hops 2\n.*, 3 rows of messages that go on after that day\n/);
  assert.match(
    pruneText(result),
    /freed: 3\.8 MiB; the file keeps its size of 9\.5 MiB, of which 3\.8 MiB are free/,
  );
  const shrunk = { ...space, after: { fileBytes: 5e6, freeBytes: 0 } };
  assert.match(pruneText({ ...result, space: shrunk }), /the file shrank from/);
});
