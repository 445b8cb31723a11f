/** from= lines of every age of sendmail. */
import { test } from 'node:test';
import { assertOutcome, assertRow } from '../read-lines.ts';

const NUMBERS = 'size=168, class=0, nrcpts=1';
const TAIL = 'proto=ESMTP, daemon=MTA-v4, relay=client20.isp.example [203.0.113.20]';

test('8.17: an accepted envelope', () => {
  assertRow(
    `from=<ann@partner.example>, ${NUMBERS}, msgid=<1@lab.example>, bodytype=8BITMIME, ${TAIL}`,
    {
      table: 'envelopes',
      sender: 'ann@partner.example',
      sender_domain: 'partner.example',
      size: 168,
      class: 0,
      nrcpts: 1,
      message_id: '<1@lab.example>',
      body_type: '8BITMIME',
      protocol: 'ESMTP',
      daemon: 'MTA-v4',
      relay_host: 'client20.isp.example',
      relay_ip: '203.0.113.20',
      accepted: 'yes',
    },
  );
});

test('a refused or broken off envelope has no message-id and is not accepted', () => {
  assertRow(`from=<ann@partner.example>, size=0, class=0, nrcpts=0, ${TAIL}`, {
    accepted: 'no',
    message_id: undefined,
    nrcpts: 0,
  });
  assertRow(`from=<ann@partner.example>, size=151, class=0, nrcpts=1, ${TAIL}`, { accepted: 'no' });
});

test('negative and large numbers', () => {
  assertRow(`from=<a@b>, size=4503599627370495, class=-100, nrcpts=1000, msgid=<1@x>, ${TAIL}`, {
    size: 4503599627370495,
    class: -100,
    nrcpts: 1000,
  });
});

test('from the command line: no protocol, no daemon, a local client', () => {
  assertRow(`from=alice, ${NUMBERS}, msgid=<1@mx1>, relay=alice@localhost`, {
    sender: 'alice',
    protocol: undefined,
    daemon: undefined,
    relay_host: 'localhost',
    accepted: 'yes',
  });
});

test('a daemon with blanks in its name', () => {
  assertRow(
    `from=<a@b>, ${NUMBERS}, msgid=<1@x>, proto=ESMTPSA, daemon=A long, relay=[192.0.2.1]`,
    {
      daemon: 'A long',
      protocol: 'ESMTPSA',
      message_id: '<1@x>',
    },
  );
});

test('8.8 and 8.9: pri= among the numbers; no message-id is needed to be accepted', () => {
  assertRow(
    'from=<frank@peri.acs.example>, size=555, class=0, pri=60555, nrcpts=2, msgid=<199607241605.MAA03311@nyssa.acs.example>, proto=SMTP, relay=nyssa [128.146.226.22]',
    { size: 555, nrcpts: 2, protocol: 'SMTP', relay_host: 'nyssa', accepted: 'yes' },
    'MAA01090',
  );
  assertRow(
    'from=<a@b.example>, size=555, class=0, pri=60555, nrcpts=2, proto=SMTP, relay=nyssa [128.146.226.22]',
    { accepted: 'yes', message_id: undefined },
    'UAA02587',
  );
  assertRow(
    'from=<a@b.example>, size=0, class=0, pri=0, nrcpts=0, proto=SMTP, relay=nyssa [128.146.226.22]',
    { accepted: 'no' },
    'UAA02588',
  );
});

test('8.11: no daemon yet in some, ids with five digits of process', () => {
  assertRow(
    'from=<jsmith@server321.domain.example>, size=981, class=0, nrcpts=1, msgid=<200007152000.VAA24441@server321.domain.example>, proto=ESMTP, daemon=MTA, relay=server321.domain.example [10.0.0.65]',
    { daemon: 'MTA', accepted: 'yes' },
    'e6G2M7O04977',
  );
});

test('the compile-time options that log TLS and login between daemon= and relay=', () => {
  const more1 = 'tls_verify=NONE, auth=NONE';
  const more2 = 'tls_verify=NO, tls_version=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, auth=PLAIN';
  for (const more of [more1, more2]) {
    assertRow(
      `from=<a@b>, ${NUMBERS}, msgid=<1@x>, proto=ESMTP, daemon=MTA-v4, ${more}, relay=h.example [192.0.2.1]`,
      { daemon: 'MTA-v4', protocol: 'ESMTP', message_id: '<1@x>', relay_ip: '192.0.2.1' },
    );
  }
});

test('an address that was cut at 200 characters has neither closing quote nor bracket', () => {
  const address = `<"${'w'.repeat(100)}, stat=Sent ${'w'.repeat(84)}`;
  assertRow(`from=${address}, ${NUMBERS}, msgid=<1@x>, ${TAIL}`, {
    sender: address.slice(1),
    size: 168,
    message_id: '<1@x>',
  });
});

test('a message-id of any words is kept whole', () => {
  const id = '<a, b, relay=x [1.2.3.4], nrcpts=9, "q>';
  assertRow(`from=<a@b>, ${NUMBERS}, msgid=${id}, ${TAIL}`, { message_id: id, nrcpts: 1 });
  assertRow(String.raw`from=<a@b>, ${NUMBERS}, msgid=<gr\303\274n@x>, ${TAIL}`, {
    message_id: '<gr\u00fcn@x>',
  });
});

test('a line without its numbers is broken', () => {
  assertOutcome('from=<a@b>, relay=x', 'malformed: from= line without size=');
  assertOutcome(
    'from=<a@b>, size=x, class=0, nrcpts=1, relay=x',
    'malformed: from= line with broken size=, class= or nrcpts=',
  );
});
