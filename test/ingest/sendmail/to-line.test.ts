/** to= lines of every age of sendmail. */
import { test } from 'node:test';
import { assertOutcome, assertRow, assertRows } from '../read-lines.ts';

const TIMES = 'delay=00:00:02, xdelay=00:00:01';
const ESMTP = `${TIMES}, mailer=esmtp, pri=120420, relay=mail.partner.example. [198.51.100.10]`;

test('8.17: sent', () => {
  assertRow(
    `to=<x@partner.example>, ctladdr=<alice@corp.example> (1000/1000), ${ESMTP}, dsn=2.0.0, stat=Sent (Ok: queued as CBB9A47452)`,
    {
      table: 'deliveries',
      recipient: 'x@partner.example',
      recipient_domain: 'partner.example',
      controlling_user: 'alice@corp.example',
      mailer: 'esmtp',
      relay_host: 'mail.partner.example',
      relay_ip: '198.51.100.10',
      delay: 2,
      xdelay: 1,
      dsn: '2.0.0',
      status: 'sent',
      stat: 'Sent',
      reply: 'Ok: queued as CBB9A47452',
      bounce_class: undefined,
      transactions: 1,
    },
  );
});

test('several recipients are one transaction', () => {
  assertRows(`to=<y@p.example>,<"a,b"@p.example>,bob, ${ESMTP}, dsn=2.0.0, stat=Sent`, [
    { recipient: 'y@p.example', transactions: 1 },
    { recipient: '"a,b"@p.example', transactions: 0 },
    { recipient: 'bob', recipient_domain: undefined, transactions: 0 },
  ]);
});

test('a list that goes on in the next line is not yet a transaction', () => {
  assertRows(`to=<a@p.example>,<b@p.example>, [more], ${ESMTP}, dsn=2.0.0, stat=Sent (ok)`, [
    { recipient: 'a@p.example', transactions: 0 },
    { recipient: 'b@p.example', transactions: 0 },
  ]);
});

test('a list cut within a quoted recipient counts each recipient of both lines once', () => {
  assertRows(
    `to=<"q, 1"@p.example>,<"q, 2"@p.example>,<"q, [more], ${ESMTP}, dsn=2.0.0, stat=Sent (ok)`,
    [
      { recipient: '"q, 1"@p.example', status: 'sent' },
      { recipient: '"q, 2"@p.example', status: 'sent' },
    ],
  );
  assertRows(`to= 3"@p.example>,<"q, 4"@p.example>, ${ESMTP}, dsn=2.0.0, stat=Sent (ok)`, [
    { recipient_domain: 'p.example', status: 'sent' },
    { recipient: '"q, 4"@p.example', status: 'sent' },
  ]);
});

test('files, programs and escaped users', () => {
  const local = `${TIMES}, mailer=local, pri=30390, dsn=2.0.0, stat=Sent`;
  assertRow(`to=/var/lab/archive.mbox, ctladdr=<file@corp.example> (8/0), ${local}`, {
    recipient: '/var/lab/archive.mbox',
    recipient_domain: undefined,
    controlling_user: 'file@corp.example',
  });
  assertRow(`to="|IFS=' ' && exec /usr/bin/procmail -f- || exit 75 #a@b", ${local}`, {
    recipient: `"|IFS=' ' && exec /usr/bin/procmail -f- || exit 75 #a@b"`,
    recipient_domain: undefined,
  });
  assertRow(String.raw`to=\\heidi, ${local}`, { recipient: String.raw`\heidi` });
  assertRow(`to=error:5.7.1:550 this address is closed, ctladdr=dave (1003/1003), ${local}`, {
    recipient: 'error:5.7.1:550 this address is closed',
    controlling_user: 'dave',
  });
  assertRow(`to=Rzwicker <rzwicker@bssb.example>, ctladdr=apache (48/48), ${local}`, {
    recipient_domain: 'bssb.example',
  });
  assertRow(`to=bob, ctladdr=:include:/etc/mail/inc.list (0/0), ${local}`, {
    controlling_user: ':include:/etc/mail/inc.list',
  });
});

/** What stands behind stat=, and what it says. */
const STATS: readonly (readonly [
  tail: string,
  status: string,
  stat: string,
  reply: string | undefined,
])[] = [
  ['dsn=2.0.0, stat=Sent', 'sent', 'Sent', undefined],
  [
    'dsn=4.4.1, stat=Deferred: Connection refused by x.example.',
    'deferred',
    'Deferred',
    'Connection refused by x.example.',
  ],
  [
    'dsn=4.2.1, reply=450 4.2.1 busy, stat=Deferred: 450 4.2.1 busy',
    'deferred',
    'Deferred',
    '450 4.2.1 busy',
  ],
  ['dsn=4.0.0, stat=Deferred', 'deferred', 'Deferred', undefined],
  ['dsn=5.1.1, reply=550 5.1.1 no, stat=User unknown', 'bounced', 'User unknown', '550 5.1.1 no'],
  [
    'dsn=5.1.2, stat=Host unknown (Name server: x.example: host not found)',
    'bounced',
    'Host unknown',
    'Name server: x.example: host not found',
  ],
  ['dsn=5.3.0, stat=unknown mailer error 137', 'bounced', 'unknown mailer error 137', undefined],
  ["dsn=5.0.0, stat=Can't create output", 'bounced', "Can't create output", undefined],
  ['dsn=4.0.0, stat=Operating system error', 'deferred', 'Operating system error', undefined],
  ['stat=queued', 'queued', 'queued', undefined],
  ['dsn=4.4.3, stat=queued', 'queued', 'queued', undefined],
  ['stat=Deferred (Remote host is busy)', 'deferred', 'Deferred', 'Remote host is busy'],
];

test('the words of stat=', () => {
  for (const [tail, status, stat, reply] of STATS) {
    assertRow(`to=<x@y.example>, ${ESMTP}, ${tail}`, { status, stat, reply });
  }
});

test('waiting without an attempt', () => {
  assertRow('to=<x@y.example>, delay=00:00:00, mailer=esmtp, pri=30138, stat=queued', {
    status: 'queued',
    xdelay: undefined,
    relay_host: undefined,
  });
  assertRow(
    'to=<x@y.example>, delay=00:00:10, mailer=esmtp, pri=30138, quarantine=held by operator, stat=quarantined',
    {
      status: 'quarantined',
    },
  );
});

test('equates of compile-time options and of 8.18', () => {
  assertRow(
    'to=<x@y.example>, delay=00:00:00, xdelay=00:00:00, mailer=esmtp, tls_verify=NO, tls_version=TLSv1.3, cipher=X, pri=1, relay=h. [192.0.2.1], dsn=4.2.1, ntries=2, stage=RCPT, reply=450 no, stat=Deferred: 450 no',
    { status: 'deferred', relay_ip: '192.0.2.1', dsn: '4.2.1', reply: '450 no' },
  );
});

test('what stands in relay= of a local mailer', () => {
  assertRow(
    `to=<alice+tag@corp.example>, ${TIMES}, mailer=local, pri=30401, relay=tag, dsn=2.0.0, stat=Sent`,
    {
      relay_host: 'tag',
      relay_ip: undefined,
    },
  );
});

test('8.8: neither pri= nor dsn=', () => {
  assertRow(
    'to=<jsmith@domain4.example>, ctladdr=<jjjj@domain9.example> (16306/1984), delay=00:00:10, xdelay=00:00:09, mailer=esmtp, relay=mail.domain4.example. [13.0.0.3], stat=Sent (Ok)',
    { status: 'sent', reply: 'Ok', relay_ip: '13.0.0.3', dsn: undefined },
    'SAA15929',
  );
});

test('without a mailer: the message was refused after its data', () => {
  assertRow(
    'to=<x@y.example>, delay=00:00:00, pri=79300, stat=Message exceeds maximum fixed size (20000)',
    {
      table: 'rejections',
      stage: 'data',
      action: 'reject',
      recipient: 'x@y.example',
      reason: 'Message exceeds maximum fixed size (20000)',
    },
  );
  assertRow('to=<x@y.example>, delay=00:00:00, pri=60149, stat=Please try again later', {
    table: 'rejections',
    action: 'tempfail',
  });
  assertRow('to=<x@y.example>, delay=00:00:00, pri=0, stat=aborted by sender', {
    table: 'queue_events',
    what: 'cancelled',
  });
});

test('a line without delay= or stat= is broken', () => {
  assertOutcome(
    'to=<x@y.example>, xdelay=00:00:00, stat=Sent',
    'malformed: to= line without delay=',
  );
  assertOutcome(`to=<x@y.example>, ${ESMTP}, dsn=2.0.0`, 'malformed: to= line without stat=');
});

test('a connection that was refused is no policy, whatever the age of the enhanced code', () => {
  for (const dsn of ['4.0.0', '4.4.1']) {
    assertRow(`to=<x@y.example>, ${ESMTP}, dsn=${dsn}, stat=Deferred: Connection refused by y.`, {
      bounce_class: 'NoAnswerFromHost',
    });
  }
});
