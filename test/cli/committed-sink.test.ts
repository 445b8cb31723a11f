/** A load whose input is overtaken, or whose turn is lost, at any commit: each line counts once. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeContext } from '../../src/cli/context.ts';
import type { LoadResult } from '../../src/cli/load-files.ts';
import { loadFiles } from '../../src/cli/load-files.ts';
import type { DuckDbStore } from '../../src/store/duckdb/duckdb-store.ts';
import { EVENT_TABLES } from '../../src/store/schema.ts';
import { StaleSource, TurnLost } from '../../src/store/store.ts';
import { sampleLines } from '../e2e/sample-log.ts';
import { openStore } from '../support/load-log.ts';
import { memoryIo } from './memory-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-again-'));
after(() => rmSync(folder, { recursive: true }));
const LINES = 50_000;
const path = join(folder, 'mail.log');
writeFileSync(path, `${sampleLines({ lines: LINES, seed: 41 }).join('\n')}\n`);

function load(store: DuckDbStore, name = path, stdin = ''): Promise<LoadResult> {
  const io = memoryIo({ env: { HOME: folder, MAILLOG_TIMEZONE: 'UTC' }, cwd: folder, stdin });
  const options = { takeUnterminated: true, isShared: true };
  return loadFiles(makeContext(io, {}), store, [name], options);
}

async function contents(store: DuckDbStore): Promise<unknown> {
  const digests: unknown[] = [];
  for (const table of EVENT_TABLES) {
    const sql = `SELECT count(*) AS n, sum(hash(t)::HUGEINT)::VARCHAR AS h FROM raw.${table} t`;
    digests.push((await store.query(sql)).rows);
  }
  const ledger = await store.query('SELECT * EXCLUDE (first_read_at, last_read_at) FROM ledger');
  return [digests, ledger.rows];
}

/** Makes calls of `method` fail by `error`, those of the numbers given. */
function failing(
  store: DuckDbStore,
  method: 'enter' | 'commit',
  calls: (call: number) => boolean,
  error: Error,
): void {
  let call = 0;
  const real = (store[method] as (...args: unknown[]) => Promise<unknown>).bind(store);
  Object.assign(store, {
    [method]: (...args: unknown[]) => {
      call += 1;
      return calls(call) ? Promise.reject(error) : real(...args);
    },
  });
}

test('taken again from the checkpoint, the ledger and the summary are those of one load', async () => {
  const clean = await openStore();
  const { seconds: _, ...expected } = await load(clean);
  assert.equal(expected.counts.read, LINES);
  const rows = await contents(clean);
  await clean.close();
  const odd = (call: number) => call % 2 === 1;
  const few = (call: number) => call < 6;
  for (const [method, calls, error] of [
    ['commit', odd, new TurnLost('lost')],
    ['enter', odd, new StaleSource('stale')],
    ['commit', few, new TurnLost('lost')],
  ] as const) {
    const store = await openStore();
    failing(store, method, calls, error);
    const { seconds: __, ...result } = await load(store);
    assert.deepEqual(result, expected, method);
    assert.deepEqual(await contents(store), rows, method);
    await store.close();
  }
});

test('lines that another took meanwhile are duplicates', async () => {
  const store = await openStore();
  let isFirst = true;
  const commit = store.commit.bind(store);
  store.commit = async () => {
    await commit();
    if (!isFirst) return;
    isFirst = false;
    // Another reader of the same file is at its end before the second block of this one.
    await load(store);
  };
  const { counts } = await load(store);
  assert.equal(counts.read, LINES);
  assert.ok(counts.duplicate > LINES / 4 && counts.duplicate < LINES);
  const { rows } = await store.query(
    'SELECT sum(lines_read) - sum(lines_duplicate) AS n, count(*) AS sources FROM ledger',
  );
  assert.deepEqual(rows, [{ n: LINES, sources: 1 }]);
  await store.close();
});

test('without end it is not tried, and a stream cannot be taken again', async () => {
  const store = await openStore();
  failing(store, 'commit', () => true, new TurnLost('the turn was lost'));
  await assert.rejects(load(store), {
    code: 'E_STORE_FAILED',
    message: /the turn was lost; .*run this again/,
  });
  await store.close();
  const other = await openStore();
  failing(other, 'commit', (call) => call === 1, new TurnLost('the turn was lost'));
  await assert.rejects(load(other, '-', 'Nov 24 06:00:00 mx1 sm-mta[1]: x\n'), {
    code: 'E_STORE_FAILED',
  });
  await other.close();
});
