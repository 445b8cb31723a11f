import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { mailParameters, rcptParameters, skipWord } from '../../../src/mta/session/arguments.ts';
import { randomSource } from '../../support/random.ts';

function said(outcome: ReturnType<typeof mailParameters> | ReturnType<typeof rcptParameters>) {
  if (outcome.kind === 'parameters') return outcome.parameters;
  const { code, status, text } = outcome.reply;
  return `${code} ${status} ${text}`;
}

suite('what follows MAIL and RCPT', () => {
  test('begins with FROM: or TO:, with blanks where people put them', () => {
    const rest = (text: string) => {
      const skipped = skipWord(text, 'from');
      return skipped.kind === 'rest' ? skipped.rest : skipped.reply.text;
    };
    assert.equal(rest('FROM:<a@b>'), '<a@b>');
    assert.equal(rest('from : <a@b> SIZE=1'), '<a@b> SIZE=1');
    assert.equal(rest(''), 'Syntax error in parameters scanning ""');
    assert.equal(rest('FROM a@b'), 'Syntax error in parameters scanning "FROM"');
    assert.equal(rest('FROM:'), 'Syntax error in parameters scanning "FROM"');
    assert.equal(rest('FORM:<a@b>'), 'Syntax error in parameters scanning "FORM"');
  });

  test('of MAIL', () => {
    const text = 'SIZE=12 BODY=8bitmime ENVID=a+2Bb RET=hdrs AUTH=<> BY=120;n';
    assert.deepEqual(said(mailParameters(text, true)), {
      size: 12,
      bodyType: '8BITMIME',
      isUtf8: false,
      envid: 'a+2Bb',
      ret: 'HDRS',
      deliverBy: '120;N',
    });
    assert.equal(
      said(mailParameters('SMTPUTF8', false)),
      '555 5.5.4 SMTPUTF8 parameter unrecognized',
    );
    assert.equal(said(mailParameters('SIZE', true)), '501 5.5.2 SIZE requires a value');
    assert.match(String(said(mailParameters('BY=0;R', true))), /^501 5\.5\.4 Syntax error in BY/);
    assert.equal(said(mailParameters('BODY=9', true)), '501 5.5.4 Unknown BODY type 9');
    assert.equal(
      said(mailParameters('__proto__=1', true)),
      '555 5.5.4 __proto__ parameter unrecognized',
    );
  });

  test('of RCPT', () => {
    assert.deepEqual(said(rcptParameters('NOTIFY=success,DELAY ORCPT=rfc822;a@b')), {
      notify: ['SUCCESS', 'DELAY'],
      orcpt: 'rfc822;a@b',
    });
    assert.equal(said(rcptParameters('NOTIFY=BOGUS')), '501 5.5.4 Bad argument "BOGUS"  to NOTIFY');
    assert.equal(said(rcptParameters('NOTIFY=NEVER,DELAY')).toString().slice(0, 9), '501 5.5.4');
    assert.equal(
      said(rcptParameters('ORCPT=a@b')),
      '501 5.5.4 Syntax error in ORCPT parameter value',
    );
  });

  test('may be anything', () => {
    const random = randomSource(9);
    const pieces = [
      'SIZE',
      '=',
      ' ',
      'NOTIFY',
      ',',
      '\0',
      '\xff',
      'ENVID',
      '+',
      '9'.repeat(40),
      ';',
    ];
    for (let round = 0; round < 2000; round += 1) {
      const text = Array.from({ length: 8 }, () => pieces[random.below(pieces.length)]).join('');
      for (const outcome of [mailParameters(text, true), rcptParameters(text)]) {
        if (outcome.kind === 'error') assert.match(String(outcome.reply.code), /^5\d\d$/);
      }
    }
  });
});
