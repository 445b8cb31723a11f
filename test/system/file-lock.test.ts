import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { tryLock, unlock } from '../../src/system/file-lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-lock-'));
after(() => rmSync(folder, { recursive: true }));
const isKnown = process.platform === 'linux' || process.platform === 'darwin';

/** What another process finds: `locked` or `free`. */
function seenByAnother(path: string, call: 'flock' | 'lockf'): string {
  const script = [
    'import fcntl, sys',
    'file = open(sys.argv[1], "r+")',
    'try:',
    `    fcntl.${call}(file, fcntl.LOCK_EX | fcntl.LOCK_NB)`,
    '    print("free")',
    'except OSError:',
    '    print("locked")',
  ].join('\n');
  return spawnSync('python3', ['-c', script, path], { encoding: 'utf8' }).stdout?.trim() ?? '';
}

const hasPython = spawnSync('python3', ['--version']).status === 0;

suite('file locks', { skip: !isKnown }, () => {
  test('one descriptor at a time has the lock', () => {
    const path = join(folder, 'box');
    const [one, other] = [openSync(path, 'a'), openSync(path, 'a')];
    assert.equal(tryLock(one), true);
    assert.equal(tryLock(one), true, 'again by the same is fine');
    assert.equal(tryLock(other), false);
    unlock(one);
    assert.equal(tryLock(other), true);
    assert.equal(tryLock(one), false);
    closeSync(other);
    assert.equal(tryLock(one), true, 'a lock ends with its descriptor');
    unlock(one);
    unlock(one);
    closeSync(one);
  });

  test('other programs see it, whichever way they ask', { skip: !hasPython }, () => {
    const path = join(folder, 'shared');
    const fd = openSync(path, 'a');
    const second = openSync(path, 'a');
    assert.equal(tryLock(fd), true);
    assert.equal(tryLock(second), false, 'and a try of our own takes nothing away');
    assert.equal(seenByAnother(path, 'flock'), 'locked');
    assert.equal(seenByAnother(path, 'lockf'), 'locked');
    unlock(fd);
    assert.equal(seenByAnother(path, 'flock'), 'free');
    assert.equal(seenByAnother(path, 'lockf'), 'free');
    closeSync(second);
    closeSync(fd);
  });

  test('a descriptor that is none is an error', () => {
    assert.throws(() => tryLock(9_999), /EBADF/);
  });
});
