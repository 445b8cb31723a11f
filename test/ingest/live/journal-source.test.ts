/** The journal as a source, with a stand-in for journalctl: killed and restarted anywhere, each entry comes once. */
import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalEvent, JournalOptions } from '../../../ingest/live/journal-source.ts';
import { JournalSource } from '../../../ingest/live/journal-source.ts';
import { LiveIngester } from '../../../ingest/live/live-ingester.ts';
import { SingleSource } from '../../../ingest/live/single-source.ts';
import { BlockParser } from '../../../ingest/pipeline/block-parser.ts';
import { SendmailDialect } from '../../../ingest/sendmail/sendmail-dialect.ts';
import type { Sink } from '../../../src/store/store.ts';
import { sampleLines } from '../../e2e/sample-log.ts';
import { LiveSite } from '../../support/live-site.ts';
import { openStore, TEST_CLOCK } from '../../support/load-log.ts';
import { randomSource } from '../../support/random.ts';
import { failingSink } from './failing-sink.ts';
import { writeFakeJournalctl } from './fake-journalctl.ts';
import { assertHolds, ownLines, until } from './live-store.ts';

const HEADER = /^(\w{3}) (\d\d) (\d\d:\d\d:\d\d) (\S+) ([\w.-]+)\[(\d+)\]: (.+)$/;

interface Sample {
  readonly entry: string;
  readonly line: string;
}

/** A log as entries of the journal, and as the lines they stand for. */
function samples(count: number, seed: number): Sample[] {
  return sampleLines({ lines: count, seed }).flatMap((text, index) => {
    const [, , day, time, host, tag, pid, message] = HEADER.exec(text) ?? [];
    if (message === undefined) return [];
    const seconds = Date.parse(`2026-11-${day}T${time}Z`) / 1000;
    const entry = {
      MESSAGE: index % 7 === 0 ? [...Buffer.from(message)] : message,
      _HOSTNAME: host,
      SYSLOG_IDENTIFIER: tag,
      SYSLOG_PID: pid,
      __REALTIME_TIMESTAMP: `${seconds}000000`,
      __CURSOR: `s=${seed};i=${index}`,
    };
    const line = `2026-11-${day}T${time}.000000+00:00 ${host} ${tag}[${pid}]: ${message}`;
    return [{ entry: JSON.stringify(entry), line }];
  });
}

interface Journal {
  readonly site: LiveSite;
  readonly events: JournalEvent[];
  readonly write: (samples: readonly Sample[]) => void;
  readonly source: (options?: JournalOptions) => JournalSource;
  /** The next child dies after so many bytes. */
  readonly dieAfter: (bytes: number) => void;
}

function makeJournal(t: TestContext): Journal {
  const site = new LiveSite();
  t.after(() => site.remove());
  const command = site.path('journalctl');
  writeFakeJournalctl(command);
  writeFileSync(`${command}.entries`, '');
  const events: JournalEvent[] = [];
  return {
    site,
    events,
    write: (list) =>
      appendFileSync(`${command}.entries`, list.map(({ entry }) => `${entry}\n`).join('')),
    dieAfter: (bytes) => writeFileSync(`${command}.die`, String(bytes)),
    source: (options) =>
      new JournalSource({
        command,
        restartAfter: 5,
        onEvent: (event) => events.push(event),
        ...options,
      }),
  };
}

const linesOf = (list: readonly Sample[]): string[] => list.map(({ line }) => line);

/** Reads on, and takes no store along. */
const NO_STORE = { checkpointOf: async () => undefined } as unknown as Sink;

/** What a source gives until it has given so many lines. */
async function readLines(source: JournalSource, count: number): Promise<string[]> {
  const lines: string[] = [];
  for (let tries = 0; tries < 2000 && lines.length < count; tries += 1) {
    const read = await source.read();
    if (read.kind === 'idle') await sleep(5);
    if (read.kind !== 'block') continue;
    const { item } = read;
    assert.equal(read.extent?.end, item.offset + (read.extent?.bytes ?? 0));
    if (item.kind === 'overlong') lines.push(item.why ?? '');
    else lines.push(...item.bytes.toString().split('\n').slice(0, -1));
  }
  return lines;
}

test('stopped at random, with children that die: each entry is in the store once', async (t) => {
  const journal = makeJournal(t);
  const { site } = journal;
  const random = randomSource(11);
  const all = samples(700, 3);
  let written = 0;
  const write = (): void => {
    const next = Math.min(all.length, written + random.below(200));
    journal.write(all.slice(written, next));
    written = next;
  };
  const ask = site.rows.bind(site);
  for (let start = 0; start < 8; start += 1) {
    write();
    if (random.chance(0.6)) journal.dieAfter(random.below(40_000));
    await site.startWith(new SingleSource(journal.source()));
    for (let rounds = random.below(60); rounds > 0; rounds -= 1) {
      await site.ingester.round();
      await sleep(3);
      if (random.chance(0.05)) write();
    }
    await site.stop();
  }
  journal.write(all.slice(written));
  await site.startWith(new SingleSource(journal.source()));
  await until(all.length, ask, () => site.ingester.round());
  await assertHolds(ask, linesOf(all));
  assert.ok(
    journal.events.some(({ kind, detail }) => kind === 'problem' && /status 3/.test(detail)),
  );
});

test('commits that fail, before and after they are durable', async (t) => {
  const journal = makeJournal(t);
  const all = samples(260, 4);
  const store = await openStore();
  t.after(() => store.close());
  const ingester = new LiveIngester({
    sink: failingSink(store),
    makeParser: () =>
      new BlockParser({ dialects: [(block) => new SendmailDialect(block)] }, TEST_CLOCK),
    clockOf: () => TEST_CLOCK,
    keepUnparsed: 1000,
  });
  ingester.add(new SingleSource(journal.source()));
  const running = ingester.run();
  const ask = async (sql: string) => (await store.query(sql)).rows;
  let written = 0;
  const step = async (): Promise<void> => {
    journal.write(all.slice(written, written + 40));
    written += 40;
    const before = await ownLines(ask);
    for (let tries = 0; tries < 100 && (await ownLines(ask)) === before; tries += 1) {
      await sleep(10);
      if (written > all.length) return;
    }
  };
  await until(all.length, ask, step);
  ingester.stop();
  await running;
  await assertHolds(ask, linesOf(all));
});

test('lines that are no entries are counted; entries without message are passed over', async (t) => {
  const journal = makeJournal(t);
  const { site } = journal;
  const [first, second, third] = samples(20, 5);
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const silent = { entry: '{"__CURSOR":"s=silent"}', line: '' };
  journal.write([first, silent, { entry: '{"broken', line: '' }, second]);
  const ask = site.rows.bind(site);
  await site.startWith(new SingleSource(journal.source()));
  await until(3, ask, () => site.ingester.round());
  await site.stop();
  journal.write([third]);
  await site.startWith(new SingleSource(journal.source()));
  await until(4, ask, () => site.ingester.round());
  assert.equal(await ownLines(ask), 4);
  const why = await ask('SELECT why FROM raw.unparsed_lines WHERE why LIKE $$%JSON%$$');
  assert.deepEqual(why, [{ why: 'not an entry of the journal in JSON' }]);
});

test('the cursor is that of the last entry in a block, message or not', async (t) => {
  const journal = makeJournal(t);
  const source = journal.source();
  t.after(() => source.close());
  journal.write([...samples(3, 6), { entry: '{"__CURSOR":"s=silent"}', line: '' }]);
  await source.start(NO_STORE);
  for (let tries = 0; tries < 2000 && source.backlog === 0; tries += 1) await sleep(5);
  const read = await source.read();
  assert.ok(read.kind === 'block');
  assert.deepEqual([read.extent?.cursor, source.backlog], ['s=silent', 0]);
});

test('a full queue holds journalctl up, and loses nothing', async (t) => {
  const journal = makeJournal(t);
  const [sample] = samples(20, 7);
  const entry = JSON.parse(sample?.entry ?? '{}');
  const count = 15_000;
  const many = Array.from({ length: count }, (_, index) => ({
    entry: JSON.stringify({
      ...entry,
      MESSAGE: `${index} ${'x'.repeat(200)}`,
      __CURSOR: `s=${index}`,
    }),
    line: '',
  }));
  journal.write(many);
  const source = journal.source();
  t.after(() => source.close());
  await source.start(NO_STORE);
  let last = 0;
  for (let quiet = 0; quiet < 40; quiet = source.backlog === last && last > 0 ? quiet + 1 : 0) {
    last = source.backlog;
    await sleep(5);
  }
  assert.ok(last > 1.9 * 1024 * 1024 && last < 2.3 * 1024 * 1024, String(last));
  const lines = await readLines(source, count);
  const numbers = lines.map((line) => Number(/: (\d+) x/.exec(line)?.[1]));
  assert.ok(numbers.length === count && numbers.every((number, index) => number === index));
});

test('what journalctl says while it runs is told once', async (t) => {
  const journal = makeJournal(t);
  writeFileSync(journal.site.path('journalctl.stderr'), 'Hint: you see not all messages.\n');
  const source = journal.source();
  t.after(() => source.close());
  await source.start(NO_STORE);
  for (let tries = 0; tries < 2000 && journal.events.length < 2; tries += 1) {
    await source.read();
    await sleep(5);
    if (tries > 40 && journal.events.length > 0) break;
  }
  assert.deepEqual(journal.events, [
    { kind: 'message', source: 'journal', detail: 'Hint: you see not all messages.' },
  ]);
});

test('without journalctl there is a problem, told once, and nothing else happens', async (t) => {
  const journal = makeJournal(t);
  const source = journal.source({ command: journal.site.path('none'), name: 'mail journal' });
  t.after(() => source.close());
  await source.start(NO_STORE);
  for (let tries = 0; tries < 30; tries += 1) {
    assert.equal((await source.read()).kind, 'idle');
    await sleep(3);
    if (tries === 20) await source.start(NO_STORE);
  }
  assert.equal(journal.events.length, 1);
  const [event] = journal.events;
  assert.deepEqual([event?.kind, event?.source], ['problem', 'mail journal']);
  assert.match(event?.detail ?? '', /cannot run .*none.*ENOENT/);
});

test('a child that dies at once is told once until it goes on', async (t) => {
  const journal = makeJournal(t);
  const source = journal.source();
  t.after(() => source.close());
  const list = samples(40, 8);
  journal.write(list);
  journal.dieAfter(0);
  await source.start(NO_STORE);
  const lines = await readLines(source, list.length);
  assert.deepEqual(lines, linesOf(list));
  for (let tries = 0; tries < 2000 && journal.events.length < 2; tries += 1) {
    await source.read();
    await sleep(5);
  }
  assert.deepEqual(
    journal.events.map(({ kind }) => kind),
    ['problem', 'recovered'],
  );
});

test('what is followed is told by folder and filters', async (t) => {
  const journal = makeJournal(t);
  const digests = new Set<string>();
  const cases: JournalOptions[] = [
    {},
    { directory: '/a' },
    { filters: ['SYSLOG_IDENTIFIER=dovecot'] },
    { filters: [] },
    { name: 'x', filters: ['--facility=mail'] },
  ];
  for (const options of cases) {
    const source = journal.source(options);
    const start = await source.start(NO_STORE);
    await source.close();
    assert.match(start?.identity.headDigest ?? '', /^journal:[0-9a-f]{64}$/);
    assert.equal(start?.identity.headLength, 0);
    digests.add(start?.identity.headDigest ?? '');
  }
  assert.equal(digests.size, 4);
});
