/**
 * `maillog ingest` killed at any moment loses nothing and repeats nothing: run again to its end it leaves
 * what one undisturbed run leaves.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomSource } from '../support/random.ts';
import { sampleLines } from './sample-log.ts';
import { digestOf, ledgerAddsUp } from './store-digest.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.js');
const LINES = 120_000;
const KILLS = 5;

const folder = mkdtempSync(join(tmpdir(), 'maillog-kill-'));
after(() => rmSync(folder, { recursive: true }));

/** Runs the real command; killed after `killAfter` milliseconds, if it still runs then. */
async function ingest(
  db: string,
  files: readonly string[],
  killAfter?: number,
): Promise<number | null> {
  const args = ['ingest', '--db', db, '--batch-lines', '5000', '--format', 'json', ...files];
  const env = { PATH: process.env.PATH, HOME: folder, TZ: 'UTC' };
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env, stdio: 'ignore' });
  const ended = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
  if (killAfter !== undefined) {
    await Promise.race([ended, sleep(killAfter)]);
    child.kill('SIGKILL');
  }
  return ended;
}

test('killed at random moments, then run to the end', async () => {
  const lines = sampleLines({ lines: LINES, seed: 21 });
  // The second file repeats a third of the first: duplicates must be known after a kill as well.
  const files = [lines.slice(0, LINES * 0.6), lines.slice(LINES * 0.4)].map((part, index) => {
    const path = join(folder, `part-${index}-of-log`);
    writeFileSync(path, `${part.join('\n')}\n`);
    return path;
  });
  const clean = join(folder, 'clean.duckdb');
  const started = performance.now();
  assert.equal(await ingest(clean, files), 0);
  // A tenth of the time a run takes is sure to be over before the first line is read.
  const whole = performance.now() - started;
  const expected = await digestOf(clean);
  const random = randomSource(22);
  for (let round = 0; round < 2; round += 1) {
    const db = join(folder, `killed-${round}.duckdb`);
    const moments = Array.from({ length: KILLS }, () =>
      Math.round(whole * (0.1 + random.below(90) / 100)),
    );
    for (const moment of moments) await ingest(db, files, moment);
    assert.equal(await ingest(db, files), 0, `after kills at ${moments.join(', ')} ms`);
    const { tables, ledger } = await digestOf(db);
    assert.deepEqual(tables, expected.tables, `after kills at ${moments.join(', ')} ms`);
    assert.ok(await ledgerAddsUp(db));
    assert.equal(Number(ledger.read) - Number(ledger.duplicate), LINES);
  }
});
