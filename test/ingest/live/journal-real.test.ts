/**
 * The journal as systemd writes and reads it: `systemd-journal-remote` makes journal files out of its export
 * format (https://systemd.io/JOURNAL_EXPORT_FORMATS/), the real `journalctl` follows them.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { JournalEvent } from '../../../ingest/live/journal-source.ts';
import { JournalSource } from '../../../ingest/live/journal-source.ts';
import { SingleSource } from '../../../ingest/live/single-source.ts';
import { debianEnvironment, debianPackagesOrSkip } from '../../support/debian-package.ts';
import { LiveSite } from '../../support/live-site.ts';
import { ownLines, until } from './live-store.ts';

const run = promisify(execFile);
const PACKAGES = ['systemd', 'libsystemd-shared', 'systemd-journal-remote'];
const START = Date.UTC(2026, 10, 24, 11) / 1000;

type Value = string | Buffer;

/** An entry in export format: `NAME=value`, or the length and the bytes where a value is no plain text. */
function exported(at: number, boot: string, fields: [string, Value][]): Buffer {
  const stamp = `${START + at}000000`;
  const own = `__CURSOR=${at}\n__REALTIME_TIMESTAMP=${stamp}\n__MONOTONIC_TIMESTAMP=${at + 1}000000\n_BOOT_ID=${boot}\n`;
  const parts = [Buffer.from(own)];
  for (const [name, value] of fields) {
    const bytes = Buffer.from(value as Buffer);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(bytes.length));
    parts.push(Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n'));
  }
  return Buffer.concat([...parts, Buffer.from('\n')]);
}

const mail = (pid: number, ...messages: Value[]): [string, Value][] => [
  ['_HOSTNAME', 'mx1'],
  ['SYSLOG_FACILITY', '2'],
  ['SYSLOG_IDENTIFIER', 'sm-mta'],
  ['SYSLOG_PID', String(pid)],
  ['_UNASKED', 'x'.repeat(100)],
  ...messages.map((message): [string, Value] => ['MESSAGE', message]),
];

interface Systemd {
  readonly journalctl: string;
  readonly write: (entries: readonly Buffer[]) => Promise<void>;
  readonly directory: string;
}

/** The unpacked programs over a journal of their own; undefined where they cannot be had. */
async function systemd(t: TestContext, site: LiveSite): Promise<Systemd | undefined> {
  const root = await debianPackagesOrSkip(t, PACKAGES);
  if (root === undefined) return undefined;
  const environment = await debianEnvironment(root);
  const libraries = (environment.LD_LIBRARY_PATH ?? '').split(':');
  // systemd's own library lies in a folder of its own, which the programs name by its installed place.
  const own = libraries.map((folder) => join(folder, 'systemd'));
  const env = { ...environment, LD_LIBRARY_PATH: [...own, ...libraries].join(':') };
  const program = (...places: string[]): string => {
    const found = places.map((place) => join(root, place)).find((path) => existsSync(path));
    return found ?? assert.fail(`no ${places[0]} in the packages`);
  };
  const remote = program(
    'usr/lib/systemd/systemd-journal-remote',
    'lib/systemd/systemd-journal-remote',
  );
  const directory = site.path('journal');
  mkdirSync(directory);
  const journalctl = site.path('journalctl');
  const real = program('usr/bin/journalctl', 'bin/journalctl');
  const script = `#!/bin/sh\nLD_LIBRARY_PATH='${env.LD_LIBRARY_PATH}' exec '${real}' "$@"\n`;
  writeFileSync(journalctl, script, { mode: 0o755 });
  const write = async (entries: readonly Buffer[]): Promise<void> => {
    writeFileSync(site.path('export'), Buffer.concat(entries));
    const output = `--output=${join(directory, 'remote.journal')}`;
    await run(remote, [output, site.path('export')], { env });
  };
  return { journalctl, write, directory };
}

const BOOTS = ['0123456789abcdef0123456789abcdef', 'fedcba9876543210fedcba9876543210'] as const;
const SENT = (id: string): string => `${id}: to=<ann@example.org>, delay=00:00:01, stat=Sent (ok)`;

test('a journal of two boots, from its first entry on, and again from the cursor', async (t) => {
  const site = new LiveSite();
  t.after(() => site.remove());
  const found = await systemd(t, site);
  if (found === undefined) return;
  const { journalctl: command, directory, write } = found;
  const events: JournalEvent[] = [];
  const source = (): SingleSource =>
    new SingleSource(
      new JournalSource({ command, directory, onEvent: (event) => events.push(event) }),
    );
  const ask = site.rows.bind(site);
  const round = (): Promise<boolean> => site.ingester.round();

  // More than the ten entries that `--follow` shows by itself.
  const first = Array.from({ length: 15 }, (_, index) =>
    exported(index, BOOTS[0], mail(index + 1, SENT(`4BOA00${10 + index}000001`))),
  );
  await write([
    ...first,
    exported(20, BOOTS[0], mail(20, 'two\nlines')),
    exported(21, BOOTS[0], mail(21, Buffer.from([0x61, 0xff, 0x01, 0x62]))),
    exported(22, BOOTS[0], mail(22, 'one', 'and another')),
    exported(23, BOOTS[0], mail(23)),
    exported(24, BOOTS[0], [
      ['SYSLOG_FACILITY', '3'],
      ['MESSAGE', 'no mail'],
    ]),
    exported(25, BOOTS[0], mail(25, `gr\u00fc\u00dfe ${'x'.repeat(6000)}`)),
    exported(26, BOOTS[0], mail(26, 'y'.repeat(100_000))),
  ]);
  await site.startWith(source());
  await until(20, ask, round);
  assert.equal(await ownLines(ask), 20);

  // While it follows: the next boot.
  await write([exported(30, BOOTS[1], mail(30, SENT('4BOA0030000001')))]);
  await until(21, ask, round);
  await site.stop();
  await write([
    exported(31, BOOTS[1], mail(31, SENT('4BOA0031000001'))),
    exported(32, BOOTS[1], mail(32, SENT('4BOA0032000001'))),
  ]);
  await site.startWith(source());
  await until(23, ask, round);

  assert.deepEqual(events, []);
  assert.equal(await ownLines(ask), 23);
  const sources = await ask('SELECT count(*) AS n FROM raw.sources');
  assert.deepEqual(sources, [{ n: 1 }]);
  const deliveries = await ask(
    'SELECT count(*) AS n, count(DISTINCT queue_id) AS ids, min(logged_at)::VARCHAR AS first FROM raw.deliveries',
  );
  assert.deepEqual(deliveries, [{ n: 18, ids: 18, first: '2026-11-24 11:00:00' }]);
  const unread = await ask('SELECT line, why FROM raw.unparsed_lines ORDER BY line_number');
  const texts = unread.map(({ line }) => String(line).slice(0, 70));
  const start = (second: number): string =>
    `2026-11-24T11:00:${second}.000000+00:00 mx1 sm-mta[${second}]: `;
  assert.deepEqual(texts, [
    `${start(20)}two#012lines`,
    `${start(21)}a?#001b`,
    `${start(22)}one#012and another`,
    `${start(25)}gr\u00fc\u00dfe ${'x'.repeat(70)}`.slice(0, 70),
    `${start(26)}${'y'.repeat(70)}`.slice(0, 70),
  ]);
  assert.match(String(unread.at(-1)?.why), /^entry of 100\d{3} bytes$/);
});

test('a cursor the journal no longer has: it goes on at the nearest entry', async (t) => {
  const site = new LiveSite();
  t.after(() => site.remove());
  const found = await systemd(t, site);
  if (found === undefined) return;
  await found.write([1, 2, 3].map((at) => exported(at, BOOTS[0], mail(at, `m${at}`))));
  const known = { cursor: `s=${'0'.repeat(32)};i=2;b=${BOOTS[0]};m=2dc6c0;t=1;x=1`, offset: 5 };
  const source = new JournalSource({ command: found.journalctl, directory: found.directory });
  t.after(() => source.close());
  await source.start({ checkpointOf: async () => known } as never);
  let read = await source.read();
  for (let tries = 0; tries < 1000 && read.kind === 'idle'; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    read = await source.read();
  }
  assert.ok(read.kind === 'block' && read.item.kind === 'lines');
  assert.match(read.item.bytes.toString(), /: m3\n$/);
  assert.equal(read.item.offset, 5);
});
