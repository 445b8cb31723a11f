/** check_rcpt: every way to ask for relaying, as a real sendmail has answered it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRcpt } from '../../../src/mta/policy/check-rcpt.ts';
import { parseRelayDomains } from '../../../src/mta/policy/relay-domains.ts';
import { policyClient, policySite, verdictText } from '../../support/policy-site.ts';

const ACCESS = `
To:closed@corp.example	ERROR:5.1.1:550 That mailbox is closed
To:drop@corp.example	DISCARD
To:refused@	REJECT
To:relayed.example	RELAY
olduser@corp.example	550 old style text without tag
Connect:203.0.113.40	RELAY
`;
const CLIENT = policyClient('203.0.113.20', 'client20.isp.example');

function told(address: string, client = CLIENT, more: Record<string, unknown> = {}): string {
  const { mechanism = null, helo = null, ...site } = more;
  const asker = { client, helo: helo as string | null, mechanism: mechanism as string | null };
  const shown = `<${address}>`;
  const verdict = checkRcpt({ shown, address }, asker, policySite(ACCESS, site));
  return verdictText(verdict).replace(`${shown}... `, '');
}

test('relaying is denied in every form', () => {
  for (const address of [
    'x@partner.example',
    'x@nodomain.invalid',
    'x%partner.example@corp.example',
    '@corp.example:x@partner.example',
    'partner.example!x',
    'partner.example!x@corp.example',
    '"x@partner.example"@corp.example',
    '"x@partner.example"',
    'x@[198.51.100.10]',
    'x@198.51.100.10',
    'x%partner.example@[127.0.0.1]',
    'x%partner.example',
    'x%partner.example%corp.example@selflocal.example',
    'X@PARTNER.EXAMPLE.',
    'x@corp.example.partner.example',
    'x@notcorp.example',
    'x@c\xd0\xberp.example',
    'x@[IPv6:2001:db8:0:0:0:0:0:1]',
    'x%partner.example@relayed.example',
    '@relayed.example,@corp.example:x@partner.example',
  ]) {
    assert.equal(told(address), '550 5.7.1 Relaying denied', address);
  }
  for (const address of [
    'x@partner.example@corp.example',
    '@corp.example',
    'a,b@corp.example',
    'x@',
  ]) {
    assert.match(told(address), /^553 5\.1\.[23] /, address);
  }
  assert.equal(told(''), '553 5.0.0 User address required');
});

test('what is for us is taken, and blocked recipients', () => {
  for (const address of [
    'alice@corp.example',
    'Alice@CORP.Example.',
    'alice',
    'alice+tag@selflocal.example',
    'x%corp.example@selflocal.example',
    'x@relayed.example',
    'x@sub.relayed.example',
    'alice@[127.0.0.1]',
    '"a b"@corp.example',
  ]) {
    assert.equal(told(address), 'accept', address);
  }
  assert.equal(told('closed@corp.example'), '550 5.1.1 That mailbox is closed');
  assert.equal(told('drop@corp.example'), 'discard');
  assert.equal(told('refused@corp.example'), '550 5.2.1 Mailbox disabled for this recipient');
  assert.equal(told('olduser@corp.example'), '550 5.0.0 old style text without tag');
});

test('who may relay', () => {
  const to = 'x@partner.example';
  const { domains } = parseRelayDomains(
    '140.112\nntu.edu.tw # ours\n140.112.228.147 reject\nodd thing\n',
  );
  const site = { relayDomains: domains };
  assert.equal(told(to, policyClient('203.0.113.40')), 'accept');
  assert.equal(told(to, policyClient('127.0.0.1', 'localhost')), 'accept');
  assert.equal(told(to, policyClient('140.112.1.1'), site), 'accept');
  assert.equal(
    told(to, policyClient('140.112.228.147', 'x.ntu.edu.tw'), site),
    '550 5.7.1 Relaying denied',
  );
  assert.equal(told(to, policyClient('1.1.1.1', 'x.ntu.edu.tw'), site), 'accept');
  assert.equal(told(to, policyClient('1.1.1.1', 'xntu.edu.tw'), site), '550 5.7.1 Relaying denied');
  const trusted = { trustedMechanisms: ['PLAIN'] };
  assert.equal(told(to, CLIENT, { ...trusted, mechanism: 'PLAIN' }), 'accept');
  assert.equal(
    told(to, CLIENT, trusted),
    '550 5.7.1 Relaying denied. Proper authentication required.',
  );
  assert.equal(told(to, CLIENT, { mechanism: 'PLAIN' }), '550 5.7.1 Relaying denied');
});

test('clients whose name is in doubt', () => {
  const to = 'x@partner.example';
  const forged = policyClient('203.0.113.110', 'forged110.isp.example', 'FORGED');
  const text = '550 5.7.1 Relaying denied. IP name';
  assert.equal(told(to, forged), `${text} possibly forged [203.0.113.110]`);
  assert.equal(told(to, policyClient('203.0.113.200')), `${text} lookup failed [203.0.113.200]`);
  assert.equal(
    told(to, policyClient('203.0.113.211', '[203.0.113.211]', 'TEMP')),
    '450 4.4.0 Relaying temporarily denied. Cannot resolve PTR record for 203.0.113.211',
  );
});

test('names in HELO that cannot be', () => {
  const asked = (helo: string) => told('alice@corp.example', CLIENT, { blocksBadHelo: true, helo });
  assert.equal(asked('client.example'), 'accept');
  assert.equal(asked('[IPv6:2001:db8::1]'), 'accept');
  assert.equal(asked('mx1.corp.example'), '550 5.7.1 bogus HELO name used: mx1.corp.example');
  assert.equal(asked('[127.0.0.1]'), '550 5.7.1 bogus HELO name used: [127.0.0.1]');
  assert.equal(asked('friend'), '550 5.7.1 bogus HELO name used: friend');
});
