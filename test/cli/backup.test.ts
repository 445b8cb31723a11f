/** `maillog backup` and `maillog restore` as a user runs them. */
import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runMaillog } from '../../src/cli/program.ts';
import { digestOf } from '../e2e/store-digest.ts';
import { linesOfDay, textOf } from '../support/days-log.ts';
import { memoryIo } from './memory-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-backup-cli-'));
const db = join(folder, 'mail.duckdb');
const backup = join(folder, 'mail.backup');
after(() => rmSync(folder, { recursive: true }));

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const io = memoryIo({ env: { HOME: folder, MAILLOG_TIMEZONE: 'UTC' }, cwd: folder });
  const code = await runMaillog([...args], io);
  return { code, ...io.written() };
}

function logOf(day: number): string {
  const path = join(folder, `day-${day}.log`);
  writeFileSync(path, textOf(linesOfDay(day)));
  return path;
}

before(async () => {
  assert.equal((await run('ingest', '--db', db, logOf(0))).code, 0);
});

test('a backup, more lines, and back: what was read since is read again', async () => {
  const { code, stdout, stderr } = await run('backup', '--db', db, 'mail.backup');
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /^backup written to .*mail\.backup: .*, 240 lines of 1 source, all of it read/,
  );
  assert.equal((await run('ingest', '--db', db, logOf(1))).code, 0);
  const whole = await digestOf(db);
  const unasked = await run('restore', '--db', db, backup);
  assert.equal(unasked.code, 1);
  assert.match(unasked.stderr, /it is there already; give --force/);
  const restored = await run('restore', '--db', db, 'mail.backup', '--force');
  assert.equal(restored.code, 0, restored.stderr);
  assert.match(restored.stdout, /mail\.duckdb restored from .*mail\.backup: /);
  assert.match(restored.stderr, /is kept as .*mail\.duckdb\.before-restore\n/);
  assert.match(restored.stderr, /read again from logs that are still there/);
  assert.deepEqual(await digestOf(db), await digestOf(backup));
  assert.equal((await run('ingest', '--db', db, logOf(1))).code, 0);
  assert.deepEqual((await digestOf(db)).tables, whole.tables);
});

test('nothing is written over unasked, and the database itself never', async () => {
  const there = await run('backup', '--db', db, backup);
  assert.equal(there.code, 1);
  assert.match(there.stderr, /give --force/);
  assert.equal((await run('backup', '--db', db, backup, '--force')).code, 0);
  linkSync(db, join(folder, 'same'));
  for (const target of [db, `${db}.wal`, 'same']) {
    const itself = await run('backup', '--db', db, target, '--force');
    assert.equal(itself.code, 2, target);
    assert.match(itself.stderr, /is the database itself/);
  }
  const missing = await run('backup', '--db', db, 'no/such/folder/x');
  assert.match(missing.stderr, /no\/such\/folder does not exist/);
  const none = await run('backup', '--db', join(folder, 'none.duckdb'), 'x');
  assert.match(none.stderr, /there is no database/);
  assert.ok(!existsSync(join(folder, 'none.duckdb')) && !existsSync(join(folder, 'x')));
});
