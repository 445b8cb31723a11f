/** Single values as text, and what a column is by its values. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCell, inferKind } from '../../../reports/render/cells.ts';

test('values by the kind of their column', () => {
  assert.equal(formatCell(1234567, 'count', null), '1,234,567');
  assert.equal(formatCell(2048, 'bytes', null), '2.0 KiB');
  assert.equal(formatCell(0.25, 'percent', null), '25.0 %');
  assert.equal(formatCell(75, 'seconds', null), '1m 15s');
  assert.equal(formatCell(2026, 'plain', null), '2026');
  assert.equal(formatCell(550, 'text', null), '550');
  assert.equal(formatCell(true, 'text', null), 'true');
  assert.equal(formatCell('all', 'count', null), 'all');
  assert.equal(formatCell(['a', { b: 1 }], 'text', null), '["a",{"b":1}]');
  assert.equal(formatCell('a\nb', 'text', null), 'a\\nb');
  assert.equal(formatCell(['\x9b'], 'text', null), '["\\x9b"]');
  for (const kind of ['text', 'count', 'time'] as const) {
    assert.equal(formatCell(null, kind, null), '-');
    assert.equal(formatCell(undefined, kind, null), '-');
  }
});

test('times are by the clocks asked for', () => {
  const time = '2026-01-31T23:59:58.5Z';
  assert.equal(formatCell(time, 'time', null), time);
  assert.equal(formatCell(time, 'time', 'UTC'), '2026-01-31 23:59:58');
  assert.equal(formatCell(time, 'time', 'Europe/Berlin'), '2026-02-01 00:59:58');
  assert.equal(formatCell('never', 'time', 'UTC'), 'never');
});

test('kinds are inferred from all values', () => {
  const rows = [
    { n: 1, t: '2026-01-31T23:59:58Z', s: 'x', m: 1, z: null },
    { n: null, t: '2026-01-31T23:59:58.123456Z', s: 'y', m: 'x', z: null },
  ];
  const kinds = ['n', 't', 's', 'm', 'z', 'absent'].map((column) => inferKind(rows, column));
  assert.deepEqual(kinds, ['plain', 'time', 'text', 'text', 'text', 'text']);
});
