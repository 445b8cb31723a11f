/**
 * Hostile and sick clients against the running daemon: whatever they do, it stays up, stays small, answers,
 * and takes the lines of a good sender meanwhile, all of them.
 */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { socketPathOf } from '../../src/store/remote/socket-path.ts';
import { sendDatagram } from '../../src/system/datagram-send.ts';
import { hasOpenssl, makeCertificates } from '../support/certificates.ts';
import { DaemonProcess, makeSite } from '../support/daemon.ts';
import { randomSource } from '../support/random.ts';
import {
  closed,
  GoodSender,
  garbage,
  inParallel,
  misbehave,
  open,
  type Place,
  randomBytes,
} from './sick-clients.ts';

const MOST_MEGABYTES = 700;
const CONNECTIONS = 2_000;
const DATAGRAMS = 2_000;
const AT_ONCE = 40;
const IDLE = 1_000;
const TEN_MEGABYTES = 10_000_000;
const PATIENCE_MS = 20_000;

const site = makeSite('sick');
after(() => site.remove());

const TCP = 'tcp://127.0.0.1:0';
const TLS = 'tls://127.0.0.1:0';
const RELP = 'relp://127.0.0.1:0';
const RELPS = 'relps://127.0.0.1:0';
const UDP = 'udp://127.0.0.1:0';

function place(daemon: DaemonProcess, listener: string, from?: string): Place {
  const isTls = listener === TLS || listener === RELPS;
  const port = Number(daemon.bound(listener).port);
  return { port, isTls, ...(from === undefined ? {} : { from }) };
}

interface ListenerHealth {
  readonly address: string;
  readonly counters: Readonly<Record<string, number>>;
}

async function counter(daemon: DaemonProcess, listener: string, name: string): Promise<number> {
  const { listeners } = (await daemon.health()) as { listeners: readonly ListenerHealth[] };
  return listeners.find(({ address }) => address === listener)?.counters[name] ?? -1;
}

/** The counter's value once it is right, or the last one seen. */
async function counterUntil(
  daemon: DaemonProcess,
  [listener, name]: readonly [string, string],
  isRight: (value: number) => boolean,
): Promise<number> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await counter(daemon, listener, name);
    if (isRight(value) || Date.now() > deadline) return value;
    await sleep(20);
  }
}

/** The most it ever had in memory. */
function peakMegabytes(pid: number): number {
  const found = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1] ?? 0) / 1024;
}

async function write(socket: Socket, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length && !socket.destroyed; at += 1 << 20) {
    await new Promise<void>((done) => {
      socket.write(bytes.subarray(at, at + (1 << 20)), () => done());
    });
  }
}

function heard(socket: Socket): { text: string } {
  const received = { text: '' };
  socket.on('data', (bytes: Buffer) => {
    received.text += bytes.toString('latin1');
  });
  return received;
}

const events = (daemon: DaemonProcess, kind: string) =>
  daemon.lines.filter((line) => line.msg === 'listener' && line.kind === kind);

suite('all listeners', { skip: hasOpenssl() ? false : 'no openssl command' }, () => {
  const unix = `unix://${join(site.folder, 'log')}`;
  let daemon: DaemonProcess;
  let good: GoodSender;
  let http: URL;

  before(async () => {
    const { server } = makeCertificates(site.folder);
    const listeners = [TCP, TLS, RELP, RELPS, UDP, unix].flatMap((one) => ['--listen', one]);
    const tls = ['--tls-key', server.key, '--tls-cert', server.cert];
    daemon = new DaemonProcess(site.db, [...listeners, ...tls, '--http', '127.0.0.1:0']);
    await daemon.start();
    http = new URL(String(daemon.lines.find(({ url }) => url !== undefined)?.url));
    good = await GoodSender.start(
      [TCP, RELP, TLS].map((one) => place(daemon, one)),
      1,
    );
  });

  after(() => daemon.end());

  test(`${CONNECTIONS} connections of malformed frames`, async () => {
    const random = randomSource(20_261_124);
    const places = [TCP, RELP, TCP, RELP, TCP, RELP, TLS, RELPS].map((one) => place(daemon, one));
    await inParallel(CONNECTIONS, AT_ONCE, (index) => {
      const where = places[index % places.length];
      assert.ok(where !== undefined);
      return misbehave(where, random);
    });
    for (const listener of [TLS, RELPS, RELP]) {
      assert.ok((await counter(daemon, listener, 'errors')) > 0, listener);
    }
  });

  test(`${DATAGRAMS} malformed datagrams each over UDP and the Unix socket`, async () => {
    const random = randomSource(7);
    const socket = createSocket('udp4');
    const udpPort = place(daemon, UDP).port;
    let taken = 0;
    for (let index = 0; index < DATAGRAMS; index += 1) {
      const bytes = random.chance(0.1) ? randomBytes(random, 60_000) : garbage(random);
      socket.send(bytes, udpPort, '127.0.0.1');
      const outcome = sendDatagram(unix.slice('unix://'.length), bytes);
      // An empty one is no message.
      if (outcome.sent && bytes.length > 0) taken += 1;
      else if (!outcome.sent) await sleep(1);
    }
    await new Promise<void>((done) =>
      socket.send('<22>last\n', udpPort, '127.0.0.1', () => done()),
    );
    socket.close();
    const read = await counterUntil(daemon, [unix, 'frames'], (frames) => frames >= taken);
    assert.ok(taken > 0 && read === taken, `${read} of ${taken}`);
  });

  test('lines of 10 MB', async () => {
    const bytes = Buffer.alloc(TEN_MEGABYTES, 'x');
    const line = Buffer.concat([Buffer.from('<22>'), bytes, Buffer.from('\n')]);
    const counted = Buffer.concat([Buffer.from(`${TEN_MEGABYTES + 4} <22>`), bytes]);
    const before = await counter(daemon, TCP, 'overlong');
    for (const message of [line, counted]) {
      const sockets = await Promise.all([TCP, TLS].map((one) => open(place(daemon, one))));
      await Promise.all(sockets.map((socket) => write(socket, message)));
      for (const socket of sockets) socket.end();
    }
    const after = await counterUntil(daemon, [TCP, 'overlong'], (n) => n >= before + 2);
    assert.equal(after, before + 2);
    const relp = await open(place(daemon, RELP));
    const received = heard(relp);
    const frames = `1 open 14 relp_version=1\n2 syslog ${TEN_MEGABYTES} `;
    await write(relp, Buffer.concat([Buffer.from(frames), bytes, Buffer.from('\n3 close 0\n')]));
    assert.ok(await closed(relp));
    assert.match(received.text, /\n2 rsp \d+ 500 longer than 65536 bytes/);
    assert.match(received.text, /\n3 rsp 6 200 OK\n/);
    const absurd = await open(place(daemon, RELP));
    await write(absurd, Buffer.from('1 open 14 relp_version=1\n2 syslog 999999999 xxxx'));
    assert.ok(await closed(absurd));
  });

  test('clients that never read their answers, and some that never shake hands', async () => {
    const deaf = await open(place(daemon, RELP));
    deaf.pause();
    const opens = Buffer.from('1 open 14 relp_version=1\n'.repeat(20_000));
    deaf.write(opens);
    const silent = await Promise.all(
      Array.from({ length: 50 }, () => open({ ...place(daemon, TLS), isTls: false })),
    );
    const lateComer = await open(place(daemon, TLS));
    assert.equal(lateComer.destroyed, false);
    for (const socket of [deaf, lateComer, ...silent]) socket.destroy();
  });

  test(`${IDLE} idle clients, and one more that is served`, async () => {
    const sockets: Socket[] = [];
    const refused = await counter(daemon, TCP, 'connectionsRefused');
    await inParallel(IDLE, AT_ONCE, async () => sockets.push(await open(place(daemon, TCP))));
    assert.ok((await counterUntil(daemon, [TCP, 'connectionsOpen'], (n) => n > IDLE)) > IDLE);
    assert.equal(sockets.filter(({ destroyed }) => destroyed).length, 0);
    const frames = await counter(daemon, TCP, 'frames');
    const late = await open(place(daemon, TCP));
    late.end(
      '<22>2026-11-24T10:00:00+00:00 late sm-mta[5]: 6AOA00Ab000005: to=<late@corp.example>, delay=00:00:01, xdelay=00:00:00, mailer=local, pri=1, dsn=2.0.0, stat=Sent\n',
    );
    const sql = "SELECT count(*) AS n FROM deliveries WHERE host = 'late'";
    assert.equal((await daemon.until(sql, ({ n }) => n === 1, PATIENCE_MS)).n, 1);
    assert.ok((await counter(daemon, TCP, 'frames')) > frames);
    for (const socket of sockets) socket.destroy();
    assert.equal(await counterUntil(daemon, [TCP, 'connectionsOpen'], (n) => n === 1), 1);
    assert.equal(await counter(daemon, TCP, 'connectionsRefused'), refused);
  });

  test('garbage on the control socket', async () => {
    const random = randomSource(64);
    const path = socketPathOf(site.db);
    await inParallel(300, 20, async () => {
      const socket = connect(path);
      socket.on('error', () => undefined);
      socket.write(controlGarbage(random));
      await sleep(random.below(5));
      socket.destroy();
      await closed(socket);
    });
    const many = Array.from({ length: 100 }, () => connect(path).on('error', () => undefined));
    await sleep(50);
    for (const socket of many) socket.destroy();
    assert.equal((await daemon.rows('SELECT 1 AS n'))[0]?.n, 1);
  });

  test('garbage over HTTP', async () => {
    const random = randomSource(80);
    const port = Number(http.port);
    await inParallel(200, 20, () => misbehave({ port, isTls: false }, random));
    const idle = await Promise.all(Array.from({ length: 50 }, () => open({ port, isTls: false })));
    for (const socket of idle) socket.write('GET /health HTTP/1.1\r\nX: ');
    const answer = await fetch(new URL('/health', http));
    assert.equal(answer.status, 200);
    await answer.text();
    const metrics = await (await fetch(new URL('/metrics', http))).text();
    assert.match(metrics, /^maillog_listener_connections_total/m);
    for (const socket of idle) socket.destroy();
  });

  test('the good sender has lost nothing, and the daemon is as it was', async () => {
    const sent = await good.end();
    const sql = "SELECT count(DISTINCT recipient) AS n FROM deliveries WHERE host = 'good'";
    const row = await daemon.until(sql, ({ n }) => Number(n) >= sent, PATIENCE_MS);
    assert.equal(Number(row.n), sent);
    assert.ok(sent > 100);
    assert.equal((await daemon.health()).state, 'ok');
    const peak = peakMegabytes(daemon.pid);
    assert.ok(peak < MOST_MEGABYTES, `${peak} MB`);
    for (const listener of [TCP, TLS, RELP, RELPS]) {
      const isRight = (n: number) => n === 0;
      assert.equal(await counterUntil(daemon, [listener, 'connectionsOpen'], isRight), 0, listener);
    }
    assert.equal(await daemon.end(), 0);
    assert.equal(daemon.noise, '');
  });
});

/** Frames of the control socket's form with wrong lengths, wrong JSON and wrong methods; or anything. */
function controlGarbage(random: ReturnType<typeof randomSource>): Buffer {
  if (random.chance(0.3)) return randomBytes(random, 2_000);
  const json = Buffer.from(
    random.pick([
      '{"id":1,"method":"query","params":{"sql":7}}',
      '{"id":1,"method":"__proto__","params":null,"lengths":[]}',
      '{"id":-1,"method":"begin","params":{}}',
      '{"id":1,"method":"append","params":{"table":"x"},"lengths":[4294967295]}',
      '{"id":1e400}',
      '[[[[[[[[',
      '"text"',
      `{"id":1,"method":"${'x'.repeat(5_000)}"}`,
    ]),
  );
  const header = Buffer.alloc(8);
  const total = random.pick([json.length + 4, 0, 4, 0xffffffff, 64 << 20, random.below(2 ** 32)]);
  header.writeUInt32LE(total >>> 0, 0);
  header.writeUInt32LE(random.pick([json.length, 0, 1, 16 << 20, 0xffffffff]), 4);
  return Buffer.concat([header, json]);
}

suite('limits', () => {
  let daemon: DaemonProcess;

  before(async () => {
    const limits = ['--max-connections', '8', '--max-per-peer', '5', '--frame-timeout', '1'];
    const listeners = ['--listen', TCP, '--listen', RELP];
    daemon = new DaemonProcess(join(site.folder, 'limits.duckdb'), [...listeners, ...limits]);
    await daemon.start();
  });
  after(() => daemon.end());

  for (const listener of [TCP, RELP]) {
    test(`more connections than may be are refused, counted and told of: ${listener}`, async () => {
      const one = Array.from({ length: 7 }, () => open(place(daemon, listener, '127.0.0.1')));
      const ofOne = await Promise.all(one);
      assert.equal(await counterUntil(daemon, [listener, 'connectionsRefused'], (n) => n >= 2), 2);
      const other = Array.from({ length: 5 }, () => open(place(daemon, listener, '127.0.0.2')));
      const ofOther = await Promise.all(other);
      assert.equal(await counterUntil(daemon, [listener, 'connectionsRefused'], (n) => n >= 4), 4);
      assert.equal(await counter(daemon, listener, 'connectionsOpen'), 8);
      for (const socket of [...ofOne, ...ofOther]) socket.destroy();
      const isFree = (n: number) => n === 0;
      assert.equal(await counterUntil(daemon, [listener, 'connectionsOpen'], isFree), 0);
      const again = await open(place(daemon, listener, '127.0.0.1'));
      assert.equal(await counterUntil(daemon, [listener, 'connectionsOpen'], (n) => n === 1), 1);
      again.destroy();
      assert.match(String(events(daemon, 'refused')[0]?.detail), /5 connections of it are open/);
    });

    test(`a sender that drips is ended: ${listener}`, async () => {
      const socket = await open(place(daemon, listener, '127.0.0.3'));
      const text = listener === TCP ? '<22>Nov 24 10:00:00 mx sm-mta[1]: ' : '1 open 500 relp_';
      const drip = setInterval(() => socket.write(text[index++ % text.length] ?? ''), 50);
      let index = 0;
      const isClosed = await closed(socket);
      clearInterval(drip);
      assert.ok(isClosed);
      assert.ok(events(daemon, 'timeout').some((line) => line.listener === listener));
    });
  }
});

test('connections never take the files the daemon needs, and it says so', async () => {
  const daemon = new DaemonProcess(join(site.folder, 'files.duckdb'), ['--listen', TCP]);
  daemon.openFiles = 200;
  await daemon.start();
  try {
    const told = daemon.lines.find(({ openFiles }) => openFiles === 200);
    assert.equal(told?.maxConnections, 100);
    const sockets: Socket[] = [];
    await inParallel(150, AT_ONCE, async () => sockets.push(await open(place(daemon, TCP))));
    assert.equal(await counterUntil(daemon, [TCP, 'connectionsRefused'], (n) => n >= 50), 50);
    assert.match(String(events(daemon, 'refused')[0]?.detail), /100 connections are open/);
    assert.equal((await daemon.rows('SELECT 1 AS n'))[0]?.n, 1);
    const served = sockets.find(({ destroyed }) => !destroyed);
    served?.write('<22>Nov 24 10:00:00 mx sm-mta[1]: starting daemon (8.17.1.9): SMTP\n');
    const sql = 'SELECT coalesce(sum(lines_read), 0) AS n FROM ledger';
    assert.equal(Number((await daemon.until(sql, ({ n }) => Number(n) >= 1, PATIENCE_MS)).n), 1);
    for (const socket of sockets) socket.destroy();
  } finally {
    assert.equal(await daemon.end(), 0);
  }
});
