/**
 * One real line of every kind that sendmail 8.17 wrote at LogLevels 1 to 20, and the rows that it makes. A
 * line of the log that is not counted as what it is shows here first.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ReadRow } from '../read-lines.ts';
import { readLines } from '../read-lines.ts';

const KINDS = readFileSync('test/fixtures/kinds/kinds.tsv', 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split('\t') as [string, string]);

/** A row in the words of the fixture. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  rejections: ['stage', 'action', 'rule'],
  deliveries: ['status'],
  envelopes: ['accepted'],
  auth_events: ['outcome'],
  tls_sessions: ['side'],
  daemon_events: ['what', 'severity'],
};

function nameOf({ table, values }: ReadRow): string {
  const columns = NAMES[table] ?? ['what'];
  return `${table}:${columns.map((column) => values[column]).join(' ')}`;
}

test('every kind of line makes the rows that it should', () => {
  assert.ok(KINDS.length > 150);
  for (const [expected, line] of KINDS) {
    const { rows, outcomes } = readLines([line]);
    assert.deepEqual(outcomes, ['parsed'], line);
    assert.equal([...new Set(rows.map(nameOf))].join(' + '), expected, line);
  }
});

/** Mail at a higher LogLevel is the same mail: what only they log must not count. */
test('what only higher log levels print is neither mail nor refusal', () => {
  const counted = ['rejections', 'deliveries', 'envelopes', 'auth_events'];
  for (const [expected, line] of KINDS) {
    if (!/: (?:<-- |--- \d|milter=\w+, action=|alias .* => |done; )/.test(line)) continue;
    assert.ok(!counted.some((table) => expected.startsWith(table)), line);
  }
});
