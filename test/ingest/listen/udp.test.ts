import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { suite, test } from 'node:test';
import type { InternetAddress } from '../../../ingest/listen/address.ts';
import { dropsIn, hexAddress, kernelDrops } from '../../../ingest/listen/kernel-drops.ts';
import { UdpListener } from '../../../ingest/listen/udp.ts';
import { context, MemoryInlet, waitFor } from './memory-inlet.ts';

const ANY: InternetAddress = { transport: 'udp', host: '127.0.0.1', port: 0 };
const LINE = 'Nov 24 11:00:00 h a[1]: b';
const hasLogger = spawnSync('logger', ['--version']).status === 0;

async function send(address: InternetAddress, messages: readonly string[]): Promise<void> {
  const socket = createSocket(address.host.includes(':') ? 'udp6' : 'udp4');
  for (const message of messages) {
    await new Promise((resolve) =>
      socket.send(Buffer.from(message, 'latin1'), address.port, address.host, resolve),
    );
  }
  socket.close();
}

suite('UDP', () => {
  test('a datagram is a message', async () => {
    const inlet = new MemoryInlet();
    const listener = new UdpListener(ANY, context(inlet, { maxLine: 5000 }));
    const address = await listener.start();
    const messages = [
      `<22>${LINE}`,
      `<22>${LINE}\n\0`,
      '<22>Nov 24 11:00:00 a[1]: c\nd',
      '',
      `<22>${'x'.repeat(6000)}`,
    ];
    await send(address, messages);
    await inlet.until(4);
    assert.deepEqual(inlet.texts.slice(0, 3), [
      LINE,
      LINE,
      'Nov 24 11:00:00 127.0.0.1 a[1]: c#012d',
    ]);
    assert.equal(inlet.frames[3]?.kind, 'overlong');
    assert.equal(inlet.frames[3]?.length, 6004);
    const { frames, overlong, dropped, kernelDrops: drops } = listener.counters();
    assert.deepEqual([frames, overlong, dropped], [5, 1, 0]);
    if (existsSync('/proc/net/udp')) assert.equal(drops, 0);
    await listener.stop();
  });

  test('while the inlet is full, datagrams are dropped and counted', async () => {
    const inlet = new MemoryInlet();
    inlet.isAutomatic = false;
    inlet.capacity = 2;
    const own = context(inlet);
    const listener = new UdpListener(ANY, own);
    await send(await listener.start(), Array(10).fill(`<22>${LINE}`));
    await waitFor(
      () => listener.counters().frames === 10,
      () => 'ten datagrams',
    );
    assert.equal(listener.counters().dropped, 8);
    assert.equal(inlet.frames.length, 2);
    assert.equal(own.events.length, 1);
    await listener.stop();
  });

  test('what has arrived at the stop is taken', async () => {
    const inlet = new MemoryInlet();
    const listener = new UdpListener(ANY, context(inlet));
    await send(await listener.start(), Array(500).fill(`<22>${LINE}`));
    await listener.stop();
    assert.equal(inlet.frames.length, 500);
  });

  test('an address in use, or that is none of ours, is refused', async () => {
    const own = context(new MemoryInlet());
    const first = new UdpListener(ANY, own);
    const address = await first.start();
    await assert.rejects(new UdpListener(address, own).start(), /another program listens there/);
    await assert.rejects(
      new UdpListener({ ...ANY, host: '192.0.2.1' }, own).start(),
      /this host has no such address/,
    );
    await first.stop();
  });

  test('logger over UDP', { skip: !hasLogger }, async () => {
    const inlet = new MemoryInlet();
    const listener = new UdpListener(ANY, context(inlet));
    const { port } = await listener.start();
    for (const form of ['--rfc3164', '--rfc5424']) {
      spawnSync('logger', [
        '-n',
        '127.0.0.1',
        '-P',
        `${port}`,
        '-d',
        form,
        '-t',
        'sm',
        '-p',
        'mail.info',
        'hello',
      ]);
    }
    await inlet.until(2);
    for (const text of inlet.texts) assert.match(text, /\S+ sm: hello$/);
    await listener.stop();
  });
});

suite('drops of the kernel', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops',
    '  12: 0100007F:0202 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 19 2 00000000 7',
    '  13: 00000000:0202 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 20 2 00000000 9',
    'garbage',
  ].join('\n');

  test('are read for the address and the port', () => {
    assert.equal(dropsIn(table, '0100007F:0202'), 7);
    assert.equal(dropsIn(table, '00000000:0202'), 9);
    assert.equal(dropsIn(table, '0100007F:0203'), undefined);
    assert.equal(dropsIn('', '0100007F:0203'), undefined);
  });

  test('addresses as the kernel writes them', () => {
    assert.equal(hexAddress('127.0.0.1'), '0100007F');
    assert.equal(hexAddress('::1'), '00000000000000000000000001000000');
    assert.equal(hexAddress('2001:db8::1:2'), 'B80D0120000000000000000002000100');
    assert.equal(hexAddress('::ffff:192.0.2.1'), '0000000000000000FFFF0000010200C0');
    assert.equal(hexAddress('fe80::1%eth0'), '000080FE000000000000000001000000');
  });

  test('nothing where nothing is bound', () => {
    assert.equal(kernelDrops('127.0.0.1', 0), undefined);
    assert.equal(kernelDrops('no address', 1), undefined);
  });
});
