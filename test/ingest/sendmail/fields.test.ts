/** Field values: delays, escapes, quoted strings, IPv6, peers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  compressIPv6,
  readDelay,
  skipQuoted,
  unescapeText,
} from '../../../ingest/sendmail/fields.ts';
import { assertRow } from '../read-lines.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const unescaped = (text: string): string => unescapeText(bytes(text), 0, text.length);

test('delays, with days', () => {
  const delay = (text: string): number => readDelay(bytes(text), 0, text.length);
  assert.equal(delay('00:00:02'), 2);
  assert.equal(delay('23:59:59'), 86_399);
  assert.equal(delay('1+00:00:00'), 86_400);
  assert.equal(delay('3+01:00:02'), 3 * 86_400 + 3602);
  assert.equal(delay('12:00:00:00'), Number.NaN);
  for (const text of ['', '00:00', ':', '00:00:', '-1:00:00', '00:00:0x', '+00:00:00']) {
    assert.ok(Number.isNaN(delay(text)), text);
  }
  assert.ok(Number.isNaN(delay(`${'9'.repeat(30)}:00:00`)));
});

test('escapes are undone, unless what comes out is no UTF-8', () => {
  assert.equal(unescaped(String.raw`gr\303\274\303\237e`), 'gr\u00fc\u00dfe');
  assert.equal(unescaped(String.raw`a\\b\tc\nd\re\b`), 'a\\b\tc\nd\re\b');
  assert.equal(unescaped(String.raw`caf\351`), String.raw`caf\351`);
  assert.equal(unescaped(String.raw`end\\`), 'end\\');
  assert.equal(unescaped(String.raw`\9 \38x \q`), String.raw`\9 \38x \q`);
  assert.equal(unescaped('one\\'), 'one\\');
  assert.equal(unescaped(String.raw`\777`), String.raw`\777`);
});

test('quoted strings end at their own quote; a backslash is logged doubled', () => {
  const end = (text: string): number => skipQuoted(bytes(text), 0, text.length);
  assert.equal(end('"a,b"@x'), 5);
  assert.equal(end(String.raw`"a\\"b"@x`), 7);
  assert.equal(end(String.raw`"a\\\\"@x`), 7);
  assert.equal(end('"never closed'), -1);
  assert.equal(end('"'), -1);
});

test('IPv6 in the form of RFC 5952', () => {
  assert.equal(compressIPv6('2001:db8:1:0:0:0:0:77'), '2001:db8:1::77');
  assert.equal(compressIPv6('0:0:0:0:0:0:0:1'), '::1');
  assert.equal(compressIPv6('2001:DB8:0:1:1:1:1:1'), '2001:db8:0:1:1:1:1:1');
});

/** The client of a line, as host and address. */
const PEERS: readonly (readonly [
  text: string,
  host: string | undefined,
  ip: string | undefined,
])[] = [
  ['client20.isp.example [203.0.113.20]', 'client20.isp.example', '203.0.113.20'],
  ['[203.0.113.200]', undefined, '203.0.113.200'],
  [
    'forged110.isp.example [203.0.113.110] (may be forged)',
    'forged110.isp.example',
    '203.0.113.110',
  ],
  ['v6client.isp.example [IPv6:2001:db8:1:0:0:0:0:77]', 'v6client.isp.example', '2001:db8:1::77'],
  ['[IPv6:2001:db8:1:0:0:0:0:78]', undefined, '2001:db8:1::78'],
  ['someuser@client21.isp.example [203.0.113.21]', 'client21.isp.example', '203.0.113.21'],
  ['localhost [127.0.0.1]', 'localhost', '127.0.0.1'],
  ['alice@localhost', 'localhost', undefined],
  ['[198.51.100.10] [198.51.100.10]', undefined, '198.51.100.10'],
  ['mail.v6.example. [IPv6:2001:db8:0:0:0:0:0:25]', 'mail.v6.example', '2001:db8::25'],
  [' [209.15.212.253]', undefined, '209.15.212.253'],
  ['localhost [[UNIX: localhost]]', 'localhost', undefined],
  ['[[UNIX: /run/lmtp.sock]]', undefined, undefined],
  ['[IPv6:not:an:address:at:all]', undefined, 'not:an:address:at:all'],
];

test('peers as sendmail names them', () => {
  for (const [text, host, ip] of PEERS) {
    assertRow(
      `connect from ${text}`,
      { table: 'connections', client_host: host, client_ip: ip },
      '',
    );
  }
});

test('addresses without their frame, domains in lower case', () => {
  const sender = (address: string, expected: string | undefined, domain?: string): void =>
    assertRow(`from=${address}, size=1, class=0, nrcpts=1, relay=x [192.0.2.1]`, {
      sender: expected,
      sender_domain: domain,
    });
  sender('<Ann@Partner.EXAMPLE>', 'Ann@Partner.EXAMPLE', 'partner.example');
  sender('<>', '');
  sender('alice', 'alice');
  sender('<NONE>', undefined);
  sender(String.raw`<"a\\"b"@x.example>`, String.raw`"a\"b"@x.example`, 'x.example');
  sender('<"a@b"@x.example>', '"a@b"@x.example', 'x.example');
  sender(
    '<@relay.example,@r2.example:user@partner.example>',
    '@relay.example,@r2.example:user@partner.example',
    'partner.example',
  );
  sender('<bar!baz!foo>', 'bar!baz!foo');
  sender('<Alice Smith <alice@corp.example>>', 'Alice Smith <alice@corp.example>', 'corp.example');
});
