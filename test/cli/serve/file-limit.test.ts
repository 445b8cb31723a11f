/** Connections never take the files that the daemon itself needs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectionsWithin, openFileLimit } from '../../../src/cli/serve/file-limit.ts';

test('as many connections as were asked for, where the limit allows', () => {
  assert.equal(connectionsWithin(1_048_576, 4096, 5), 4096);
  assert.equal(connectionsWithin(20_000, 4096, 1), 4096);
  assert.equal(connectionsWithin(16_384, 4096, 4), 4032);
  assert.equal(connectionsWithin(1024, 4096, 1), 768);
  assert.equal(connectionsWithin(200, 4096, 1), 100);
  assert.equal(connectionsWithin(200, 50, 1), 50);
  assert.equal(connectionsWithin(20, 4096, 100), 1);
  assert.equal(connectionsWithin(4096, 10, 0), 10);
});

test('the limit is told where the system has /proc', { skip: process.platform !== 'linux' }, () => {
  assert.ok(Number(openFileLimit()) > 0);
});
