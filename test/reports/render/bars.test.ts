/** Bars: to an eighth of a column, never nothing for something. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawBar } from '../../../reports/render/bars.ts';
import { glyphsOf, PLAIN_STYLE } from '../../../reports/render/text-style.ts';

const BLOCKS = glyphsOf(PLAIN_STYLE);
const ASCII = glyphsOf({ ...PLAIN_STYLE, unicode: false });

test('bars', () => {
  const scale = { full: 80, width: 10 };
  assert.equal(drawBar(80, scale, BLOCKS), '██████████');
  assert.equal(drawBar(40, scale, BLOCKS), '█████');
  assert.equal(drawBar(44, scale, BLOCKS), '█████▌');
  assert.equal(drawBar(1, scale, BLOCKS), '▏');
  assert.equal(drawBar(0.001, scale, BLOCKS), '▏');
  assert.equal(drawBar(0, scale, BLOCKS), '');
  assert.equal(drawBar(-5, scale, BLOCKS), '');
  assert.equal(drawBar(Number.NaN, scale, BLOCKS), '');
  assert.equal(drawBar(800, scale, BLOCKS), '██████████');
  assert.equal(drawBar(5, { full: 0, width: 10 }, BLOCKS), '');
  assert.equal(drawBar(44, scale, ASCII), '######');
  assert.equal(drawBar(1, scale, ASCII), '#');
});
