/** Retention: rows go, figures stay, and what was dropped does not come back. */
import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { SERIES_NAMES, seriesSql } from '../../../reports/series.ts';
import type { DuckDbStore } from '../../../src/store/duckdb/duckdb-store.ts';
import type { PruneResult, RetentionAccess } from '../../../src/store/duckdb/retention.ts';
import { firstDayKept, pruneStore, transactOver } from '../../../src/store/duckdb/retention.ts';
import { findRetentionMark } from '../../../src/store/retention-mark.ts';
import { EVENT_TABLES } from '../../../src/store/schema.ts';
import type { Row } from '../../../src/store/store.ts';
import { END, FIRST_DAY, fiveDays, linesOfDay, MARK, textOf } from '../../support/days-log.ts';
import { LiveSite } from '../../support/live-site.ts';
import { loadInto, openStore } from '../../support/load-log.ts';

const DAY = '2026-11-23';
const LINES = fiveDays();
const HOURLY = 'SELECT hour, host, measure, series, detail, amount, bytes FROM hourly ORDER BY ALL';

const rowsOf = async (store: DuckDbStore, sql: string): Promise<readonly Row[]> =>
  (await store.query(sql)).rows;

async function fullStore(): Promise<DuckDbStore> {
  const store = await openStore();
  await loadInto(store, textOf(LINES));
  await store.refreshRollups();
  return store;
}

function accessOf(store: DuckDbStore, beforeEach?: () => void): RetentionAccess {
  return {
    query: (sql, bindings) => store.query(sql, bindings),
    transact: async (statements) => {
      beforeEach?.();
      return transactOver(store, statements);
    },
    checkpoint: () => store.checkpoint(),
  };
}

const prune = (store: DuckDbStore, dryRun = false): Promise<PruneResult> =>
  pruneStore(accessOf(store), { before: MARK, day: DAY, dryRun });

async function seriesOf(store: DuckDbStore, step: number): Promise<Record<string, unknown>> {
  const mark = await findRetentionMark(store);
  const bindings = { start: new Date(FIRST_DAY * 1000), end: new Date(END * 1000), step, shift: 0 };
  const all: Record<string, unknown> = {};
  for (const name of SERIES_NAMES) {
    const { rows } = await store.query(seriesSql(name, mark?.from), bindings);
    all[name] = rows.filter(({ amount }) => Number(amount) > 0);
  }
  return all;
}

/** All of the store but the ledger. */
async function contentsOf(store: DuckDbStore): Promise<Record<string, unknown>> {
  const contents: Record<string, unknown> = { hourly: await rowsOf(store, HOURLY) };
  for (const table of [...EVENT_TABLES, 'hops', 'lines_seen', 'unparsed_lines', 'dirty_hours']) {
    const sql = `SELECT count(*) AS n, coalesce(sum(hash(t)::HUGEINT), 0)::VARCHAR AS h FROM raw.${table} t`;
    contents[table] = await rowsOf(store, sql);
  }
  return contents;
}

test('rows of old days go; hourly and every series say what they said', async () => {
  const store = await fullStore();
  const [hourly, hours, days] = [
    await rowsOf(store, HOURLY),
    await seriesOf(store, 3600),
    await seriesOf(store, 86_400),
  ];
  const series = hours.rejections as readonly Row[];
  assert.ok(
    series.some((row) => row.series === 'other'),
    'the sample has such a refusal',
  );
  const foretold = await prune(store, true);
  assert.deepEqual(await rowsOf(store, HOURLY), hourly);
  const { tables, goingOn, day, dryRun } = await prune(store);
  assert.deepEqual([day, dryRun, foretold.dryRun], [DAY, false, true]);
  assert.deepEqual(tables, foretold.tables);
  assert.equal(goingOn, foretold.goingOn);
  for (const table of ['envelopes', 'deliveries', 'rejections', 'auth_events', 'connections']) {
    assert.ok((tables[table] ?? 0) > 0, table);
  }
  assert.deepEqual(await rowsOf(store, HOURLY), hourly);
  assert.deepEqual(await seriesOf(store, 3600), hours);
  assert.deepEqual(await seriesOf(store, 86_400), days);
  const old = `SELECT count(*) AS n FROM raw.lines_seen WHERE second > 0 AND second < ${MARK}`;
  assert.deepEqual(await rowsOf(store, old), [{ n: 0 }]);
  await store.close();
});

test('what goes on after the day is whole: figures taken anew are the same', async () => {
  const store = await fullStore();
  const hourly = await rowsOf(store, HOURLY);
  const expired = "SELECT recipient, logged_at FROM deliveries WHERE status = 'expired'";
  const givenUp = await rowsOf(store, expired);
  assert.equal(givenUp.length, 1);
  const { goingOn } = await prune(store);
  assert.ok(goingOn >= 6, `${goingOn} rows stay`);
  assert.deepEqual(await rowsOf(store, expired), givenUp);
  // As if lines had come late, for every hour: those before the mark must not be taken anew.
  await store.query(
    `INSERT INTO raw.dirty_hours SELECT DISTINCT hour FROM raw.hourly WHERE epoch(hour) >= ${MARK}`,
  );
  await store.refreshRollups();
  assert.deepEqual(await rowsOf(store, HOURLY), hourly);
  await loadInto(store, textOf([`Nov 23 00:30:00 mx1 sm-mta[9]: alias database rebuilt`]));
  await store.refreshRollups();
  assert.deepEqual(await rowsOf(store, HOURLY), hourly);
  await store.close();
});

test('an old log read again leaves nothing but its count in the ledger', async () => {
  const store = await fullStore();
  await prune(store);
  const before = await contentsOf(store);
  const again = await loadInto(store, textOf([...linesOfDay(0), 'a line without any stamp']));
  assert.equal(again.counts.read, 241);
  assert.deepEqual(
    Object.values(again.events),
    EVENT_TABLES.map(() => 0),
  );
  assert.match(again.warnings.join(), /: 241 lines older than the retention \(2026-11-23\) were/);
  await store.refreshRollups();
  assert.deepEqual(await contentsOf(store), before);
  // What spans the mark is kept from there on, once; each source has the identities of its lines.
  const whole = await loadInto(store, textOf(LINES));
  assert.ok(whole.counts.duplicate >= LINES.filter((line) => line >= 'Nov 23').length);
  await store.refreshRollups();
  const { lines_seen: seen, ...rest } = await contentsOf(store);
  assert.deepEqual({ lines_seen: before.lines_seen, ...rest }, before);
  assert.deepEqual(
    (seen as readonly Row[])[0]?.n,
    Number((before.lines_seen as readonly Row[])[0]?.n) * 2,
  );
  const { rows } = await store.query('SELECT sum(lines_read)::BIGINT AS n FROM ledger');
  assert.deepEqual(rows, [{ n: LINES.length * 2 + 241 }]);
  await store.close();
});

test('broken off between any two transactions: figures stand, the next run ends it', async () => {
  const undisturbed = await fullStore();
  const hourly = await rowsOf(undisturbed, HOURLY);
  let transactions = 0;
  await pruneStore(
    accessOf(undisturbed, () => (transactions += 1)),
    { before: MARK, day: DAY },
  );
  const pruned = await contentsOf(undisturbed);
  await undisturbed.close();
  assert.ok(transactions >= 4);
  for (let last = 1; last < transactions; last += 1) {
    const store = await fullStore();
    let done = 0;
    const broken = accessOf(store, () => {
      done += 1;
      if (done > last) throw new Error('broken off');
    });
    await assert.rejects(pruneStore(broken, { before: MARK, day: DAY }), /broken off/);
    assert.deepEqual(await rowsOf(store, HOURLY), hourly);
    await prune(store);
    assert.deepEqual(await contentsOf(store), pruned);
    await store.close();
  }
});

test('the mark only moves on; days begin at the site, roll-ups at the hour', async () => {
  const now = new Date('2026-11-24T12:00:00Z');
  assert.deepEqual(firstDayKept(now, 1, 'UTC'), { before: MARK, day: DAY });
  const kolkata = firstDayKept(now, 1, 'Asia/Kolkata');
  assert.deepEqual(kolkata, { before: MARK - 19_800, day: DAY });
  const berlin = firstDayKept(new Date('2026-10-26T12:00:00Z'), 1, 'Europe/Berlin');
  assert.equal(berlin.before, Date.UTC(2026, 9, 24, 22) / 1000);
  const store = await fullStore();
  const hourly = await rowsOf(store, HOURLY);
  assert.equal(await findRetentionMark(store), undefined);
  await pruneStore(accessOf(store), kolkata);
  assert.deepEqual(await findRetentionMark(store), { from: MARK - 21_600, day: DAY });
  assert.deepEqual(await rowsOf(store, HOURLY), hourly);
  await prune(store);
  const { day, tables } = await pruneStore(accessOf(store), {
    before: FIRST_DAY,
    day: '2026-11-20',
  });
  assert.equal(day, DAY);
  assert.deepEqual(new Set(Object.values(tables)), new Set([0]));
  await store.close();
});

test('unparsed lines go with the lines around them', async () => {
  const store = await fullStore();
  const before = await rowsOf(store, 'SELECT line FROM unparsed_lines');
  const { tables } = await prune(store);
  const after = await rowsOf(store, 'SELECT line FROM unparsed_lines');
  assert.equal(after.length, before.length - (tables.unparsed_lines ?? 0));
  assert.ok(after.length > 0 && after.length < before.length);
  assert.ok(after.every(({ line }) => String(line) >= 'Nov 23'));
  await store.close();
});

test('a source that has been followed since before the mark was set keeps to it', async () => {
  const site = new LiveSite();
  try {
    const log = site.path('mail.log');
    writeFileSync(log, textOf([...linesOfDay(2), ...linesOfDay(4)]));
    await site.start(['mail.log']);
    await site.settle();
    const query = async (sql: string) => ({ columns: [], rows: await site.rows(sql) });
    const transact = (statements: readonly string[]) => transactOver({ query }, statements);
    const access = { query, transact, checkpoint: async () => undefined };
    await pruneStore(access, { before: MARK, day: DAY });
    const counts = 'SELECT count(*) AS n FROM deliveries';
    const [before] = await site.rows(counts);
    appendFileSync(log, textOf(linesOfDay(1)));
    await site.settle();
    assert.deepEqual(await site.rows(counts), [before]);
    assert.deepEqual(
      await site.rows("SELECT count(*) AS n FROM raw.dirty_hours WHERE hour < DATE '2026-11-22'"),
      [{ n: 0 }],
    );
    appendFileSync(log, textOf(linesOfDay(3)));
    await site.settle();
    const [after] = await site.rows(counts);
    assert.ok(Number(after?.n) > Number(before?.n));
    assert.deepEqual(await site.rows('SELECT sum(lines_read)::BIGINT AS n FROM ledger'), [
      { n: 960 },
    ]);
  } finally {
    await site.remove();
  }
});

test('a store of the version before has no mark, and gets what its roll-ups lack', async () => {
  const store = await fullStore();
  const hourly = await rowsOf(store, HOURLY);
  await store.query('DROP TABLE raw.retention');
  await store.query('DELETE FROM raw.schema_versions WHERE version >= 3');
  await store.query("DELETE FROM raw.hourly WHERE measure = 'other_rejections'");
  assert.equal(await findRetentionMark(store), undefined);
  await store.migrate();
  assert.deepEqual(await rowsOf(store, HOURLY), hourly);
  await store.refreshRollups();
  assert.deepEqual(await rowsOf(store, HOURLY), hourly);
  await store.close();
});
