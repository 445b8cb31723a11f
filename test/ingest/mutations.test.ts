/**
 * Ten thousand broken lines, the same every time: whatever bytes a log holds, the parser neither throws nor
 * hangs, counts every line by exactly one outcome, and hands the store nothing but UTF-8.
 */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BlockParser } from '../../ingest/pipeline/block-parser.ts';
import { SendmailDialect } from '../../ingest/sendmail/sendmail-dialect.ts';
import type { RowBatch, TextColumn } from '../../src/model/columns.ts';
import { LINE_OUTCOMES } from '../../src/model/vocabulary.ts';
import { loadLog, TEST_CLOCK } from '../support/load-log.ts';
import type { RandomSource } from '../support/random.ts';
import { randomSource } from '../support/random.ts';

const MUTATIONS = 10_000;
const BLOCK_LINES = 100;
const LF = 0x0a;

function realLines(): Buffer[] {
  const lines: Buffer[] = [];
  for (const folder of ['test/fixtures/sendmail', 'test/fixtures/hostile']) {
    for (const name of readdirSync(folder).sort()) {
      if (!name.endsWith('.maillog')) continue;
      const log = readFileSync(`${folder}/${name}`);
      for (let start = 0; start < log.length; ) {
        const end = log.indexOf(LF, start);
        lines.push(log.subarray(start, end));
        start = end + 1;
      }
    }
  }
  return lines;
}

const REAL = realLines();
const WORDS = [
  ', stat=',
  ', delay=',
  ', relay=',
  '"',
  '<',
  '>',
  '\\',
  '[',
  ']: ',
  ', [more]',
  'message repeated 9 times: [ ',
  'last message repeated 3 times',
  '[1]: ',
  'to=',
  'from=',
  ', size=',
  ', nrcpts=',
  '99999999999999999999999',
  '-1',
  '+',
  '\0',
  '\r',
  '\t',
  '\u00fc',
  '\u2028',
  '\u{1f4e7}',
  'IPv6:::',
  '\\377\\376',
  '(may be forged)',
] as const;
const HUGE = [
  '18446744073709551616',
  '9'.repeat(400),
  '-9223372036854775808',
  '1e308',
  '00000000000000',
];

type Mutation = (line: Buffer, random: RandomSource) => Buffer;

const splice = (line: Buffer, at: number, drop: number, put: Uint8Array): Buffer =>
  Buffer.concat([line.subarray(0, at), put, line.subarray(at + drop)]);

const MUTATE: readonly [Mutation, ...Mutation[]] = [
  function flipBits(line, random) {
    const copy = Buffer.from(line);
    for (let i = random.below(4); i >= 0 && copy.length > 0; i -= 1) {
      const at = random.below(copy.length);
      copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
    }
    return copy;
  },
  (line, random) => line.subarray(0, random.below(line.length + 1)),
  (line, random) => line.subarray(random.below(line.length + 1)),
  function join(line, random) {
    const other = REAL[random.below(REAL.length)] ?? line;
    const at = random.below(line.length + 1);
    return Buffer.concat([line.subarray(0, at), other.subarray(random.below(other.length + 1))]);
  },
  function insertWord(line, random) {
    const word = Buffer.from(WORDS[random.below(WORDS.length)] ?? '');
    return splice(line, random.below(line.length + 1), random.below(3), word);
  },
  function insertBytes(line, random) {
    const bytes = Buffer.from(Array.from({ length: random.below(8) }, () => random.below(256)));
    return splice(line, random.below(line.length + 1), random.below(8), bytes);
  },
  function hugeNumber(line, random) {
    const text = line.toString('latin1');
    const numbers = [...text.matchAll(/\d+/g)];
    const found = numbers[random.below(numbers.length)];
    if (found === undefined) return line;
    const huge = HUGE[random.below(HUGE.length)] ?? '';
    return splice(line, found.index, found[0].length, Buffer.from(huge));
  },
  function repeatPiece(line, random) {
    const at = random.below(line.length + 1);
    const piece = line.subarray(at, at + random.below(30));
    return Buffer.concat([
      line.subarray(0, at),
      ...Array.from({ length: 40 }, () => piece),
      line.subarray(at),
    ]);
  },
  function swapPieces(line, random) {
    const [a = 0, b = 0] = [random.below(line.length + 1), random.below(line.length + 1)].sort(
      (x, y) => x - y,
    );
    return Buffer.concat([line.subarray(0, a), line.subarray(b), line.subarray(a, b)]);
  },
];

/** The n-th broken line; it may hold newlines, which make more lines of it. */
function mutated(random: RandomSource): Buffer {
  let line = REAL[random.below(REAL.length)] ?? Buffer.alloc(0);
  for (let i = random.below(3); i >= 0; i -= 1) line = random.pick(MUTATE)(line, random);
  return line;
}

function* mutatedBlocks(seed: number, mutations: number): Generator<Buffer> {
  const random = randomSource(seed);
  for (let done = 0; done < mutations; done += BLOCK_LINES) {
    const lines = Array.from({ length: BLOCK_LINES }, () => mutated(random));
    yield Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
  }
}

const countLines = (log: Buffer): number => log.filter((byte) => byte === LF).length;

/** Every text is a slice of the arena and valid UTF-8. */
function assertSound(batch: RowBatch): void {
  const arena = Buffer.from(batch.arena.buffer, batch.arena.byteOffset, batch.arenaLength);
  for (const { table, rows, columns } of batch.tables) {
    for (const column of columns) {
      if (column.kind === 'text') assertSoundColumn(arena, column, { table, rows });
    }
  }
}

function assertSoundColumn(
  arena: Buffer,
  { starts, lengths }: TextColumn,
  { table, rows }: { readonly table: string; readonly rows: number },
): void {
  for (let row = 0; row < rows; row += 1) {
    const start = starts[row] ?? 0;
    const length = lengths[row] ?? 0;
    if (length < 0) continue;
    assert.ok(start >= 0 && start + length <= arena.length, `${table}: outside the arena`);
    const text = arena.subarray(start, start + length);
    assert.ok(isUtf8(text), `${table}: ${text.toString('latin1')}`);
  }
}

test('no line makes the parser throw, hang, miscount or break UTF-8', { timeout: 300_000 }, () => {
  const parser = new BlockParser({ dialects: [(block) => new SendmailDialect(block)] }, TEST_CLOCK);
  const outcomes = new Map<string, number>();
  let offset = 0;
  let lines = 0;
  for (const log of mutatedBlocks(31, MUTATIONS)) {
    parser.parse(log, offset);
    const { block } = parser;
    assert.equal(block.lines.count, countLines(log));
    for (let line = 0; line < block.lines.count; line += 1) {
      const outcome = LINE_OUTCOMES[block.lines.outcome[line] ?? -1];
      assert.ok(outcome !== undefined);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    assertSound(block.toBatch(1, 1000));
    offset += log.length;
    lines += block.lines.count;
  }
  assert.ok(lines >= MUTATIONS);
  assert.equal(
    [...outcomes.values()].reduce((sum, count) => sum + count, 0),
    lines,
  );
  for (const outcome of ['parsed', 'foreign', 'unsupported', 'malformed']) {
    assert.ok((outcomes.get(outcome) ?? 0) > 0, `none is ${outcome}`);
  }
});

/** One real line of each shape: digits and local parts make no other shape. */
function shapesOfLines(): Buffer[] {
  const shapes = new Map<string, Buffer>();
  for (const line of REAL) {
    const shape = line
      .toString('latin1', 36)
      .replaceAll(/\d+/g, '9')
      .replaceAll(/[^ ,<]+@/g, '@');
    const key = shape.slice(0, 60);
    if (!shapes.has(key)) shapes.set(key, line);
  }
  return [...shapes.values()];
}

test('a character of two bytes at any place of any line is not cut in two', () => {
  const parser = new BlockParser({ dialects: [(block) => new SendmailDialect(block)] }, TEST_CLOCK);
  const character = Buffer.from('\u00fc');
  for (const line of shapesOfLines()) {
    const log: Buffer[] = [];
    for (let at = 0; at <= line.length; at += 1) {
      log.push(splice(line, at, at % 3, character), Buffer.from('\n'));
    }
    parser.parse(Buffer.concat(log), 0);
    assertSound(parser.block.toBatch(1, 1000));
  }
});

test('a line read alone makes as many rows as in company', { timeout: 300_000 }, () => {
  const make = (): BlockParser =>
    new BlockParser({ dialects: [(block) => new SendmailDialect(block)] }, TEST_CLOCK);
  const alone = make();
  const random = randomSource(33);
  for (let i = 0; i < 500; i += 1) {
    const line = Buffer.from(mutated(random).filter((byte) => byte !== LF));
    if (/repeated \d/.test(line.toString('latin1'))) continue;
    alone.startSource(TEST_CLOCK);
    alone.parse(Buffer.concat([line, Buffer.from('\n')]), 0);
    const rows = Object.values(alone.block.tables).map((table) => table.rows);
    const neighbour = REAL[i] ?? line;
    const company = make();
    company.parse(Buffer.concat([neighbour, Buffer.from('\n'), line, Buffer.from('\n')]), 0);
    const together = Object.values(company.block.tables).map(
      (table) => table.lines.subarray(0, table.rows).filter((from) => from === 1).length,
    );
    assert.deepEqual(together, rows, line.toString('latin1'));
  }
});

test('broken lines reach the store: the ledger adds up and the views can be read', {
  timeout: 300_000,
}, async () => {
  const log = Buffer.concat([...mutatedBlocks(32, 2000)]);
  const { result, rows, store } = await loadLog(log);
  const { read, parsed, foreign, unsupported, malformed, duplicate, bytes } = result.counts;
  assert.equal(read, countLines(log));
  assert.equal(read, parsed + foreign + unsupported + malformed + duplicate);
  assert.equal(bytes, log.length);
  const [unparsed] = await rows('SELECT count(*) AS n FROM unparsed_lines');
  assert.equal(unparsed?.n, Math.min(1000, foreign + unsupported + malformed));
  for (const view of [
    'messages',
    'deliveries',
    'rejections',
    'auth_events',
    'connections',
    'queue_events',
    'daemon_events',
    'ledger',
  ]) {
    await rows(`SELECT count(*), max(columns(*)::VARCHAR) FROM ${view}`);
  }
  await store.close();
});
