/** A stream that goes on: cut anywhere, with commits that fail, faster than the store; each line comes once. */
import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LiveEvent } from '../../../ingest/live/live-ingester.ts';
import { LiveIngester } from '../../../ingest/live/live-ingester.ts';
import { SingleSource } from '../../../ingest/live/single-source.ts';
import { StdinSource } from '../../../ingest/live/stdin-source.ts';
import { BlockParser } from '../../../ingest/pipeline/block-parser.ts';
import { SendmailDialect } from '../../../ingest/sendmail/sendmail-dialect.ts';
import type { Checkpoint, Sink } from '../../../src/store/store.ts';
import { sampleLines } from '../../e2e/sample-log.ts';
import { openStore, TEST_CLOCK } from '../../support/load-log.ts';
import { randomSource } from '../../support/random.ts';
import { failingSink } from './failing-sink.ts';
import { type Ask, assertHolds, ownLines } from './live-store.ts';

interface Running {
  readonly ask: Ask;
  readonly events: LiveEvent[];
  /** Goes on until the source is over. */
  readonly finished: () => Promise<void>;
}

async function run(t: TestContext, source: StdinSource, fails: boolean): Promise<Running> {
  const store = await openStore();
  t.after(() => store.close());
  const events: LiveEvent[] = [];
  const ingester = new LiveIngester({
    sink: fails ? failingSink(store) : store,
    makeParser: () =>
      new BlockParser({ dialects: [(block) => new SendmailDialect(block)] }, TEST_CLOCK),
    clockOf: () => TEST_CLOCK,
    keepUnparsed: 1000,
    onEvent: (event) => events.push(event),
  });
  ingester.add(new SingleSource(source));
  const running = ingester.run();
  const finished = async (): Promise<void> => {
    for (let tries = 0; tries < 3000 && !events.some(({ kind }) => kind === 'ended'); tries += 1) {
      await sleep(5);
    }
    ingester.stop();
    await running;
  };
  return { ask: async (sql) => (await store.query(sql)).rows, events, finished };
}

/** The store's side of `start`, at an offset. */
function storeAt(offset: number | undefined): Sink {
  const known = offset === undefined ? undefined : ({ offset } as Checkpoint);
  return { checkpointOf: async () => known } as unknown as Sink;
}

/** What is read until there is nothing now. */
async function readAll(source: StdinSource): Promise<string[]> {
  const texts: string[] = [];
  for (let tries = 0; tries < 10_000; tries += 1) {
    const read = await source.read();
    if (read.kind !== 'block') break;
    texts.push(read.item.kind === 'lines' ? read.item.bytes.toString() : `${read.item.length}`);
  }
  return texts;
}

test('lines cut anywhere, commits that fail, no newline at the end', async (t) => {
  const lines = sampleLines({ lines: 500, seed: 41 });
  const random = randomSource(9);
  const stream = new PassThrough();
  const { ask, events, finished } = await run(t, new StdinSource(stream), true);
  const text = lines.join('\n');
  for (let at = 0; at < text.length; ) {
    const next = at + 1 + random.below(9000);
    stream.write(text.slice(at, next));
    at = next;
    if (random.chance(0.5)) {
      const before = await ownLines(ask);
      for (let tries = 0; tries < 60 && (await ownLines(ask)) === before; tries += 1)
        await sleep(5);
    }
  }
  stream.end();
  await finished();
  await assertHolds(ask, lines);
  const failures = events.filter(({ kind }) => kind === 'failed');
  assert.ok(failures.length >= 2, `${failures.length} failures`);
  assert.deepEqual(
    events.filter(({ kind }) => kind === 'ended'),
    [{ kind: 'ended', source: '-', problem: undefined }],
  );
});

test('what was not committed is given again, but for what the store has', async () => {
  const stream = new PassThrough();
  const source = new StdinSource(stream);
  const start = await source.start(storeAt(undefined));
  assert.deepEqual([start?.identity.name, start?.identity.headLength], ['-', 0]);
  assert.match(start?.identity.headDigest ?? '', /^stdin:/);
  stream.write('a\nb\nc');
  await sleep(1);
  assert.deepEqual(await readAll(source), ['a\nb\n']);
  stream.write('c\nd\n');
  await sleep(1);
  assert.deepEqual(await readAll(source), ['cc\nd\n']);
  const again = await source.start(storeAt(undefined));
  assert.equal(again?.before.length, 0);
  assert.deepEqual(await readAll(source), ['a\nb\n', 'cc\nd\n']);
  // The answer to the first commit was lost.
  const third = await source.start(storeAt(4));
  assert.equal(third?.before.toString(), 'a\nb\n');
  assert.deepEqual(await readAll(source), ['cc\nd\n']);
  stream.end('e');
  await sleep(1);
  assert.deepEqual(await readAll(source), ['e']);
  // Not over while it may have to be given again.
  assert.equal((await source.read()).kind, 'idle');
  source.committed();
  assert.deepEqual(await source.read(), { kind: 'ended' });
  const fourth = await source.start(storeAt(10));
  assert.equal(fourth?.before.toString(), 'a\nb\ncc\nd\n');
  assert.deepEqual(await source.read(), { kind: 'ended' });
  await source.close();
});

test('a stream faster than the store is held up; lines of any length are counted', async () => {
  const size = 64 * 1024;
  let made = 0;
  const stream = new Readable({
    read() {
      made += 1;
      this.push(made > 200 ? null : Buffer.alloc(size, made % 50 === 0 ? 0x0a : 0x61));
    },
  });
  const source = new StdinSource(stream);
  await source.start(storeAt(undefined));
  await sleep(20);
  const most = 4 * 1024 * 1024 + 3 * size;
  assert.ok(made * size < most + size && source.backlog < most, `${made} chunks`);
  let bytes = 0;
  let ended = false;
  for (let tries = 0; tries < 5000 && !ended; tries += 1) {
    const read = await source.read();
    ended = read.kind === 'ended';
    if (read.kind === 'idle') await sleep(1);
    if (read.kind !== 'block') continue;
    assert.equal(read.item.offset, bytes);
    bytes += read.item.kind === 'lines' ? read.item.bytes.length : read.item.length;
    assert.ok(source.backlog < most);
    source.committed();
  }
  assert.deepEqual([ended, bytes], [true, 200 * size]);
});

test('while nothing is committed no more is read than may be held', async () => {
  let made = 0;
  const stream = new Readable({
    read() {
      made += 1;
      this.push(Buffer.from(`${'x'.repeat(60_000)}\n`));
    },
  });
  const source = new StdinSource(stream);
  for (let tries = 0; tries < 20; tries += 1) {
    await source.start(storeAt(undefined));
    await readAll(source);
    await sleep(1);
  }
  assert.ok(made < 100, `${made} chunks`);
  await source.close();
  source.committed();
  const before = made;
  await sleep(5);
  assert.equal(made, before);
});

test('a stream that breaks, and one that is over before it is begun', async () => {
  const broken = new PassThrough();
  const source = new StdinSource(broken, 'pipe');
  await source.start(storeAt(undefined));
  broken.write('a\nhalf');
  await sleep(1);
  broken.destroy(new Error('cable cut'));
  await sleep(1);
  assert.deepEqual(await readAll(source), ['a\n', 'half']);
  source.committed();
  assert.deepEqual(await source.read(), { kind: 'ended', problem: 'cable cut' });

  const gone = new PassThrough();
  gone.destroy();
  const nothing = new StdinSource(gone);
  await nothing.start(storeAt(undefined));
  assert.deepEqual(await nothing.read(), { kind: 'ended', problem: 'closed before its end' });
});
