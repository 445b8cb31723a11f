import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { initialState } from '../../../src/mta/queue/message-state.ts';
import {
  DEFAULT_TIMEOUTS,
  everyRun,
  intervalText,
  isDue,
  isExpired,
  isWarningDue,
  nextTryAfter,
  nextTryOf,
} from '../../../src/mta/queue/schedule.ts';
import { envelopeOf, HOUR, START } from '../../support/mta-queue.ts';

const state = (more: Parameters<typeof envelopeOf>[1] = {}) =>
  initialState({ envelope: envelopeOf('ONE', more), depth: 0 });

suite('schedule of the queue', () => {
  test('the same pause always, or a growing one up to its limit', () => {
    const runs = [1, 2, 9].map((tries) => nextTryAfter(START, tries, everyRun(HOUR)) - START);
    assert.deepEqual(runs, [HOUR, HOUR, HOUR]);
    const growing = { minimum: 60_000, factor: 2, maximum: HOUR, minQueueAge: 0 };
    const pauses = [1, 2, 3, 7, 2000].map((tries) => nextTryAfter(START, tries, growing) - START);
    assert.deepEqual(pauses, [60_000, 120_000, 240_000, HOUR, HOUR]);
    const young = { ...growing, minQueueAge: 300_000 };
    assert.equal(nextTryAfter(START, 1, young), START + 300_000);
  });

  test('due, forced, and too young even then', () => {
    const policy = { ...everyRun(HOUR), minQueueAge: 60_000 };
    assert.ok(isDue({ nextTry: null, lastTry: null }, START, policy));
    assert.ok(!isDue({ nextTry: START + 1, lastTry: null }, START, policy));
    assert.ok(isDue({ nextTry: START + 1, lastTry: null }, START, policy, true));
    assert.ok(!isDue({ nextTry: START, lastTry: START - 1000 }, START, policy, true));
  });

  test('a sender who has set a time is told when it has come', () => {
    const at = START + 60_000;
    const [back, told] = (['R', 'N'] as const).map((mode) => state({ deliverBy: { at, mode } }));
    assert.ok(back !== undefined && told !== undefined);
    const outcomes = [back, told].map((one) => [
      isExpired(one.envelope, at + 1, DEFAULT_TIMEOUTS),
      isWarningDue(one, at + 1, DEFAULT_TIMEOUTS),
      isExpired(one.envelope, at, DEFAULT_TIMEOUTS),
      nextTryOf(one.envelope, START, START + HOUR) - START,
      nextTryOf(one.envelope, at, START + HOUR) - START,
    ]);
    assert.deepEqual(outcomes, [
      [true, false, false, 60_001, HOUR],
      [false, true, false, 60_001, HOUR],
    ]);
  });

  test('whom a warning is for', () => {
    const late = START + 4 * HOUR + 1000;
    assert.ok(isWarningDue(state(), late, DEFAULT_TIMEOUTS));
    assert.ok(!isWarningDue(state(), START + 4 * HOUR, DEFAULT_TIMEOUTS));
    assert.ok(!isWarningDue({ ...state(), warnedAt: START }, late, DEFAULT_TIMEOUTS));
    assert.ok(!isWarningDue(state({ class: -60 }), late, DEFAULT_TIMEOUTS));
    assert.ok(!isWarningDue(state({ sender: '' }), late, DEFAULT_TIMEOUTS));
    for (const sender of ['owner-list@corp.example', 'list-request@corp.example', 'OWNER-list'])
      assert.ok(!isWarningDue(state({ sender }), late, DEFAULT_TIMEOUTS), sender);
    assert.ok(!isWarningDue(state(), late, { ...DEFAULT_TIMEOUTS, queueWarn: 0 }));
  });

  test('bounces have a limit of their own', () => {
    const limits = { ...DEFAULT_TIMEOUTS, bounceReturn: HOUR };
    const later = START + 2 * HOUR;
    assert.ok(isExpired(envelopeOf('ONE', { isBounce: true }), later, limits));
    assert.ok(!isExpired(envelopeOf('ONE'), later, limits));
  });

  test("intervals in sendmail's words", () => {
    const cases = [
      [4 * HOUR, '4 hours'],
      [120 * HOUR, '5 days'],
      [8000, '8 seconds'],
      [25_400, '25 seconds'],
      [1000, '1 second'],
      [90 * 60_000, '1 hour, 30 minutes'],
      [168 * HOUR, '1 week'],
      [0, '0 seconds'],
    ] as const;
    for (const [milliseconds, text] of cases) assert.equal(intervalText(milliseconds), text);
  });
});
