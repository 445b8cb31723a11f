/** A store shared by many: turns, answers meanwhile, shut doors, and what becomes of a full disk. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setImmediate as soon } from 'node:timers/promises';
import { isOpenHere } from '../../../src/store/duckdb/open-here.ts';
import type { ReaderConnection } from '../../../src/store/duckdb/reader-pool.ts';
import { safeExport, safeQuery } from '../../../src/store/duckdb/safe-query.ts';
import { SharedStore } from '../../../src/store/duckdb/shared-store.ts';
import { StoreBroken } from '../../../src/store/duckdb/store-broken.ts';
import { digestOf, ledgerAddsUp } from '../../e2e/store-digest.ts';
import { SampleSource, sampleBatch } from '../../support/line-batch.ts';
import { fillDisk, withTinyDisk } from '../../support/tiny-disk.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-shared-'));
after(() => rmSync(folder, { recursive: true }));

async function withStore(name: string, work: (store: SharedStore) => Promise<void>): Promise<void> {
  const path = join(folder, `${name}.duckdb`);
  const store = await SharedStore.open({ path, exportFolder: join(folder, name), threads: 1 });
  try {
    await work(store);
  } finally {
    await store.close();
  }
  assert.equal(isOpenHere(path), false);
}

async function reading<T>(
  store: SharedStore,
  work: (reader: ReaderConnection) => Promise<T>,
): Promise<T> {
  const reader = await store.reader();
  try {
    return await work(reader);
  } finally {
    reader.release();
  }
}

const rowCount = (store: SharedStore) =>
  reading(store, async (reader) => {
    const { rows } = await reader.query('SELECT count(*) AS n FROM raw.lines_seen');
    return Number(rows[0]?.n);
  });

test('two sinks write in turns, and answers see what is committed', () =>
  withStore('turns', async (store) => {
    const [one, two] = [store.sink('bulk'), store.sink('live')];
    const [first, second] = [new SampleSource('one'), new SampleSource('two')];
    first.parse(500);
    await first.begin(one);
    let hasBegun = false;
    second.parse(500);
    const waiting = second.begin(two).then(() => {
      hasBegun = true;
    });
    for (let i = 0; i < 5; i += 1) await soon();
    assert.equal(hasBegun, false);
    assert.equal(await rowCount(store), 0);
    await first.commit(one);
    await waiting;
    assert.ok((await rowCount(store)) > 0);
    await second.commit(two);
    assert.equal((await one.checkpoints()).length, 2);
    await one.refreshRollups();
    await store.checkpoint();
    await Promise.all([one.close(), two.close()]);
  }));

test('a turn taken away is told of once; rolled back, nothing is left', () =>
  withStore('expire', async (store) => {
    const sink = store.sink('bulk');
    const source = new SampleSource('one');
    source.parse(100);
    await source.begin(sink);
    await sink.expire();
    assert.equal(sink.holdsTurn, false);
    await assert.rejects(source.commit(sink), { name: 'TurnLost' });
    await sink.rollback();
    assert.equal(await rowCount(store), 0);
    await new SampleSource('two').write(sink, 100);
    await assert.rejects(sink.append(sampleBatch(10)), /no transaction/);
    await sink.close();
  }));

test('nothing that a reader is asked can write or open a file', () =>
  withStore('doors', async (store) => {
    const outside = join(folder, 'outside.csv');
    writeFileSync(outside, 'x\n1\n');
    for (const sql of [
      'DELETE FROM raw.hops',
      'SELECT 1; SELECT 2',
      'EXPLAIN ANALYZE INSERT INTO raw.dirty_hours VALUES (now()::TIMESTAMP)',
      `COPY (SELECT 1) TO '${outside}'`,
      `SELECT * FROM read_csv('${outside}')`,
      `SELECT * FROM read_text('${store.exportFolder}/../outside.csv')`,
      `ATTACH '${outside}.db'`,
      'SET enable_external_access = true',
      'INSTALL httpfs',
      "SELECT * FROM glob('/etc/*')",
      '',
    ]) {
      await assert.rejects(
        reading(store, (reader) => safeQuery(reader, sql)),
        { name: 'MaillogError' },
        `accepted: ${sql}`,
      );
    }
    await assert.rejects(reading(store, (reader) => reader.query('DELETE FROM raw.hops')));
    const path = join(store.exportFolder, 'x.csv');
    const request = { select: 'SELECT 1 AS a -- all', path, format: 'CSV' } as const;
    assert.equal(await reading(store, (reader) => safeExport(reader, request)), 1);
    for (const [select, target] of [
      [`SELECT 1) TO '${path}'; DROP TABLE raw.hops; --`, path],
      ['EXPLAIN SELECT 1', path],
      ['SELECT 1', outside],
    ] as const) {
      const wrong = { select, path: target, format: 'CSV' } as const;
      await assert.rejects(reading(store, (reader) => safeExport(reader, wrong)));
    }
    assert.deepEqual(
      await reading(store, (reader) => reader.query('SELECT count(*) AS n FROM raw.hops')),
      {
        columns: ['n'],
        rows: [{ n: 0 }],
      },
    );
  }));

test('readers are bounded, wait in order, and are ended by interrupt', async () => {
  const path = join(folder, 'readers.duckdb');
  const store = await SharedStore.open({ path, exportFolder: join(folder, 'r'), readers: 1 });
  const first = await store.reader();
  const running = first.query('SELECT count(*) FROM range(1000000000000) a WHERE a.range % 7 = 3');
  const gone = new AbortController();
  const second = store.reader(gone.signal);
  const third = store.reader();
  gone.abort(new Error('gone'));
  await assert.rejects(second, /gone/);
  await soon();
  first.interrupt();
  await assert.rejects(running, /nterrupt/);
  first.release();
  first.release();
  const reader = await third;
  const seen: unknown[] = [];
  const columns = await reader.stream('SELECT $n::INT AS n, NULL AS x', { n: 4 }, (rows) =>
    seen.push(...rows),
  );
  assert.deepEqual([columns, seen], [['n', 'x'], [[4, null]]]);
  // Left in the middle, which must not keep the file open.
  await assert.rejects(
    reader.stream('SELECT * FROM range(100000)', {}, () => {
      throw new Error('enough');
    }),
    /enough/,
  );
  reader.release();
  await store.close();
  assert.equal(isOpenHere(path), false);
});

test('a file that is open in this process is not opened again', async () => {
  await withStore('twice', async ({ path }) => {
    await assert.rejects(SharedStore.open({ path, exportFolder: join(folder, 'e') }), {
      code: 'E_STORE_FAILED',
    });
  });
});

const BLOCKS = 12;
const LINES = 2000;

/** What a store holds that never met a full disk. */
async function undisturbed(): Promise<unknown> {
  const path = join(folder, 'undisturbed.duckdb');
  const store = await SharedStore.open({ path, exportFolder: join(folder, 'u') });
  const sink = store.sink('bulk');
  const source = new SampleSource('one');
  for (let block = 0; block < BLOCKS; block += 1) await source.write(sink, LINES);
  await store.close();
  return (await digestOf(path)).tables;
}

test('a disk that is full costs the transaction, and nothing else', async () => {
  await withTinyDisk(join(folder, 'disk'), async (disk) => {
    const expected = await undisturbed();
    const path = join(disk, 'm.duckdb');
    const store = await SharedStore.open({ path, exportFolder: join(folder, 'x'), threads: 1 });
    const sink = store.sink('bulk');
    const source = new SampleSource('one');
    const filler = join(disk, 'filler');
    let failures = 0;
    for (let block = 0; block < BLOCKS; block += 1) {
      source.parse(LINES);
      if (block === 4) fillDisk(filler);
      try {
        await source.begin(sink);
        await source.commit(sink);
      } catch (error) {
        failures += 1;
        assert.ok(error instanceof StoreBroken && error.isFull, String(error));
        assert.match(error.toMaillogError().message, /^no room is left to write .*m\.duckdb/);
        await assert.rejects(sink.checkpoints(), { name: 'StoreBroken' });
        await sink.rollback();
        await store.reopen();
        assert.equal((await sink.checkpoints())[0]?.lines, block * LINES);
        rmSync(filler);
        await source.again(sink);
      }
    }
    assert.equal(failures, 1);
    await sink.close();
    await store.close();
    assert.deepEqual((await digestOf(path)).tables, expected);
    assert.ok(await ledgerAddsUp(path));
    assert.deepEqual(readdirSync(disk), ['m.duckdb']);
  });
});
