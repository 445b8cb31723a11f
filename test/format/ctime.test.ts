import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { ctime } from '../../src/format/ctime.ts';

function inZone(zone: string, epochSeconds: bigint): string | null {
  process.env.TZ = zone;
  return ctime(epochSeconds);
}

describe('ctime', () => {
  const before = process.env.TZ;
  afterEach(() => {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  });

  test('pads the day with a blank and the clock with zeros', () => {
    assert.equal(inZone('UTC', 1_700_000_000n), 'Tue Nov 14 22:13:20 2023');
    assert.equal(inZone('UTC', 0n), 'Thu Jan  1 00:00:00 1970');
    assert.equal(inZone('UTC', -1n), 'Wed Dec 31 23:59:59 1969');
  });

  test('keeps the zone with its summer time', () => {
    assert.equal(inZone('America/New_York', 1_700_000_000n), 'Tue Nov 14 17:13:20 2023');
    assert.equal(inZone('America/New_York', 1_690_000_000n), 'Sat Jul 22 00:26:40 2023');
  });

  // Each of these was printed by the C library.
  test('reaches as far as C does, and no farther', () => {
    assert.equal(inZone('UTC', 253_402_300_800n), 'Sat Jan  1 00:00:00 10000');
    assert.equal(inZone('UTC', -62_178_796_800n), 'Fri Aug 20 00:00:00 -1');
    assert.equal(inZone('UTC', 2n ** 55n), 'Sun Jun 13 06:26:08 1141709097');
    assert.equal(inZone('UTC', 67_767_976_233_532_799n), 'Tue Dec 31 23:59:59 2147483647');
    assert.equal(inZone('UTC', 67_767_976_233_532_800n), null);
    assert.equal(inZone('UTC', -67_768_040_609_740_800n), 'Thu Jan  1 00:00:00 -2147481748');
    assert.equal(inZone('UTC', -67_768_040_609_740_801n), null);
    assert.equal(inZone('UTC', 2n ** 63n - 1n), null);
    assert.equal(inZone('UTC', -(2n ** 63n)), null);
  });

  test('goes on evenly where times begin to be moved', () => {
    for (const edge of [8_600_000_000_000n, -8_600_000_000_000n]) {
      const clocks = [-1n, 0n, 1n].map((step) => inZone('UTC', edge + step) ?? assert.fail());
      const days = new Set(clocks.map((text) => text.replace(/\d\d:\d\d:\d\d/, '')));
      assert.equal(days.size, 1, clocks.join('; '));
    }
  });
});
