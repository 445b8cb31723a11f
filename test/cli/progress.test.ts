/** The progress line: what it says, that it fits, and that it is only for terminals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { displayWidth } from '../../reports/render/display-width.ts';
import { progressLine, type Reading, startProgress } from '../../src/cli/progress.ts';
import { memoryIo } from './memory-io.ts';

const READING: Reading = {
  label: 'maillog',
  bytes: 30_000_000,
  totalBytes: 120_000_000,
  lines: 131_250,
  seconds: 1.5,
};
const WIDE = { width: 80, unicode: true };

test('name, bar, share, lines, speed and what is left', () => {
  assert.equal(
    progressLine(READING, WIDE),
    `maillog  ██████▌${' '.repeat(19)}  25.0 %  131,250 lines  87,500/s  5.0 s left`,
  );
});

test('a pipe has no end to look forward to', () => {
  assert.equal(
    progressLine({ ...READING, label: '-', totalBytes: null, seconds: 61.9 }, WIDE),
    '-  131,250 lines  2,120/s  28.6 MiB  1m 01s',
  );
});

test('nothing is made up before there is something to reckon with', () => {
  const none = { ...READING, bytes: 0, lines: 0, seconds: 0 };
  assert.match(progressLine(none, WIDE), / 0\.0 % {2}0 lines {2}-\/s {2}- left$/);
  assert.match(progressLine({ ...none, totalBytes: 0 }, WIDE), /^maillog {2}- {2}0 lines/);
  // A file may have grown since it was measured.
  assert.match(progressLine({ ...READING, totalBytes: 1000 }, WIDE), /100\.0 % .* 0 s left$/);
});

test('the line fits and is safe, whatever the file is called', () => {
  for (const label of ['x'.repeat(200), '例え'.repeat(50), '\x1b[2J\n/var/log/\u202emaillog']) {
    for (const width of [1, 10, 20, 40, 60, 80, 200]) {
      for (const unicode of [true, false]) {
        const line = progressLine({ ...READING, label }, { width, unicode });
        assert.ok(displayWidth(line) <= width);
        assert.doesNotMatch(line, /\p{C}/u);
      }
    }
  }
});

test('without a terminal there is no line', async () => {
  const io = memoryIo();
  const meter = await startProgress(io, { label: 'maillog', totalBytes: 100 });
  meter.update(50, 5);
  meter.stop();
  assert.deepEqual(io.written(), { stdout: '', stderr: '' });
});

test('on a terminal the line is drawn on stderr only, and is gone at the end', async () => {
  const io = memoryIo({ isTerminal: true, columns: 80 });
  const meter = await startProgress(io, { label: 'maillog', totalBytes: 100 });
  meter.update(100, 5);
  meter.stop();
  const { stdout, stderr } = io.written();
  assert.equal(stdout, '');
  assert.match(stderr, /maillog .* 0\.0 % {2}0 lines/);
  assert.match(stderr, /maillog {2}█+ {2}100\.0 % {2}5 lines/);
  assert.ok(stderr.endsWith('\x1b[1G\x1b[2K'));
  assert.ok(!stderr.includes('\x1b[?'), 'modes of the terminal are left alone');
});
