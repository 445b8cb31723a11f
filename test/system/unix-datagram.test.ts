import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { UnixDatagramSender } from '../../src/system/unix-datagram.ts';
import { UnixReceiver } from '../support/unix-receiver.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-unix-'));
after(() => rmSync(folder, { recursive: true }));
const isKnown = process.platform === 'linux' || process.platform === 'darwin';

suite('datagrams over a connected Unix socket', { skip: !isKnown }, () => {
  test('a receiver that comes, goes and comes again', () => {
    const path = join(folder, 'log');
    const sender = new UnixDatagramSender(path);
    assert.deepEqual(sender.send(Buffer.from('early')), { kind: 'failed', error: 'ENOENT' });
    const first = new UnixReceiver(path);
    assert.deepEqual(sender.send(Buffer.from('one')), { kind: 'sent' });
    assert.deepEqual(sender.send(Buffer.from('two')), { kind: 'sent' });
    assert.deepEqual(first.read(), ['one', 'two']);
    first.close();
    assert.equal(sender.send(Buffer.from('gone')).kind, 'failed');
    const second = new UnixReceiver(path);
    assert.deepEqual(sender.send(Buffer.from('three')), { kind: 'sent' });
    assert.deepEqual(second.read(), ['three']);
    second.close();
    const third = new UnixReceiver(path);
    assert.deepEqual(sender.send(Buffer.from('four')), { kind: 'sent' }, 'restarted in between');
    assert.deepEqual(third.read(), ['four']);
    third.close();
    sender.close();
    sender.close();
  });

  test('a receiver that does not read', () => {
    const path = join(folder, 'slow');
    const receiver = new UnixReceiver(path);
    const sender = new UnixDatagramSender(path);
    const bytes = Buffer.alloc(1_000, 'x');
    let sent = 0;
    while (sent < 1_000_000 && sender.send(bytes).kind === 'sent') sent += 1;
    assert.deepEqual(sender.send(bytes), { kind: 'full' });
    assert.equal(receiver.read().length, sent);
    assert.deepEqual(sender.send(bytes), { kind: 'sent' });
    sender.close();
    receiver.close();
  });

  test('what cannot be sent is an outcome', () => {
    const sender = new UnixDatagramSender('x'.repeat(500));
    assert.equal(sender.send(Buffer.from('x')).kind, 'failed');
    sender.close();
  });
});
