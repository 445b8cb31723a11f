import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { buildNotification, countedSize } from '../../../src/mta/dsn/build-notification.ts';
import type { Notification, ReportedRecipient } from '../../../src/mta/dsn/notification.ts';
import {
  deferredLine,
  deliveredLine,
  givenUpLines,
  givenUpText,
  resultLine,
  stillTryingLines,
  talkingTo,
  theySaid,
  warningText,
  weSaid,
} from '../../../src/mta/dsn/transcript.ts';
import type { Client, Destination } from '../../../src/mta/model.ts';
import { randomSource } from '../../support/random.ts';

/** Notifications that a real sendmail 8.17.1.9 made, without the Return-Path of their delivery. */
const FIXTURES = 'test/fixtures/notifications';
const HOST = 'mx1.corp.example';
/** As `-bs` has it: `relayText` shows it alone. */
const CLIENT: Client = {
  name: 'localhost [[UNIX: localhost]]',
  address: '',
  port: 0,
  resolution: 'OK',
};
const FAR = '[192.0.2.1]';

const timeIn = (text: string, pattern: RegExp) => Date.parse(pattern.exec(text)?.[1] ?? '');

/** What the notification itself tells of its making. */
function notificationOf(name: string, zone: string): Notification {
  const text = readFileSync(`${FIXTURES}/${name}.txt`, 'latin1');
  const boundary = /boundary="([^"]*)"/.exec(text)?.[1] ?? '';
  const last = text.split(`\n--${boundary}`).at(-2) ?? '';
  const [, ...lines] = last.slice(last.indexOf('\n\n') + 2).split('\n');
  const [headers = '', ...body] = lines.join('\n').split('\n\n');
  return {
    kind: 'failure',
    id: boundary.slice(0, 14),
    at: timeIn(text, /^Date: (.*)$/m),
    zone,
    host: HOST,
    version: '8.17.1.9/8.17.1.9',
    daemonAddress: 'MAILER-DAEMON',
    to: ['<alice@corp.example>'],
    original: {
      id: /with (?:ESMTP )?id (\w{14})/.exec(text.slice(text.indexOf('This is a MIME')))?.[1] ?? '',
      arrivedAt: timeIn(text, /^Arrival-Date: (.*)$/m),
      senderShown: '<alice@corp.example>',
      client: { ...CLIENT, name: 'localhost' },
      envid: null,
      headers: Buffer.from(`${headers.trimEnd()}\n`, 'latin1'),
      body: body.length === 0 ? null : Buffer.from(body.join('\n\n'), 'latin1'),
    },
    recipients: [],
    transcript: [],
    retryUntil: null,
  };
}

const PROGRAM: Destination = { mailer: 'prog', host: '', user: '/bin/false' };

const failedProgram: Omit<ReportedRecipient, 'attemptedAt'> = {
  action: 'failed',
  shown: '"|/bin/false"',
  expandedFrom: '<badprog@corp.example>',
  origin: 'badprog@corp.example',
  destination: PROGRAM,
  orcpt: null,
  status: '',
  remoteMta: null,
  diagnostic: '1',
};

const PROGRAM_LINE = '554 5.3.0 unknown mailer error 1';

interface Case {
  readonly name: string;
  readonly zone?: string;
  readonly change: Partial<Notification>;
  readonly original?: Partial<Notification['original']>;
  readonly recipients: readonly Partial<ReportedRecipient>[];
}

const far = (user: string, rest: Partial<ReportedRecipient>): Partial<ReportedRecipient> => ({
  shown: `<${user}@${FAR}>`,
  expandedFrom: null,
  origin: `${user}@${FAR}`,
  destination: { mailer: 'esmtp', host: FAR, user: `${user}@${FAR}` },
  diagnostic: null,
  remoteMta: FAR,
  ...rest,
});

const delivered = (origin: string, user: string): Partial<ReportedRecipient> => ({
  action: 'delivered',
  shown: origin === user ? `<${origin}@corp.example>` : user,
  expandedFrom: origin === user ? null : `<${origin}@corp.example>`,
  origin: `${origin}@corp.example`,
  destination: { mailer: 'local', host: '', user },
  diagnostic: null,
  status: '2.1.5',
});

const unreachable = 'Deferred: [192.0.2.1]: Network is unreachable';

const CASES: readonly Case[] = [
  {
    name: 'returned',
    zone: 'Asia/Kolkata',
    change: { transcript: [PROGRAM_LINE] },
    recipients: [{}],
  },
  {
    name: 'headers-only',
    zone: 'America/New_York',
    change: { transcript: [resultLine(554, '5.3.0', [], 'unknown mailer error 1')] },
    original: { envid: 'QQ+2B314' },
    recipients: [{ orcpt: 'rfc822;or+2Big@else.example' }],
  },
  {
    name: 'two-failures',
    change: {
      transcript: [
        PROGRAM_LINE,
        'sh: 1: /bin/exit70: not found',
        '554 5.3.0 unknown mailer error 127',
      ],
    },
    recipients: [
      {},
      {
        shown: '"|/bin/exit70"',
        expandedFrom: 'gone',
        origin: 'inner@corp.example',
        destination: { ...PROGRAM, user: '|/bin/exit70' },
        diagnostic: '127',
      },
    ],
  },
  {
    name: 'receipt',
    change: {
      kind: 'success',
      transcript: ['<bob@corp.example>', 'alice', 'carol'].map(deliveredLine),
    },
    original: { envid: 'zz' },
    recipients: [delivered('bob', 'bob'), delivered('one', 'carol')],
  },
  {
    name: 'postmaster',
    change: { kind: 'postmaster', to: ['postmaster'], transcript: [PROGRAM_LINE] },
    original: { senderShown: '<>' },
    recipients: [{}],
  },
  { name: 'eight-bit', change: { transcript: [PROGRAM_LINE] }, recipients: [{}] },
  {
    name: 'warning',
    zone: 'Europe/Berlin',
    change: {
      kind: 'warning',
      warning: warningText(1),
      transcript: [
        deferredLine(
          ['slow', 'away', 'far'].map((user) => `<${user}@${FAR}>`),
          unreachable,
        ),
        ...stillTryingLines(1, 5 * 86_400),
      ],
    },
    original: { envid: 'w' },
    recipients: ['far', 'slow'].map((user) => far(user, { action: 'delayed', status: '4.4.1' })),
  },
  {
    name: 'given-up',
    change: {
      transcript: [
        deferredLine(
          ['away', 'far', 'slow'].map((user) => `<${user}@${FAR}>`),
          unreachable,
        ),
        ...givenUpLines(2),
      ],
    },
    original: { envid: 'w' },
    recipients: [far('far', { status: '4.4.7' })],
  },
  {
    name: 'file',
    change: { transcript: [resultLine(550, '5.0.0', ['/proc/nope/file'], "Can't create output")] },
    recipients: [
      {
        shown: '/proc/nope/file',
        expandedFrom: '<fileal@corp.example>',
        origin: 'fileal@corp.example',
        destination: { mailer: '*file*', host: '', user: '/proc/nope/file' },
        status: '5.3.0',
        diagnostic: '73',
      },
    ],
  },
  {
    name: 'host-unknown',
    change: {
      transcript: [
        resultLine(
          550,
          '5.1.2',
          ['<x@nx.example>'],
          'Host unknown (Name server: nx.example: host not found)',
        ),
      ],
    },
    recipients: [
      {
        shown: '<x@nx.example>',
        expandedFrom: null,
        origin: 'x@nx.example',
        destination: { mailer: 'esmtp', host: 'nx.example', user: 'x@nx.example' },
        status: '5.1.2',
        remoteMta: 'nx.example.',
        diagnostic: null,
      },
    ],
  },
  {
    name: 'mixed',
    change: { transcript: [deliveredLine('<bob@corp.example>'), PROGRAM_LINE] },
    recipients: [delivered('bob', 'bob'), {}],
  },
];

function built(one: Case): string {
  const base = notificationOf(one.name, one.zone ?? 'UTC');
  const recipients = one.recipients.map((recipient) => ({
    ...failedProgram,
    attemptedAt: base.at,
    ...recipient,
  }));
  const retryUntil = base.original.arrivedAt + 5 * 86_400_000;
  const original = { ...base.original, ...one.original };
  const bytes = buildNotification({ ...base, retryUntil, ...one.change, original, recipients });
  // The client of these was on a Unix socket, which has no address to show.
  return bytes
    .toString('latin1')
    .replace('\nfrom localhost\n', '\nfrom localhost [[UNIX: localhost]]\n');
}

suite('notifications as sendmail made them', () => {
  for (const one of CASES) {
    test(one.name, () => {
      const expected = readFileSync(`${FIXTURES}/${one.name}.txt`, 'latin1');
      assert.equal(built(one), expected);
    });
  }

  test('what else a transcript and the log say', () => {
    assert.deepEqual(
      [talkingTo('mx.far.example.'), weSaid('RCPT To:<a@far.example>'), theySaid('550 no')],
      ['... while talking to mx.far.example.:', '>>> RCPT To:<a@far.example>', '<<< 550 no'],
    );
    assert.equal(givenUpText(5 * 86_400), 'Cannot send message for 5 days');
    assert.equal(countedSize(300, true), 1_324);
    assert.equal(countedSize(300, false), 0);
  });

  test('a message that was never collected', () => {
    const base = notificationOf('returned', 'UTC');
    const original = { ...base.original, headers: null, body: null, client: null };
    const text = buildNotification({ ...base, original }).toString('latin1');
    assert.doesNotMatch(text, /rfc822|Received-From-MTA/);
    assert.match(text, /\nfrom localhost\n/);
  });
});

/** What a hostile client might put into any of it. */
function hostileText(random: ReturnType<typeof randomSource>): string {
  const pieces = [
    '\r\nBcc: all@victim.example',
    '\n\n--6AOEQjTZ012001.1795530405/mx1.corp.example\nContent-Type: text/html',
    '\r',
    '\0',
    '\x85',
    '\u2028',
    'a@b',
    '+0A+0DX: y',
    '%s',
    ' ',
  ] as const;
  return Array.from({ length: 1 + random.below(4) }, () => random.pick(pieces)).join('');
}

suite('hostile values', () => {
  test('make neither fields nor boundaries', () => {
    const random = randomSource(5_321);
    const base = notificationOf('returned', 'UTC');
    for (let round = 0; round < 500; round += 1) {
      const say = () => hostileText(random);
      const bytes = buildNotification({
        ...base,
        kind: random.pick(['failure', 'warning', 'success', 'postmaster']),
        warning: say(),
        to: [say(), say()],
        original: {
          ...base.original,
          senderShown: say(),
          client: { ...CLIENT, name: say() },
          envid: say(),
          body: Buffer.from(say(), 'latin1'),
        },
        transcript: [say(), say()],
        recipients: [
          {
            ...failedProgram,
            attemptedAt: base.at,
            action: random.pick(['failed', 'delayed', 'delivered', 'relayed', 'expanded']),
            shown: say(),
            expandedFrom: say(),
            origin: say(),
            destination: { mailer: random.pick(['prog', 'local', 'esmtp']), host: '', user: say() },
            orcpt: say(),
            status: say(),
            remoteMta: say(),
            diagnostic: say(),
          },
        ],
      });
      assertWhole(bytes.toString('latin1'));
    }
  });
});

/** Three parts, and in the header only what we write there. */
function assertWhole(text: string): void {
  const head = text.slice(0, text.indexOf('\n\n')).split('\n');
  const names = head.filter((line) => !line.startsWith('\t')).map((line) => line.split(':')[0]);
  const known = [
    ...['Received', 'Date', 'From', 'Message-Id', 'To', 'To', 'MIME-Version', 'Content-Type'],
    ...['Content-Transfer-Encoding', 'Subject', 'Auto-Submitted'],
  ];
  assert.deepEqual(
    names,
    known.filter((name) => name !== 'Content-Transfer-Encoding' || names.includes(name)),
  );
  const boundary = /boundary="([^"]*)"/.exec(text)?.[1] ?? '';
  assert.ok(boundary.length <= 70);
  assert.equal(text.split(`\n--${boundary}`).length, 5, 'four boundaries');
  const status = text.split(`\n--${boundary}`)[2] ?? '';
  assert.doesNotMatch(status, /\n(?:Bcc|X): /);
}
