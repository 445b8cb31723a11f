/** Stamps against queue ids: what is compared, what is absurd, and by how much the rest is off. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { ClockSampler } from '../../../src/cli/doctor/clock-sample.ts';

/** 2026-11-24 06:13:36 UTC. */
const ID = Buffer.from('6AO6Daxu021036');
const MADE = Date.UTC(2026, 10, 24, 6, 13, 36) / 1000;

function sampleOf(...stamps: readonly number[]) {
  const sampler = new ClockSampler(new Date('2026-12-01T00:00:00Z'));
  for (const stamp of stamps) sampler.add(stamp, ID, 0, ID.length);
  return sampler.sample();
}

test('nothing was compared', () => {
  assert.deepEqual(sampleOf(), { compared: 0, absurd: 0, median: 0 });
});

test('the median is not moved by one long session', () => {
  assert.deepEqual(sampleOf(MADE, MADE + 1, MADE + 40_000), { compared: 3, absurd: 0, median: 1 });
});

test('more than a day apart is counted, and not averaged in', () => {
  const sample = sampleOf(MADE + 2, MADE - 90 * 86_400, MADE + 400 * 86_400);
  assert.deepEqual(sample, { compared: 1, absurd: 2, median: 2 });
});

test('ids that tell no time and lines without one are passed over', () => {
  const sampler = new ClockSampler(new Date('2026-12-01T00:00:00Z'));
  const old = Buffer.from('UAA02587');
  sampler.add(MADE, old, 0, old.length);
  sampler.add(Number.NaN, ID, 0, ID.length);
  assert.equal(sampler.sample().compared, 0);
});
