/** What systemd hears, read from a socket as systemd has one. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Notifier } from '../../../src/cli/serve/notify.ts';
import { loadLibc, unixSocketAddress } from '../../../src/system/libc.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-notify-'));
after(() => rmSync(folder, { recursive: true }));

/** A bound datagram socket. */
class Socket {
  readonly #libc = loadLibc();
  readonly #fd: number;

  constructor(path: string) {
    const { AF_UNIX, SOCK_DGRAM } = this.#libc.constants;
    this.#fd = this.#libc.socket(AF_UNIX, SOCK_DGRAM, 0);
    const address = unixSocketAddress(path);
    assert.equal(this.#libc.bind(this.#fd, address, address.length), 0);
  }

  /** What has come. */
  read(): readonly string[] {
    const bytes = Buffer.alloc(4096);
    const messages: string[] = [];
    for (let tries = 0; tries < 1000; tries += 1) {
      const { MSG_DONTWAIT } = this.#libc.constants;
      const length = Number(this.#libc.recv(this.#fd, bytes, bytes.length, MSG_DONTWAIT));
      if (length < 0) break;
      messages.push(bytes.toString('utf8', 0, length));
    }
    return messages;
  }

  close(): void {
    this.#libc.close(this.#fd);
  }
}

const NAMES = [join(folder, 'notify')];
if (process.platform === 'linux') NAMES.push(`@maillog-test-${process.pid}`);

for (const name of NAMES) {
  test(`ready, status, reloading and stopping, at ${name.startsWith('@') ? 'an abstract name' : 'a path'}`, () => {
    const socket = new Socket(name);
    try {
      const notifier = new Notifier({ NOTIFY_SOCKET: name });
      notifier.ready('taking logs', async () => true);
      notifier.status('the disk is full\nREADY=0');
      notifier.reloading();
      notifier.ready('taking logs', async () => true);
      notifier.stopping();
      const said = socket.read();
      assert.deepEqual(
        said.map((text) => text.replace(/\d{3,}/, 'N')),
        [
          'READY=1\nSTATUS=taking logs',
          'STATUS=the disk is full READY=0',
          'RELOADING=1\nMONOTONIC_USEC=N',
          'READY=1\nSTATUS=taking logs',
          'STOPPING=1',
        ],
      );
      const micros = Number(/MONOTONIC_USEC=(\d+)/.exec(said[2] ?? '')?.[1]);
      assert.ok(micros > 0 && micros <= Number(process.hrtime.bigint() / 1000n));
    } finally {
      socket.close();
    }
  });
}

test('a sign of life only while the store answers, and only for whom it was asked', async () => {
  const path = join(folder, 'watchdog');
  const socket = new Socket(path);
  const watchdog = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '20000' };
  let lives = true;
  const notifier = new Notifier({ ...watchdog, WATCHDOG_PID: String(process.pid) });
  const other = new Notifier({ ...watchdog, WATCHDOG_PID: String(process.pid + 1) });
  const count = (): number => socket.read().filter((text) => text === 'WATCHDOG=1').length;
  try {
    other.ready('', async () => true);
    await sleep(60);
    assert.equal(count(), 0);
    notifier.ready('', async () => lives);
    let heard = 0;
    for (let tries = 0; tries < 500 && heard < 3; tries += 1) {
      await sleep(10);
      heard += count();
    }
    assert.ok(heard >= 3);
    lives = false;
    await sleep(30);
    count();
    await sleep(60);
    assert.equal(count(), 0);
  } finally {
    notifier.stopping();
    other.stopping();
    socket.close();
  }
});

test('nobody asked, or whoever asked has gone: nothing happens', () => {
  for (const env of [{}, { NOTIFY_SOCKET: '' }, { NOTIFY_SOCKET: join(folder, 'gone') }]) {
    const notifier = new Notifier({ ...env, WATCHDOG_USEC: 'much' });
    notifier.ready('', async () => true);
    notifier.stopping();
  }
});
