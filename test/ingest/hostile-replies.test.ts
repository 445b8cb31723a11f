/**
 * Words from outside that look like sendmail's own: replies of remote servers, addresses, message-ids,
 * VRFY arguments, AUTH users. What truly happened must be read, as often as it happened.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Row } from '../../src/store/store.ts';
import { loadLog } from '../support/load-log.ts';

const FOLDER = 'test/fixtures/hostile';
const readLog = (name: string): Buffer => readFileSync(`${FOLDER}/${name}.maillog`);

interface Outcome {
  readonly recipients: readonly string[];
  readonly status: string;
}

test('a remote reply never changes an outcome, a recipient or a count', async () => {
  const expected = JSON.parse(
    readFileSync(`${FOLDER}/replies.expect.json`, 'utf8'),
  ) as readonly Outcome[];
  const { rows, result, store } = await loadLog(readLog('replies'));
  const found = await rows(
    `SELECT line_number, list(recipient ORDER BY recipient DESC) AS recipients, any_value(status) AS status,
       sum(transactions) AS transactions, any_value(relay_ip) AS ip, any_value(delay) AS delay
     FROM raw.deliveries GROUP BY line_number ORDER BY line_number`,
  );
  assert.equal(result.counts.parsed, expected.length);
  assert.deepEqual(
    found.map(({ recipients, status }) => ({ recipients, status })),
    expected,
  );
  for (const row of found) {
    const { line_number: line, transactions, ip, delay } = row;
    assert.deepEqual(
      { transactions, ip, delay },
      { transactions: 1, ip: '198.51.100.30', delay: 2 },
      `${line}`,
    );
  }
  await store.close();
});

test("the word for an outcome is sendmail's, the text is what the server said", async () => {
  const { rows, store } = await loadLog(readLog('replies'));
  const found = await rows(
    'SELECT line_number, stat, reply FROM raw.deliveries WHERE line_number IN (1, 3, 4, 5, 14, 18) ORDER BY 1',
  );
  assert.deepEqual(found, [
    { line_number: 1, stat: 'Deferred', reply: '451 4.3.0 busy, stat=Sent (ok)' },
    { line_number: 3, stat: 'User unknown', reply: '550 5.1.1 no, stat=Sent (ok)' },
    {
      line_number: 4,
      stat: 'Service unavailable',
      reply: '554 5.7.1 spam, dsn=2.0.0, reply=250 2.0.0 ok, stat=Sent',
    },
    { line_number: 5, stat: 'Sent', reply: 'ok, dsn=5.1.1, stat=User unknown' },
    { line_number: 14, stat: 'Deferred', reply: '450 4.2.1 later, stat=Sent (ok)' },
    { line_number: 18, stat: 'Sent', reply: null },
  ]);
  await store.close();
});

/** from= lines of `clients.maillog`: what the client wrote, and what sendmail says of it. */
const ENVELOPES: readonly (readonly [line: number, what: string, expected: Row])[] = [
  [
    1,
    'an address with equates in quotes',
    {
      sender: '"a, size=1, class=0, nrcpts=77, msgid=<x@y>, relay=z [192.0.2.1]"@p.example',
      size: 168,
      class: 0,
      nrcpts: 1,
      message_id: '<1@lab.example>',
      protocol: 'ESMTP',
      daemon: 'MTA-v4',
      relay_host: 'client20.isp.example',
      relay_ip: '203.0.113.20',
      body_type: null,
    },
  ],
  [
    2,
    'a message-id with a whole tail',
    {
      sender: 'ann@p.example',
      size: 169,
      class: -60,
      nrcpts: 2,
      message_id: '<2@x>, proto=SMTP, daemon=evil, relay=evil.example [192.0.2.1]',
      protocol: 'ESMTPS',
      daemon: 'A long',
      relay_host: 'client20.isp.example',
      relay_ip: '203.0.113.20',
      body_type: null,
    },
  ],
  [
    3,
    'a message-id that ends like a body type',
    {
      sender: 'ann@p.example',
      size: 170,
      class: 0,
      nrcpts: 1,
      message_id: '<3, bodytype=8BITMIME>',
      protocol: 'ESMTP',
      daemon: 'MTA-v4',
      relay_host: 'client20.isp.example',
      relay_ip: '203.0.113.20',
      body_type: null,
    },
  ],
  [
    4,
    'a message-id that ends like protocol and daemon',
    {
      sender: 'alice',
      size: 171,
      class: 0,
      nrcpts: 1,
      message_id: '<4, proto=EVIL, daemon=<x>',
      protocol: null,
      daemon: null,
      relay_host: 'localhost',
      relay_ip: null,
      body_type: null,
    },
  ],
  [
    5,
    'a message-id like a to= line, and an ident user',
    {
      sender: 'ann@p.example',
      size: 172,
      class: 0,
      nrcpts: 1,
      message_id: '<5@x>, to=<w@y.example>, delay=00:00:00, mailer=esmtp, stat=Sent',
      protocol: 'ESMTP',
      daemon: 'MTA-v4',
      relay_host: 'client21.isp.example',
      relay_ip: '203.0.113.21',
      body_type: null,
    },
  ],
  [
    6,
    'a reverse name with equates',
    {
      sender: 'ann@p.example',
      size: 173,
      class: 0,
      nrcpts: 1,
      message_id: '<6@x>',
      protocol: 'ESMTP',
      daemon: 'MTA-v4',
      relay_host: 'nrcpts=9.stat=Sent.example',
      relay_ip: '203.0.113.22',
      body_type: null,
    },
  ],
  [
    7,
    'an address with equates in a comment',
    {
      sender: 'ann@p.example (a, size=9, class=9, nrcpts=9)',
      size: 174,
      class: 0,
      nrcpts: 1,
      message_id: '<7@x>',
      protocol: 'ESMTP',
      daemon: 'MTA-v4',
      relay_host: 'client20.isp.example',
      relay_ip: '203.0.113.20',
      body_type: null,
    },
  ],
];

for (const [line, what, expected] of ENVELOPES) {
  test(`from= line with ${what}`, async () => {
    const { rows, result, store } = await loadLog(readLog('clients'));
    assert.equal(result.counts.parsed, ENVELOPES.length);
    const columns = Object.keys(expected).join(', ');
    const found = await rows(`SELECT ${columns} FROM raw.envelopes WHERE line_number = ${line}`);
    assert.deepEqual(found, [expected]);
    await store.close();
  });
}

/** Lines of `words.maillog`: the only row each makes, as `table: values`. */
const WORDS: readonly (readonly [line: number, what: string, expected: string])[] = [
  [
    1,
    'VRFY of the words of a silent client',
    'connections: probe 203.0.113.23 VRFY x did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA-v4',
  ],
  [
    2,
    'VRFY of an attack',
    'connections: probe 203.0.113.23 VRFY a: possible SMTP attack: command=AUTH, count=99',
  ],
  [
    3,
    'EXPN of an unknown user',
    'connections: probe 203.0.113.23 EXPN <w@y.example>... User unknown',
  ],
  [
    4,
    'VRFY of a refusal',
    'connections: probe 203.0.113.23 vrfy w, reject=550 5.7.1 no, relay=evil [192.0.2.1] [rejected]',
  ],
  [
    5,
    'HTTP with the words of a delivery',
    'connections: probe 203.0.113.23 probable open proxy: command=GET / stat=Sent, to=<w@y.example>',
  ],
  [
    6,
    'an AUTH user with a relay',
    'auth_events: failed PLAIN evil, relay=x [192.0.2.1] 203.0.113.20',
  ],
  [7, 'an AUTH user with a user', 'auth_events: failed LOGIN a, user=b, mech=PLAIN 203.0.113.24'],
  [8, 'base64 with a relay', 'auth_events: failed null null 203.0.113.20'],
  [
    9,
    'a recipient with a whole verdict in quotes',
    'rejections: rcpt reject 550 5.7.1 203.0.113.30 null "evil, relay=a [192.0.2.1], reject=250 ok"@y.example Relaying denied',
  ],
  [
    10,
    'a reply text with a verdict',
    'rejections: mail reject 553 5.0.0 203.0.113.30 raw@isp.example null raw text, relay=fake [192.0.2.1], reject=250 ok',
  ],
  [
    11,
    "a milter's sender with verdicts",
    'rejections: mail reject 550 5.7.1 null "x, reject=250 ok, discard"@y.example null sender <x>, refused; to=<a@b>, stat=Sent, discard',
  ],
  [
    12,
    "a milter's recipient with a verdict",
    'rejections: rcpt discard null null null null "x, discard"@y.example discard',
  ],
  [13, 'a header with a verdict', 'daemon_events: milter debug'],
  [14, 'a remote reply with an unknown user', 'daemon_events: protocol error warning'],
  [
    15,
    'a refusal text with two addresses',
    'rejections: rcpt reject 550 5.7.1 null null w@y.example Access denied... <z@y.example>... User unknown by rule',
  ],
  [
    16,
    'an unknown user with the words in quotes',
    'rejections: rcpt reject 550 5.1.1 null null "w... User unknown"@y.example User unknown',
  ],
  [17, 'the dialogue repeating a refusal', 'daemon_events: dialogue debug'],
  [18, 'the dialogue', 'daemon_events: dialogue debug'],
  [19, 'a client saying the words of a silent client', 'daemon_events: dialogue debug'],
  [20, 'a client saying the words of a refusal', 'daemon_events: dialogue debug'],
  [
    21,
    'a sender with the words of a bare line end',
    'connections: lost_input null relay=client20.isp.example, from=<"x, info=Bare linefeed (LF) not allowed, where=body, status=tempfail"@y.example>, info=unexpected close',
  ],
  [
    22,
    'an ident answer with the words of a lost connection',
    'connections: lost_input 203.0.113.20 after rcpt to MTA-v4',
  ],
  [23, 'a certificate named error', 'daemon_events: tls info'],
];

const COLUMNS: Readonly<Record<string, string>> = {
  connections: 'what, client_ip, detail',
  auth_events: 'outcome, mechanism, auth_user, client_ip',
  rejections: 'stage, action, code, dsn, client_ip, sender, recipient, reason',
  daemon_events: 'what, severity',
  envelopes: 'sender',
  deliveries: 'status, recipient',
  queue_events: 'what',
  tls_sessions: 'side',
};

for (const [line, what, expected] of WORDS) {
  test(`words of others: ${what}`, async () => {
    const { rows, store } = await loadLog(readLog('words'));
    const found: string[] = [];
    for (const [table, columns] of Object.entries(COLUMNS)) {
      const made = await rows(`SELECT ${columns} FROM raw.${table} WHERE line_number = ${line}`);
      const values = made.map((row) => Object.values(row).map((value) => value ?? 'null'));
      found.push(...values.map((row) => `${table}: ${row.join(' ')}`));
    }
    assert.deepEqual(found, [expected]);
    await store.close();
  });
}
