/**
 * `maillog prune` killed at any moment: hourly counts are the same at each, rows are there or dropped by whole
 * days, and the next run ends what was begun.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DuckDbStore } from '../../src/store/duckdb/duckdb-store.ts';
import type { Row } from '../../src/store/store.ts';
import { recentDays, textOf } from '../support/days-log.ts';
import { randomSource } from '../support/random.ts';
import { digestOf, ledgerAddsUp } from './store-digest.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.js');
const KILLS = 6;

const folder = mkdtempSync(join(tmpdir(), 'maillog-prune-kill-'));
after(() => rmSync(folder, { recursive: true }));

async function run(args: readonly string[], killAfter?: number): Promise<number | null> {
  const env = { PATH: process.env.PATH, HOME: folder, TZ: 'UTC' };
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env, stdio: 'ignore' });
  const ended = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
  if (killAfter !== undefined) {
    await Promise.race([ended, sleep(killAfter)]);
    child.kill('SIGKILL');
  }
  return ended;
}

async function hourlyOf(db: string): Promise<readonly Row[]> {
  const store = await DuckDbStore.open({ path: db, readOnly: true });
  try {
    const sql =
      'SELECT hour, host, measure, series, detail, amount, bytes FROM hourly ORDER BY ALL';
    return (await store.query(sql)).rows;
  } finally {
    await store.close();
  }
}

test('killed at random moments, then run to the end', async () => {
  const log = join(folder, 'mail.log');
  writeFileSync(log, textOf(recentDays(12, 1500)));
  const full = join(folder, 'full.duckdb');
  assert.equal(await run(['ingest', '--db', full, log]), 0);
  const hourly = await hourlyOf(full);
  const clean = join(folder, 'clean.duckdb');
  copyFileSync(full, clean);
  const started = performance.now();
  assert.equal(await run(['prune', '--db', clean, '--keep-days', '2']), 0);
  const whole = performance.now() - started;
  const expected = await digestOf(clean);
  assert.deepEqual(await hourlyOf(clean), hourly);
  assert.notDeepEqual(expected.tables, (await digestOf(full)).tables);
  const random = randomSource(31);
  const db = join(folder, 'killed.duckdb');
  copyFileSync(full, db);
  for (let kill = 0; kill < KILLS; kill += 1) {
    const moment = Math.round(whole * (0.3 + random.below(70) / 100));
    await run(['prune', '--db', db, '--keep-days', '2'], moment);
    assert.deepEqual(await hourlyOf(db), hourly, `after a kill at ${moment} of ${whole} ms`);
  }
  assert.equal(await run(['prune', '--db', db, '--keep-days', '2']), 0);
  assert.deepEqual(await digestOf(db), expected);
  assert.deepEqual(await hourlyOf(db), hourly);
  assert.ok(await ledgerAddsUp(db));
});
