/** Addresses of every kind, and messages of every kind. */
import type { Scenario } from '../../../support/mta-lab/scenario.ts';
import { HELLO, message, quit, RELAYS, raw, scenario, send, session } from './script.ts';

export const ADDRESSES: readonly Scenario[] = [
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
    },
    [
      send({
        to: ['alice@corp.example', 'bob@corp.example'],
        data: raw(`${`Subject: big\r\n\r\n${'x'.repeat(70)}\r\n`.repeat(40)}.\r\n`),
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
];
