/** JSON: one object a line, nothing bare that drives a terminal, the same value when parsed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonLine, renderJson, renderJsonRows } from '../../../reports/render/json.ts';
import { randomSource } from '../../support/random.ts';

test('rows are an array with one object a line', () => {
  assert.equal(renderJsonRows([]), '[]\n');
  assert.equal(
    renderJsonRows([{ a: 1, b: 'x' }, { a: null }]),
    '[\n  {"a":1,"b":"x"},\n  {"a":null}\n]\n',
  );
});

test('other values are indented', () => {
  assert.equal(renderJson({ a: [1] }), '{\n  "a": [\n    1\n  ]\n}\n');
});

test('what could drive a terminal is escaped, in names too', () => {
  assert.equal(
    jsonLine({ 'a\x9b': '\x1b\x7f\u202e\u2028\ufeff\u{e0041}\ud83d' }),
    '{"a\\u009b":"\\u001b\\u007f\\u202e\\u2028\\ufeff\\udb40\\udc41\\ud83d"}',
  );
  assert.equal(jsonLine('Grüße 例え 😀'), '"Grüße 例え 😀"');
});

test('random text is safe and parses to itself', () => {
  const random = randomSource(8259);
  for (let round = 0; round < 10_000; round += 1) {
    let text = '';
    for (let length = random.below(10); length >= 0; length -= 1) {
      text += String.fromCodePoint(
        random.chance(0.5) ? random.below(0x100) : random.below(0x110000),
      );
    }
    const row = { [text]: text };
    const json = renderJsonRows([row]);
    assert.doesNotMatch(json.replaceAll('\n', ''), /[\p{C}\p{Zl}\p{Zp}]/u);
    assert.equal(json.split('\n').length, 4);
    assert.deepEqual(JSON.parse(json), [row]);
  }
});
