import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { queueOwner, takeQueueLock } from '../../../src/mta/queue/queue-lock.ts';
import { temporaryFolder } from '../../support/mta-queue.ts';

function withFolder(work: (path: string) => void): void {
  const folder = temporaryFolder();
  try {
    work(folder.path);
  } finally {
    folder.remove();
  }
}

suite('lock of the queue', () => {
  test('one has it at a time, and leaves nothing when he gives it back', () =>
    withFolder((path) => {
      const first = takeQueueLock(path);
      assert.ok(first.kind === 'taken');
      const second = takeQueueLock(path);
      assert.ok(second.kind === 'held');
      assert.equal(second.owner.pid, process.pid);
      assert.equal(queueOwner(path)?.pid, process.pid);
      first.release();
      assert.deepEqual(readdirSync(path), []);
      assert.equal(queueOwner(path), undefined);
      assert.equal(takeQueueLock(path).kind, 'taken');
    }));

  test('of a process that is gone it is taken over, and of one whose id came again', () =>
    withFolder((path) => {
      const { pid } = spawnSync('true');
      const stale = [
        JSON.stringify({ pid, startedAt: '1' }),
        JSON.stringify({ pid: process.pid, startedAt: 'another boot:1' }),
        '{"pid":',
        '',
      ];
      for (const text of stale) {
        writeFileSync(join(path, 'lock'), text);
        assert.equal(queueOwner(path), undefined);
        const lock = takeQueueLock(path);
        assert.ok(lock.kind === 'taken', text);
        lock.release();
      }
      assert.deepEqual(readdirSync(path), []);
    }));
});
