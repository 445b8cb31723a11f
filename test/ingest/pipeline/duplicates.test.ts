/** Lines that another source has already: as often as it has them, and no more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Duplicates } from '../../../ingest/pipeline/duplicates.ts';
import { secondKey } from '../../../ingest/pipeline/log-block.ts';
import type { LineKey } from '../../../src/store/store.ts';
import { sampleLines } from '../../e2e/sample-log.ts';
import { makeParser, readLines } from '../read-lines.ts';

const LINES = sampleLines({ lines: 200, seed: 41 });

/** What a store that holds these lines of one other source, and `own` of this, answers. */
function storeOf(
  lines: readonly string[],
  own: readonly string[] = [],
): (from: number, to: number) => Promise<LineKey[]> {
  const counts = new Map<string, { second: number; hash: number; count: number; own: number }>();
  const add = (text: readonly string[], what: 'count' | 'own'): void => {
    const { block } = readLines(text).parser;
    for (let line = 0; line < block.lines.count; line += 1) {
      const second = secondKey(block.lines.time[line] ?? 0);
      const hash = block.lines.hash[line] ?? 0;
      const key = counts.get(`${second} ${hash}`) ?? { second, hash, count: 0, own: 0 };
      key[what] += 1;
      counts.set(`${second} ${hash}`, key);
    }
  };
  add(lines, 'count');
  if (own.length > 0) add(own, 'own');
  return async (from, to) =>
    [...counts.values()].filter(({ second, count }) => second >= from && second <= to && count > 0);
}

async function markedOf(lines: readonly string[], duplicates: Duplicates): Promise<number[]> {
  const { parser } = readLines(lines, makeParser());
  await duplicates.mark(parser.block);
  const { outcome, count } = parser.block.lines;
  return Array.from({ length: count }, (_, line) => line).filter((line) => outcome[line] === 4);
}

test('all of a copy, nothing of something new', async () => {
  const duplicates = new Duplicates(storeOf(LINES));
  assert.equal((await markedOf(LINES, duplicates)).length, LINES.length);
  const other = new Duplicates(storeOf(sampleLines({ lines: 200, seed: 42 })));
  assert.deepEqual(await markedOf(LINES, other), []);
});

test('the rows of duplicates are dropped, the others stay', async () => {
  const { parser } = readLines(LINES, makeParser());
  const before = parser.block.tables.deliveries.rows;
  await new Duplicates(storeOf(LINES.slice(0, 100))).mark(parser.block);
  const { rows, lines } = parser.block.tables.deliveries;
  assert.ok(rows > 0 && rows < before);
  assert.ok(lines.subarray(0, rows).every((line) => line >= 100));
});

test('equal lines are duplicates as often as the other source has them', async () => {
  const line = LINES[0] ?? '';
  const duplicates = new Duplicates(storeOf([line, line]));
  assert.deepEqual(await markedOf([line, line, line, line], duplicates), [0, 1]);
});

test('occurrences are counted across blocks', async () => {
  const line = LINES[0] ?? '';
  const others = LINES.slice(1, 6);
  const duplicates = new Duplicates(storeOf([line, line, line, ...others]));
  assert.equal((await markedOf([line, line, ...others], duplicates)).length, 7);
  assert.equal((await markedOf([line, line], duplicates)).length, 1);
  assert.equal((await markedOf([line, line], duplicates)).length, 0);
});

test('what this source itself had before counts as its first occurrences', async () => {
  const line = LINES[0] ?? '';
  const duplicates = new Duplicates(storeOf([line, line, line], [line, line]));
  assert.equal((await markedOf([line, line], duplicates)).length, 1);
});

test('lines without a stamp are known as well', async () => {
  const broken = ['no stamp at all', 'nor here'];
  assert.equal((await markedOf(broken, new Duplicates(storeOf(broken)))).length, 2);
});

test('two chance matches, one of them of a burst of equal lines, are no copy', async () => {
  const at = LINES.findIndex((line, index) => index > 40 && line === LINES[index + 3]);
  const burst = LINES.slice(at, at + 4);
  const near = LINES[at + 4] ?? '';
  assert.ok(burst.length === 4 && near !== burst[0]);
  const duplicates = new Duplicates(storeOf([...burst, near]), true);
  assert.deepEqual(await markedOf(LINES, duplicates), []);
});

test('a lone coincidence at the end of a block is none, nor are equal lines where a log goes on', async () => {
  const [last = ''] = LINES.slice(-1);
  const known = storeOf([last, LINES[0] ?? '']);
  assert.deepEqual(await markedOf(LINES, new Duplicates(known)), []);
  assert.deepEqual(await markedOf(LINES.slice(0, 3), new Duplicates(known, true)), []);
});
