/** check_relay: access map, lists in the DNS, how often and how many. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BadSenders } from '../../../src/mta/policy/bad-senders.ts';
import { checkRelay } from '../../../src/mta/policy/check-relay.ts';
import type { DnsList, PolicySite } from '../../../src/mta/policy/site.ts';
import { policyClient, policySite, verdictText } from '../../support/policy-site.ts';

const ACCESS = `
Connect:203.0.113.150	REJECT
Connect:203.0.113.151	DISCARD
Connect:203.0.113.152	ERROR:"550 Go away, we know you"
Connect:203.0.113.153	ERROR:5.7.1:550 Mail from your host refused, see http://policy.example/?a=1,b=2
Connect:203.0.113.154	ERROR:4.3.2:451 Come back tomorrow
Connect:203.0.113.40	RELAY
Connect:client41.isp.example	REJECT
Connect:quar.example	QUARANTINE:odd client
Connect:198.51.100	REJECT
Connect:198.51.100.7	OK
Connect:IPv6:2001:db8:bad	REJECT
Connect:IPv6:2001:db8:bad:1	SKIP
ClientRate:203.0.113.9	2
ClientRate:	10
ClientConn:203.0.113	3
ClientConn:203.0.113.40	1
`;
const QUIET = { rate: 1, open: 1 };

test('the access map, by name and address', async () => {
  const site = policySite(ACCESS);
  for (const [address, name, expected] of [
    ['203.0.113.150', 'bad.isp.example', '550 5.7.1 Access denied'],
    ['203.0.113.151', undefined, 'discard'],
    ['203.0.113.152', undefined, '550 5.0.0 Go away, we know you'],
    [
      '203.0.113.153',
      undefined,
      '550 5.7.1 Mail from your host refused,see http://policy.example/?a=1,b=2',
    ],
    ['203.0.113.154', undefined, '451 4.3.2 Come back tomorrow'],
    ['203.0.113.41', 'client41.isp.example', '550 5.7.1 Access denied'],
    ['203.0.113.41', 'x.client41.isp.example', '550 5.7.1 Access denied'],
    ['203.0.113.41', 'notclient41.isp.example', 'accept'],
    ['203.0.113.42', 'a.quar.example', 'quarantine=odd client'],
    ['198.51.100.6', undefined, '550 5.7.1 Access denied'],
    ['198.51.100.7', undefined, 'accept'],
    ['198.51.10.6', undefined, 'accept'],
    ['2001:db8:bad:0:0:0:0:1', undefined, '550 5.7.1 Access denied'],
    ['2001:db8:bad:1:0:0:0:1', undefined, 'accept'],
    ['2001:db8:badd:0:0:0:0:1', undefined, 'accept'],
  ] as const) {
    const verdict = await checkRelay(policyClient(address, name), QUIET, site);
    assert.equal(verdictText(verdict), expected, address);
  }
  const verdict = await checkRelay(policyClient('203.0.113.151'), QUIET, site);
  assert.deepEqual(verdict, {
    kind: 'discard',
    event: {
      ruleset: 'check_relay',
      arg1: '[203.0.113.151]',
      arg2: '203.0.113.151',
      result: { kind: 'discard' },
    },
  });
});

test('rate and number of connections', async () => {
  const site = policySite(ACCESS);
  const told = async (address: string, rate: number, open: number, limitCode: 421 | 452 = 421) =>
    verdictText(await checkRelay(policyClient(address), { rate, open }, { ...site, limitCode }));
  assert.equal(await told('203.0.113.9', 2, 1), 'accept');
  assert.equal(await told('203.0.113.9', 3, 1), '421 4.3.2 Connection rate limit exceeded.');
  assert.equal(await told('203.0.113.9', 3, 1, 452), '452 4.3.2 Connection rate limit exceeded.');
  assert.equal(await told('192.0.2.1', 11, 1), '421 4.3.2 Connection rate limit exceeded.');
  assert.equal(await told('203.0.113.8', 1, 4), '421 4.3.2 Too many open connections.');
  assert.equal(await told('203.0.113.40', 99, 99), 'accept');
});

function listed(answers: Record<string, readonly string[] | 'unknown'>): PolicySite['dns'] {
  return {
    resolves: () => Promise.resolve('yes'),
    addresses: (name) => Promise.resolve(answers[name] ?? []),
  };
}

test('lists in the DNS; their answer is what the log shows', async () => {
  const dns = listed({
    '5.113.0.203.dnsbl.example': ['127.0.0.2'],
    '6.113.0.203.dnsbl.example': 'unknown',
    '7.113.0.203.dnsbl.example': ['127.0.0.9'],
  });
  const check = (address: string, list: Partial<DnsList> = {}) => {
    const site = policySite('', { dns, dnsLists: [{ zone: 'dnsbl.example', ...list }] });
    return checkRelay(policyClient(address), QUIET, site);
  };
  const verdict = await check('203.0.113.5');
  assert.equal(verdictText(verdict), '550 5.7.1 Rejected: 203.0.113.5 listed at dnsbl.example');
  assert.ok(verdict.kind === 'refuse' && verdict.event.arg2 === '127.0.0.2');
  assert.equal(verdictText(await check('203.0.113.6')), 'accept');
  assert.equal(
    verdictText(await check('203.0.113.6', { refusesWhileUnknown: true })),
    '451 4.4.3 Temporary lookup failure of 203.0.113.6 at dnsbl.example',
  );
  const only = { answers: ['127.0.0.2'] };
  assert.equal(verdictText(await check('203.0.113.7', only)), 'accept');
  const own = await check('203.0.113.5', { message: '550 5.7.9 Spam, ADDRESS' });
  assert.equal(verdictText(own), '550 5.7.9 Spam, 203.0.113.5');
  assert.equal((await check('203.0.113.5', { action: 'discard' })).kind, 'discard');
  assert.equal(
    verdictText(await check('203.0.113.5', { action: 'quarantine' })),
    'quarantine=dnsbl.example',
  );
  assert.equal((await check('2001:db8:0:0:0:0:0:5')).kind, 'accept');
});

test('our own list, and names that are required', async () => {
  const badSenders = new BadSenders('# list\n203.0.113\nspam.example\n');
  const site = policySite('', { badSenders });
  const told = async (address: string, name?: string) =>
    verdictText(await checkRelay(policyClient(address, name), QUIET, site));
  assert.equal(await told('203.0.113.4'), '550 5.7.1 Access denied');
  assert.equal(await told('203.0.11.3', 'mail.spam.example'), '550 5.7.1 Access denied');
  assert.equal(await told('203.0.11.3', 'mail.notspam.example'), 'accept');
  const strict = policySite('', { requiresName: true });
  const resolved = async (resolution: 'OK' | 'FAIL' | 'TEMP' | 'FORGED') => {
    const client = policyClient('203.0.113.4', '[203.0.113.4]', resolution);
    return verdictText(await checkRelay(client, QUIET, strict));
  };
  assert.equal(await resolved('OK'), 'accept');
  assert.equal(await resolved('FAIL'), '550 5.7.1 Fix reverse DNS for 203.0.113.4');
  assert.equal(await resolved('TEMP'), '451 4.1.8 Client IP address 203.0.113.4 does not resolve');
  assert.equal(await resolved('FORGED'), '451 4.1.8 Possibly forged hostname for 203.0.113.4');
});
