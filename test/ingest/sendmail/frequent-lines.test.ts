/**
 * The kinds that are read as bytes: they must say what the readers of strings say, and leave to those what
 * is not plain.
 */
import { test } from 'node:test';
import { assertRow } from '../read-lines.ts';

test('an unknown user', () => {
  assertRow('<nosuch@corp.example>... User unknown', {
    table: 'rejections',
    stage: 'rcpt',
    action: 'reject',
    rule: 'user unknown',
    code: 550,
    dsn: '5.1.1',
    recipient: 'nosuch@corp.example',
    reason: 'User unknown',
    client_ip: undefined,
  });
});

test('rulesets at the three stages', () => {
  const relay = 'relay=bad.isp.example [203.0.113.150] (may be forged)';
  assertRow(
    `ruleset=check_rcpt, arg1=<x@y.example>, ${relay}, reject=550 5.7.1 <x@y.example>... Relaying denied`,
    {
      stage: 'rcpt',
      action: 'reject',
      rule: 'check_rcpt',
      code: 550,
      dsn: '5.7.1',
      recipient: 'x@y.example',
      sender: undefined,
      client_host: 'bad.isp.example',
      client_ip: '203.0.113.150',
      reason: 'Relaying denied',
    },
  );
  assertRow(
    `ruleset=check_mail, arg1=<joe@temp.example>, ${relay}, reject=450 4.7.1 <joe@temp.example>... try again later`,
    {
      stage: 'mail',
      action: 'tempfail',
      sender: 'joe@temp.example',
      recipient: undefined,
      reason: 'try again later',
    },
  );
  assertRow(
    `ruleset=check_relay, arg1=bad.isp.example, arg2=127.0.0.2, ${relay}, reject=421 4.3.2 Connection rate limit exceeded.`,
    {
      stage: 'connect',
      action: 'tempfail',
      code: 421,
      sender: undefined,
      recipient: undefined,
      reason: 'Connection rate limit exceeded.',
    },
    '',
  );
});

test('reply codes without an enhanced one, and with an odd one', () => {
  const line = 'ruleset=check_relay, arg1=[192.0.2.1], arg2=192.0.2.1, relay=[192.0.2.1], reject=';
  assertRow(`${line}550 Go away`, { code: 550, dsn: undefined, reason: 'Go away' }, '');
  assertRow(
    `${line}553 5.3.0 196.206.91 Rejected`,
    { dsn: '5.3.0', reason: '196.206.91 Rejected' },
    '',
  );
  assertRow(`${line}550 192.0.2.1 refused`, { reason: '192.0.2.1 refused', dsn: undefined }, '');
  assertRow(`${line}5501 odd`, { code: undefined }, '');
});

test('TLS, with an IPv6 peer and without a peer', () => {
  assertRow(
    'STARTTLS=client, relay=mail.tls.example., version=TLSv1.3, verify=FAIL, cipher=TLS_AES_256_GCM_SHA384, bits=256/256',
    {
      table: 'tls_sessions',
      side: 'client',
      peer_host: 'mail.tls.example',
      peer_ip: undefined,
      version: 'TLSv1.3',
      verify: 'FAIL',
      cipher: 'TLS_AES_256_GCM_SHA384',
      bits: 256,
    },
    '',
  );
  assertRow(
    'STARTTLS=server, relay=h.example [IPv6:2001:db8:0:0:0:0:0:1] (may be forged), version=TLSv1/SSLv3, verify=NO, cipher=AES128-SHA, bits=128/128',
    { side: 'server', peer_host: 'h.example', peer_ip: '2001:db8::1', version: 'TLSv1/SSLv3' },
    '',
  );
});

test('a login', () => {
  assertRow(
    'AUTH=server, relay=173-228-127-4.isp.example [173.228.127.4] (may be forged), authid=augie@sonic.example, mech=LOGIN, bits=0',
    {
      table: 'auth_events',
      outcome: 'ok',
      service: 'smtp',
      mechanism: 'LOGIN',
      auth_user: 'augie@sonic.example',
      client_ip: '173.228.127.4',
    },
    '',
  );
});

test('a client that came for nothing', () => {
  assertRow(
    '[IPv6:2001:db8:1:0:0:0:0:78] did not issue MAIL/EXPN/VRFY/ETRN during connection to A long',
    {
      table: 'connections',
      what: 'no_mail',
      client_ip: '2001:db8:1::78',
      detail: 'A long',
    },
  );
});
