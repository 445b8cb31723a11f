/**
 * Sessions that are played against real sendmail and against ours: what both say, log, deliver and count must be
 * the same.
 */
import type { Scenario, SessionScript, SiteConfig, Step } from '../../support/mta-lab/scenario.ts';

const CLIENT = '203.0.113.20';
const HELLO = 'EHLO client20.isp.example';

const say = (line: string, replies = 1): Step => ({ send: `${line}\r\n`, replies });
const quit = say('QUIT');

/** Header and body of a message; ids are told apart by their number. */
export function message(id: string, more: readonly string[] = []): Step {
  const lines = [
    'From: ann@partner.example',
    'To: alice@corp.example',
    'Subject: hello',
    'Date: Tue, 24 Nov 2026 06:51:06 +0000',
    `Message-ID: <${id}@lab.example>`,
    ...more,
    '',
    'hi',
    '.',
  ];
  return { send: `${lines.join('\r\n')}\r\n`, replies: 1 };
}

const raw = (text: string): Step => ({ send: text, replies: 1 });

interface Mail {
  readonly from?: string;
  readonly to: readonly string[];
  readonly data?: Step;
  readonly client?: string;
  readonly parameters?: string;
}

let numbered = 0;

function send({
  from = 'ann@partner.example',
  to,
  data,
  client = CLIENT,
  parameters = '',
}: Mail): SessionScript {
  numbered += 1;
  return {
    from: client,
    steps: [
      say(HELLO),
      say(`MAIL FROM:<${from}>${parameters}`),
      ...to.map((recipient) => say(`RCPT TO:<${recipient}>`)),
      say('DATA'),
      data ?? message(`m.${numbered}`),
      quit,
    ],
  };
}

const session = (...lines: readonly (string | Step)[]): SessionScript => ({
  from: CLIENT,
  steps: lines.map((line) => (typeof line === 'string' ? say(line) : line)),
});

function scenario(
  name: string,
  config: SiteConfig,
  sessions: readonly SessionScript[],
  queueRuns = 0,
): Scenario {
  return { name, config, sessions, queueRuns };
}

const RELAYS =
  'partner.example\npicky.example\nlater.example\ntwomx.example\nbothdown.example\nold.example\nservfail.example\n';

export const SCENARIOS: readonly Scenario[] = [
  scenario('local', {}, [
    send({ to: ['alice@corp.example'] }),
    send({ to: ['alice@corp.example', 'bob@corp.example', 'carol'] }),
    send({ from: '', to: ['postmaster'] }),
    send({ to: ['Alice@CORP.example', 'alice@corp.example'] }),
    send({ from: 'erin@corp.example', to: ['alice+tag@corp.example'] }),
    send({ to: ['bob@corp.example'], data: raw('hello\r\n.\r\n') }),
    send({ to: ['bob@corp.example'], data: raw('\r\nhello\r\n.\r\n') }),
    send({ to: ['bob@corp.example'], data: raw('Subject: none\r\n\r\n..dot\r\n.\r\n') }),
    send({ to: ['bob@corp.example'], data: message('bulk', ['Precedence: bulk']) }),
    send({ to: ['bob@corp.example'], data: message('special', ['Precedence: special-delivery']) }),
    session(
      'HELO client20.isp.example',
      'MAIL FROM:<ann@partner.example>',
      'RCPT TO:<bob@corp.example>',
      'DATA',
      message('helo'),
      quit,
    ),
    session(
      HELLO,
      'MAIL FROM:<a@partner.example>',
      'RCPT TO:<dave@corp.example>',
      'DATA',
      message('two.1'),
      'MAIL FROM:<b@partner.example>',
      'RCPT TO:<dave@corp.example>',
      'DATA',
      message('two.2'),
      quit,
    ),
    session(
      HELLO,
      'MAIL FROM:<ann@partner.example> BODY=8BITMIME SIZE=300',
      'RCPT TO:<bob@corp.example>',
      'DATA',
      message('8bit'),
      quit,
    ),
  ]),
  scenario('refused', { relayDomains: '' }, [
    session(
      HELLO,
      'MAIL FROM:<ann@partner.example>',
      'RCPT TO:<nosuch@corp.example>',
      'RCPT TO:<x@partner.example>',
      'DATA',
      'RSET',
      quit,
    ),
    ...[
      'x%partner.example@corp.example',
      '@corp.example:x@partner.example',
      'partner.example!x',
      '"x@partner.example"@corp.example',
      'x@[198.51.100.10]',
      'x@198.51.100.10',
      'x@partner.example@corp.example',
      'x%[198.51.100.10]@corp.example',
      'corp.example!partner.example!x',
      'x@partner.example.',
      'x@corp.example.',
      'x@MX1.corp.example',
      'x%partner.example',
      '"x%partner.example"@corp.example',
    ].map((to) => session(HELLO, 'MAIL FROM:<ann@partner.example>', `RCPT TO:<${to}>`, quit)),
    session(HELLO, 'MAIL FROM:<ann@no-such-domain.invalid>', quit),
    session(HELLO, 'MAIL FROM:<ann>', 'RCPT TO:<alice@corp.example>', quit),
    session(HELLO, 'MAIL FROM:<ann@servfail.example>', quit),
    {
      ...session(HELLO, 'MAIL FROM:<ann@partner.example>', 'RCPT TO:<x@partner.example>', quit),
      from: '203.0.113.110',
    },
    {
      ...session(HELLO, 'MAIL FROM:<ann@partner.example>', 'RCPT TO:<x@partner.example>', quit),
      from: '203.0.113.200',
    },
    send({ to: ['nosuch@corp.example', 'alice@corp.example', 'x@partner.example'] }),
  ]),
  scenario('commands', {}, [
    session(
      'MAIL FROM:<a@partner.example>',
      'HELO',
      'HELO x y',
      'EHLO bad_name!',
      'EHLO [203.0.113.20]',
      quit,
    ),
    session(
      HELLO,
      'FOO',
      'RCPT TO:<alice@corp.example>',
      'DATA',
      'MAIL',
      'MAIL FROM ann@partner.example',
      'MAIL FORM:<a@b>',
      'MAIL FROM:',
      quit,
    ),
    session(
      HELLO,
      'MAIL FROM:<ann@partner.example> BOGUS=1',
      'MAIL FROM:<ann@partner.example> SIZE',
      'MAIL FROM:<ann@partner.example> BODY=9BIT',
      quit,
    ),
    session(
      HELLO,
      'MAIL FROM:<ann@partner.example>',
      'MAIL FROM:<bob@partner.example>',
      'RCPT',
      'RCPT TO',
      'RCPT TO:',
      'RCPT TO:<>',
      'DATA',
      quit,
    ),
    session(
      HELLO,
      'MAIL FROM:<ann@partner.example>',
      'RCPT TO:<alice@corp.example> NOTIFY=BOGUS',
      'RCPT TO:<alice@corp.example> FOO=1',
      'RSET',
      'RSET',
      'NOOP',
      'NOOP x',
      'TURN',
      'SEND FROM:<x@y>',
      quit,
    ),
    session(
      'VRFY alice',
      HELLO,
      'VRFY alice',
      'VRFY nosuch',
      'EXPN postmaster',
      'EXPN nosuch',
      'VRFY',
      quit,
    ),
    session('HELP', 'VERB', quit),
    session('NOOP', quit),
    session(quit),
    session(HELLO, 'ETRN', 'ETRN partner.example', 'ETRN a b', quit),
    session(
      'ehlo client20',
      'mail from: <ann@partner.example>',
      'rcpt to: <alice@corp.example>',
      'data',
      raw('test.\r\n.\r\n'),
      'quit',
    ),
    session(
      HELLO,
      'MAIL FROM: ann@partner.example',
      'RCPT TO: alice@corp.example',
      'DATA',
      message('bare'),
      quit,
    ),
    session(HELLO, 'AUTH', 'AUTH NTLM', 'STARTTLS', quit),
    {
      ...session(HELLO, 'MAIL FROM:<ann@partner.example>', 'RCPT TO:<alice@corp.example>'),
      end: 'close',
    },
    { ...session(HELLO, 'MAIL FROM:<ann@partner.example>'), end: 'close' },
    { ...session(HELLO), end: 'close' },
    {
      ...session(HELLO, 'MAIL FROM:<ann@partner.example>', 'RCPT TO:<alice@corp.example>', 'DATA', {
        send: 'Subject: cut\r\n\r\nhalf',
        replies: 0,
      }),
      end: 'close',
    },
    session('GET / HTTP/1.0'),
    session(HELLO, raw(`MAIL FROM:<${'a'.repeat(13_000)}>\r\n`)),
    session(
      HELLO,
      raw(
        'MAIL FROM:<ann@partner.example>\r\nRCPT TO:<alice@corp.example>\r\nRCPT TO:<bob@corp.example>\r\nDATA\r\n',
      ),
      { send: '', replies: 3 },
      raw('Subject: p\r\n\r\nx\r\n.\r\nQUIT\r\n'),
      { send: '', replies: 1 },
    ),
  ]),
  scenario('addresses', { relayDomains: RELAYS }, [
    ...[
      '<Alice Smith <alice@corp.example>>',
      '<(comment)alice@corp.example>',
      '<alice@corp.example>(x)',
      '<a b@corp.example>',
      '<a,b@corp.example>',
      '<@corp.example>',
      '<alice@>',
      '<alice@@corp.example>',
      '<alice@corp.example',
      'alice@corp.example>',
      '<"al ice"@corp.example>',
      '<"alice"@corp.example>',
      '<a\\b@corp.example>',
      '<alice@corp..example>',
      '<@@corp.example>',
      '<\u00e9@corp.example>',
      '<a\u0001b@corp.example>',
      `<${'a'.repeat(300)}@corp.example>`,
      '<:include:/etc/passwd>',
      '<|/bin/sh>',
      '</etc/passwd>',
      '<alice;bob@corp.example>',
      '<(alice@corp.example>',
      '<"alice@corp.example>',
      '<MAILER-DAEMON>',
      '<root>',
      '<alice%corp.example>',
    ].map((to) => session(HELLO, 'MAIL FROM:<ann@partner.example>', `RCPT TO:${to}`, quit)),
    ...[
      '<ann@partner.example>x',
      '<"a, size=1, nrcpts=77, relay=x"@partner.example>',
      '<Ann <ann@partner.example>>',
      '<@x:ann@partner.example>',
      '<\\ann@partner.example>',
      '<ann@partner.example',
    ].map((from) =>
      session(
        HELLO,
        `MAIL FROM:${from}`,
        'RCPT TO:<alice@corp.example>',
        'DATA',
        message(`f.${from.length}`),
        quit,
      ),
    ),
  ]),
  scenario(
    'data',
    {
      relayDomains: RELAYS,
      mc: ["define(`confMAX_MESSAGE_SIZE', `2000')", "define(`confMAX_HOP', `5')"],
      ours: { MaxMessageSize: 2000, MaxHopCount: 5 },
    },
    [
      send({
        to: ['alice@corp.example', 'bob@corp.example'],
        data: raw(`Subject: big\r\n\r\n${'x'.repeat(70)}\r\n`.repeat(40) + '.\r\n'),
      }),
      session(HELLO, 'MAIL FROM:<ann@partner.example> SIZE=50000', 'RSET', quit),
      send({ to: ['alice@corp.example'], data: raw('Subject: lf\r\n\r\nbare\nlf\r\n.\r\n') }),
      send({ to: ['alice@corp.example'], data: raw('Subject: cr\r\n\r\nbare\rcr\r\n.\r\n') }),
      send({ to: ['alice@corp.example'], data: raw('Subject: lf\n\r\nbody\r\n.\r\n') }),
      send({
        to: ['alice@corp.example'],
        data: raw('Subject: smuggle\r\n\r\nbody\n.\nMAIL FROM:<x@y>\r\n.\r\n'),
      }),
      send({
        to: ['alice@corp.example'],
        data: message(
          'hops',
          Array.from(
            { length: 6 },
            (_, at) => `Received: from a${at} by b${at}; Tue, 24 Nov 2026 06:51:06 +0000`,
          ),
        ),
      }),
      send({
        to: ['alice@corp.example', 'x@partner.example'],
        data: message('tab\tid, relay=x [1.2.3.4]'),
      }),
      send({
        to: ['alice@corp.example'],
        data: raw(`Subject: long\r\n\r\n${'y'.repeat(1500)}\r\n.\r\n`),
      }),
      send({ to: ['alice@corp.example'], data: raw('Subject: nul\r\n\r\na\0b\r\n.\r\n') }),
      send({
        to: ['alice@corp.example'],
        data: raw('Subject: 8\r\n\r\nna\u00efve\r\nFrom here\r\n.\r\n'),
      }),
    ],
  ),
  scenario(
    'relayed',
    { relayDomains: RELAYS },
    [
      send({ to: ['x@partner.example'] }),
      send({ to: ['x@partner.example', 'y@partner.example', 'alice@corp.example'] }),
      send({
        from: 'alice@corp.example',
        to: ['u550@picky.example', 'ok@picky.example', 't450@picky.example', 's554@picky.example'],
      }),
      send({ to: ['x@later.example'] }),
      send({ to: ['x@bothdown.example', 'y@bothdown.example'] }),
      send({ to: ['x@twomx.example'] }),
      send({ to: ['x@old.example'] }),
      send({ from: '', to: ['u550@picky.example'] }),
      send({
        from: 'alice@corp.example',
        to: ['x@partner.example'],
        parameters: ' ENVID=e1 RET=HDRS',
      }),
    ],
    1,
  ),
  scenario(
    'aliases',
    {
      relayDomains: RELAYS,
      aliases:
        'list: alice, bob, carol@corp.example, far@partner.example\nowner-owned: dave\nowned: erin, frank, u550-a@picky.example\nnest1: nest2\nnest2: nest3, heidi\nnest3: ivan\nloop1: loop2\nloop2: loop1\nmixed: alice, /tmp/mixed.mbox, no-such-user, x@partner.example\nfile: /tmp/archive.mbox\nfail: "|/bin/false"\ntoremote: someone@partner.example\n',
    },
    [
      ...[
        'list',
        'owned',
        'nest1',
        'loop1',
        'mixed',
        'file',
        'fail',
        'toremote',
        'sink',
        'root',
        'list+detail',
      ].map((name) => send({ to: [`${name}@corp.example`] })),
      session(HELLO, 'VRFY list', 'EXPN list', 'EXPN loop1', quit),
    ],
  ),
  scenario(
    'access',
    {
      access:
        'Connect:203.0.113.150\tREJECT\nConnect:203.0.113.151\tDISCARD\nConnect:203.0.113.152\tERROR:"550 Go away, we know you"\nConnect:203.0.113.40\tRELAY\nFrom:spammer@partner.example\tREJECT\nFrom:discard.example\tDISCARD\nFrom:custom.example\tERROR:"550 custom refusal text"\nFrom:quar.example\tQUARANTINE:suspicious sender\nTo:closed@corp.example\tERROR:5.1.1:550 That mailbox is closed\nTo:drop@corp.example\tDISCARD\nTo:refused@\tREJECT\nolduser@corp.example\t550 old style text\n',
    },
    [
      ...['203.0.113.150', '203.0.113.151', '203.0.113.152'].map((client) =>
        send({ to: ['alice@corp.example'], client }),
      ),
      {
        ...session(HELLO, 'VRFY alice', 'NOOP', 'HELP', 'MAIL FROM:<a@b>', 'EXPN x', 'FOO', quit),
        from: '203.0.113.150',
      },
      send({ to: ['x@partner.example'], client: '203.0.113.40' }),
      ...[
        'spammer@partner.example',
        'joe@discard.example',
        'joe@custom.example',
        'joe@quar.example',
      ].map((from) => send({ from, to: ['alice@corp.example'] })),
      ...['closed', 'drop', 'refused', 'olduser'].map((name) =>
        send({ to: [`${name}@corp.example`, 'alice@corp.example'] }),
      ),
    ],
  ),
];
