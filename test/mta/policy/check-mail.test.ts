/** check_mail: senders, as a real sendmail has answered them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BadSenders } from '../../../src/mta/policy/bad-senders.ts';
import { checkMail } from '../../../src/mta/policy/check-mail.ts';
import { policyClient, policySite, verdictText } from '../../support/policy-site.ts';

const ACCESS = `
From:spammer@partner.example	REJECT
From:discard.example	DISCARD
From:custom.example	ERROR:"550 custom refusal text"
From:temp.partner.example	ERROR:4.7.1:450 try again later
From:friend@no-such-domain.invalid	OK
From:quar.example	QUARANTINE:suspicious sender
From:bulk+*@partner.example	REJECT
From:skipped.example	SKIP
From:example	REJECT
From:partner.example	OK
`;
const CLIENT = policyClient('203.0.113.20', 'client20.isp.example');
const DNS = {
  resolves: (domain: string) =>
    Promise.resolve(domain === 'slow.invalid' ? ('unknown' as const) : ('no' as const)),
  addresses: () => Promise.resolve([]),
};

async function told(address: string, client = CLIENT, more = {}): Promise<string> {
  const site = policySite(ACCESS, { dns: DNS, ...more });
  return verdictText(await checkMail({ shown: `<${address}>`, address }, client, site));
}

test('the access map', async () => {
  for (const [address, expected] of [
    ['spammer@partner.example', '550 5.7.1 <spammer@partner.example>... Access denied'],
    ['joe@discard.example', 'discard'],
    ['joe@custom.example', '550 5.0.0 <joe@custom.example>... custom refusal text'],
    ['joe@temp.partner.example', '450 4.7.1 <joe@temp.partner.example>... try again later'],
    ['friend@no-such-domain.invalid', 'accept'],
    ['joe@quar.example', 'quarantine=suspicious sender'],
    ['bulk+x@partner.example', '550 5.7.1 <bulk+x@partner.example>... Access denied'],
    ['x@other.example', '550 5.7.1 <x@other.example>... Access denied'],
    ['', 'accept'],
  ] as const) {
    assert.equal(await told(address), expected);
  }
});

test('domains that do not exist, or might', async () => {
  assert.equal(
    await told('a@b.invalid'),
    '553 5.1.8 <a@b.invalid>... Domain of sender address a@b.invalid does not exist',
  );
  assert.equal(
    await told('a@slow.invalid'),
    '451 4.1.8 Domain of sender address a@slow.invalid does not resolve',
  );
  assert.equal(await told('a@b.invalid', CLIENT, { acceptsUnresolvable: true }), 'accept');
  assert.equal(await told('a@mx1.corp.example', CLIENT, { access: null }), 'accept');
  assert.equal(
    await told('a@skipped.example'),
    '553 5.1.8 <a@skipped.example>... Domain of sender address a@skipped.example does not exist',
  );
});

test('senders without a domain', async () => {
  assert.equal(await told('a'), '553 5.5.4 <a>... Domain name required for sender address a');
  assert.equal(
    await told('a@localhost'),
    '553 5.5.4 <a@localhost>... Real domain name required for sender address',
  );
  assert.equal(await told('a', CLIENT, { acceptsUnqualified: true }), 'accept');
  const ourselves = policyClient('127.0.0.1', 'localhost');
  assert.equal(await told('a@localhost', ourselves, { access: null }), 'accept');
});

test('bad senders', async () => {
  const badSenders = new BadSenders('spam@corp.example\n@worse.example\n');
  for (const [address, expected] of [
    ['spam@corp.example', '550 5.7.1 <spam@corp.example>... Access denied'],
    ['Spam@CORP.example', '550 5.7.1 <Spam@CORP.example>... Access denied'],
    ['a@x.worse.example', '550 5.7.1 <a@x.worse.example>... Access denied'],
    ['ham@corp.example', 'accept'],
  ] as const) {
    const more = { badSenders, access: null, acceptsUnresolvable: true };
    assert.equal(await told(address, CLIENT, more), expected);
  }
});
