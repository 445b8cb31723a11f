/** ruleset= lines: where the argument ends, and what the verdict means. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actionOf, splitReply, splitRuleset } from '../../../ingest/sendmail/ruleset-lines.ts';
import { assertRow } from '../read-lines.ts';

const RELAY = 'relay=client20.isp.example [203.0.113.20]';

test('replies in their parts', () => {
  assert.deepEqual(splitReply('550 5.7.1 no'), { code: 550, dsn: '5.7.1', text: 'no' });
  assert.deepEqual(splitReply('550-5.7.1 first'), { code: 550, dsn: '5.7.1', text: 'first' });
  assert.deepEqual(splitReply('451 later'), { code: 451, dsn: undefined, text: 'later' });
  assert.deepEqual(splitReply('go away'), { code: undefined, dsn: undefined, text: 'go away' });
  assert.deepEqual(
    [actionOf(421), actionOf(550), actionOf(undefined)],
    ['tempfail', 'reject', 'reject'],
  );
});

test('discard and quarantine', () => {
  assertRow(`ruleset=check_mail, arg1=<joe@discard.example>, ${RELAY}, discard`, {
    stage: 'mail',
    action: 'discard',
    sender: 'joe@discard.example',
    code: undefined,
  });
  assertRow(`ruleset=check_rcpt, arg1=<held@corp.example>, ${RELAY}, quarantine=held, by access`, {
    action: 'quarantine',
    recipient: 'held@corp.example',
    reason: 'held, by access',
  });
});

test('header checks: the text of the header may hold all that a verdict holds', () => {
  assertRow(
    `ruleset=CheckSubject, arg1= buy, relay=x [192.0.2.1], reject=250 ok, ${RELAY}, reject=550 5.7.1 subject refused`,
    {
      stage: 'content',
      rule: 'CheckSubject',
      code: 550,
      client_ip: '203.0.113.20',
      reason: 'subject refused',
    },
  );
  assert.equal(splitRuleset('ruleset=X, arg1=a')?.rule, undefined);
});

test('the end of an address is the end of the argument', () => {
  const parts = splitRuleset(
    `ruleset=check_rcpt, arg1=<"a>, relay=x [192.0.2.1], reject=250 ok"@y>, ${RELAY}, reject=550 5.7.1 no, relay=z, reject=250`,
  );
  assert.deepEqual(parts, {
    rule: 'check_rcpt',
    argument: '<"a>, relay=x [192.0.2.1], reject=250 ok"@y>',
    second: undefined,
    relay: 'client20.isp.example [203.0.113.20]',
    action: 'reject=550 5.7.1 no, relay=z, reject=250',
  });
});

test('rules besides the usual', () => {
  assertRow(
    'ruleset=tls_server, arg1=SOFTWARE, relay=mail.tls.example, reject=454 4.7.0 TLS handshake failed.',
    {
      stage: 'other',
      action: 'tempfail',
      client_host: undefined,
    },
    '',
  );
  assertRow(`ruleset=check_compat, arg1=<a@x>, arg2=<b@y>, ${RELAY}, reject=550 5.7.1 no`, {
    stage: 'other',
    sender: 'a@x',
    recipient: 'b@y',
  });
  assertRow(`ruleset=Local_check_mail, arg1=<a@x>, ${RELAY}, reject=550 no`, {
    stage: 'mail',
    sender: 'a@x',
  });
  assertRow(`ruleset=check_eoh, arg1=5 $| 1200, ${RELAY}, reject=550 5.7.1 no`, {
    stage: 'content',
  });
  assertRow(
    `ruleset=trust_auth, arg1=alice@mx1, ${RELAY}, reject=550 5.7.1 <alice@mx1>... not authenticated`,
    {
      table: 'daemon_events',
      severity: 'debug',
    },
    '',
  );
});

test('a refusal without a relay, and the form of 8.8', () => {
  assertRow('ruleset=check_rcpt, arg1=<a@x>, reject=550 5.7.1 no', {
    recipient: 'a@x',
    client_ip: undefined,
  });
  assertRow(
    'ruleset=check_mail (<spam@x.example>) rejection: 551 no',
    {
      stage: 'mail',
      code: 551,
      sender: 'spam@x.example',
    },
    'UAA02587',
  );
});

test('one reason is one value whatever the address', () => {
  for (const address of ['<a@x>', '<"q, r"@x>']) {
    assertRow(
      `ruleset=check_mail, arg1=${address}, ${RELAY}, reject=553 5.0.0 ${address}... raw text, relay=f, reject=250 ok`,
      {
        reason: 'raw text, relay=f, reject=250 ok',
      },
    );
  }
});
