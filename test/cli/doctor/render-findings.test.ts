/** Findings as text: examples are cut and harmless, advice that repeats is given once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { displayWidth } from '../../../reports/render/display-width.ts';
import type { CommandContext } from '../../../src/cli/context.ts';
import { doubtful, withExamples } from '../../../src/cli/doctor/finding.ts';
import {
  cut,
  renderFindings,
  withoutStamp,
  wrap,
} from '../../../src/cli/doctor/render-findings.ts';
import { memoryIo } from '../memory-io.ts';

const context = {
  style: { width: 60, colour: false, unicode: true },
  io: memoryIo({ isTerminal: true }),
} as unknown as CommandContext;

test('an example is one line, cut to the width, and cannot drive the terminal', () => {
  const line = `Nov 24 06:51:15 mx1 sm-mta[5]: \u001b[31m${'long '.repeat(40)}`;
  const text = renderFindings(
    [withExamples(doubtful('source', 'x', 'do'), [line])],
    'text',
    context,
  );
  assert.match(text, /\| sm-mta\[5\]: \\x1b\[31mlong .*\.\.\.\n/);
  assert.ok(
    text.split('\n').every((one) => displayWidth(one) <= 60),
    text,
  );
});

test('the same advice in a row is given once', () => {
  const findings = [doubtful('source', 'a', 'same'), doubtful('source', 'b', 'same')];
  assert.equal(renderFindings(findings, 'text', context).split('-> same').length, 2);
  // Machines get it with each.
  assert.equal(renderFindings(findings, 'csv', context).split('same').length, 3);
});

test('stamps of all forms are left out', () => {
  const text = 'sm-mta[5]: x';
  for (const head of [
    'Nov  4 06:51:15 mx1 ',
    '<22>Nov 24 2026 06:51:15 mx1 ',
    '2026-11-24T06:51:15Z mx1 ',
  ]) {
    assert.equal(withoutStamp(`${head}${text}`), text);
  }
  assert.equal(withoutStamp('no stamp here'), 'no stamp here');
});

test('words are wrapped, long ones broken', () => {
  assert.deepEqual(wrap('one two three', 7), ['one two', 'three']);
  assert.deepEqual(wrap('abcdefgh', 3), ['abc', 'def', 'gh']);
  assert.equal(cut('abcdefgh', 6), 'abc...');
});
