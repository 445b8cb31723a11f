/**
 * Every line counts once, however a log is renamed, compressed, cut, merged or read again; and lines that
 * are equal byte for byte within one second count as often as they were written.
 */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { runMaillog } from '../../src/cli/program.ts';
import { memoryIo } from '../cli/memory-io.ts';
import { sampleLines } from './sample-log.ts';
import type { StoreDigest } from './store-digest.ts';
import { digestOf, ledgerAddsUp } from './store-digest.ts';

const LINES = sampleLines({ lines: 1000, seed: 11 });
const START = Date.UTC(2026, 10, 24) / 1000;
let folder = '';
let clean: StoreDigest;
let cases = 0;

after(() => rmSync(folder, { recursive: true }));

function bytesOf(lines: readonly string[]): Buffer {
  return Buffer.from(`${lines.join('\n')}\n`);
}

function fileOf(name: string, lines: readonly string[]): string {
  const path = join(folder, `${cases}-${name}`);
  writeFileSync(path, bytesOf(lines));
  return path;
}

interface Counts {
  readonly read: number;
  readonly duplicate: number;
}

class TestStore {
  readonly path: string;

  constructor() {
    cases += 1;
    this.path = join(folder, `${cases}.duckdb`);
  }

  /** Runs `maillog ingest`; what it says of lines. */
  async ingest(files: readonly string[], stdin = '', batchLines = 1000): Promise<Counts> {
    const io = memoryIo({ env: { HOME: folder, MAILLOG_TIMEZONE: 'UTC' }, cwd: folder, stdin });
    const args = [
      'ingest',
      '--db',
      this.path,
      '--format',
      'json',
      '--batch-lines',
      `${batchLines}`,
    ];
    const code = await runMaillog([...args, ...files], io);
    assert.equal(code, 0, io.written().stderr);
    return JSON.parse(io.written().stdout).lines as Counts;
  }

  /** All rows are those of one clean ingest, and the ledgers add up. */
  async assertClean(): Promise<void> {
    const { tables, ledger } = await digestOf(this.path);
    assert.deepEqual(tables, clean.tables);
    const { read, duplicate, ...kinds } = ledger;
    assert.equal(Number(read) - Number(duplicate), LINES.length);
    const { read: cleanRead, duplicate: cleanDuplicate, ...cleanKinds } = clean.ledger;
    assert.deepEqual(kinds, cleanKinds);
    assert.deepEqual([cleanRead, cleanDuplicate], [LINES.length, 0]);
    assert.ok(await ledgerAddsUp(this.path));
  }
}

async function freshStore(files: readonly string[]): Promise<TestStore> {
  const store = new TestStore();
  await store.ingest(files);
  return store;
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'maillog-once-'));
  clean = await digestOf((await freshStore([fileOf('clean.log', LINES)])).path);
});
test('the sample is worth it: every kind of row and line, and equal lines', async () => {
  const { foreign, malformed } = clean.ledger;
  assert.ok(Number(foreign) > 0 && Number(malformed) > 0);
  assert.ok(new Set(LINES).size < LINES.length);
  const failures = LINES.filter((line) => line.includes('AUTH failure')).length;
  assert.match(clean.tables.auth_events ?? '', new RegExp(`^${failures} rows`));
});

test('the same file twice', async () => {
  const path = fileOf('twice.log', LINES);
  const store = await freshStore([path]);
  const second = await store.ingest([path]);
  assert.deepEqual([second.read, second.duplicate], [1000, 1000]);
  await store.assertClean();
});

test('renamed, and named twice at once', async () => {
  const path = fileOf('maillog', LINES);
  const store = await freshStore([path]);
  renameSync(path, `${path}.1`);
  await store.ingest([`${path}.1`, `${path}.1`]);
  await store.assertClean();
});

test('gzipped after it was read', async () => {
  const path = fileOf('maillog', LINES);
  const store = await freshStore([path]);
  writeFileSync(`${path}.1.gz`, gzipSync(bytesOf(LINES)));
  await store.ingest([`${path}.1.gz`]);
  await store.assertClean();
});

test('gzipped while half of it was read', async () => {
  const path = fileOf('maillog', LINES.slice(0, 500));
  const store = await freshStore([path]);
  writeFileSync(`${path}.1.gz`, gzipSync(bytesOf(LINES)));
  await store.ingest([`${path}.1.gz`]);
  await store.assertClean();
});

test('appended to, and a longer copy', async () => {
  const path = fileOf('maillog', LINES.slice(0, 300));
  const store = await freshStore([path]);
  appendFileSync(path, bytesOf(LINES.slice(300, 700)));
  const second = await store.ingest([path]);
  assert.deepEqual([second.read, second.duplicate], [700, 300]);
  await store.ingest([fileOf('copy', LINES)]);
  await store.assertClean();
});

test('appended to in the middle of a line', async () => {
  const whole = bytesOf(LINES);
  const path = fileOf('maillog', []);
  writeFileSync(path, whole.subarray(0, 40_000));
  const store = new TestStore();
  await store.ingest([path]);
  appendFileSync(path, whole.subarray(40_000));
  await store.ingest([path]);
  await store.assertClean();
});

test('overlapping cuts', async () => {
  const store = new TestStore();
  await store.ingest([fileOf('a', LINES.slice(0, 600))]);
  await store.ingest([fileOf('b', LINES.slice(400, 1000))]);
  const third = await store.ingest([fileOf('c', LINES.slice(200, 800))]);
  assert.deepEqual([third.read, third.duplicate], [600, 600]);
  await store.assertClean();
});

test('overlapping cuts in one run, the later first', async () => {
  const store = new TestStore();
  const cuts = [LINES.slice(400, 1000), LINES.slice(200, 800), LINES.slice(0, 600)];
  await store.ingest(cuts.map((lines, index) => fileOf(`cut-${index}-of-log`, lines)));
  await store.assertClean();
});

test('the logs of two hosts, then both merged into one', async () => {
  const other = sampleLines({ lines: 400, seed: 12, host: 'mx2' });
  const merged = [...LINES, ...other].sort((a, b) => a.slice(7, 15).localeCompare(b.slice(7, 15)));
  const store = new TestStore();
  await store.ingest([fileOf('mx1', LINES), fileOf('mx2', other)]);
  const before = await digestOf(store.path);
  const third = await store.ingest([fileOf('merged', merged)]);
  assert.deepEqual([third.read, third.duplicate], [1400, 1400]);
  assert.deepEqual((await digestOf(store.path)).tables, before.tables);
  assert.ok(await ledgerAddsUp(store.path));
});

test('the mail lines of a log again, each between lines of other programs', async () => {
  const store = await freshStore([fileOf('mail.log', LINES)]);
  const cron = (line: string, at: number): string =>
    `${line.slice(0, 15)} mx1 CRON[${at}]: (root) CMD (true)`;
  const syslog = LINES.flatMap((line, at) => [cron(line, 2 * at), line]);
  const second = await store.ingest([fileOf('syslog', syslog)]);
  assert.deepEqual([second.read, second.duplicate], [2000, 1000]);
  assert.deepEqual((await digestOf(store.path)).tables, clean.tables);
});

test('a copy of one line alone', async () => {
  const store = await freshStore([fileOf('mail.log', LINES)]);
  const second = await store.ingest([fileOf('one', LINES.slice(500, 501))]);
  assert.deepEqual([second.read, second.duplicate], [1, 1]);
  await store.assertClean();
});

test('four equal lines in one second are four, and their copy is none', async () => {
  const line = LINES.find((text) => text.includes('AUTH failure')) ?? '';
  const store = await freshStore([fileOf('one', [line, line])]);
  const second = await store.ingest([fileOf('two', [line, line, line, line])]);
  assert.deepEqual([second.read, second.duplicate], [4, 2]);
  const third = await store.ingest([fileOf('three', [line, line, line])]);
  assert.deepEqual([third.read, third.duplicate], [3, 3]);
  assert.match((await digestOf(store.path)).tables.auth_events ?? '', /^4 rows/);
});

test('a line put into the middle of a file that was read', async () => {
  const store = await freshStore([fileOf('maillog', LINES)]);
  const extra = `${LINES[500]?.slice(0, 15)} mx1 sm-mta[77]: starting daemon (8.17.1.9): SMTP`;
  const edited = [...LINES.slice(0, 501), extra, ...LINES.slice(501)];
  const second = await store.ingest([fileOf('edited', edited)]);
  assert.deepEqual([second.read, second.duplicate], [1001, 1000]);
  const { tables } = await digestOf(store.path);
  assert.deepEqual({ ...tables, daemon_events: '' }, { ...clean.tables, daemon_events: '' });
  assert.match(tables.daemon_events ?? '', /^1 rows/);
});

test('a line cut out of the middle of a file that was read', async () => {
  const store = await freshStore([fileOf('maillog', LINES)]);
  await store.ingest([fileOf('edited', [...LINES.slice(0, 500), ...LINES.slice(501)])]);
  await store.assertClean();
});

test('an edit that keeps length, head and tail goes unnoticed, and so repeats nothing', async () => {
  const path = fileOf('maillog', LINES);
  const store = await freshStore([path]);
  const edited = LINES.map((line, index) => (index === 500 ? line.replace(/\d\d /, '59 ') : line));
  writeFileSync(path, bytesOf(edited));
  const second = await store.ingest([path]);
  assert.deepEqual([second.read, second.duplicate], [1000, 1000]);
  await store.assertClean();
});

test('a shorter copy, and one cut in mid-line', async () => {
  const path = fileOf('maillog', LINES);
  const store = await freshStore([path]);
  await store.ingest([fileOf('short', LINES.slice(0, 350))]);
  const cut = join(folder, `${cases}-cut`);
  writeFileSync(cut, bytesOf(LINES).subarray(0, bytesOf(LINES.slice(0, 350)).length + 3));
  await store.ingest([cut]);
  await store.ingest([path]);
  const { tables } = await digestOf(store.path);
  assert.deepEqual(tables, clean.tables);
  assert.ok(await ledgerAddsUp(store.path));
});

test('copied away and emptied, then written anew', async () => {
  const path = fileOf('maillog', LINES.slice(0, 600));
  const store = await freshStore([path]);
  renameSync(path, `${path}.1`);
  writeFileSync(path, bytesOf(LINES.slice(600)));
  await store.ingest([path, `${path}.1`]);
  await store.assertClean();
});

test('from standard input, after and before the file', async () => {
  const text = bytesOf(LINES).toString('utf8');
  const store = await freshStore([fileOf('maillog', LINES)]);
  const second = await store.ingest(['-'], text);
  assert.deepEqual([second.read, second.duplicate], [1000, 1000]);
  await store.assertClean();
  const other = new TestStore();
  await other.ingest(['-'], text);
  await other.ingest(['-'], text);
  await other.ingest([fileOf('maillog', LINES)]);
  await other.assertClean();
});

test('a file that grows while its tail is repeated in another', async () => {
  const store = new TestStore();
  const path = fileOf('maillog', LINES.slice(0, 500));
  await store.ingest([path]);
  await store.ingest([fileOf('tail', LINES.slice(450, 900))]);
  appendFileSync(path, bytesOf(LINES.slice(500)));
  await store.ingest([path]);
  await store.assertClean();
});

test('stamps without a year in a zone that nobody named', async () => {
  const shifted = sampleLines({ lines: 1000, seed: 11, start: START });
  const store = new TestStore();
  for (const part of [shifted.slice(0, 600), shifted.slice(400)]) {
    const io = memoryIo({ env: { HOME: folder, MAILLOG_TIMEZONE: 'Asia/Kolkata' }, cwd: folder });
    assert.equal(await runMaillog(['ingest', '--db', store.path, fileOf('part', part)], io), 0);
  }
  await store.assertClean();
});
