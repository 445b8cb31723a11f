/** What listeners took in, from their spool into the store: once, through failed commits, restarts and gaps. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LiveIngester } from '../../../ingest/live/live-ingester.ts';
import { SingleSource } from '../../../ingest/live/single-source.ts';
import { SpoolSource } from '../../../ingest/live/spool-source.ts';
import { SpoolWriter } from '../../../ingest/spool/spool-writer.ts';
import type { DuckDbStore } from '../../../src/store/duckdb/duckdb-store.ts';
import type { Sink } from '../../../src/store/store.ts';
import { sampleLines } from '../../e2e/sample-log.ts';
import { LiveSite } from '../../support/live-site.ts';
import { openStore, TEST_CLOCK } from '../../support/load-log.ts';
import { makeParser } from '../read-lines.ts';
import { failingSink } from './failing-sink.ts';

const LINES = sampleLines({ lines: 500, seed: 71 });

interface Site {
  readonly store: DuckDbStore;
  readonly folder: string;
  readonly taken: number[];
  readonly gaps: (readonly [number, number])[];
  openWriter(start: number): Promise<SpoolWriter>;
  source(): SpoolSource;
}

async function siteOf(t: TestContext): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'maillog-spool-'));
  const store = await openStore();
  t.after(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  const taken: number[] = [];
  const gaps: (readonly [number, number])[] = [];
  return {
    store,
    folder,
    taken,
    gaps,
    openWriter: (start) =>
      SpoolWriter.open({ folder, start, limitBytes: 2 ** 30, segmentBytes: 8192, keepBytes: 0 }),
    source: () =>
      new SpoolSource({
        name: 'tcp://127.0.0.1:514',
        key: 'test',
        folder,
        urgent: false,
        onTaken: (position) => taken.push(position),
        onGap: (from, to) => gaps.push([from, to]),
      }),
  };
}

async function putAll(writer: SpoolWriter, lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    writer.put({ kind: 'line', bytes: Buffer.from(line), length: line.length + 4 }, 1);
  }
  const { end } = writer;
  for (let tries = 0; tries < 2000 && writer.written < end; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.equal(writer.written, end);
}

async function takeAll(sink: Sink, source: SpoolSource): Promise<void> {
  const ingester = new LiveIngester({
    sink,
    makeParser: () => makeParser(),
    clockOf: () => TEST_CLOCK,
    keepUnparsed: 100,
  });
  ingester.add(new SingleSource(source));
  let quiet = 0;
  for (let rounds = 0; quiet < 3 && rounds < 500; rounds += 1) {
    // A commit that fails is tried again, as `run` does after a pause.
    const busy = await ingester.round().catch(() => true);
    quiet = busy ? 0 : quiet + 1;
    if (busy) ingester.forget();
  }
}

const LEDGER = `SELECT lines_read, lines_duplicate, bytes, lines_parsed + lines_foreign + lines_unsupported
  + lines_malformed + lines_duplicate AS total, byte_offset FROM ledger`;

test('each line once, though every third commit fails; the spool hears how far the store is', async (t) => {
  const site = await siteOf(t);
  const writer = await site.openWriter(0);
  await putAll(writer, LINES);
  const source = site.source();
  source.written(writer.written);
  await takeAll(failingSink(site.store), source);
  const [ledger] = (await site.store.query(LEDGER)).rows;
  const bytes = LINES.reduce((sum, line) => sum + line.length + 4, 0);
  assert.deepEqual(ledger, {
    lines_read: LINES.length,
    lines_duplicate: 0,
    bytes,
    total: LINES.length,
    byte_offset: writer.end,
  });
  assert.equal(site.taken.at(-1), writer.end);
  assert.equal(source.backlog, 0);
  await writer.close();
  await source.close();
});

test('goes on after a restart where the store is, whatever the spool still holds', async (t) => {
  const site = await siteOf(t);
  const first = await site.openWriter(0);
  await putAll(first, LINES.slice(0, 200));
  const source = site.source();
  source.written(first.written);
  await takeAll(site.store, source);
  await putAll(first, LINES.slice(200, 300));
  await first.close();
  await source.close();
  const second = await site.openWriter(site.taken.at(-1) ?? 0);
  await putAll(second, LINES.slice(300));
  const next = site.source();
  next.written(second.written);
  await takeAll(site.store, next);
  const { rows } = await site.store.query(LEDGER);
  assert.equal(rows.length, 1);
  assert.deepEqual([rows[0]?.lines_read, rows[0]?.lines_duplicate], [LINES.length, 0]);
  await second.close();
  await next.close();
});

test('what was sent again is counted as a duplicate, cut and overlong messages as malformed', async (t) => {
  const site = await siteOf(t);
  const writer = await site.openWriter(0);
  await putAll(writer, LINES.slice(0, 10));
  const frame = (kind: 'repeat' | 'cut' | 'overlong') => {
    const bytes = Buffer.from(LINES[3] ?? '');
    return { kind, bytes, length: kind === 'overlong' ? 10_000_000 : bytes.length } as const;
  };
  for (const kind of ['repeat', 'cut', 'overlong', 'repeat'] as const) writer.put(frame(kind), 2);
  await putAll(writer, LINES.slice(10, 20));
  const source = site.source();
  source.written(writer.written);
  await takeAll(site.store, source);
  const [ledger] = (await site.store.query(LEDGER)).rows;
  assert.deepEqual([ledger?.lines_read, ledger?.lines_duplicate, ledger?.total], [24, 2, 24]);
  const { rows } = await site.store.query(
    "SELECT why FROM unparsed_lines WHERE why LIKE 'message%' ORDER BY why",
  );
  assert.deepEqual(
    rows.map(({ why }) => why),
    ['message cut off on its way here', 'message of 10000000 bytes'],
  );
  await writer.close();
  await source.close();
});

test('a segment that was lost is told, and what comes after it is taken', async (t) => {
  const site = await siteOf(t);
  const writer = await site.openWriter(0);
  await putAll(writer, LINES);
  const segments = readdirSync(site.folder)
    .filter((name) => name.endsWith('.seg'))
    .sort();
  assert.ok(segments.length > 3);
  unlinkSync(join(site.folder, segments[1] ?? ''));
  const source = site.source();
  source.written(writer.written);
  await takeAll(site.store, source);
  // Told once more after each start before it.
  assert.equal(new Set(site.gaps.map(String)).size, 1);
  const [ledger] = (await site.store.query(LEDGER)).rows;
  assert.ok(Number(ledger?.lines_read) < LINES.length && Number(ledger?.lines_read) > 100);
  assert.equal(ledger?.byte_offset, writer.end);
  await writer.close();
  await source.close();
});

const CUT = 400;

test('messages cut off between lines do not cost a transaction each', async (t) => {
  const site = new LiveSite();
  t.after(() => site.remove());
  const lines = sampleLines({ lines: CUT, seed: 5 });
  const folder = site.path('spool');
  const spool = await SpoolWriter.open({ folder, start: 0, limitBytes: 1 << 30, keepBytes: 0 });
  for (const line of lines) {
    const bytes = Buffer.from(line);
    spool.put({ kind: 'line', bytes, length: bytes.length }, 0);
    spool.put({ kind: 'cut', bytes: bytes.subarray(0, 30), length: 30 }, 0);
  }
  await spool.close();
  const taken: number[] = [];
  const source = new SpoolSource({
    name: 'tcp://test',
    key: 'test',
    folder,
    urgent: false,
    onTaken: (position) => taken.push(position),
    onGap: () => assert.fail('a gap'),
  });
  source.written(spool.end);
  await site.startWith(new SingleSource(source));
  await site.settle();
  const [ledger] = await site.rows(
    'SELECT lines_read AS read, lines_malformed AS malformed, byte_offset AS place FROM ledger',
  );
  assert.equal(ledger?.read, 2 * CUT);
  assert.ok(Number(ledger?.malformed) >= CUT);
  assert.equal(ledger?.place, spool.end);
  assert.equal(taken.at(-1), spool.end);
  assert.ok(taken.length < CUT / 2, `${taken.length} transactions`);
});
