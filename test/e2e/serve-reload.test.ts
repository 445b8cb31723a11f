/** Configurations that change while the daemon runs: no line is lost or read again, a mistake changes nothing. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { RemoteStore } from '../../src/store/remote/client.ts';
import type { DaemonProcess } from '../support/daemon.ts';
import {
  assertStored,
  asText,
  daemonProcess,
  LINES,
  newPlace,
  READ,
  send,
  TCP,
} from '../support/serve-site.ts';

suite('another configuration', () => {
  const settings = (fields: Readonly<Record<string, unknown>>): string =>
    `[serve]\n${Object.entries(fields)
      .map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`)
      .join('')}`;

  /** Sends SIGHUP and waits for what it leads to; the log's line. */
  async function reloaded(daemon: DaemonProcess, message = 'reloaded') {
    const from = daemon.lines.length;
    daemon.signal('SIGHUP');
    for (let tries = 0; tries < 2000; tries += 1) {
      const line = daemon.lines.slice(from).find(({ msg }) => msg === message);
      if (line !== undefined) return line;
      await sleep(5);
    }
    throw new Error(`never said ${message}: ${JSON.stringify(daemon.lines.slice(from))}`);
  }

  test('logs come and go, and no line is lost or read again', async () => {
    const { db, log } = newPlace();
    const other = `${log}.other`;
    const config = `${log}.toml`;
    writeFileSync(log, asText(LINES.slice(0, 2000)));
    writeFileSync(other, asText(LINES.slice(2000, 4000)));
    writeFileSync(config, settings({ follow: [log] }));
    const daemon = daemonProcess(db, ['--config', config]);
    await daemon.start();
    // While it reads.
    for (let turn = 0; turn < 6; turn += 1) {
      const follow = turn % 2 === 0 ? [log, other] : [other];
      writeFileSync(config, settings({ follow, log_level: 'debug' }));
      await reloaded(daemon);
      appendFileSync(log, asText(LINES.slice(4000 + turn * 300, 4300 + turn * 300)));
      await sleep(20);
    }
    writeFileSync(config, settings({ follow: [other, log], log_level: 'debug' }));
    await reloaded(daemon);
    assert.equal(await daemon.end(), 0);
    assert.ok(daemon.lines.some(({ level }) => level === 'debug'));
    assert.deepEqual(
      daemon.lines.filter(({ level }) => level === 'warn' || level === 'error'),
      [],
    );
    await assertStored(db, LINES.slice(0, 5800));
  });

  test('one with a mistake changes nothing and is told of', async () => {
    const { db, log } = newPlace();
    const config = `${log}.toml`;
    writeFileSync(log, '');
    writeFileSync(config, settings({ follow: [log], listen: [TCP] }));
    const daemon = daemonProcess(db, ['--config', config]);
    await daemon.start();
    const { port } = daemon.bound(TCP);
    const mistakes: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
      [{ follow: 7 }, /serve\.follow is 7/],
      [{ listen: ['tcp://nonsense'] }, /must be TRANSPORT/],
      [{ folow: [log] }, /there is no setting serve\.folow/],
      [
        { follow: [], listen: [TCP, 'unix:///none/socket', 'udp://127.0.0.1:0'] },
        /cannot listen on unix:\/\/\/none\/socket: .*folder does not exist/,
      ],
      [{ listen: ['tls://127.0.0.1:0'] }, /need serve\.tls_key/],
    ];
    for (const [fields, message] of mistakes) {
      writeFileSync(config, settings(fields));
      const { reason, level } = await reloaded(daemon, 'not reloaded: nothing was changed');
      assert.match(String(reason), message);
      assert.equal(level, 'error');
    }
    appendFileSync(log, asText(LINES.slice(0, 100)));
    await send(new URL(`tcp://127.0.0.1:${port}`), LINES.slice(100, 200));
    assert.deepEqual(await daemon.until(READ, ({ n }) => n === 200), { n: 200 });
    const { listeners } = await daemon.health();
    assert.equal((listeners as readonly unknown[]).length, 1);
    assert.equal(await daemon.end(), 0);
    await assertStored(db, LINES.slice(0, 200));
  });

  test('listeners come and go; one that stays is not disturbed, what a removed one took is stored', async () => {
    const { db, log } = newPlace();
    const config = `${log}.toml`;
    const second = 'tcp://127.0.0.2:0';
    writeFileSync(config, settings({ listen: [TCP, second] }));
    const daemon = daemonProcess(db, ['--config', config]);
    await daemon.start();
    const stays = connectTcp(Number(daemon.bound(TCP).port), '127.0.0.1');
    await new Promise((resolve) => stays.once('connect', resolve));
    await send(daemon.bound(second), LINES.slice(0, 1000));
    writeFileSync(config, settings({ listen: [TCP, 'udp://127.0.0.1:0'], max_per_peer: 2000 }));
    await reloaded(daemon);
    stays.end(asText(LINES.slice(1000, 1500).map((line) => `<22>${line}`)));
    assert.deepEqual(await daemon.until(READ, ({ n }) => n === 1500), { n: 1500 });
    await gone(`${db}.spool`, 'tcp_127.0.0.2_0');
    // It may come again, and goes on where its count of bytes was.
    writeFileSync(config, settings({ listen: [TCP, second], http: '127.0.0.1:0' }));
    await reloaded(daemon);
    await send(daemon.bound(second), LINES.slice(1500, 2000));
    assert.deepEqual(await daemon.until(READ, ({ n }) => n === 2000), { n: 2000 });
    const restart = daemon.lines.find(({ msg }) => msg.includes('at the next start'));
    assert.deepEqual(restart?.settings, ['serve.http']);
    assert.equal(await daemon.end(), 0);
    await assertStored(db, LINES.slice(0, 2000));
  });

  test('a listener removed while no daemon ran: its spool is stored at the next start', async () => {
    const { db, log } = newPlace();
    writeFileSync(log, '');
    const daemon = daemonProcess(db, ['--listen', TCP]);
    await daemon.start();
    const bound = daemon.bound(TCP);
    // One that writes keeps the store for itself, so that all stays in the spool.
    const store = await RemoteStore.connect(`${db}.sock`);
    await store.begin();
    await send(bound, LINES.slice(0, 500));
    // In the file, where it survives.
    const spooled = (): number => {
      const [folder = ''] = readdirSync(`${db}.spool`).filter((name) => name.startsWith('tcp'));
      const [segment = ''] = readdirSync(join(`${db}.spool`, folder));
      return statSync(join(`${db}.spool`, folder, segment)).size;
    };
    const size = Buffer.byteLength(asText(LINES.slice(0, 500)));
    for (let tries = 0; tries < 1000 && spooled() < size; tries += 1) await sleep(5);
    await daemon.end('SIGKILL');
    await store.close();
    const next = daemonProcess(db, [log]);
    await next.start();
    assert.ok(next.lines.some(({ msg }) => msg === 'the spool of a removed listener is stored'));
    assert.deepEqual(await next.until(READ, ({ n }) => n === 500), { n: 500 });
    await gone(`${db}.spool`, 'tcp_127.0.0.1_0');
    assert.equal(await next.end(), 0);
    await assertStored(db, LINES.slice(0, 500));
  });

  async function gone(folder: string, name: string): Promise<void> {
    const isThere = (): boolean => readdirSync(folder).some((one) => one.startsWith(name));
    for (let tries = 0; tries < 1000 && isThere(); tries += 1) await sleep(10);
    assert.equal(isThere(), false);
  }

  // Not skipped where there is none, since it is no part of what must be there.
  if (spawnSync('openssl', ['version']).status === 0) {
    test('a renewed certificate is shown to new connections, and open ones go on', async () => {
      const { db, log } = newPlace();
      const [key, cert, config] = [`${log}.key`, `${log}.crt`, `${log}.toml`];
      const renew = (name: string): void => {
        const request = [
          'req',
          '-x509',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:prime256v1',
        ];
        const rest = ['-nodes', '-days', '2', '-subj', `/CN=${name}`, '-keyout', key, '-out', cert];
        execFileSync('openssl', [...request, ...rest], { stdio: 'ignore' });
      };
      renew('old');
      const tls = 'tls://127.0.0.1:0';
      const fields = { listen: [tls], tls_key: key, tls_cert: cert };
      writeFileSync(config, settings(fields));
      const daemon = daemonProcess(db, ['--config', config]);
      await daemon.start();
      const port = Number(daemon.bound(tls).port);
      const old = await tlsClient(port);
      assert.equal(old.getPeerCertificate().subject.CN, 'old');
      renew('new');
      await reloaded(daemon);
      const fresh = await tlsClient(port);
      assert.equal(fresh.getPeerCertificate().subject.CN, 'new');
      await sendAll(old, LINES.slice(0, 100));
      await sendAll(fresh, LINES.slice(100, 200));
      assert.deepEqual(await daemon.until(READ, ({ n }) => n === 200), { n: 200 });
      // With an authority for clients it is another kind of listener, opened anew.
      writeFileSync(config, settings({ ...fields, tls_ca: cert }));
      await reloaded(daemon);
      const stranger = await tlsClient(Number(daemon.bound(tls).port));
      const refused = new Promise((resolve) => stranger.once('close', resolve));
      stranger.on('error', () => undefined).write('x');
      await refused;
      writeFileSync(key, 'no key');
      const { reason } = await reloaded(daemon, 'not reloaded: nothing was changed');
      assert.match(String(reason), /are no certificate with its key/);
      assert.equal(await daemon.end(), 0);
      await assertStored(db, LINES.slice(0, 200));
    });
  }

  async function tlsClient(port: number): Promise<TLSSocket> {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await new Promise((resolve, reject) => {
      socket.once('secureConnect', () => resolve(undefined)).once('error', reject);
    });
    return socket;
  }

  async function sendAll(socket: Socket, lines: readonly string[]): Promise<void> {
    await new Promise<void>((resolve) =>
      socket.end(asText(lines.map((line) => `<22>${line}`)), resolve),
    );
  }
});
