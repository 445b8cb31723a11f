import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  controllingText,
  escaped,
  intervalText,
  nonNegative,
  relayText,
  shortened,
  shortenedHost,
} from '../../../src/mta/log/text.ts';
import { randomSource } from '../../support/random.ts';
import { unescaped } from './replay.ts';

test('clients', () => {
  const client = { name: 'mail.example', address: '198.51.100.10', resolution: 'OK' } as const;
  assert.equal(relayText(client), 'mail.example [198.51.100.10]');
  const forged = { ...client, resolution: 'FORGED' } as const;
  assert.equal(relayText(forged), 'mail.example [198.51.100.10] (may be forged)');
  const nameless = { ...client, name: '[198.51.100.10]', resolution: 'FAIL' } as const;
  assert.equal(relayText(nameless), '[198.51.100.10]');
  const six = { ...client, address: '2001:db8:1:0:0:0:0:77' } as const;
  assert.equal(relayText(six), 'mail.example [IPv6:2001:db8:1:0:0:0:0:77]');
  assert.equal(
    relayText({ ...six, name: '[2001:db8:1:0:0:0:0:77]' }),
    '[IPv6:2001:db8:1:0:0:0:0:77]',
  );
  assert.equal(relayText({ ...client, name: 'alice@localhost', address: '' }), 'alice@localhost');
});

test('users', () => {
  assert.equal(controllingText({ shown: 'dave', uid: 1003, gid: 8 }), 'dave (1003/8)');
  const long = controllingText({ shown: 'x'.repeat(90), uid: 1, gid: 0 });
  assert.equal(long, `${'x'.repeat(40)}...${'x'.repeat(40)} (1/0)`);
});

test('cuts', () => {
  assert.equal(shortened('x'.repeat(202)).length, 202);
  assert.equal(shortened('x'.repeat(203)), `${'x'.repeat(100)}...${'x'.repeat(100)}`);
  assert.equal(shortened(`a${'x'.repeat(900)}z`).length, 203);
  assert.equal(shortened('5.7.100', 10), '5.7.100');
  assert.equal(
    shortenedHost(`${'h'.repeat(60)} [1.2.3.4]`),
    `${'h'.repeat(18)}...${'h'.repeat(18)} [1.2.3.4]`,
  );
  assert.equal(shortenedHost('tag'), 'tag');
});

test('intervals and numbers', () => {
  assert.equal(intervalText(2_999), '00:00:02');
  assert.equal(intervalText(3 * 86_400_000), '3+00:00:00');
  assert.equal(intervalText(-5_000), '00:00:00');
  assert.equal(intervalText(Number.NaN), '00:00:00');
  assert.equal(nonNegative(-1), '9223372036854775807');
  assert.equal(nonNegative(30_420), '30420');
  assert.equal(nonNegative(Number.NaN), '0');
});

test('escapes', () => {
  assert.equal(
    escaped('a\x07b\xc3\xa9\x7f\x08\\c\tz\r\n'),
    'a\\007b\\303\\251\\177\\010\\\\c\\tz\\r\\n',
  );
  assert.equal(escaped('\u00e9\u20ac'), '\\351\\342\\202\\254');
  const random = randomSource(7);
  for (let round = 0; round < 1_000; round += 1) {
    const text = Array.from({ length: random.below(30) }, () =>
      String.fromCharCode(random.below(256)),
    ).join('');
    const safe = escaped(text);
    assert.match(safe, /^[\x20-\x7e]*$/);
    assert.equal(unescaped(safe), text, 'what was there can be told');
  }
});
