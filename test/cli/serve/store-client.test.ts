import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { DaemonProcess, makeSite } from '../../support/daemon.ts';

test('asked for its health often, it leaves nothing behind that Node would warn of', async () => {
  const site = makeSite('store-client');
  const daemon = new DaemonProcess(site.db, ['--follow', join(site.folder, 'mail.log')]);
  try {
    await daemon.start();
    for (let n = 0; n < 15; n += 1) assert.equal((await daemon.health()).state, 'ok');
    assert.equal(await daemon.end(), 0);
    assert.equal(daemon.noise, '');
  } finally {
    await daemon.end('SIGKILL');
    site.remove();
  }
});
