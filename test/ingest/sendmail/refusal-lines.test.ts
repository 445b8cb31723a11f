/** Refusals of the SMTP server that no ruleset made. */
import { test } from 'node:test';
import { assertOutcome, assertRow, assertRows } from '../read-lines.ts';

/** Texts behind an address: rule, code, enhanced code. */
const BEHIND_ADDRESS: readonly (readonly [
  text: string,
  rule: string,
  code?: number,
  dsn?: string,
])[] = [
  ['No such virtual user', 'user unknown', 550],
  ['No such user here', 'user unknown', 550],
  ['Relaying denied. IP name lookup failed [192.0.2.1]', 'relaying denied', 550, '5.7.1'],
  ['Invalid route address', 'address syntax', 553, '5.1.3'],
  ['User address required', 'address syntax', 553, '5.1.3'],
  ['Hostname required', 'address syntax', 553, '5.1.3'],
  ['List:; syntax illegal for recipient addresses', 'address syntax', 553, '5.1.3'],
  ["Unbalanced '<'", 'address syntax', 553],
  ['prescan: token too long', 'address syntax', 553, '5.1.0'],
  ['Address "<aa...zz>" too long (255 bytes max)', 'address syntax', 553, '5.1.0'],
  ['Cannot mail directly to programs', 'address', 550],
  ['we do not talk to them', 'address'],
];

test('texts behind an address', () => {
  for (const [text, rule, code, dsn] of BEHIND_ADDRESS) {
    assertRow(`<x@corp.example>... ${text}`, {
      stage: 'rcpt',
      action: 'reject',
      rule,
      code,
      dsn,
      recipient: 'x@corp.example',
      reason: text,
    });
  }
});

test('texts about the sender', () => {
  assertRow('<x@nx.example>... Domain of sender address x@nx.example does not exist', {
    stage: 'mail',
    action: 'reject',
    code: 553,
    sender: 'x@nx.example',
    recipient: undefined,
  });
  assertRow('<x@nx.example>... Domain of sender address x@nx.example does not resolve', {
    action: 'tempfail',
    code: 451,
    dsn: '4.1.8',
  });
  assertRow(
    'setsender: <|/bin/sh>: invalid or unparsable, received from client21.isp.example [203.0.113.21]',
    {
      stage: 'mail',
      rule: 'sender syntax',
      code: 553,
      dsn: '5.1.7',
      sender: '|/bin/sh',
      client_ip: '203.0.113.21',
    },
  );
});

test('the address ends at its own bracket', () => {
  assertRow('<"a... User unknown, b"@x.example>... mailbox closed... sorry', {
    recipient: '"a... User unknown, b"@x.example',
    reason: 'mailbox closed... sorry',
  });
  assertRow('nosuch... User unknown', { recipient: 'nosuch', code: 550 });
});

/** Texts that stand alone: under their codes sendmail logs no address. */
const ALONE: readonly (readonly [text: string, rule: string, code?: number, dsn?: string])[] = [
  ['over quota', 'over quota'],
  ['Too many recipients', 'too many recipients', 452, '4.5.3'],
  ['Bad argument "BOGUS"  to NOTIFY', 'bad parameter', 501, '5.5.4'],
  ['Sorry, NOTIFY not supported, we do not allow DSN', 'bad parameter', 504, '5.7.0'],
  ['FOO parameter unrecognized', 'bad parameter', 555, '5.5.4'],
  ['aliasing/forwarding loop broken (11 aliases deep; 10 max)', 'alias loop', 554, '5.4.6'],
];

test('texts that stand alone', () => {
  for (const [text, rule, code, dsn] of ALONE) {
    assertRow(text, { stage: 'rcpt', rule, code, dsn, recipient: undefined, reason: text });
  }
  assertRow('8-bit character in mailbox address "<grC<@x.example>"', {
    code: 501,
    dsn: '5.1.3',
    recipient: 'grC<@x.example',
  });
});

test('whole messages', () => {
  assertRow('message size (49300) exceeds maximum (20000)', {
    stage: 'data',
    code: 552,
    dsn: '5.2.3',
    extent: 'message',
  });
  assertRow('headers too large (32768 max) from client20.isp.example during message collect', {
    stage: 'content',
    extent: 'message',
  });
  assertRow(
    'collect: relay=client20.isp.example, from=<ann@p.example>, info=Bare linefeed (LF) not allowed, where=header+body, status=tempfail',
    {
      stage: 'content',
      action: 'tempfail',
      rule: 'bare line end',
      sender: 'ann@p.example',
      client_host: 'client20.isp.example',
      reason: 'Bare linefeed (LF) not allowed (header+body)',
      extent: 'message',
    },
  );
  assertRow('discarded', { table: 'deliveries', status: 'discarded', recipient: undefined });
});

test('refused connections', () => {
  assertRow('tcpwrappers (unknown, 203.0.113.170) rejection', {
    stage: 'connect',
    client_host: undefined,
    client_ip: '203.0.113.170',
  });
  assertRow('tcpwrappers (h.example, 203.0.113.171) rejection', { client_host: 'h.example' });
});

test('what was said is not what was done', () => {
  for (const text of [
    '--- 550 5.1.1 <x@y.example>... User unknown',
    '--- 452 4.5.3 Too many recipients',
    '--- 050 alice... Sent (held)',
    '<-- MAIL FROM:<x@y.example>',
    '<-- Too many recipients',
  ]) {
    assertRow(text, { table: 'daemon_events', what: 'dialogue', severity: 'debug' });
  }
});

test('a text of an unknown kind is not taken for a refusal', () => {
  assertOutcome('something new and strange', 'unsupported: sendmail line of an unknown kind');
  assertRows('something new and strange', []);
});
