/** Addresses: forms, prefixes, reverse names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addressInLiteral,
  addressLiteral,
  fullAddress,
  matchesPrefix,
  parseAddress,
  parsePrefix,
  reverseLabels,
  reverseName,
} from '../../../src/mta/route/ip.ts';
import { randomSource } from '../../support/random.ts';

test('an IPv6 address is written in full, one that wraps IPv4 as that', () => {
  const cases: Readonly<Record<string, string>> = {
    '203.0.113.20': '203.0.113.20',
    '2001:db8:1::77': '2001:db8:1:0:0:0:0:77',
    '2001:0DB8::00ff': '2001:db8:0:0:0:0:0:ff',
    '::': '0:0:0:0:0:0:0:0',
    '::1': '0:0:0:0:0:0:0:1',
    'fe80::1%eth0': 'fe80:0:0:0:0:0:0:1',
    '64:ff9b::192.0.2.33': '64:ff9b:0:0:0:0:c000:221',
    '::ffff:192.0.2.33': '192.0.2.33',
    '::FFFF:c000:221': '192.0.2.33',
    'no address': 'no address',
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(fullAddress(text), expected);
});

test('literals', () => {
  assert.equal(addressLiteral('203.0.113.20'), '[203.0.113.20]');
  assert.equal(addressLiteral('::1'), '[IPv6:0:0:0:0:0:0:0:1]');
  assert.equal(addressInLiteral('[IPv6:2001:db8::1]'), '2001:db8:0:0:0:0:0:1');
  for (const text of ['[1.2.3]', '[host.example]', '1.2.3.4', '[IPv6:zz]', '[]']) {
    assert.equal(addressInLiteral(text), null);
  }
});

test('prefixes', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['203.0.113.0/24', '203.0.113.9', true],
    ['203.0.113.0/24', '203.0.114.9', false],
    ['203.0.113.128/25', '203.0.113.127', false],
    ['203.0', '203.0.1.2', true],
    ['203.0.113', '203.0.11.3', false],
    ['203.0.113.9', '203.0.113.9', true],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['IPv6:2001:db8::/32', '2001:db8:9::1', true],
    ['2001:db8::/29', '2001:dbf::1', true],
    ['2001:db8::/29', '2001:dc0::1', false],
    ['::/0', '203.0.113.9', false],
  ];
  for (const [prefix, text, expected] of cases) {
    const [parsed, address] = [parsePrefix(prefix), parseAddress(text)];
    assert.ok(parsed !== null && address !== null);
    assert.equal(matchesPrefix(address, parsed), expected, `${prefix} ${text}`);
  }
  for (const wrong of ['', '300.1', '1.2.3.4/33', '1.2.3.4/x', '1.2.3.4/8/9', '::/129', 'host']) {
    assert.equal(parsePrefix(wrong), null, wrong);
  }
});

test('reverse names', () => {
  const v4 = parseAddress('203.0.113.20');
  const v6 = parseAddress('2001:db8::1');
  assert.ok(v4 !== null && v6 !== null);
  assert.equal(reverseName(v4), '20.113.0.203.in-addr.arpa');
  assert.equal(reverseLabels(v4), '20.113.0.203');
  assert.match(reverseName(v6), /^1(?:\.0){23}\.8\.b\.d\.0\.1\.0\.0\.2\.ip6\.arpa$/);
});

test('any IPv6 address means the same in full', () => {
  const random = randomSource(7);
  for (let round = 0; round < 2000; round += 1) {
    const groups = Array.from({ length: 8 }, () => (random.chance(0.5) ? 0 : random.below(65536)));
    const text = groups.map((group) => group.toString(16)).join(':');
    const short = text.replace(/(?:^|:)0(?::0)+(?::|$)/, '::');
    if (fullAddress(text).includes('.')) continue;
    assert.equal(fullAddress(short), text);
  }
});
