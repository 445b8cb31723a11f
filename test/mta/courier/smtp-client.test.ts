import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { createSecureContext, TLSSocket } from 'node:tls';
import { LmtpCourier } from '../../../src/mta/courier/lmtp.ts';
import { saslClient } from '../../../src/mta/courier/sasl-client.ts';
import { SmtpCourier, type SmtpCourierOptions } from '../../../src/mta/courier/smtp-courier.ts';
import { hasOpenssl, makeCertificates } from '../../support/certificates.ts';
import { randomSource } from '../../support/random.ts';
import {
  type Behaviour,
  fakeServer,
  jobOf,
  messageFile,
  obliging,
  recipientOf,
  recordingLog,
  testFolder,
} from './fake-smtp.ts';

const HOST = 'mail.tls.example.';

function courierAt(port: number, changes: Partial<SmtpCourierOptions> = {}) {
  const { log, calls } = recordingLog();
  const courier = new SmtpCourier({
    findHosts: async () => ({
      kind: 'hosts',
      hosts: [{ name: HOST, addresses: ['127.0.0.1'] }],
    }),
    portOf: () => port,
    log,
    heloName: 'mx1.corp.example',
    now: () => 0,
    ...changes,
  });
  const deliver = async (t: TestContext) => {
    const [attempt] = await courier.deliver(jobOf(messageFile(t), [recipientOf('a@tls.example')]));
    const { outcome } = attempt ?? {};
    return [outcome?.dsn, outcome?.reply, outcome?.stat];
  };
  return { deliver, calls };
}

/** STARTTLS, then the same script inside. */
async function tlsServer(t: TestContext, identity: { key: string; cert: string }): Promise<number> {
  const secureContext = createSecureContext({
    key: readFileSync(identity.key),
    cert: readFileSync(identity.cert),
  });
  const plain = obliging({ STARTTLS: '220 go' }, ['STARTTLS', 'ENHANCEDSTATUSCODES']);
  const inside = obliging({}, ['ENHANCEDSTATUSCODES']);
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(String(plain(null, socket)));
    const talk = (data: Buffer) => {
      for (const line of data.toString('latin1').split('\r\n').filter(Boolean)) {
        socket.write(String(plain(line, socket)));
        if (line === 'STARTTLS') upgrade();
      }
    };
    const upgrade = () => {
      socket.off('data', talk);
      const secure = new TLSSocket(socket, { isServer: true, secureContext });
      secure.on('error', () => undefined);
      secure.on('data', (data: Buffer) => {
        const text = data.toString('latin1');
        if (text.includes('Subject:') && !text.endsWith('\r\n.\r\n')) return;
        const lines = text.includes('\r\n.\r\n') ? ['.'] : text.split('\r\n').filter(Boolean);
        for (const line of lines) secure.write(String(inside(line, secure)));
      });
    };
    socket.on('data', talk);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

suite('STARTTLS', () => {
  test('is used where it is offered, and what it came to is logged', async (t) => {
    if (!hasOpenssl()) return t.skip('no openssl');
    const { server, ca, stranger } = makeCertificates(testFolder(t));
    const tls = { ca: readFileSync(ca, 'utf8') };
    for (const [identity, verify] of [
      [server, 'OK'],
      [stranger, 'FAIL'],
    ] as const) {
      const { deliver, calls } = courierAt(await tlsServer(t, identity), { tls });
      assert.deepEqual(await deliver(t), ['2.0.0', null, 'Sent (Ok: queued as AB12)']);
      const cipher = 'TLS_AES_256_GCM_SHA384';
      const facts = { version: 'TLSv1.3', verify, cipher, bits: 256, algorithmBits: 256 };
      assert.deepEqual(calls, [
        { method: 'tls', args: [{ side: 'client', relay: HOST, ...facts }] },
      ]);
    }
  });

  test('a handshake that fails defers, in the words of the log', async (t) => {
    const behave: Behaviour = (line, socket) =>
      line === 'STARTTLS' ? '220 go\r\n' : obliging({}, ['STARTTLS'])(line, socket);
    const garbage = await fakeServer(t, (line, socket) => {
      if (line === 'STARTTLS') socket.once('data', () => socket.write('nonsense'));
      return behave(line, socket);
    });
    const { deliver, calls } = courierAt(garbage.port);
    assert.deepEqual(await deliver(t), [
      '4.7.0',
      null,
      'Deferred: 454 4.7.0 TLS handshake failed.',
    ]);
    assert.deepEqual(
      calls.map(({ method }) => method),
      ['tlsFailed', 'ruleset'],
    );
    assert.deepEqual(calls[0]?.args, ['client', '', 'wrong version number']);
  });

  test('bytes that came before the handshake end it', async (t) => {
    const server = await fakeServer(t, (line, socket) =>
      line === 'STARTTLS' ? '220 go\r\n250 injected\r\n' : obliging({}, ['STARTTLS'])(line, socket),
    );
    const { deliver } = courierAt(server.port);
    assert.deepEqual(await deliver(t), [
      '4.7.0',
      null,
      'Deferred: 454 4.7.0 TLS handshake failed.',
    ]);
  });

  test('a policy may want it or not', async (t) => {
    const without = await fakeServer(t, obliging());
    const { deliver } = courierAt(without.port, { tlsPolicyOf: () => 'require' });
    const weak = 'Deferred: 454 4.7.0 encryption too weak 0 less than 112';
    assert.deepEqual(await deliver(t), ['4.7.0', null, weak]);
    const offering = await fakeServer(t, obliging({}, ['STARTTLS']));
    const { deliver: plainly } = courierAt(offering.port, { tlsPolicyOf: () => 'never' });
    assert.deepEqual(await plainly(t), ['2.0.0', null, 'Sent (2.0.0 Ok: queued as AB12)']);
    const refusing = await fakeServer(t, obliging({ STARTTLS: '502 no' }, ['STARTTLS']));
    const { deliver: anyway } = courierAt(refusing.port);
    assert.deepEqual(await anyway(t), ['2.0.0', null, 'Sent (2.0.0 Ok: queued as AB12)']);
  });
});

suite('AUTH', () => {
  const credentials = { user: 'tim', password: 'tanstaaftanstaaf', isClearTextAllowed: true };
  const encode = (text: string) => Buffer.from(text).toString('base64');

  test('CRAM-MD5 as in its RFC, then PLAIN, then LOGIN', () => {
    const cram = saslClient(['PLAIN', 'CRAM-MD5'], credentials, false);
    const challenge = '<1896.697170952@postoffice.reston.mci.net>';
    assert.equal(
      Buffer.from(cram?.answer(encode(challenge)) ?? '', 'base64').toString(),
      'tim b913a602c7eda7a495b4e6e7334d3890',
    );
    assert.ok(createHmac('md5', 'x'));
    assert.equal(saslClient(['LOGIN', 'plain'], credentials, false)?.mechanism, 'PLAIN');
    assert.equal(saslClient(['PLAIN'], { user: 'a', password: 'b' }, false), null);
    assert.equal(saslClient(['PLAIN'], { user: 'a', password: 'b' }, true)?.mechanism, 'PLAIN');
    const login = saslClient(['LOGIN'], credentials, false);
    assert.deepEqual(
      [login?.answer(''), login?.answer(''), login?.answer('')],
      [encode('tim'), encode(credentials.password), null],
    );
  });

  const withAuth = (reply: string) =>
    obliging({ AUTH: reply, dGlt: '235 2.7.0 welcome' }, ['AUTH LOGIN CRAM-MD5', 'AUTH=LOGIN']);

  test('to a smart host', async (t) => {
    const server = await fakeServer(t, withAuth(`334 ${encode('<1@x>')}`));
    const { deliver, calls } = courierAt(server.port, { credentialsOf: () => credentials });
    assert.deepEqual(await deliver(t), ['2.0.0', null, 'Sent (2.0.0 Ok: queued as AB12)']);
    assert.equal(server.commands[1], 'AUTH CRAM-MD5');
    assert.deepEqual(calls, [
      { method: 'note', args: [null, 10, `AUTH=client, relay=${HOST}, mech=CRAM-MD5, bits=0`] },
    ]);
  });

  test('refused for now defers, for good goes on without', async (t) => {
    const busy = await fakeServer(t, withAuth('454 4.7.0 later'));
    const { deliver } = courierAt(busy.port, { credentialsOf: () => credentials });
    assert.deepEqual(await deliver(t), ['4.3.0', null, 'Deferred: Temporary AUTH failure']);
    const refusing = await fakeServer(t, withAuth('535 5.7.8 no'));
    const { deliver: without } = courierAt(refusing.port, { credentialsOf: () => credentials });
    assert.deepEqual(await without(t), ['2.0.0', null, 'Sent (2.0.0 Ok: queued as AB12)']);
  });
});

suite('LMTP', () => {
  test('answers for each recipient', async (t) => {
    const replies = ['250 2.0.0 ok', '552 5.2.2 full', '451 4.3.0 later', '250 2.1.5 kept'];
    const server = await fakeServer(t, (line, socket) =>
      line === '.'
        ? `${replies.join('\r\n')}\r\n`
        : obliging({ 'RCPT To:<e': '550 5.1.1 no' })(line, socket),
    );
    const { log } = recordingLog();
    const courier = new LmtpCourier({
      target: { address: '127.0.0.1', port: server.port },
      hostName: 'localhost',
      heloName: 'mx1.corp.example',
      log,
      now: () => 0,
    });
    const names = ['a', 'b', 'c', 'd', 'e'];
    const job = jobOf(
      messageFile(t),
      names.map((name) => recipientOf(name, 'lmtp')),
    );
    const attempts = await courier.deliver(job);
    assert.deepEqual(
      attempts.map(({ recipients, outcome }) => [
        recipients.map(({ destination }) => destination.user).join(),
        outcome.dsn,
        outcome.reply,
        outcome.stat,
      ]),
      [
        ['e', '5.1.1', '550 5.1.1 no', 'User unknown'],
        ['b', '5.2.2', '552 5.2.2 full', 'Service unavailable (full)'],
        ['c', '4.3.0', '451 4.3.0 later', 'Deferred: 451 4.3.0 later'],
        ['a,d', '2.1.5', null, 'Sent'],
      ],
    );
    assert.equal(server.commands[0], 'LHLO mx1.corp.example');
    assert.ok(server.messages[0]?.startsWith('Return-Path: <ann@partner.example>\r\n'));
  });

  test('over a Unix socket, and nobody there', async (t) => {
    const path = join(testFolder(t), 'lmtp');
    const server = createServer((socket) => {
      socket.write('220 lmtp\r\n');
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        const reply = obliging({}, [])(
          data.toString().includes('\r\n.\r\n') ? '.' : (data.toString().split('\r\n')[0] ?? ''),
          socket,
        );
        socket.write(String(reply));
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(path, resolve);
    });
    t.after(() => server.close());
    const { log } = recordingLog();
    const options = { hostName: 'localhost', heloName: 'mx1', log, now: () => 0 };
    const job = jobOf(messageFile(t), [recipientOf('alice', 'lmtp', { host: 'tag' })]);
    const [sent] = await new LmtpCourier({ ...options, target: { path } }).deliver(job);
    assert.deepEqual([sent?.outcome.stat, sent?.outcome.relay], ['Sent', 'tag']);
    const nowhere = { path: `${path}.not` };
    const [refused] = await new LmtpCourier({ ...options, target: nowhere }).deliver(job);
    assert.equal(refused?.outcome.stat, 'Deferred: No such file or directory');
  });
});

test('whatever a server says, there is an outcome for every recipient', async (t) => {
  const random = randomSource(20261124);
  const pieces = [
    '250 ok',
    '250-go on',
    '354 go',
    '421 bye',
    '450 4.2.1 no',
    '550 5.1.1 no',
    '334 x',
    '999 x',
    'junk',
    '220 ESMTP',
    '',
    '\0',
    '2',
    '250-PIPELINING',
  ] as const;
  for (let round = 0; round < 60; round++) {
    const server = await fakeServer(t, (line, socket) => {
      if (random.chance(0.05)) {
        socket.destroy();
        return null;
      }
      if (random.chance(0.5)) return obliging()(line, socket);
      return Array.from({ length: 1 + random.below(3) }, () => `${random.pick(pieces)}\r\n`).join(
        '',
      );
    });
    const { log } = recordingLog();
    const courier = new SmtpCourier({
      findHosts: async () => ({ kind: 'hosts', hosts: [{ name: HOST, addresses: ['127.0.0.1'] }] }),
      portOf: () => server.port,
      log,
      heloName: 'mx1',
      now: () => 0,
      timeouts: { session: 40 },
    });
    const names = ['a@x', 'b@x', 'c@x'];
    const attempts = await courier.deliver(
      jobOf(
        messageFile(t),
        names.map((one) => recipientOf(one)),
      ),
    );
    const told = attempts.flatMap(({ recipients }) => recipients.map(({ origin }) => origin));
    assert.deepEqual(told.sort(), names);
  }
});
