import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { sendDatagram } from '../../src/system/datagram-send.ts';
import { loadLibc, unixSocketAddress } from '../../src/system/libc.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-datagram-'));
after(() => rmSync(folder, { recursive: true }));
const isKnown = process.platform === 'linux' || process.platform === 'darwin';

suite('datagrams to Unix sockets', { skip: !isKnown }, () => {
  test('an abstract name', { skip: process.platform !== 'linux' }, () => {
    const libc = loadLibc();
    const { AF_UNIX, SOCK_DGRAM, MSG_DONTWAIT } = libc.constants;
    const name = `@maillog-test-${process.pid}`;
    const fd = libc.socket(AF_UNIX, SOCK_DGRAM, 0);
    const address = unixSocketAddress(name);
    assert.equal(libc.bind(fd, address, address.length), 0);
    assert.deepEqual(sendDatagram(name, Buffer.from('READY=1')), { sent: true });
    const into = Buffer.alloc(100);
    assert.equal(libc.recv(fd, into, into.length, MSG_DONTWAIT), 7);
    assert.equal(into.toString('latin1', 0, 7), 'READY=1');
    libc.close(fd);
  });

  test('nobody there is an outcome', () => {
    assert.deepEqual(sendDatagram(join(folder, 'nobody'), Buffer.from('x')), {
      sent: false,
      error: 'ENOENT',
    });
    assert.equal(sendDatagram('', Buffer.from('x')).sent, false);
    assert.equal(sendDatagram('x'.repeat(500), Buffer.from('x')).sent, false);
  });

  test('the address as each system has it', () => {
    assert.deepEqual([...unixSocketAddress('/a', 'darwin')], [4, 1, 0x2f, 0x61, 0]);
    assert.deepEqual([...unixSocketAddress('/a', 'linux').subarray(2)], [0x2f, 0x61, 0]);
    assert.deepEqual([...unixSocketAddress('@a', 'linux').subarray(2)], [0, 0x61]);
    assert.throws(() => unixSocketAddress('/a', 'win32'), /path of a socket/);
  });
});
