/**
 * The daemon follows a log that is written and rotated while it is killed at any moment, also while it
 * starts: at the end every line is in the store once, as one clean `maillog ingest` of all files leaves it.
 *
 * `MAILLOG_CRASH_SEED` and `MAILLOG_CRASH_KILLS` choose another course of events.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Row } from '../../src/store/store.ts';
import { digestOf, ledgerAddsUp } from '../e2e/store-digest.ts';
import { crashSeeds, KILLS, killAtRandom, makeCrashSite, runIngest } from '../support/crash.ts';
import { DaemonProcess } from '../support/daemon.ts';
import { differences } from '../support/numbered-log.ts';
import { randomSource } from '../support/random.ts';
import { RotatingLog } from '../support/rotating-log.ts';

const HOURLY = `SELECT measure, series, detail, sum(amount)::BIGINT AS amount, sum(bytes)::BIGINT AS bytes
  FROM hourly GROUP BY ALL ORDER BY ALL`;
const BY_VIEWS = `SELECT * FROM (
  SELECT 'messages' AS measure, CASE WHEN from_own_queue THEN 'hop' ELSE 'message' END AS series,
    NULL::VARCHAR AS detail, count(*)::BIGINT AS amount, sum(size)::BIGINT AS bytes FROM messages GROUP BY ALL
  UNION ALL SELECT 'deliveries', status, mailer, count(*)::BIGINT, 0 FROM deliveries GROUP BY ALL
  UNION ALL SELECT 'auth', outcome::VARCHAR, NULL, count(*)::BIGINT, 0 FROM auth_events GROUP BY ALL
) ORDER BY ALL`;
/** Seen nothing new for this long, it has read all there is. */
const QUIET_MS = 2500;

const seeds = crashSeeds([101, 102]);

/** Until as many lines as there are, copies not counted, are in the store, and no more come. */
async function untilQuiet(daemon: DaemonProcess, lines: number): Promise<Row> {
  const sql = `SELECT sum(lines_read - lines_duplicate)::BIGINT AS lines, sum(lines_read)::BIGINT AS read,
    sum(lines_duplicate)::BIGINT AS duplicate FROM ledger`;
  let last = await daemon.until(sql, (row) => Number(row.lines) >= lines, 60_000);
  for (let tries = 0; tries < 20; tries += 1) {
    await sleep(QUIET_MS);
    const [now = {}] = await daemon.rows(sql);
    if (now.read === last.read) break;
    last = now;
  }
  return last;
}

for (const seed of seeds) {
  const kills = Math.ceil(KILLS / seeds.length);
  test(`a log is rotated and the daemon killed ${kills} times, seed ${seed}`, async (t) => {
    const site = makeCrashSite('crash-files');
    const folder = join(site.folder, 'log');
    mkdirSync(folder);
    const random = randomSource(seed);
    const log = new RotatingLog(folder, randomSource(seed + 1));
    const daemon = new DaemonProcess(site.db, ['--follow', log.path, '--log-level', 'info']);
    let isOver = false;
    try {
      const writing = (async () => {
        while (!isOver) await log.step();
        log.finish();
      })();
      for (let kill = 0; kill < kills; kill += 1) {
        await killAtRandom(daemon, random);
        // Rotations go by while nobody looks.
        if (random.chance(0.3)) await sleep(random.below(600));
      }
      isOver = true;
      await writing;
      await daemon.start();
      const { lines, duplicate } = await untilQuiet(daemon, log.made.lines);
      const { renamed, truncated, compressed } = log.counts;
      t.diagnostic(
        `${log.made.lines} lines; ${renamed} renamed, ${truncated} copied and truncated, ${compressed} gzipped; ${duplicate} of copies`,
      );
      const wrong = await differences((sql) => daemon.rows(sql), log.made.numbers);
      assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} numbers are wrong`);
      assert.equal(Number(lines), log.made.lines);
      const hourly = await daemon.rows(HOURLY);
      assert.deepEqual(hourly, await daemon.rows(BY_VIEWS), 'before the roll-ups are refreshed');
      // Its end refreshes them.
      assert.equal(await daemon.end(), 0);
      assert.equal(await ledgerAddsUp(site.db), true);
      const clean = join(site.folder, 'clean.duckdb');
      assert.equal((await runIngest(clean, log.files)).code, 0);
      const [found, expected] = [await digestOf(site.db), await digestOf(clean)];
      assert.deepEqual(found.tables, expected.tables);
      for (const outcome of ['parsed', 'foreign', 'unsupported', 'malformed']) {
        assert.equal(found.ledger[outcome], expected.ledger[outcome], outcome);
      }
      await daemon.start();
      assert.deepEqual(await daemon.rows(HOURLY), hourly, 'after they were refreshed');
      const { noise } = daemon;
      assert.equal(noise, '');
    } finally {
      isOver = true;
      await daemon.end('SIGKILL');
      site.remove();
    }
  });
}
