/** Clients that came, left, waited, guessed, probed. */
import { test } from 'node:test';
import { assertRow } from '../read-lines.ts';

const HOST = 'client20.isp.example [203.0.113.20]';

/** Texts that become a row of connections. */
const CONNECTIONS: readonly (readonly [
  text: string,
  what: string,
  ip: string | undefined,
  detail: string | undefined,
])[] = [
  [`connect from ${HOST}`, 'connect', '203.0.113.20', undefined],
  [
    `lost input channel from ${HOST} to A long after mail`,
    'lost_input',
    '203.0.113.20',
    'after mail to A long',
  ],
  [
    'collect: premature EOM: unexpected close',
    'lost_input',
    undefined,
    'premature EOM: unexpected close',
  ],
  [
    'collect: premature EOM: Connection reset by [203.0.113.21]',
    'lost_input',
    '203.0.113.21',
    'premature EOM: Connection reset by [203.0.113.21]',
  ],
  [
    'SYSERR(root): collect: relay=h.example, from=<a@b>, info=read timeout',
    'timeout',
    undefined,
    'relay=h.example, from=<a@b>, info=read timeout',
  ],
  [
    `timeout waiting for input from ${HOST} during server cmd read`,
    'timeout',
    '203.0.113.20',
    'server cmd read',
  ],
  [
    `rejecting commands from ${HOST} due to pre-greeting traffic after 0 seconds`,
    'pregreet',
    '203.0.113.20',
    'due to pre-greeting traffic after 0 seconds',
  ],
  [
    'rejecting commands from h.example [192.0.2.1] due to pre-greeting traffic',
    'pregreet',
    '192.0.2.1',
    'due to pre-greeting traffic',
  ],
  [
    `rejecting server EHLO from ${HOST} due to traffic before response`,
    'pregreet',
    '203.0.113.20',
    'due to traffic before response',
  ],
  [
    `${HOST}: possible SMTP attack: command=AUTH, count=5`,
    'attack',
    '203.0.113.20',
    'possible SMTP attack: command=AUTH, count=5',
  ],
  [
    '192.241.70.95.dsl.example [95.70.241.192] (may be forged): possible SMTP attack: command=AUTH, count=6',
    'attack',
    '95.70.241.192',
    'possible SMTP attack: command=AUTH, count=6',
  ],
  [
    `${HOST}: Possible SMTP RCPT flood, throttling.`,
    'flood',
    '203.0.113.20',
    'Possible SMTP RCPT flood, throttling.',
  ],
  [
    String.raw`${HOST}: probable open proxy: command=GET / HTTP/1.0\r\n`,
    'probe',
    '203.0.113.20',
    String.raw`probable open proxy: command=GET / HTTP/1.0\r\n`,
  ],
  [
    `${HOST}: SMTP violation, input too long: 12287`,
    'attack',
    '203.0.113.20',
    'SMTP violation, input too long: 12287',
  ],
  ['[217.193.142.180]: expn info [rejected]', 'probe', '217.193.142.180', 'expn info [rejected]'],
  [`${HOST}: VRFY`, 'probe', '203.0.113.20', 'VRFY'],
  ['"wiz" command from h.example (192.0.2.9)', 'probe', '192.0.2.9', '"wiz" command'],
  [
    `POSSIBLE ATTACK from ${HOST}: newline in string "a: b"`,
    'attack',
    '203.0.113.20',
    'newline in string "a: b"',
  ],
  [`Null connection from ${HOST}`, 'no_mail', '203.0.113.20', undefined],
  [
    `unauthorized PIPELINING, sleeping, relay=${HOST}`,
    'pregreet',
    '203.0.113.20',
    'unauthorized PIPELINING',
  ],
];

test('connections', () => {
  for (const [text, what, ip, detail] of CONNECTIONS) {
    assertRow(text, { table: 'connections', what, client_ip: ip, detail });
  }
});

test("failed logins: the user is the client's word, the client sendmail's", () => {
  assertRow(
    'AUTH failure (PLAIN): authentication failure (-13) SASL(-13): authentication failure: Password verification failed, user=alice, relay=h.example [192.0.2.3] (may be forged)',
    {
      table: 'auth_events',
      outcome: 'failed',
      mechanism: 'PLAIN',
      auth_user: 'alice',
      client_ip: '192.0.2.3',
      reason:
        'authentication failure (-13) SASL(-13): authentication failure: Password verification failed',
    },
  );
  assertRow(
    'AUTH failure (LOGIN): authentication failure (-13) SASL(-13): authentication failure: checkpass failed, relay=[192.0.2.9]',
    {
      auth_user: undefined,
      client_ip: '192.0.2.9',
    },
  );
  assertRow(
    'AUTH failure (LOGIN): user not found (-20), user=criminal, relay=[192.0.2.100], relay=[192.0.2.4] (may be forged)',
    {
      auth_user: 'criminal, relay=[192.0.2.100]',
      client_ip: '192.0.2.4',
    },
  );
  assertRow(`AUTH decode64 error [-5 for "!!!"], relay=${HOST}`, {
    outcome: 'failed',
    client_ip: '203.0.113.20',
  });
});

test('what is no login of a client is none', () => {
  const texts: readonly (readonly [text: string, what: string, severity: string])[] = [
    ['AUTH=client, relay=smart.example., mech=PLAIN, bits=0', 'auth client', 'info'],
    [
      'AUTH=client, relay=smart.example., temporary failure, connection abort',
      'auth client',
      'warning',
    ],
    ['AUTH warning: no mechanisms', 'auth', 'warning'],
    ['AUTH: available mech=PLAIN LOGIN, allowed mech=EXTERNAL', 'auth', 'debug'],
  ];
  for (const [text, what, severity] of texts) {
    assertRow(text, { table: 'daemon_events', what, severity }, '');
  }
});

test('TLS besides its summary', () => {
  const texts: readonly (readonly [text: string, what: string, severity: string])[] = [
    [
      `STARTTLS=server, error: accept failed=-1, reason=wrong version number, SSL_error=1, errno=0, retry=-1, relay=${HOST}`,
      'tls error',
      'warning',
    ],
    [
      'STARTTLS: write error=syscall error (-1), errno=104, retry=99, ssl_err=5',
      'tls error',
      'warning',
    ],
    [
      'STARTTLS=client, cert-subject=/CN=fail.error, cert-issuer=/CN=x, verifymsg=ok',
      'tls',
      'info',
    ],
    ['STARTTLS=client, start=ok', 'tls', 'info'],
  ];
  for (const [text, what, severity] of texts) {
    assertRow(text, { table: 'daemon_events', what, severity }, '');
  }
});
