/** Column widths: the widest gives first. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitColumns, totalWidth } from '../../../reports/render/column-widths.ts';

const text = (natural: number) => ({ natural, mayBeCut: true });
const number = (natural: number) => ({ natural, mayBeCut: false });

test('what fits is left alone', () => {
  assert.deepEqual(fitColumns([text(30), number(8)], 40), [30, 8]);
  assert.deepEqual(fitColumns([text(3000), number(8)], null), [3000, 8]);
  assert.deepEqual(fitColumns([], 80), []);
});

test('only texts give, the widest first, and all room is used', () => {
  assert.deepEqual(fitColumns([text(100), number(8), text(12)], 50), [26, 8, 12]);
  assert.deepEqual(fitColumns([text(100), number(8), text(90)], 51), [20, 8, 19]);
});

test('where texts would become too narrow nothing fits', () => {
  assert.equal(fitColumns([text(100), number(8)], 19), null);
  assert.deepEqual(fitColumns([text(100), number(8)], 20), [10, 8]);
  assert.equal(fitColumns([text(100), number(8)], 20, 15), null);
  assert.equal(fitColumns([number(50), number(50)], 80), null);
});

test('gaps count', () => {
  assert.equal(totalWidth([]), 0);
  assert.equal(totalWidth([5]), 5);
  assert.equal(totalWidth([5, 5, 5]), 19);
});
