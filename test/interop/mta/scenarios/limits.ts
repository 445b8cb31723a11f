/** What is limited, how long lists are shown, and what levels of the log say. */
import type { Scenario } from '../../../support/mta-lab/scenario.ts';
import {
  CLIENT,
  HELLO,
  message,
  quit,
  RELAYS,
  raw,
  say,
  scenario,
  send,
  session,
} from './script.ts';

const USERS = Array.from(
  { length: 30 },
  (_, at) => `user${String(at + 1).padStart(2, '0')}@corp.example`,
);

function levelOf(level: number): Scenario {
  return scenario(
    `log level ${level}`,
    { relayDomains: RELAYS, mc: [`define(\`confLOG_LEVEL', \`${level}')`] },
    [
      send({ to: ['alice@corp.example', 'x@partner.example'] }),
      send({ from: 'alice@corp.example', to: ['u550@picky.example'] }),
      session(
        HELLO,
        'MAIL FROM:<ann@partner.example>',
        'RCPT TO:<nosuch@corp.example>',
        'RCPT TO:<x@nowhere.example>',
        'FOO',
        quit,
      ),
      { ...session(HELLO, 'MAIL FROM:<ann@partner.example>'), end: 'close' },
      session('NOOP', quit),
    ],
  );
}

export const LIMITS: readonly Scenario[] = [
  scenario(
    'limits',
    {
      access: 'GreetPause:203.0.113.20\t0\n',
      mc: [
        "define(`confMAX_RCPTS_PER_MESSAGE', `3')",
        "define(`confBAD_RCPT_THROTTLE', `2')",
        "define(`confMAX_MESSAGE_SIZE', `1000')",
        "FEATURE(`greet_pause', `1000')",
      ],
    },
    [
      send({ to: USERS.slice(0, 5) }),
      send({ to: ['a@corp.example', 'b@corp.example', 'c@corp.example', 'alice@corp.example'] }),
      session(HELLO, 'MAIL FROM:<ann@partner.example> SIZE=1001', quit),
      session(HELLO, 'MAIL FROM:<ann@partner.example> SIZE=1000', quit),
      { ...session(HELLO, quit), from: '203.0.113.21', isEarly: true },
      { ...session(HELLO, quit), from: '203.0.113.22' },
    ],
  ),
  scenario('long lists', { relayDomains: RELAYS }, [
    send({ to: USERS }),
    session(
      HELLO,
      'MAIL FROM:<ann@partner.example>',
      ...Array.from({ length: 300 }, (_, at) =>
        say(`RCPT TO:<recipient-number-${at}@partner.example>`),
      ),
      'DATA',
      message('three.hundred'),
      quit,
    ),
    send({ to: [`${'x'.repeat(200)}@partner.example`] }),
    send({ from: `${'y'.repeat(220)}@partner.example`, to: ['alice@corp.example'] }),
    send({
      to: ['alice@corp.example'],
      data: raw(`Message-Id: <${'z'.repeat(150)}@x>\r\n\r\nhi\r\n.\r\n`),
    }),
  ]),
  scenario('lost', {}, [
    { from: CLIENT, steps: [], end: 'close' },
    { from: CLIENT, steps: [], end: 'reset' },
    { ...session(HELLO), end: 'reset' },
    { ...session(HELLO, 'MAIL FROM:<ann@partner.example>'), end: 'reset' },
    {
      ...session(HELLO, 'MAIL FROM:<ann@partner.example>', 'RCPT TO:<alice@corp.example>'),
      end: 'reset',
    },
    {
      ...session(HELLO, 'MAIL FROM:<ann@partner.example>', 'RCPT TO:<alice@corp.example>', 'DATA'),
      end: 'close',
    },
    session(
      HELLO,
      'MAIL FROM:<ann@partner.example>',
      'RCPT TO:<alice@corp.example>',
      'RSET',
      'MAIL FROM:<bob@partner.example>',
      'RCPT TO:<bob@corp.example>',
      'DATA',
      message('after.rset'),
      'RSET',
      HELLO,
      'MAIL FROM:<ann@partner.example>',
      HELLO,
      'RCPT TO:<alice@corp.example>',
      quit,
    ),
  ]),
  levelOf(5),
  levelOf(9),
  levelOf(14),
];
