/** Parameters of MAIL and RCPT, xtext, and names after HELO. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeXtext,
  encodeXtext,
  esmtpParameters,
} from '../../../src/mta/route/esmtp-parameters.ts';
import { heloProblem } from '../../../src/mta/route/helo-name.ts';
import { randomSource } from '../../support/random.ts';

/** `KEYWORD=value KEYWORD`. */
function read(text: string): string {
  return esmtpParameters(text)
    .map(({ keyword, value }) => (value === null ? keyword : `${keyword}=${value}`))
    .join(' ');
}

test('parameters are cut where sendmail cuts them', () => {
  const cases: Readonly<Record<string, string>> = {
    '': '',
    ' size=1  body=8bitmime ': 'SIZE=1 BODY=8bitmime',
    'NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@c.example':
      'NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@c.example',
    'ENVID=a=b': 'ENVID=a B',
    'AUTH=<>': 'AUTH=<>',
    'ENVID=': 'ENVID=',
    '=1': '=1',
    '<alice>': ' ALICE',
    SMTPUTF8: 'SMTPUTF8',
    'A=1\tB=2': 'A=1 B=2',
    'BODY=\x01': 'BODY=',
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(read(text), expected);
});

test('any text gives parameters without an end', () => {
  const random = randomSource(3);
  for (let round = 0; round < 5000; round += 1) {
    let text = '';
    for (let count = random.below(20); count > 0; count -= 1)
      text += random.pick(['A', '=', ' ', '\t', '<', '+', '\x80', '\n']);
    assert.ok(esmtpParameters(text).length <= text.length);
  }
});

test('xtext', () => {
  assert.equal(decodeXtext('a+3Db+2B'), 'a=b+');
  for (const wrong of ['a=b', 'a b', '+3', '+3d', '+', 'a+ZZ', '\xe9'])
    assert.equal(decodeXtext(wrong), null);
  for (const text of ['', 'a=b+c d', '\x00\xff"<>']) {
    assert.equal(decodeXtext(encodeXtext(text)), text);
  }
});

test('names after HELO', () => {
  for (const name of [
    'a',
    'a_b',
    '[1.2.3.4]',
    '[IPv6:::1]',
    '-a',
    'a..b',
    '.',
    '[a',
    'a#b',
    'x'.repeat(256),
    'a ',
  ]) {
    assert.equal(heloProblem('EHLO', name), null, name);
  }
  for (const name of [
    'a b',
    'a@b',
    '*',
    'a"b',
    '(c)',
    'x'.repeat(257),
    'a/b',
    '\xe9',
    'a\x01b',
    '$',
    'a,b',
    '[x y]',
  ]) {
    assert.deepEqual(
      heloProblem('EHLO', name),
      { code: 501, status: '5.0.0', text: 'Invalid domain name' },
      name,
    );
  }
  assert.equal(heloProblem('helo', '  ')?.text, 'helo requires domain address');
});
