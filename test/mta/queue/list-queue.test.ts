import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ActivityFile, activeMessages } from '../../../src/mta/queue/activity.ts';
import { listQueue } from '../../../src/mta/queue/list-queue.ts';
import { takeQueueLock } from '../../../src/mta/queue/queue-lock.ts';
import { envelopeOf, queueSite } from '../../support/mta-queue.ts';

test('the queue is read beside the daemon that has it', async () => {
  const { spool, queue, close } = await queueSite();
  const { folder } = spool;
  try {
    for (const id of ['AA1', 'AA2', 'BAD']) await queue(envelopeOf(id));
    writeFileSync(join(folder, 'qfBAD'), 'x');
    const lock = takeQueueLock(folder);
    assert.ok(lock.kind === 'taken');
    const release = spool.locks.tryTake('AA2');
    const activity = new ActivityFile(folder, () => spool.locks.held);
    activity.start();
    await activity.write();
    const { entries, damaged } = await listQueue(folder);
    assert.deepEqual(
      entries.map(({ state, size, isActive }) => [state.envelope.id, size, isActive]).sort(),
      [
        ['AA1', 22, false],
        ['AA2', 22, true],
      ],
    );
    assert.deepEqual(damaged, ['BAD']);
    lock.release();
    assert.equal(activeMessages(folder).size, 0);
    await activity.stop();
    release?.();
    await assert.rejects(listQueue(join(folder, 'none')));
  } finally {
    await close();
  }
});
