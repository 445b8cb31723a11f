/** How often clients come, and how long they wait. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientLimits, greetPause } from '../../../src/mta/policy/client-limits.ts';
import { accessOf, policyClient } from '../../support/policy-site.ts';

test('connections of the last minute, and those that are open', () => {
  let now = 1_800_000_000_000;
  const limits = new ClientLimits(() => now);
  assert.deepEqual(limits.opened('a'), { rate: 1, open: 1 });
  assert.deepEqual(limits.opened('a'), { rate: 2, open: 2 });
  assert.deepEqual(limits.opened('b'), { rate: 1, open: 1 });
  limits.closed('a');
  now += 30_000;
  assert.deepEqual(limits.opened('a'), { rate: 3, open: 2 });
  now += 40_000;
  assert.deepEqual(limits.opened('a'), { rate: 2, open: 3 });
  now += 600_000;
  assert.deepEqual(limits.opened('a'), { rate: 1, open: 4 });
  now -= 600_000;
  assert.equal(limits.opened('a').rate, 2);
  limits.closed('nobody');
});

test('bounded; who is connected is not forgotten', () => {
  const limits = new ClientLimits(() => 0, 10);
  limits.opened('stays');
  for (let i = 0; i < 100; i++) {
    limits.opened(`c${i}`);
    limits.closed(`c${i}`);
  }
  assert.ok(limits.size <= 11);
  assert.equal(limits.opened('stays').open, 2);
});

test('the pause before our greeting', () => {
  const access = accessOf(
    'GreetPause:203.0.113 3000\nGreetPause:slow.example 99999999\nGreetPause:odd.example x\n',
  );
  const pause = (address: string, name?: string) =>
    greetPause(policyClient(address, name), access, 1000);
  assert.equal(pause('203.0.113.4'), 3000);
  assert.equal(pause('1.1.1.1'), 1000);
  assert.equal(pause('1.1.1.1', 'a.slow.example'), 300_000);
  assert.equal(pause('1.1.1.1', 'odd.example'), 1000);
  assert.equal(greetPause(policyClient('1.1.1.1'), null, 0), 0);
});
