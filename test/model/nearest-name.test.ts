/** Which name somebody meant. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestName } from '../../src/model/nearest-name.ts';

const NAMES = ['db', 'timezone', 'ingest.batch_lines', 'report.top'];

test('slips of the pen are understood, other words are not', () => {
  assert.equal(nearestName('timezome', NAMES), 'timezone');
  assert.equal(nearestName('ingest.batch-lines', NAMES), 'ingest.batch_lines');
  assert.equal(nearestName('report.tpo', NAMES), 'report.top');
  assert.equal(nearestName('colour', NAMES), null);
  assert.equal(nearestName('', NAMES), null);
  assert.equal(nearestName('x', []), null);
});

test('text of any length is answered', () => {
  assert.equal(nearestName('x'.repeat(1_000_000), NAMES), null);
});
