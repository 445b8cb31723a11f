import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { courierTo, deliver, type Line, line, lines, NAME } from './courier-lines.ts';
import {
  type Behaviour,
  HANG_UP,
  jobOf,
  messageFile,
  obliging,
  RESET,
  recipientOf,
} from './fake-smtp.ts';

suite('a server that takes the message', () => {
  test('gets it with dots doubled, CRLF and what it announced', async (t) => {
    const job = jobOf(messageFile(t), [recipientOf('a@x.example'), recipientOf('b@x.example')]);
    const { attempts, server } = await deliver(t, obliging(), job);
    assert.deepEqual(attempts, [line({ to: '<a@x.example>,<b@x.example>' })]);
    assert.deepEqual(server.commands, [
      'EHLO mx1.corp.example',
      'MAIL From:<ann@partner.example> SIZE=390',
      'RCPT To:<a@x.example>',
      'RCPT To:<b@x.example>',
      'DATA',
      'QUIT',
    ]);
    assert.deepEqual(server.messages, [
      'Subject: hello\r\nMIME-Version: 1.0\r\n\r\nhello\r\n..dot\r\nFrom here\r\n',
    ]);
  });

  test('without extensions gets none of their parameters; its words stay whole', async (t) => {
    const recipient = recipientOf('a@x.example', 'esmtp', { notify: ['NEVER'], orcpt: 'rfc822;a' });
    const job = jobOf(messageFile(t), [recipient], { envid: 'e1', ret: 'HDRS' });
    const replies = { EHLO: '502 what', HELO: '250 fake' };
    const { attempts, server } = await deliver(t, obliging(replies), job);
    assert.deepEqual(attempts, [line({ stat: 'Sent (2.0.0 Ok: queued as AB12)' })]);
    assert.deepEqual(server.commands, [
      'EHLO mx1.corp.example',
      'HELO mx1.corp.example',
      'MAIL From:<ann@partner.example>',
      'RCPT To:<a@x.example>',
      'DATA',
      'QUIT',
    ]);
  });

  test('hears of the sender’s wishes', async (t) => {
    const recipient = recipientOf('a@x.example', 'esmtp', {
      notify: ['DELAY', 'FAILURE', 'SUCCESS'],
      orcpt: 'rfc822;a@x.example',
    });
    const changes = { envid: 'id16', ret: 'HDRS', bodyType: '8BITMIME' } as const;
    const { server } = await deliver(t, obliging(), jobOf(messageFile(t), [recipient], changes));
    assert.deepEqual(server.commands.slice(1, 3), [
      'MAIL From:<ann@partner.example> SIZE=390 BODY=8BITMIME ENVID=id16 RET=HDRS',
      'RCPT To:<a@x.example> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;a@x.example',
    ]);
  });

  test('gets no more than a hundred recipients at once', async (t) => {
    const recipients = Array.from({ length: 130 }, (_, index) =>
      recipientOf(`u${index}@x.example`),
    );
    const { attempts, server } = await deliver(t, obliging(), jobOf(messageFile(t), recipients));
    assert.deepEqual(
      attempts.map(({ to }) => to.split(',').length),
      [100, 30],
    );
    assert.equal(server.connections, 1);
    assert.equal(server.messages.length, 2);
  });

  test('a command has one line, whatever is in an address', async (t) => {
    const job = jobOf(messageFile(t), [recipientOf('a@x.example>\r\nRCPT To:<victim@x.example')]);
    const { server } = await deliver(t, obliging(), job);
    assert.equal(server.commands.filter((one) => one.startsWith('RCPT')).length, 1);
  });
});

suite('a server that refuses', () => {
  const single = (t: TestContext) => jobOf(messageFile(t), [recipientOf('a@x.example')]);
  const u550 = '550 5.1.1 <a@x.example>: Recipient address rejected';
  const t450 = '450 4.2.1 <a@x.example>: mailbox busy, try later';
  const cases: readonly [string, Parameters<typeof obliging>[0], Partial<Line>][] = [
    ['an unknown user', { RCPT: u550 }, { dsn: '5.1.1', reply: u550, stat: 'User unknown' }],
    ['a busy mailbox', { RCPT: t450 }, { dsn: '4.2.1', reply: t450, stat: `Deferred: ${t450}` }],
    [
      'a policy in several lines',
      { RCPT: '550-5.7.1 Our policy, in short:\r\n550 5.7.1 no' },
      { dsn: '5.7.1', reply: '550-5.7.1 Our policy, in short:', stat: 'User unknown' },
    ],
    [
      'a full mailbox',
      { RCPT: '552 full' },
      { dsn: '5.2.2', reply: '552 full', stat: 'Service unavailable' },
    ],
    [
      'a moved user',
      { RCPT: '551 away' },
      { dsn: '5.1.6', reply: '551 away', stat: 'User unknown' },
    ],
    [
      'the message',
      { '.': '554 5.7.1 spam' },
      { dsn: '5.7.1', reply: '554 5.7.1 spam', stat: 'Service unavailable' },
    ],
    [
      'the message for now',
      { '.': '451 4.3.0 busy' },
      { dsn: '4.3.0', reply: '451 4.3.0 busy', stat: 'Deferred: 451 4.3.0 busy' },
    ],
    ['DATA', { DATA: '554 no' }, { dsn: '5.0.0', reply: '554 no', stat: 'Service unavailable' }],
    [
      'the sender',
      { MAIL: '553 5.1.8 who' },
      { dsn: '5.1.8', reply: '553 5.1.8 who', stat: 'Data format error' },
    ],
    [
      'us',
      { '<greeting>': '554 go away' },
      { dsn: '5.5.0', reply: '554 go away', stat: 'Service unavailable' },
    ],
    [
      'us for now',
      { '<greeting>': '421 4.3.2 too many' },
      { dsn: '4.5.0', reply: '421 4.3.2 too many', stat: 'Deferred: 421 4.3.2 too many' },
    ],
    [
      'to go on',
      { MAIL: '421 4.3.2 closing' },
      { dsn: '4.0.0', reply: '421 4.3.2 closing', stat: 'Deferred: 421 4.3.2 closing' },
    ],
  ];
  for (const [name, replies, expected] of cases) {
    test(name, async (t) => {
      const { attempts } = await deliver(t, obliging(replies), single(t));
      assert.deepEqual(attempts, [line(expected)]);
    });
  }

  test('some recipients: each has a line, the others share one', async (t) => {
    const names = ['t@x.example', 'u@x.example', 'ok1@x.example', 'ok2@x.example'];
    for (const extensions of [['PIPELINING', 'ENHANCEDSTATUSCODES'], ['ENHANCEDSTATUSCODES']]) {
      const server = obliging({ 'RCPT To:<t': t450, 'RCPT To:<u': u550 }, extensions);
      const job = jobOf(
        messageFile(t),
        names.map((name) => recipientOf(name)),
      );
      const { attempts } = await deliver(t, server, job);
      assert.deepEqual(attempts, [
        line({ to: '<t@x.example>', dsn: '4.2.1', reply: t450, stat: `Deferred: ${t450}` }),
        line({ to: '<u@x.example>', dsn: '5.1.1', reply: u550, stat: 'User unknown' }),
        line({ to: '<ok1@x.example>,<ok2@x.example>' }),
      ]);
    }
  });

  test('itself: a loop', async (t) => {
    const behave = obliging({ EHLO: '250 mx1.corp.example hello' });
    const { attempts } = await deliver(t, behave, single(t));
    assert.deepEqual(attempts, [line({ dsn: '5.3.5', stat: 'Local configuration error' })]);
  });
});

suite('a connection that fails', () => {
  const single = (t: TestContext) => jobOf(messageFile(t), [recipientOf('a@x.example')]);

  test('is refused', async (t) => {
    const { courier } = courierTo({ [NAME]: 1 });
    assert.deepEqual(lines(await courier.deliver(single(t))), [
      line({ dsn: '4.4.1', stat: `Deferred: Connection refused by ${NAME}` }),
    ]);
  });

  const cases: readonly [string, Parameters<typeof obliging>[0], Partial<Line>][] = [
    [
      'at the greeting',
      { '<greeting>': HANG_UP },
      { stat: `Deferred: Connection reset by ${NAME}` },
    ],
    ['at EHLO, with a reset', { EHLO: RESET }, { stat: `Deferred: Connection reset by ${NAME}` }],
    ['at MAIL', { MAIL: HANG_UP }, { stat: 'Deferred' }],
    [
      'at RCPT',
      { RCPT: HANG_UP },
      { stat: 'Deferred', reply: `421 4.4.1 Connection reset by ${NAME}` },
    ],
    ['at DATA', { DATA: HANG_UP }, { stat: 'Deferred' }],
    ['after the message', { '.': HANG_UP }, { stat: 'Deferred' }],
  ];
  for (const [name, replies, expected] of cases) {
    test(`ends ${name}`, async (t) => {
      const { attempts } = await deliver(t, obliging(replies), single(t));
      assert.deepEqual(attempts, [line({ dsn: '4.4.2', ...expected })]);
    });
  }

  test('says nothing for too long, and that is logged', async (t) => {
    const timeouts = { rcpt: 30 };
    const behave: Behaviour = (text, socket) =>
      text?.startsWith('RCPT') ? null : obliging({}, [])(text, socket);
    const { attempts, calls } = await deliver(t, behave, single(t), { timeouts });
    const stat = `Deferred: Connection timed out with ${NAME}`;
    assert.deepEqual(attempts, [line({ dsn: '4.4.2', stat })]);
    assert.deepEqual(calls, [{ method: 'timeout', args: ['6AO6Daxu021036', NAME, 'client RCPT'] }]);
  });

  test('drips: the session has an end', async (t) => {
    const drip: Behaviour = (_, socket) => {
      const timer = setInterval(() => socket.write('220-more\r\n'), 5);
      socket.on('close', () => clearInterval(timer));
      return null;
    };
    const { attempts } = await deliver(t, drip, single(t), { timeouts: { session: 60 } });
    assert.deepEqual(attempts, [
      line({ dsn: '4.4.2', stat: `Deferred: Connection timed out with ${NAME}` }),
    ]);
  });

  test('floods: it is left', async (t) => {
    const flood: Behaviour = (_, socket) => {
      const pour = () => {
        while (!socket.destroyed && socket.write('x'.repeat(65536)));
      };
      socket.on('drain', pour);
      pour();
      return null;
    };
    const { attempts } = await deliver(t, flood, single(t));
    assert.deepEqual(attempts, [
      line({ dsn: '4.4.2', stat: `Deferred: Connection reset by ${NAME}` }),
    ]);
  });
});
