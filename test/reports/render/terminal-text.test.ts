/** Nothing from a log may drive a terminal: known tricks, and random text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { terminalText } from '../../../reports/render/terminal-text.ts';
import { randomSource } from '../../support/random.ts';

test('text that is safe is not changed', () => {
  const texts = [
    '',
    'ann@example.org',
    'DOMAIN\\user 100 %',
    'Grüße',
    '用户@例え.テスト',
    'é',
    '😀',
    '↯',
  ];
  for (const text of texts) {
    assert.equal(terminalText(text), text);
  }
});

test('control characters of every kind are shown', () => {
  assert.equal(terminalText('\x1b[2J\x1b]0;title\x07'), '\\x1b[2J\\x1b]0;title\\x07');
  assert.equal(terminalText('a\nb\r\tc\0\x7f'), 'a\\nb\\r\\tc\\x00\\x7f');
  assert.equal(terminalText('\x9b31m\x85\x90'), '\\x9b31m\\x85\\x90');
});

test('what turns text around or cannot be seen is shown', () => {
  assert.equal(terminalText('exe\u202egpj\u2066\u200e'), 'exe\\u202egpj\\u2066\\u200e');
  assert.equal(terminalText('pay\u200bpal\ufeff\u00ad\u3164'), 'pay\\u200bpal\\ufeff\\xad\\u3164');
  assert.equal(terminalText('a\u2028b\u2029'), 'a\\u2028b\\u2029');
  assert.equal(
    terminalText('\u{e0041}\u{f0000}\ue000\ufffe'),
    '\\u{e0041}\\u{f0000}\\ue000\\ufffe',
  );
});

test('halves of surrogate pairs are shown, whole ones are text', () => {
  assert.equal(terminalText('\ud83d'), '\\ud83d');
  assert.equal(terminalText('\ude00x'), '\\ude00x');
  assert.equal(terminalText('\ude00\ud83d'), '\\ude00\\ud83d');
  assert.equal(terminalText('\ud83d\ude00'), '😀');
});

test('random text comes out as one harmless line and stays so', () => {
  const random = randomSource(20260131);
  const pieces = [
    () => String.fromCharCode(random.below(0x100)),
    () => String.fromCharCode(random.below(0x10000)),
    () => String.fromCodePoint(random.below(0x110000)),
    () => String.fromCharCode(0x2000 + random.below(0x70)),
    () => '\x1b[',
    () => 'plain',
  ] as const;
  for (let round = 0; round < 20_000; round += 1) {
    let text = '';
    for (let length = random.below(12); length >= 0; length -= 1) {
      text += random.pick(pieces)();
    }
    const shown = terminalText(text);
    assert.doesNotMatch(shown, /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
    assert.equal(stripVTControlCharacters(shown), shown);
    assert.equal(Buffer.from(shown, 'utf8').toString('utf8'), shown);
    assert.equal(terminalText(shown), shown);
  }
});
