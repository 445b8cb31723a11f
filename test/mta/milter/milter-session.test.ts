/** The milter client against a filter of the real libmilter, and against filters that misbehave. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, type TestContext, test } from 'node:test';
import type {
  FailureMode,
  FilterConfig,
  FilterTarget,
} from '../../../src/mta/milter/filter-config.ts';
import { MilterSession } from '../../../src/mta/milter/milter-session.ts';
import { encodePacket, type Packet, PacketReader } from '../../../src/mta/milter/protocol.ts';
import { debianPackagesOrSkip } from '../../support/debian-package.ts';
import { NotedLog } from '../../support/noted-log.ts';
import { type RandomSource, randomSource } from '../../support/random.ts';
import { MILTER_PACKAGES, RealMilter } from '../../support/real-milter.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-milter-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const MESSAGE = {
  headers: [
    { name: 'Subject', value: 'old' },
    { name: 'X-Gone', value: 'stays' },
    { name: 'X-Gone', value: 'goes' },
  ],
  body: Buffer.from('line one\nline two\n'),
};

function configOf(target: FilterTarget, onFailure: FailureMode = 'tempfail'): FilterConfig {
  const timeouts = { connect: 2000, send: 2000, reply: 2000, endOfMessage: 4000 };
  return { name: 'm1', target, onFailure, timeouts };
}

function sessionOf(macros: Record<string, string> = {}): {
  session: MilterSession;
  noted: NotedLog;
} {
  const noted = new NotedLog();
  const context = { log: noted.log, macros: (name: string) => macros[name], id: () => 'QID' };
  return { session: new MilterSession(context), noted };
}

async function realMilter(
  t: TestContext,
  env: Record<string, string> = {},
): Promise<RealMilter | undefined> {
  const packages = await debianPackagesOrSkip(t, MILTER_PACKAGES);
  if (packages === undefined) return undefined;
  const milter = await RealMilter.start(folder, packages, env);
  if (milter === undefined) t.skip('no C compiler here');
  return milter;
}

suite('a filter of the real libmilter', () => {
  test('refusals at every command, in the words of sendmail', async (t) => {
    const milter = await realMilter(t);
    if (milter === undefined) return;
    try {
      const { session, noted } = sessionOf();
      const config = configOf({ kind: 'unix', path: milter.socket });
      assert.deepEqual(await session.open([config]), { kind: 'continue' });
      assert.equal(
        (await session.connect('client.example', '203.0.113.20', 4711)).kind,
        'continue',
      );
      assert.equal((await session.helo('bad')).kind, 'refuse');
      assert.equal((await session.helo('client.example')).kind, 'continue');
      const reply = async (address: string) => {
        const verdict = await session.mail(`<${address}@x.example>`, ['SIZE=100']);
        await session.reset();
        return 'reply' in verdict ? verdict.reply : verdict.kind;
      };
      assert.deepEqual(await reply('reject'), {
        code: 550,
        status: '5.7.1',
        text: 'Command rejected',
      });
      assert.deepEqual(await reply('temp'), {
        code: 451,
        status: '4.3.2',
        text: 'Please try again later',
      });
      assert.deepEqual(await reply('code'), { code: 550, status: '5.7.9', text: 'No, thanks' });
      assert.deepEqual(await reply('lines'), { code: 451, status: '4.7.9', text: 'One\ntwo' });
      assert.equal(await reply('discard'), 'discard');
      await session.mail('<ann@x.example>', []);
      assert.equal((await session.rcpt('<reject@x.example>', [])).kind, 'refuse');
      assert.equal((await session.rcpt('<bob@x.example>', ['NOTIFY=NEVER'])).kind, 'continue');
      await session.reset();
      await session.mail('<data@x.example>', []);
      await session.rcpt('<bob@x.example>', []);
      assert.equal((await session.data()).kind, 'refuse');
      await session.reset();
      assert.equal((await session.mail('<close@x.example>', [])).kind, 'close');
      session.close();
      assert.deepEqual(noted.said, [
        'milter: QID | helo | bad | reject=550 5.0.0 Command rejected',
        'milter: QID | from | <reject@x.example> | reject=550 5.7.1 Command rejected',
        'milter: QID | from | <temp@x.example> | reject=451 4.3.2 Please try again later',
        'milter: QID | from | <code@x.example> | reject=550 5.7.9 No, thanks',
        'milter: QID | from | <lines@x.example> | reject=451 4.7.9 One',
        'milter: QID | from | <discard@x.example> | discard',
        'milter: QID | to | <reject@x.example> | reject=550 5.7.1 Command rejected',
        'milter: QID | cmd | data | reject=550 5.7.1 Command rejected',
        'milter: QID | from | <close@x.example> | reject=421 4.7.0 Go',
      ]);
    } finally {
      milter.stop();
    }
  });

  for (const env of [{}, { NO_REPLY: '1' }]) {
    test(`all changes of a message ${Object.keys(env).join('')}`, async (t) => {
      const milter = await realMilter(t, env);
      if (milter === undefined) return;
      try {
        const { session, noted } = sessionOf({ i: 'QID', '{auth_authen}': 'alice' });
        const config = configOf({ kind: 'unix', path: milter.socket });
        await session.open([config, { ...config, name: 'm2' }]);
        await session.connect('client.example', '2001:db8:0:0:0:0:0:1', 4711);
        await session.helo('client.example');
        await session.mail('<all@x.example>', []);
        await session.rcpt('<old@corp.example>', []);
        await session.data();
        const { verdict, changes } = await session.message(MESSAGE);
        assert.deepEqual(verdict, { kind: 'continue' });
        assert.deepEqual(
          changes.headers.map(({ name, value }) => `${name}: ${value}`),
          [
            'X-First: one\n\ttwo',
            'X-First: one\n\ttwo',
            'Subject: changed',
            'X-Gone: stays',
            'X-Filter: headers=3 body=20 i=QID who=alice',
            'X-Filter: headers=4 body=11 i=QID who=alice',
          ],
        );
        assert.equal(changes.body.toString(), 'new\nbody\n');
        assert.equal(changes.quarantine, 'held, for a look');
        assert.deepEqual(changes.sender, { address: '<other@corp.example>', args: '' });
        assert.deepEqual(changes.addedRecipients[0], { address: '<new@corp.example>', args: '' });
        assert.deepEqual(changes.deletedRecipients, ['<old@corp.example>', '<old@corp.example>']);
        assert.deepEqual(noted.said.slice(0, 9), [
          'milterAction: QID | m1 | add: header: X-Filter: headers=3 body=20 i=QID who=alice',
          'milterAction: QID | m1 | insert (0): header: X-First: one\n\ttwo',
          'milterAction: QID | m1 | change: header Subject: from old to changed',
          'milterAction: QID | m1 | delete: header X-Gone:goes',
          'milterAction: QID | m1 | add: rcpt: <new@corp.example>',
          'milterAction: QID | m1 | delete: rcpt <old@corp.example>, naddrs=1',
          'milterAction: QID | m1 | chgfrom: <other@corp.example>',
          'milterAction: QID | m1 | quarantine=held, for a look',
          'milterAction: QID | m1 | message: body replaced',
        ]);
        session.close();
      } finally {
        milter.stop();
      }
    });
  }

  test('verdicts at the end, skip, accept, a filter that dies', async (t) => {
    const milter = await realMilter(t);
    if (milter === undefined) return;
    try {
      const { session, noted } = sessionOf();
      await session.open([configOf({ kind: 'unix', path: milter.socket })]);
      await session.connect('client.example', '', 0);
      const verdictOf = async (address: string, body = MESSAGE.body) => {
        await session.mail(`<${address}@x.example>`, []);
        await session.rcpt('<bob@x.example>', []);
        const { verdict, changes } = await session.message({ ...MESSAGE, body });
        await session.reset();
        return { verdict, filter: changes.headers.at(-1)?.value };
      };
      const rejected = (await verdictOf('endreject')).verdict;
      assert.deepEqual(rejected, {
        kind: 'refuse',
        reply: { code: 554, status: '5.7.1', text: 'Command rejected' },
      });
      assert.equal((await verdictOf('endcode')).verdict.kind, 'refuse');
      assert.equal((await verdictOf('accept')).filter, 'goes');
      const long = Buffer.alloc(200_000, 'x');
      assert.match((await verdictOf('skip', long)).filter ?? '', /body=65535 /);
      assert.match((await verdictOf('ann', long)).filter ?? '', /body=200000 /);
      assert.deepEqual((await verdictOf('crash')).verdict, {
        kind: 'refuse',
        reply: { code: 451, status: '4.3.2', text: 'Please try again later' },
      });
      assert.deepEqual((await verdictOf('ann')).filter, 'goes');
      assert.ok(noted.said.includes('milter: QID | data |  | reject=554 5.7.1 virus found'));
      assert.deepEqual(noted.said.slice(-3), [
        'milterProblem: QID | m1 | read returned 0: Connection closed',
        'milterProblem: QID | m1 | to error state',
        'milter: QID | data |  | reject=451 4.3.2 Please try again later',
      ]);
    } finally {
      milter.stop();
    }
  });
});

/** A filter that answers as `answer` does. */
async function fakeFilter(
  answer: (packet: Packet, socket: Socket) => void,
): Promise<{ server: Server; target: FilterTarget }> {
  const server = createServer((socket) => {
    const reader = new PacketReader();
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      for (const packet of reader.push(bytes)) answer(packet, socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { server, target: { kind: 'inet', host: '127.0.0.1', port } };
}

const OPTIONS = Buffer.from('\0\0\0\x06\0\0\x01\xff\0\0\0\0', 'latin1');

const REPLIES = [
  'h',
  'i',
  'm',
  '+',
  '-',
  '2',
  'e',
  'q',
  'y',
  'b',
  'a',
  'c',
  'r',
  't',
  'd',
  's',
  'l',
] as const;

function answerAnything(random: RandomSource, socket: Socket): void {
  for (let i = random.below(4); i >= 0; i--) {
    const length = random.below(20);
    const byte = () => random.pick([0, 10, 13, 58, 65, random.below(256)]);
    const bytes = Buffer.from(Array.from({ length }, byte));
    socket.write(random.chance(0.8) ? encodePacket(random.pick(REPLIES), bytes) : bytes);
  }
  if (random.chance(0.1)) socket.destroy();
  else socket.write(encodePacket(random.pick(['c', 'c', 'a', 'r'])));
}

suite('filters that misbehave', () => {
  test('none there: by the failure mode', async () => {
    const target: FilterTarget = { kind: 'unix', path: join(folder, 'none') };
    for (const [mode, kind, said] of [
      ['continue', 'continue', ''],
      ['reject', 'refuse', 'initialization failed, rejecting commands'],
      ['tempfail', 'refuse', 'initialization failed, temp failing commands'],
      ['shutdown', 'close', 'initialization failed, closing connection'],
    ] as const) {
      const { session, noted } = sessionOf();
      assert.equal((await session.open([configOf(target, mode)])).kind, kind);
      assert.deepEqual(noted.said.slice(0, 2), [
        'milterProblem: QID | m1 | error connecting to filter: No such file or directory',
        'milterProblem: QID | m1 | to error state',
      ]);
      assert.equal(noted.said[2] ?? '', said === '' ? '' : `milterProblem: QID |  | ${said}`);
    }
  });

  test('one that never answers', async () => {
    const { server, target } = await fakeFilter(() => undefined);
    const { session, noted } = sessionOf();
    const timeouts = { connect: 2000, send: 2000, reply: 20, endOfMessage: 20 };
    assert.equal((await session.open([{ ...configOf(target), timeouts }])).kind, 'refuse');
    assert.equal(noted.said[0], 'milterProblem: QID | m1 | timeout before data read');
    server.close();
  });

  test('fields, addresses and lines that would smuggle something in', async () => {
    const { server, target } = await fakeFilter((packet, socket) => {
      if (packet.command === 'O') socket.write(encodePacket('O', OPTIONS));
      else if (packet.command === 'E') {
        socket.write(encodePacket('h', 'X-A\0one\r\nBcc: evil\n\nbody\0'));
        socket.write(encodePacket('+', '<a@b>\r\nRCPT TO:<c@d>\0'));
        socket.write(encodePacket('q', 'why\nnot\0'));
        socket.write(encodePacket('c'));
      } else if (packet.command !== 'D') socket.write(encodePacket('c'));
    });
    const { session } = sessionOf();
    await session.open([configOf(target)]);
    const { changes } = await session.message(MESSAGE);
    assert.equal(changes.headers.at(-1)?.value, 'one\n\tBcc: evil\n\tbody');
    assert.equal(changes.addedRecipients[0]?.address, '<a@b> RCPT TO:<c@d>');
    assert.equal(changes.quarantine, 'why not');
    session.close();
    server.close();
  });

  test('any bytes: a verdict, always', async () => {
    const random = randomSource(5);
    const { server, target } = await fakeFilter((packet, socket) => {
      const isFair = packet.command === 'O' && random.chance(0.9);
      if (isFair) socket.write(encodePacket('O', OPTIONS));
      else if (packet.command !== 'D') answerAnything(random, socket);
    });
    const timeouts = { connect: 1000, send: 1000, reply: 15, endOfMessage: 15 };
    for (let i = 0; i < 60; i++) {
      const { session } = sessionOf();
      await session.open([{ ...configOf(target), timeouts }]);
      await session.connect('client.example', '203.0.113.20', 1);
      await session.mail('<a@b>', []);
      const { verdict, changes } = await session.message(MESSAGE);
      assert.ok(['continue', 'refuse', 'close', 'discard'].includes(verdict.kind));
      for (const { name, value } of changes.headers) {
        assert.ok(/^[!-9;-~]+$/.test(name) && !/\n[^\t ]/.test(value) && !value.includes('\r'));
      }
      session.close();
    }
    server.close();
  });
});
