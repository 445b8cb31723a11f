/** Entries of the journal in every form systemd gives their values, and bytes that are none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JournalEntry } from '../../../ingest/live/journal-line.ts';
import { EntryReader, readJournalEntry } from '../../../ingest/live/journal-line.ts';
import { MAX_LINE } from '../../../ingest/source/line-blocks.ts';
import { SyslogHeader } from '../../../src/format/syslog-header.ts';
import { randomSource } from '../../support/random.ts';

const ENTRY = {
  __CURSOR: 's=1;i=2',
  __REALTIME_TIMESTAMP: '1795518000123456',
  _HOSTNAME: 'mx1',
  SYSLOG_IDENTIFIER: 'sm-mta',
  _COMM: 'sendmail',
  _PID: '77',
  MESSAGE: 'hello',
};

function read(fields: Record<string, unknown>): JournalEntry {
  return readJournalEntry(Buffer.from(JSON.stringify({ ...ENTRY, ...fields })));
}

/** The line of an entry, or why there is none. */
function lineOf(fields: Record<string, unknown>): string {
  const entry = read(fields);
  assert.equal(entry.cursor, 's=1;i=2');
  if (entry.kind === 'line') return entry.bytes.toString();
  return entry.kind === 'skipped' ? 'skipped' : `${entry.why}: ${entry.head.toString()}`;
}

const STAMP = '2026-11-24T11:00:00.123456+00:00';

test('an entry is a line as a log file would hold it', () => {
  const cases: [Record<string, unknown>, string][] = [
    [{}, `${STAMP} mx1 sm-mta[77]: hello\n`],
    [{ SYSLOG_PID: '5' }, `${STAMP} mx1 sm-mta[5]: hello\n`],
    [{ SYSLOG_PID: 'none' }, `${STAMP} mx1 sm-mta[77]: hello\n`],
    [{ _PID: undefined }, `${STAMP} mx1 sm-mta: hello\n`],
    [{ SYSLOG_IDENTIFIER: undefined }, `${STAMP} mx1 sendmail[77]: hello\n`],
    [{ SYSLOG_IDENTIFIER: '', _COMM: null }, `${STAMP} mx1 unknown[77]: hello\n`],
    [{ SYSLOG_IDENTIFIER: 'a b[c]:d\n' }, `${STAMP} mx1 a_b_c__d[77]: hello\n`],
    [{ SYSLOG_IDENTIFIER: ['first', 'second'] }, `${STAMP} mx1 first_second[77]: hello\n`],
    [{ _HOSTNAME: undefined }, `${STAMP} sm-mta[77]: hello\n`],
    [
      { _SOURCE_REALTIME_TIMESTAMP: '1795517999000001' },
      `2026-11-24T10:59:59.000001+00:00 mx1 sm-mta[77]: hello\n`,
    ],
    [{ _SOURCE_REALTIME_TIMESTAMP: '-1' }, `${STAMP} mx1 sm-mta[77]: hello\n`],
  ];
  for (const [fields, line] of cases) assert.equal(lineOf(fields), line);
});

test('a message of any form is one line', () => {
  const cases: [unknown, string][] = [
    ['two\nlines', 'two#012lines'],
    ['ends in two\n\n', 'ends in two'],
    ['a\tb\r\u001b[1m\u007f', 'a\tb#015#033[1m#177'],
    ['gr\u00fc\u00df', 'gr\u00fc\u00df'],
    [[104, 10, 105], 'h#012i'],
    [['one', [116, 119, 111]], 'one#012two'],
    [[], ''],
    ['', ''],
  ];
  for (const [MESSAGE, text] of cases) {
    assert.equal(lineOf({ MESSAGE }), `${STAMP} mx1 sm-mta[77]: ${text}\n`);
  }
  const binary = read({ MESSAGE: [0xff, 0x00, 0x61] });
  assert.ok(binary.kind === 'line');
  assert.equal(binary.bytes.toString('latin1').slice(-8), ' \u00ff#000a\n');
});

test('what cannot be a line says why, and its cursor counts', () => {
  assert.equal(lineOf({ MESSAGE: undefined }), 'skipped');
  assert.equal(lineOf({ MESSAGE: null }), 'message left out: mx1 sm-mta[77]: ');
  assert.equal(lineOf({ __REALTIME_TIMESTAMP: 'x' }), 'entry without time: hello');
  const long = read({ MESSAGE: 'x'.repeat(MAX_LINE) });
  assert.ok(long.kind === 'overlong');
  assert.equal(long.why, `entry of ${long.length} bytes`);
  assert.equal(long.head.length, 4096);
  assert.equal(long.head.subarray(0, 20).toString(), STAMP.slice(0, 20));
  for (const bytes of ['', '{', '[1]', 'null', '7', '{"a":"\n"}', '-- No entries --']) {
    const entry = readJournalEntry(Buffer.from(bytes));
    assert.ok(entry.kind === 'overlong', bytes);
    assert.equal(entry.why, 'not an entry of the journal in JSON');
  }
  const torn = readJournalEntry(
    Buffer.from('{"__CURSOR" : "s=9", "MESSAGE" : "\\"__CURSOR\\":\\"no'),
  );
  assert.equal(torn.cursor, 's=9');
});

test('a cursor that could not be an argument is none', () => {
  for (const __CURSOR of [undefined, null, '', 'a b', 'a\u0000', 'x'.repeat(2000), 7, {}]) {
    assert.equal(read({ __CURSOR }).cursor, undefined);
  }
});

test('chunks may be cut anywhere; an entry too large to hold keeps its cursor', () => {
  const random = randomSource(77);
  const huge = { MESSAGE: 'h'.repeat(1_500_000) };
  const cursor = { __CURSOR: 's=huge' };
  const lines = [
    JSON.stringify(ENTRY),
    JSON.stringify({ ...cursor, ...huge }),
    JSON.stringify({ ...ENTRY, MESSAGE: 'x'.repeat(9000) }),
    JSON.stringify({ ...huge, ...cursor }),
    'no JSON',
    JSON.stringify({ ...ENTRY, MESSAGE: undefined }),
    JSON.stringify(ENTRY),
  ];
  const bytes = Buffer.from(`${lines.join('\n')}\n{"torn`);
  for (let round = 0; round < 20; round += 1) {
    const reader = new EntryReader();
    const entries: JournalEntry[] = [];
    const step = random.pick([100, 5000, 200_000]);
    for (let at = 0; at < bytes.length; ) {
      const next = at + 1 + random.below(step);
      entries.push(...reader.take(bytes.subarray(at, next)));
      at = next;
    }
    const kinds = entries.map(({ kind }) => kind).join(' ');
    assert.equal(kinds, 'line overlong line overlong overlong skipped line');
    assert.deepEqual([entries[1]?.cursor, entries[3]?.cursor], ['s=huge', 's=huge']);
  }
});

/** A value as a field might hold it, or not. */
function anyValue(random: ReturnType<typeof randomSource>, depth: number): unknown {
  const text = (): string =>
    String.fromCodePoint(...Array.from({ length: random.below(12) }, () => random.below(0x2fff)));
  const list = (): unknown[] =>
    Array.from({ length: random.below(4) }, () => anyValue(random, depth + 1));
  const kind = random.below(depth > 3 ? 4 : 8);
  if (kind === 0) return null;
  if (kind === 1) return random.below(70_000) - 300;
  if (kind === 2) return random.chance(0.5);
  if (kind === 3) return `17955180${random.below(99_999_999)}`;
  if (kind === 4) return list();
  if (kind === 5) return { [text()]: anyValue(random, depth + 1) };
  if (kind === 6) return Array.from({ length: random.below(9) }, () => random.below(256));
  return text();
}

test('any entry and any bytes give an outcome', () => {
  const random = randomSource(2026);
  const header = new SyslogHeader();
  let lines = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const fields: Record<string, unknown> = { ...ENTRY };
    for (const name of Object.keys(fields)) {
      if (random.chance(0.3)) fields[name] = anyValue(random, 0);
    }
    const json = Buffer.from(JSON.stringify(fields));
    if (random.chance(0.3)) json[random.below(json.length)] = random.below(256);
    const entry = readJournalEntry(json);
    if (entry.kind === 'overlong') assert.ok(entry.length > 0 && !entry.head.includes(0x0a));
    if (entry.kind !== 'line') continue;
    lines += 1;
    assert.equal(entry.bytes.indexOf(0x0a), entry.bytes.length - 1);
    assert.ok(header.read(entry.bytes, 0, entry.bytes.length - 1), entry.bytes.toString());
    assert.ok(header.tagEnd > header.tagStart);
  }
  assert.ok(lines > 5000);
});
