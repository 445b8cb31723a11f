import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { EventGate, plainAddress, Tally } from '../../../ingest/listen/listener.ts';

suite('what listeners share', () => {
  test('the first event of a kind in a minute is reported, the others are counted', () => {
    let now = 0;
    const reports: string[] = [];
    const gate = new EventGate(
      (kind, detail) => reports.push(`${kind} ${detail}`),
      () => now,
    );
    for (let i = 0; i < 5; i += 1) gate.report('refused', `a${i}`);
    gate.report('tls', 'b');
    now = 60_000;
    gate.report('refused', 'c');
    now = 120_000;
    gate.report('refused', 'd');
    assert.deepEqual(reports, [
      'refused a0',
      'tls b',
      'refused c (and 4 more since the last report)',
      'refused d',
    ]);
  });

  test('a mapped address is shown plain', () => {
    assert.equal(plainAddress('::ffff:192.0.2.1'), '192.0.2.1');
    assert.equal(plainAddress('2001:db8::1'), '2001:db8::1');
    assert.equal(plainAddress(undefined), '-');
  });

  test('a snapshot stays as it was', () => {
    const tally = new Tally();
    const before = tally.snapshot();
    tally.frames += 1;
    assert.equal(before.frames, 0);
    assert.equal(tally.snapshot().frames, 1);
  });
});
