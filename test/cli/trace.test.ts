/** `maillog trace` as a user runs it, over the logs of three hosts. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TRACE_COLUMNS } from '../../reports/trace.ts';
import { runMaillog } from '../../src/cli/program.ts';
import { hostLog } from '../support/three-host-log.ts';
import { memoryIo } from './memory-io.ts';

let folder = '';

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const io = memoryIo({ env: { HOME: folder, MAILLOG_TIMEZONE: 'UTC' }, cwd: folder });
  const code = await runMaillog([...args, '--db', join(folder, 'mail.duckdb')], io);
  return { code, ...io.written() };
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'maillog-trace-'));
  const files = (['mx', 'sub', 'hub'] as const).map((host) => {
    const file = join(folder, `${host}.log`);
    writeFileSync(file, hostLog(host));
    return file;
  });
  assert.equal((await run('ingest', '--year', '2026', ...files)).code, 0);
});
after(() => rmSync(folder, { recursive: true }));

test('text is the story in sentences, then its events', async () => {
  const { code, stdout } = await run('trace', '6AO600aa100100');
  assert.equal(code, 0);
  assert.match(stdout, /^From <ann> to 2 recipients, 12\.0 KiB/);
  assert.match(stdout, /\n\nWhat the log tells of 6AO600aa100100\n/);
  assert.doesNotMatch(stdout, /\u202e/);
});

test('JSON and CSV are rows alone, with all columns in order', async () => {
  const { stdout } = await run('trace', '6AO600aa100100', '--format', 'json');
  const rows = JSON.parse(stdout) as Record<string, unknown>[];
  assert.equal(rows.length, 15);
  assert.deepEqual(Object.keys(rows[0] ?? {}), TRACE_COLUMNS);
  const csv = await run('trace', '6AO600aa100100', '--format', 'csv');
  assert.equal(csv.stdout.split(/\r?\n/)[0], TRACE_COLUMNS.join(','));
});

test('what --limit leaves out is said in text', async () => {
  const { stdout } = await run('trace', '6AO600aa100100', '--limit', '2');
  assert.match(stdout, /Only the first 2 rows are told of/);
  const all = await run('trace', '6AO600aa100100', '--limit', '15');
  assert.doesNotMatch(all.stdout, /Only the first/);
});

test('nothing found is exit 1, and valid JSON', async () => {
  const { code, stdout, stderr } = await run('trace', 'nobody@nowhere', '--format', 'json');
  assert.deepEqual([code, JSON.parse(stdout)], [1, []]);
  assert.match(stderr, /nothing found/);
});
