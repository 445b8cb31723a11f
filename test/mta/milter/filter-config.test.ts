/** Filters as configuration names them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  FILTER_TIMEOUTS,
  parseFilter,
  parseTarget,
} from '../../../src/mta/milter/filter-config.ts';

test('socket, failure mode, time limits', () => {
  assert.deepEqual(parseFilter('m1', 'S=inet:8891@localhost, F=T, T=C:5m;S:10s;R:20s;E:1h'), {
    name: 'm1',
    target: { kind: 'inet', host: 'localhost', port: 8891 },
    onFailure: 'tempfail',
    timeouts: { connect: 300_000, send: 10_000, reply: 20_000, endOfMessage: 3_600_000 },
  });
  assert.deepEqual(parseFilter('m2', 'S=local:/run/x.sock'), {
    name: 'm2',
    target: { kind: 'unix', path: '/run/x.sock' },
    onFailure: 'continue',
    timeouts: FILTER_TIMEOUTS,
  });
  assert.deepEqual(parseTarget('inet6:25@[::1]'), { kind: 'inet', host: '::1', port: 25 });
  assert.equal(parseTarget('inet:0@x'), undefined);
  assert.equal(parseTarget('x'), undefined);
  for (const wrong of ['', 'F=T', 'S=x', 'S=unix:/x, T=C:5d', 'S=unix:/x, X=1']) {
    assert.equal(typeof parseFilter('m', wrong), 'string', wrong);
  }
});
