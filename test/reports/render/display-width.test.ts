/** Widths on a terminal, and cutting to them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type CutPlace,
  cutToWidth,
  displayWidth,
  padToWidth,
} from '../../../reports/render/display-width.ts';
import { terminalText } from '../../../reports/render/terminal-text.ts';
import { randomSource } from '../../support/random.ts';

function cut(text: string, width: number, place: CutPlace = 'middle', ellipsis = '…'): string {
  return cutToWidth(text, { width, place, ellipsis });
}

test('widths', () => {
  assert.equal(displayWidth(''), 0);
  assert.equal(displayWidth('ann@example.org'), 15);
  assert.equal(displayWidth('Grüße…'), 6);
  assert.equal(displayWidth('e\u0301'), 1);
  assert.equal(displayWidth('例え'), 4);
  assert.equal(displayWidth('😀'), 2);
  assert.equal(displayWidth('👍🏽'), 2);
  assert.equal(displayWidth('🇩🇪'), 2);
  assert.equal(displayWidth('한글'), 4);
  assert.equal(displayWidth('한글'.normalize('NFD')), 4);
  assert.equal(displayWidth('\u0301'), 0);
});

test('what fits is not cut', () => {
  assert.equal(cut('abc', 3), 'abc');
  assert.equal(cut('例え', 4), '例え');
  assert.equal(cut('', 0), '');
});

test('cutting in the middle keeps both ends, at the end the beginning', () => {
  assert.equal(cut('abcdefghij', 7), 'abc…hij');
  assert.equal(cut('abcdefghij', 6), 'abc…ij');
  assert.equal(cut('abcdefghij', 6, 'end'), 'abcde…');
  assert.equal(cut('abcdefghij', 6, 'end', '..'), 'abcd..');
  assert.equal(cut('例え例え例え', 6), '例…え');
  assert.equal(cut('abcdef', 1), '…');
  assert.equal(cut('abcdef', 1, 'middle', '..'), 'a');
  assert.equal(cut('abcdef', 0), '');
});

test('characters are not cut in half', () => {
  const accents = '\u0301'.repeat(500);
  assert.equal(cut('🇩🇪🇩🇪🇩🇪', 4), '🇩🇪…');
  assert.equal(cut('👍🏽👍🏽👍🏽', 5), '👍🏽…👍🏽');
  assert.equal(cut(`${'x'.repeat(20)}e\u0301`, 3), 'x…e\u0301');
  assert.equal(cut(`${'x'.repeat(20)}e${accents}`, 5), 'xx…');
  assert.ok(!/[\ud800-\udfff]/u.test(cut('😀'.repeat(1000) + accents, 9)));
});

test('texts of millions of characters are cut as well', () => {
  assert.equal(cut(`${'x'.repeat(3_000_000)}y`, 5), 'xx…xy');
  assert.equal(cut(`${'é '.repeat(1_000_000)}y`, 5), 'é … y');
});

test('padding', () => {
  assert.equal(padToWidth('例', 4, 'left'), '例  ');
  assert.equal(padToWidth('12', 4, 'right'), '  12');
  assert.equal(padToWidth('12345', 4, 'right'), '12345');
});

test('random text is never wider than its cut', () => {
  const random = randomSource(7);
  for (let round = 0; round < 3000; round += 1) {
    let raw = '';
    for (let length = random.below(30); length >= 0; length -= 1) {
      raw += String.fromCodePoint(random.chance(0.5) ? random.below(0x250) : random.below(0x20000));
    }
    const text = terminalText(raw);
    const width = random.below(20);
    const place = random.pick(['middle', 'end'] as const);
    assert.ok(displayWidth(cut(text, width, place)) <= width, JSON.stringify(raw));
  }
});
