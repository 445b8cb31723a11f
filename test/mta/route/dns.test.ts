/** The DNS against a real server: kinds of outcome, /etc/hosts before it, what is remembered, what is shared. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, suite, test } from 'node:test';
import { nameClient } from '../../../src/mta/route/client-name.ts';
import { Dns, type NameService } from '../../../src/mta/route/dns.ts';
import { extractDebianPackages } from '../../support/debian-package.ts';
import {
  DNS_PACKAGES,
  type DnsServer,
  startDnsServer,
  startSilentDns,
} from '../../support/dns-server.ts';

const ZONES = {
  example: `
host A 192.0.2.1
host AAAA 2001:db8::1
text TXT "v=spf1 " "-all"
text TXT "two"
alias CNAME host
loop CNAME loop
client20.isp A 203.0.113.20
v6client.isp AAAA 2001:db8:1::77
forged110.isp A 203.0.113.111
`,
  '113.0.203.in-addr.arpa': `
20 PTR client20.isp.example.
110 PTR forged110.isp.example.
112 PTR nowhere.isp.example.
113 PTR client\\032x,relay=.isp.example.
114 PTR Client20.isp.example.
`,
  '8.b.d.0.1.0.0.2.ip6.arpa':
    '7.7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0 PTR v6client.isp.example.',
};
const HOSTS =
  '127.0.0.1 localhost\n192.0.2.9 Here.example here # ours\n::1 here.example\nbad line\n';

let server: DnsServer | undefined;
let why = '';
let dns = new Dns();

before(async () => {
  try {
    const root = await extractDebianPackages(DNS_PACKAGES);
    const broken = ['servfail.example', '114.0.203.in-addr.arpa'];
    server = await startDnsServer({ root, zones: ZONES, broken });
    dns = new Dns({ servers: [server.address], timeoutMs: 2_000, tries: 1, hosts: HOSTS });
  } catch (error) {
    if (process.env.CI) throw error;
    why = String(error);
  }
});
after(() => server?.stop());

suite('lookups', () => {
  const found = (value: unknown) => ({ kind: 'found', value });
  const failed = { kind: 'temporary', reason: 'ESERVFAIL' };
  const cases: readonly (readonly [keyof NameService, string, unknown])[] = [
    ['addresses', 'host.example', found(['2001:db8:0:0:0:0:0:1', '192.0.2.1'])],
    ['addresses', 'HOST.example.', found(['2001:db8:0:0:0:0:0:1', '192.0.2.1'])],
    ['addresses', 'here.EXAMPLE', found(['192.0.2.9', '0:0:0:0:0:0:0:1'])],
    ['addresses', 'text.example', { kind: 'nodata' }],
    ['addresses', 'nothere.example', { kind: 'nxdomain' }],
    ['addresses', 'x.servfail.example', failed],
    ['addresses', '', { kind: 'nxdomain' }],
    ['addresses', `${'a'.repeat(70)}.example`, { kind: 'nxdomain' }],
    ['mx', 'alias.example', { kind: 'nodata' }],
    ['mx', 'nothere.example', { kind: 'nxdomain' }],
    ['txt', 'text.example', found(['v=spf1 -all', 'two'])],
    ['txt', 'x.servfail.example', failed],
    ['names', '203.0.113.20', found(['client20.isp.example'])],
    ['names', '203.0.113.99', { kind: 'nxdomain' }],
    ['names', '192.0.2.9', found(['Here.example'])],
    ['names', 'no address', { kind: 'nxdomain' }],
    ['canonicalName', 'alias.example', 'host.example'],
    ['canonicalName', 'Host.example', 'host.example'],
    ['canonicalName', 'loop.example', 'loop.example'],
  ];
  for (const [method, name, expected] of cases) {
    test(`${method} of ${name.slice(0, 30)}`, async (t) => {
      if (server === undefined) return t.skip(why);
      const outcome: unknown = await dns[method](name);
      const sorted =
        method === 'txt' && typeof outcome === 'object' ? sortedTexts(outcome) : outcome;
      assert.deepEqual(sorted, expected);
    });
  }
});

/** Records of one name come in any order. */
function sortedTexts(outcome: object | null): unknown {
  if (outcome === null || !('value' in outcome) || !Array.isArray(outcome.value)) return outcome;
  return { ...outcome, value: outcome.value.map(String).sort().reverse() };
}

suite('memory', () => {
  test('the same question at the same time is asked once, and an old answer is asked again', async () => {
    const { socket, address, count } = await countingServer();
    let now = 0;
    const asker = new Dns({ servers: [address], families: [4], timeoutMs: 2_000, now: () => now });
    const refused = { kind: 'nxdomain' };
    assert.deepEqual(
      await Promise.all([asker.addresses('a.example'), asker.addresses('A.example')]),
      [refused, refused],
    );
    assert.deepEqual(await asker.addresses('a.example'), refused);
    assert.equal(count(), 1);
    now = 3_600_001;
    assert.deepEqual(await asker.addresses('a.example'), refused);
    assert.equal(count(), 2);
    asker.close();
    socket.close();
  });

  test('no answer is not remembered', async () => {
    const silent = await startSilentDns();
    const deaf = new Dns({ servers: [silent.address], timeoutMs: 20, tries: 1 });
    assert.deepEqual(await deaf.txt('a.example'), { kind: 'temporary', reason: 'ETIMEOUT' });
    assert.deepEqual(await deaf.txt('a.example'), { kind: 'temporary', reason: 'ETIMEOUT' });
    await silent.stop();
  });
});

/** Says of every name that there is none. */
async function countingServer() {
  const socket = createSocket('udp4');
  let questions = 0;
  socket.on('message', (message, { port, address }) => {
    questions += 1;
    const answer = Buffer.from(message);
    answer.writeUInt16BE(0x8403, 2);
    socket.send(answer, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const address = `127.0.0.1:${socket.address().port}`;
  return { socket, address, count: () => questions };
}

suite('a client', () => {
  const cases: Readonly<Record<string, string>> = {
    '203.0.113.20': 'client20.isp.example OK',
    '::ffff:203.0.113.20': 'client20.isp.example OK',
    '2001:db8:1::77': 'v6client.isp.example OK',
    '203.0.113.110': 'forged110.isp.example FORGED',
    '203.0.113.112': 'nowhere.isp.example FORGED',
    '203.0.113.113': '[203.0.113.113] FAIL',
    '203.0.113.200': '[203.0.113.200] FAIL',
    '2001:db8:1::78': '[IPv6:2001:db8:1:0:0:0:0:78] FAIL',
    '203.0.114.211': '[203.0.114.211] TEMP',
    '127.0.0.1': 'localhost OK',
  };
  for (const [address, expected] of Object.entries(cases)) {
    test(address, async (t) => {
      if (server === undefined) return t.skip(why);
      const client = await nameClient({ dns, timeoutMs: 5_000 }, { address, port: 7 });
      assert.equal(`${client.name} ${client.resolution}`, expected);
      assert.equal(client.port, 7);
    });
  }

  test('waits no longer than it may', async () => {
    const silent = await startSilentDns();
    const deaf = new Dns({ servers: [silent.address], timeoutMs: 60_000, tries: 1 });
    const client = await nameClient(
      { dns: deaf, timeoutMs: 20 },
      { address: '192.0.2.7', port: 1 },
    );
    assert.deepEqual(client, {
      address: '192.0.2.7',
      port: 1,
      name: '[192.0.2.7]',
      resolution: 'TEMP',
    });
    deaf.close();
    await silent.stop();
  });
});
