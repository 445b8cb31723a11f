/** Tokens, and texts of any kind through all that reads them: an outcome always, and no new lines. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAction } from '../../../src/mta/policy/access.ts';
import { errorReply } from '../../../src/mta/policy/error-text.ts';
import { canonAddress, parseRecipient } from '../../../src/mta/policy/relay-address.ts';
import { parseRelayDomains } from '../../../src/mta/policy/relay-domains.ts';
import { dequote, joinTokens, stripQuotes, tokenize } from '../../../src/mta/policy/tokens.ts';
import { randomSource } from '../../support/random.ts';

test('tokens', () => {
  assert.deepEqual(tokenize('a.b@c (comment) "q, r" d\\@e'), [
    'a',
    '.',
    'b',
    '@',
    'c',
    '"q, r"',
    'd\\@e',
  ]);
  assert.deepEqual(tokenize('(a(b)c)'), []);
  for (const wrong of ['"a', '(a', 'a)', '<a', 'a>', 'a\\', '"a\\"'])
    assert.equal(tokenize(wrong), null, wrong);
  assert.equal(joinTokens(['refused', ',', 'see', 'it']), 'refused,see it');
  assert.equal(stripQuotes('"550 \\"x\\" y"'), '550 "x" y');
  assert.deepEqual(dequote(['"x@y"']), ['x', '@', 'y']);
  assert.deepEqual(dequote(['"x y"']), ['"x y"']);
});

test('any text: an outcome, printable, in one line', () => {
  const random = randomSource(21);
  const pieces = [
    'a',
    '@',
    '%',
    '!',
    ':',
    ';',
    ',',
    '.',
    '<',
    '>',
    '"',
    '\\',
    '(',
    ')',
    '[',
    ']',
    ' ',
    '\r\n',
    '\0',
    '\xff',
    '550 ',
    '5.7.1',
    'ERROR:',
    'corp.example',
  ] as const;
  const site = {
    hostName: 'mx1.corp.example',
    isLocalDomain: (domain: string) => domain === 'corp.example',
    isRelayDomain: () => true,
  };
  for (let i = 0; i < 5000; i++) {
    let text = '';
    for (let j = random.below(25); j > 0; j--) text += random.pick(pieces);
    for (const canonical of [canonAddress(text, site), parseRecipient(text, site)]) {
      assert.ok(canonical.kind === 'address' || canonical.text.startsWith('553 '));
    }
    const reply = errorReply(null, text);
    assert.ok(reply.code >= 200 && reply.code < 600 && /^[ -~\x80-\xff]*$/.test(reply.text));
    parseAction(text);
    parseRelayDomains(text).domains.domain(text);
  }
  const deep = `${'a%'.repeat(450)}b@corp.example`;
  assert.equal(canonAddress(deep, { ...site, isLocalDomain: () => true }).kind, 'error');
  assert.equal(parseRecipient('x@y'.repeat(2000), site).kind, 'error');
});
