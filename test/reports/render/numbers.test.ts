/** Numbers for people, above all where a rounding would step over a unit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  formatPlain,
  formatShare,
} from '../../../reports/render/numbers.ts';

test('counts', () => {
  assert.equal(formatCount(0), '0');
  assert.equal(formatCount(999), '999');
  assert.equal(formatCount(1000), '1,000');
  assert.equal(formatCount(-1234567), '-1,234,567');
  assert.equal(formatCount(12345678901234567890n), '12,345,678,901,234,567,890');
  assert.equal(formatCount(1.5), '1.5');
  assert.equal(formatCount(Number.NaN), '-');
});

test('bytes', () => {
  const expected: readonly (readonly [number, string])[] = [
    [0, '0 B'],
    [1, '1 B'],
    [1023, '1,023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [1023.94 * 1024, '1023.9 KiB'],
    [1023.96 * 1024, '1.0 MiB'],
    [1024 ** 2 - 1, '1.0 MiB'],
    [12 * 1024 ** 3, '12.0 GiB'],
    [Number.MAX_SAFE_INTEGER, '8.0 PiB'],
    [2 ** 90, '1073741824.0 EiB'],
    [-2048, '-2.0 KiB'],
    [Number.POSITIVE_INFINITY, '-'],
  ];
  for (const [bytes, text] of expected) {
    assert.equal(formatBytes(bytes), text);
  }
});

test('durations', () => {
  const expected: readonly (readonly [number, string])[] = [
    [0, '0 s'],
    [0.0004, '0 s'],
    [0.0005, '1 ms'],
    [0.035, '35 ms'],
    [0.9994, '999 ms'],
    [0.9996, '1.0 s'],
    [1.44, '1.4 s'],
    [9.94, '9.9 s'],
    [9.96, '10 s'],
    [42, '42 s'],
    [59.4, '59 s'],
    [59.5, '1m 00s'],
    [60, '1m 00s'],
    [185, '3m 05s'],
    [3599.9, '59m 59s'],
    [3600, '1h 00m'],
    [7650, '2h 07m'],
    [86_399, '23h 59m'],
    [86_400, '1d 00h'],
    [183_600, '2d 03h'],
    [100_000_000, '1,157d 09h'],
    [-65, '-1m 05s'],
    [Number.NaN, '-'],
  ];
  for (const [seconds, text] of expected) {
    assert.equal(formatDuration(seconds), text, String(seconds));
  }
});

test('shares are never rounded to none or all', () => {
  assert.equal(formatPercent(0), '0.0 %');
  assert.equal(formatPercent(0.00001), '<0.1 %');
  assert.equal(formatPercent(0.0005), '0.1 %');
  assert.equal(formatPercent(0.1234), '12.3 %');
  assert.equal(formatPercent(0.9994), '99.9 %');
  assert.equal(formatPercent(0.9995), '>99.9 %');
  assert.equal(formatPercent(0.999999), '>99.9 %');
  assert.equal(formatPercent(1), '100.0 %');
  assert.equal(formatPercent(2.5), '250.0 %');
  assert.equal(formatShare(1, 3), '33.3 %');
  assert.equal(formatShare(0, 0), '-');
});

test('plain numbers keep their digits', () => {
  assert.equal(formatPlain(2026), '2026');
  assert.equal(formatPlain(1234567), '1234567');
  assert.equal(formatPlain(0.1 + 0.2), '0.3');
  assert.equal(formatPlain(2.5), '2.5');
});
