/** Source texts of maps: entries, comments, errors with their lines. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryMap } from '../../../src/mta/map/keyed-map.ts';
import { duplicateKeys, parseMapText } from '../../../src/mta/map/text-map.ts';
import { randomSource } from '../../support/random.ts';

test('entries, comments, blank lines and errors', () => {
  const text =
    '# comment\n\nFoo.Example\tRELAY\nfoo.example  OK then\nempty\n lead x\n\r\nlast:\tx y \r\n';
  const { entries, problems } = parseMapText(text);
  assert.deepEqual(entries, [
    { key: 'foo.example', value: 'RELAY', line: 3 },
    { key: 'foo.example', value: 'OK then', line: 4 },
    { key: 'last:', value: 'x y ', line: 8 },
  ]);
  assert.deepEqual(problems, [
    { line: 5, text: 'no RHS for LHS empty', isWarning: false },
    { line: 6, text: 'syntax error (leading space)', isWarning: false },
  ]);
  assert.deepEqual(duplicateKeys(entries), [
    { line: 4, text: 'key foo.example: duplicate key', isWarning: true },
  ]);
  const map = new MemoryMap(entries);
  assert.equal(map.get('FOO.example'), 'RELAY');
  assert.equal(map.size, 2);
});

test('options: case, empty values, delimiter, comment', () => {
  const options = { keepsCase: true, allowsEmpty: true, delimiter: '=', comment: ';' };
  const { entries, problems } = parseMapText('; c\nA b= c\n#x=1\nnone\n', options);
  assert.deepEqual(problems, []);
  assert.deepEqual(
    entries.map(({ key, value }) => [key, value]),
    [
      ['A b', 'c'],
      ['#x', '1'],
      ['none', ''],
    ],
  );
});

test('any text: every line is an entry, a problem, a comment or blank', () => {
  const random = randomSource(3);
  const pieces = ['a', '\t', ' ', '#', '\n', '\r', '\0', ':', 'RELAY', '\xff'] as const;
  for (let i = 0; i < 500; i++) {
    let text = '';
    for (let j = 0; j < random.below(60); j++) text += random.pick(pieces);
    const { entries, problems } = parseMapText(text);
    const lines = text.split(/\r?\n/);
    for (const { line } of [...entries, ...problems]) assert.ok(line >= 1 && line <= lines.length);
    const others = lines.filter((l) => l.trim() === '' || l.startsWith('#')).length;
    assert.equal(entries.length + problems.length + others, lines.length);
  }
});
