/**
 * logger(1) of util-linux as the sender: over UDP, TCP and the Unix socket, in each form it writes. It puts a
 * stamp and a host of its own before the text, so what is compared with the file is all else.
 */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { ledgerAddsUp } from '../e2e/store-digest.ts';
import { DaemonProcess, makeSite } from '../support/daemon.ts';
import { contentOf, realLines, storeOfFile } from './real-lines.ts';

const run = promisify(execFile);
const LINE = /^\S+ +\d+ \S+ \S+ ([\w-]+)\[(\d+)\]: (.*)$/;
/** So few that a socket's buffer holds them all: of UDP nobody knows when it was read. */
const MOST_DATAGRAMS = 120;
const NO_LOGGER =
  spawnSync('logger', ['--version']).status === 0 ? false : 'no logger(1) of util-linux';

const site = makeSite('logger');
after(() => site.remove());

/** Successive lines of one process: one run of logger. */
interface Run {
  readonly tag: string;
  readonly id: string;
  readonly texts: string[];
}

function runsOf(lines: readonly string[]): readonly Run[] {
  const runs: Run[] = [];
  for (const line of lines) {
    const [, tag = '', id = '', text = ''] = LINE.exec(line) ?? [];
    assert.notEqual(tag, '', line);
    const last = runs.at(-1);
    if (last?.tag === tag) last.texts.push(text);
    else runs.push({ tag, id, texts: [text] });
  }
  return runs;
}

const lines = realLines()
  .filter((line) => LINE.test(line))
  .slice(0, MOST_DATAGRAMS);
const runs = runsOf(lines);
let expected: Readonly<Record<string, string>> = {};

before(async () => {
  const { db } = await storeOfFile(site.folder, 'expected', lines);
  expected = await contentOf(db);
});

async function log(way: readonly string[]): Promise<void> {
  const file = join(site.folder, 'texts');
  for (const { tag, id, texts } of runs) {
    writeFileSync(file, texts.map((text) => `${text}\n`).join(''));
    const whose = ['-p', 'mail.info', '-t', tag, `--id=${id}`, '--size', '8192'];
    await run('logger', [...way, ...whose, '-f', file], { env: { ...process.env, TZ: 'UTC' } });
  }
}

interface Way {
  readonly what: string;
  readonly listener: string;
  readonly flags: readonly string[];
}

const WAYS: readonly Way[] = [
  { what: 'UDP, RFC 3164', listener: 'udp://127.0.0.1:0', flags: ['-d', '--rfc3164'] },
  { what: 'UDP, RFC 5424', listener: 'udp://127.0.0.1:0', flags: ['-d', '--rfc5424'] },
  {
    what: 'TCP, RFC 3164, a line a message',
    listener: 'tcp://127.0.0.1:0',
    flags: ['-T', '--rfc3164'],
  },
  {
    what: 'TCP, RFC 5424, octet-counted',
    listener: 'tcp://127.0.0.1:0',
    flags: ['-T', '--rfc5424', '--octet-count'],
  },
  { what: 'the Unix socket, as syslog(3)', listener: 'unix://', flags: [] },
  { what: 'the Unix socket, RFC 5424', listener: 'unix://', flags: ['--rfc5424'] },
];

suite('logger sends', { skip: NO_LOGGER }, () => {
  for (const [index, way] of WAYS.entries()) {
    test(`over ${way.what}`, async () => {
      const path = join(site.folder, `log-${index}`);
      const listener = way.listener === 'unix://' ? `unix://${path}` : way.listener;
      const db = join(site.folder, `daemon-${index}.duckdb`);
      const daemon = new DaemonProcess(db, ['--listen', listener]);
      await daemon.start();
      try {
        const { hostname, port } = daemon.bound(listener);
        await log([...(port === '' ? ['-u', path] : ['-n', hostname, '-P', port]), ...way.flags]);
        const sql = 'SELECT coalesce(sum(lines_parsed), 0) AS n FROM ledger';
        const row = await daemon.until(sql, ({ n }) => Number(n) >= lines.length, 10_000);
        assert.equal(Number(row.n), lines.length);
      } finally {
        assert.equal(await daemon.end(), 0);
      }
      assert.deepEqual(await contentOf(db), expected);
      assert.ok(await ledgerAddsUp(db));
    });
  }
});
