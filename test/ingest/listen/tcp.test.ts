import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import type { InternetAddress } from '../../../ingest/listen/address.ts';
import type { Listener } from '../../../ingest/listen/listener.ts';
import type { TlsIdentity } from '../../../ingest/listen/stream-server.ts';
import { TcpListener } from '../../../ingest/listen/tcp.ts';
import { Client } from './client.ts';
import { context, MemoryInlet, type TestContext, waitFor } from './memory-inlet.ts';

const ANY: InternetAddress = { transport: 'tcp', host: '127.0.0.1', port: 0 };
const LINE = 'Nov 24 11:00:00 h a[1]: b';
const hasLogger = spawnSync('logger', ['--version']).status === 0;
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

interface Running {
  readonly inlet: MemoryInlet;
  readonly listener: Listener;
  readonly address: InternetAddress;
  readonly context: TestContext;
}

async function listening(
  limits: Partial<TestContext['limits']>,
  use: (running: Running) => Promise<void>,
  tls?: TlsIdentity,
): Promise<void> {
  const inlet = new MemoryInlet();
  const own = context(inlet, limits);
  const listener = new TcpListener(ANY, own, tls);
  const address = await listener.start();
  try {
    await use({ inlet, listener, address, context: own });
  } finally {
    inlet.capacity = Number.POSITIVE_INFINITY;
    await listener.stop();
  }
}

suite('TCP', () => {
  test('both framings on one connection, the peer as host where none is named', () =>
    listening({}, async ({ inlet, address, listener }) => {
      const client = await Client.plain(address);
      client.write(
        `<22>${LINE}\n${4 + LINE.length} <22>${LINE}<22>Nov 24 11:00:00 a[1]: c\n<22>half`,
      );
      await inlet.until(3);
      client.socket.end();
      await inlet.until(4);
      assert.deepEqual(inlet.texts.slice(0, 3), [LINE, LINE, 'Nov 24 11:00:00 127.0.0.1 a[1]: c']);
      assert.deepEqual(
        inlet.frames.map(({ kind }) => kind),
        ['line', 'line', 'line', 'cut'],
      );
      const { frames, cut, connectionsTotal } = listener.counters();
      assert.deepEqual(
        { frames, cut, connectionsTotal },
        { frames: 4, cut: 1, connectionsTotal: 1 },
      );
      await waitFor(
        () => listener.counters().connectionsOpen === 0,
        () => 'the place is given back',
      );
    }));

  test('a full inlet makes senders wait, and nothing is put meanwhile', () =>
    listening({}, async ({ inlet, address }) => {
      inlet.isAutomatic = false;
      inlet.capacity = 10;
      const clients = await Promise.all([1, 2, 3].map(() => Client.plain(address)));
      const count = 3000;
      const lines = Array.from({ length: count }, (_, i) => `<22>${LINE} ${i}\n`).join('');
      for (const client of clients) {
        client.write(lines);
        client.socket.end();
      }
      await inlet.until(10);
      await inlet.commitUntil(3 * count);
      assert.equal(inlet.frames.length, 3 * count);
      assert.equal(inlet.mostUncommitted, 10);
      assert.equal(new Set(inlet.texts).size, count);
    }));

  test('connections beyond the limits are refused, counted and reported once', () =>
    listening({ maxConnections: 5, maxPerPeer: 3 }, async ({ address, listener, context: own }) => {
      const clients = await Promise.all(Array.from({ length: 8 }, () => Client.plain(address)));
      await waitFor(
        () => listener.counters().connectionsRefused === 5,
        () => 'five refused',
      );
      assert.equal(listener.counters().connectionsOpen, 3);
      assert.deepEqual(own.events, ['refused: 127.0.0.1: 3 connections of it are open']);
      for (const client of clients) client.socket.destroy();
      await waitFor(
        () => listener.counters().connectionsOpen === 0,
        () => 'all closed',
      );
      const again = await Client.plain(address);
      await waitFor(
        () => listener.counters().connectionsOpen === 1,
        () => 'room again',
      );
      again.socket.destroy();
    }));

  test('a message that is begun and never ended costs its connection', () =>
    listening({ frameTimeoutMs: 100 }, async ({ address, inlet, listener }) => {
      const idle = await Client.plain(address);
      const slow = await Client.plain(address);
      slow.write('<22>begun');
      const drip = setInterval(() => slow.write('x'), 10);
      await slow.closes();
      clearInterval(drip);
      await inlet.until(1);
      assert.equal(inlet.frames[0]?.kind, 'cut');
      assert.match(inlet.texts[0] ?? '', /begunx+$/);
      idle.write(`<22>${LINE}\n`);
      await inlet.until(2);
      assert.equal(listener.counters().cut, 1);
      idle.socket.destroy();
    }));

  test('300 idle clients do not keep it from answering', () =>
    listening({}, async ({ address, inlet, listener }) => {
      const idle = await Promise.all(Array.from({ length: 300 }, () => Client.plain(address)));
      const client = await Client.plain(address);
      client.write(`<22>${LINE}\n`);
      await inlet.until(1);
      assert.equal(listener.counters().connectionsOpen, 301);
      for (const one of [...idle, client]) one.socket.destroy();
    }));

  test('what has arrived at the stop is taken', async () => {
    const inlet = new MemoryInlet();
    const listener = new TcpListener(ANY, context(inlet));
    const client = await Client.plain(await listener.start());
    const count = 1000;
    await new Promise((resolve) => client.socket.write(`<22>${LINE}\n`.repeat(count), resolve));
    await listener.stop();
    assert.equal(inlet.frames.length, count);
    await client.closes();
  });

  test('at the stop, what waits for room is put as there is some; what finds none is told', async () => {
    for (const [makesRoom, put, dropped] of [
      [true, 10, 0],
      [false, 3, 1],
    ] as const) {
      const inlet = new MemoryInlet();
      inlet.isAutomatic = false;
      inlet.capacity = 3;
      const own = context(inlet, { stopGraceMs: makesRoom ? 5000 : 50 });
      const listener = new TcpListener(ANY, own);
      const client = await Client.plain(await listener.start());
      client.write(`<22>${LINE}\n`.repeat(10));
      await inlet.until(3);
      const stopped = listener.stop();
      if (makesRoom) await inlet.commitUntil(10);
      await stopped;
      assert.equal(inlet.frames.length, put);
      assert.equal(listener.counters().dropped, dropped);
      assert.equal(own.events.length, dropped);
      await client.closes();
    }
  });

  test('an address in use is refused with what is wrong', () =>
    listening({}, async ({ address, context: own }) => {
      const second = new TcpListener(address, own);
      await assert.rejects(second.start(), /cannot listen on tcp:.*another program listens there/);
    }));

  test('an inlet that is closed ends the connection, not the process', () =>
    listening({}, async ({ address, inlet, listener }) => {
      inlet.isClosed = true;
      const client = await Client.plain(address);
      client.write(`<22>${LINE}\n`);
      await client.closes();
      await waitFor(
        () => listener.counters().errors > 0,
        () => 'an error',
      );
    }));

  test('resets and rubbish leave it up', () =>
    listening({ maxLine: 1000 }, async ({ address, inlet }) => {
      for (const rubbish of [
        '\0'.repeat(5000),
        '999999999 <',
        'x'.repeat(200_000),
        '\x16\x03\x01',
      ]) {
        const client = await Client.plain(address);
        client.write(rubbish);
        client.socket.resetAndDestroy();
      }
      const client = await Client.plain(address);
      client.write(`<22>${LINE}\n`);
      await waitFor(
        () => inlet.texts.includes(LINE),
        () => 'the line',
      );
      client.socket.destroy();
    }));

  for (const framing of ['--octet-count', '']) {
    test(`logger over TCP ${framing}`, { skip: !hasLogger }, () =>
      listening({}, async ({ address, inlet }) => {
        const options = framing === '' ? [] : [framing];
        for (const form of ['--rfc3164', '--rfc5424']) {
          const to = ['-n', '127.0.0.1', '-P', String(address.port), '-T'];
          await new Promise<void>((resolve, reject) => {
            const child = spawnLogger([
              ...to,
              ...options,
              form,
              '-t',
              'sendmail',
              '-p',
              'mail.info',
              'hello',
            ]);
            child.on('error', reject);
            child.on('close', () => resolve());
          });
        }
        await inlet.until(2);
        assert.match(inlet.texts[0] ?? '', /^[A-Z][a-z]{2} [ \d]\d [\d:]{8} \S+ sendmail: hello$/);
        assert.match(
          inlet.texts[1] ?? '',
          /^\d{4}-\d\d-\d\dT[\d:.]+[+-][\d:]+ \S+ sendmail: hello$/,
        );
      }),
    );
  }
});

suite('TLS', { skip: !hasOpenssl }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'maillog-listen-'));
  after(() => rmSync(folder, { recursive: true }));
  const identity = (name: string): TlsIdentity => {
    const key = join(folder, `${name}.key`);
    const cert = join(folder, `${name}.crt`);
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    const subject = ['-nodes', '-days', '2', '-subj', `/CN=${name}`, '-keyout', key, '-out', cert];
    execFileSync('openssl', [...request, ...subject], { stdio: 'ignore' });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  };
  const server = hasOpenssl ? identity('server') : { key: '', cert: '' };

  test('lines come through, broken handshakes are counted', () =>
    listening(
      { handshakeTimeoutMs: 200 },
      async ({ address, inlet, listener }) => {
        const plain = await Client.plain(address);
        plain.write('<22>no TLS at all\n');
        const silent = await Client.plain(address);
        const reset = await Client.plain(address);
        reset.socket.resetAndDestroy();
        const client = await Client.tls(address, {});
        client.write(`${4 + LINE.length} <22>${LINE}<22>${LINE}\n`);
        await inlet.until(2);
        await plain.closes();
        await silent.closes();
        await waitFor(
          () => listener.counters().connectionsOpen === 1,
          () => 'only one is left',
        );
        assert.ok(listener.counters().errors >= 2);
        client.socket.end();
        await waitFor(
          () => listener.counters().connectionsOpen === 0,
          () => 'none is left',
        );
        assert.deepEqual(inlet.texts, [LINE, LINE]);
      },
      server,
    ));

  test('with a CA for clients, only those with its certificate are let in', async () => {
    const known = identity('known');
    const unknown = identity('unknown');
    const clientCa = known.cert;
    await listening(
      {},
      async ({ address, inlet, listener }) => {
        for (const options of [{}, { key: unknown.key, cert: unknown.cert }]) {
          const refused = await Client.tls(address, options);
          refused.write(`<22>${LINE} refused\n`);
          await refused.closes();
        }
        const client = await Client.tls(address, { key: known.key, cert: known.cert });
        client.write(`<22>${LINE}\n`);
        await inlet.until(1);
        assert.deepEqual(inlet.texts, [LINE]);
        client.socket.destroy();
        await waitFor(
          () => listener.counters().connectionsOpen === 0,
          () => 'all places given back',
        );
      },
      { ...server, clientCa },
    );
  });

  test('a key that is none is told', async () => {
    const own = context(new MemoryInlet());
    const listener = new TcpListener(ANY, own, { key: 'no key', cert: 'no certificate' });
    await assert.rejects(listener.start(), /the key, certificate or client CA cannot be used/);
    await listener.stop();
  });

  test('a handshake under way does not hold up the stop', async () => {
    const listener = new TcpListener(ANY, context(new MemoryInlet()), server);
    const address = await listener.start();
    const socket = connect(address.port, address.host);
    socket.on('error', () => undefined);
    await waitFor(
      () => listener.counters().connectionsOpen === 1,
      () => 'the connection',
    );
    await listener.stop();
    assert.equal(listener.counters().connectionsOpen, 0);
    socket.destroy();
  });
});

function spawnLogger(options: readonly string[]) {
  return spawn('logger', options, { stdio: 'ignore' });
}
