/** Milters: verdicts are refusals, once; changes and steps are no more than told. */
import { test } from 'node:test';
import { assertRow } from '../read-lines.ts';

test('verdicts at each stage', () => {
  assertRow('Milter: connect: host=h.isp.example, addr=203.0.113.30, rejecting commands', {
    stage: 'connect',
    action: 'reject',
    rule: 'milter',
    client_host: 'h.isp.example',
    client_ip: '203.0.113.30',
  });
  assertRow('Milter: connect: host=h.isp.example, addr=203.0.113.30, temp failing commands', {
    action: 'tempfail',
  });
  assertRow('Milter: helo=code.example, reject=550 5.7.1 helo, no: "code", reject=none', {
    stage: 'helo',
    helo: 'code.example',
    code: 550,
    dsn: '5.7.1',
    reason: 'helo, no: "code", reject=none',
  });
  assertRow('Milter: helo=bad.example, reject=Command rejected', {
    stage: 'helo',
    action: 'reject',
    code: undefined,
  });
  assertRow('Milter: from=<mt@isp.example>, reject=451 4.3.2 Please try again later', {
    stage: 'mail',
    action: 'tempfail',
    sender: 'mt@isp.example',
  });
  assertRow(
    'Milter: to=<ry@corp.example>, reject=550 5.7.1 <ry>, no: relay=z [192.0.2.1], reject=5',
    {
      stage: 'rcpt',
      recipient: 'ry@corp.example',
      reason: '<ry>, no: relay=z [192.0.2.1], reject=5',
    },
  );
  assertRow('Milter: data, reject=511 Virus found in email!', {
    stage: 'data',
    code: 511,
    extent: 'message',
  });
  assertRow('Milter: cmd=data, discard', { stage: 'data', action: 'discard' });
  assertRow('Milter: unknown=(null), reject=500 5.7.0 never heard of it', {
    stage: 'other',
    code: 500,
  });
  assertRow('Milter: initialization failed, temp failing commands', {
    stage: 'connect',
    action: 'tempfail',
  });
  assertRow('Milter: initialization failed, rejecting commands', {
    stage: 'connect',
    action: 'reject',
  });
  assertRow('milter=labmilter, quarantine=Virus found, Eicar; to=<x@y>', {
    stage: 'content',
    action: 'quarantine',
    rule: 'milter labmilter',
    reason: 'Virus found, Eicar; to=<x@y>',
  });
});

test('the trace of a verdict does not count again', () => {
  for (const text of [
    'milter=labmilter, action=rcpt, reject=550 5.7.1 no',
    'milter=labmilter, action=mail, discard',
    'milter=labmilter, reject=554 5.7.1 no',
    'Milter: reject, sender',
    'Milter: connect to filters',
    'Milter accept: message',
    'Milter (lab) add: header: X-Error: timeout, reject=550 no',
    'Milter add: header: X-Virus-Status: Clean',
    'Milter (lab) change: header Subject: from  a to ***SPAM*** failed',
    'Milter (lab) delete: rcpt <bob@corp.example>, naddrs=1',
    'Milter (lab) insert (0): header: A: error',
    'Milter (lab): init success to negotiate',
    'Sending "FOO bar" to Milter',
  ]) {
    assertRow(text, { table: 'daemon_events', what: 'milter', severity: 'debug' });
  }
});

test('a filter in trouble', () => {
  for (const text of [
    'Milter (dead): error connecting to filter: Connection refused by 192.0.2.1',
    'Milter (dead): to error state',
    'Milter (lab): timeout before data read, where=eom',
    'milter_sys_read(lab): cmd read returned 0, expecting 5',
    'Milter read(lab): timeout before data read, where=eoh',
  ]) {
    assertRow(text, { table: 'daemon_events', what: 'milter error', severity: 'warning' });
  }
});
