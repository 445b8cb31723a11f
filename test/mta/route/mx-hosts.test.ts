/**
 * Where mail goes, asked of a real DNS server: what sendmail 8.17.1.9 logged for the same zones, and the order
 * of the hosts.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { AddressRouting } from '../../../src/mta/route/address-resolver.ts';
import { canonicalDomain } from '../../../src/mta/route/canonical-domain.ts';
import { Dns } from '../../../src/mta/route/dns.ts';
import { LocalNames } from '../../../src/mta/route/local-names.ts';
import { type HostsOutcome, MailHosts } from '../../../src/mta/route/mx-hosts.ts';
import { extractDebianPackages } from '../../support/debian-package.ts';
import {
  DNS_PACKAGES,
  type DnsServer,
  startDnsServer,
  startSilentDns,
} from '../../support/dns-server.ts';
import { randomSource } from '../../support/random.ts';

const ZONE = `
partner MX 10 mail.partner
mail.partner A 198.51.100.10
selfbest MX 5 mx1.corp
selfbest MX 10 mail.partner
selftie MX 5 mx1.corp
selftie MX 5 mail.partner
mxlocal MX 10 localhost.
backup MX 5 mail.partner
backup MX 10 mx1.corp
backup MX 20 dead.two
mx1.corp A 192.0.2.10
mxnohost MX 10 nowhere.mxnohost
mxnohost2 MX 5 nowhere.mxnohost
mxnohost2 MX 10 mail.partner
mxnohost3 MX 5 nowhere.mxnohost
mxnohost3 MX 10 nodata
mxnodata MX 10 nodata
mxip MX 10 198.51.100.10.
mxcname MX 10 alias.target
alias.target CNAME mail.partner
cn CNAME partner
cnimp CNAME implicit
cnloop CNAME cnloop2
cnloop2 CNAME cnloop
cndead CNAME nothing.there
implicit A 198.51.100.10
two MX 10 mail.partner
two MX 5 dead.two
dead.two A 198.51.100.99
even MX 10 a.even
even MX 10 b.even
even MX 10 c.even
even MX 5 mail.partner
a.even A 198.51.100.1
b.even A 198.51.100.2
c.even A 198.51.100.3
v6 AAAA 2001:db8::9
both A 198.51.100.10
both AAAA 2001:db8::1
mxv6 MX 10 v6
nodata TXT "hello" " world"
null MX 0 .
null2 MX 0 .
null2 MX 10 mail.partner
root10 MX 10 .
*.wild MX 10 mail.partner
mxservfail MX 10 x.servfail
mxservfail2 MX 5 x.servfail
mxservfail2 MX 10 mail.partner
t1 MX 5 dead.two
t1 MX 10 nowhere.t1
t2 MX 5 nowhere.t2
t2 MX 10 dead.two
t3 MX 5 nowhere.t3
t3 MX 10 x.servfail
t4 MX 5 x.servfail
t4 MX 10 nowhere.t4
ours CNAME mx1.corp
t8 MX 5 y.nothere
t8 MX 7 mx1.corp
`;

const names = new LocalNames({ hostName: 'mx1.corp.example', addresses: ['192.0.2.10'] });
let server: DnsServer | undefined;
let why = '';
let dns = new Dns();

before(async () => {
  try {
    const root = await extractDebianPackages(DNS_PACKAGES);
    server = await startDnsServer({
      root,
      zones: { example: ZONE, invalid: '', localhost: '@ A 127.0.0.1' },
      broken: ['servfail.example'],
    });
    dns = new Dns({ servers: [server.address], timeoutMs: 2_000, tries: 1 });
  } catch (error) {
    if (process.env.CI) throw error;
    why = String(error);
  }
});
after(() => server?.stop());

/** `host. [address, ...]; ...`, or what the log would say. */
function asText(outcome: HostsOutcome): string {
  if (outcome.kind === 'hosts') {
    return outcome.hosts.map((host) => `${host.name} [${host.addresses.join(', ')}]`).join('; ');
  }
  const { kind, relay, dsn, stat } = outcome.outcome;
  return `${kind}: relay=${relay ?? ''}, dsn=${dsn}, stat=${stat}`;
}

const unknown = (name: string, reason = 'host not found') =>
  `failed: relay=${name}, dsn=5.1.2, stat=Host unknown (Name server: ${name}: ${reason})`;
const failure = (name: string, dsn = '4.4.3') =>
  `deferred: relay=${name}, dsn=${dsn}, stat=Deferred: Name server: ${name}: host name lookup failure`;
const PARTNER = 'mail.partner.example. [198.51.100.10]';
const DEAD = 'dead.two.example. [198.51.100.99]';
const QUEUED = 'deferred: relay=, dsn=4.4.3, stat=queued';
const OURS = (name: string) => `failed: relay=${name}., dsn=5.3.5, stat=Local configuration error`;

const CASES: Readonly<Record<string, string>> = {
  'partner.example': PARTNER,
  'PARTNER.example.': PARTNER,
  'selfbest.example': OURS('selfbest.example'),
  'selftie.example': OURS('selftie.example'),
  'mxlocal.example': OURS('mxlocal.example'),
  'backup.example': PARTNER,
  'mxnohost.example': unknown('nowhere.mxnohost.example.'),
  'mxnohost2.example': PARTNER,
  'mxnohost3.example': unknown('nodata.example.', 'no data known'),
  'mxnodata.example': unknown('nodata.example.', 'no data known'),
  'mxip.example': '198.51.100.10. [198.51.100.10]',
  'mxcname.example': 'alias.target.example. [198.51.100.10]',
  'cn.example': PARTNER,
  'cnimp.example': 'implicit.example. [198.51.100.10]',
  'cndead.example': unknown('cndead.example'),
  'implicit.example': 'implicit.example. [198.51.100.10]',
  'IMPLICIT.example': 'implicit.example. [198.51.100.10]',
  'two.example': `${DEAD}; ${PARTNER}`,
  'v6.example': 'v6.example. [2001:db8:0:0:0:0:0:9]',
  'both.example': 'both.example. [2001:db8:0:0:0:0:0:1, 198.51.100.10]',
  'mxv6.example': 'v6.example. [2001:db8:0:0:0:0:0:9]',
  'nodata.example': unknown('nodata.example', 'no data known'),
  'null.example': 'failed: relay=null.example., dsn=5.1.10, stat=Service unavailable',
  'null2.example': PARTNER,
  'root10.example': unknown('.', 'non-recoverable error'),
  'foo.wild.example': PARTNER,
  'a.b.wild.example': PARTNER,
  'nothere.example': unknown('nothere.example'),
  'no-such-host.invalid': unknown('no-such-host.invalid'),
  'y.servfail.example': QUEUED,
  'mxservfail.example': failure('x.servfail.example.'),
  'mxservfail2.example': PARTNER,
  't1.example': DEAD,
  't2.example': DEAD,
  't3.example': failure('x.servfail.example.'),
  't4.example': 'deferred: relay=nowhere.t4.example., dsn=5.1.2, stat=Deferred',
  't8.example': unknown('y.nothere.example.'),
  single: failure('single', '4.0.0'),
  'a.uucp': failure('a.uucp.', '4.0.0'),
  '[198.51.100.10]': '[198.51.100.10] [198.51.100.10]',
  '[IPv6:::1]': '[ipv6:::1] [0:0:0:0:0:0:0:1]',
  '[ipv6:zz]': unknown('[ipv6:zz]'),
  '[999.1.2.3]': unknown('[999.1.2.3]'),
  '[mail.partner.example]': PARTNER,
  '[alias.target.example]': PARTNER,
  '[both.example]': 'both.example. [2001:db8:0:0:0:0:0:1, 198.51.100.10]',
  '[partner.example]': unknown('partner.example.', 'no data known'),
  '[nothere.example]': unknown('[nothere.example]'),
  '[nodata.example]': unknown('[nodata.example]', 'no data known'),
  '[y.servfail.example]': failure('[y.servfail.example]'),
  '[]': unknown('[]', 'non-recoverable error'),
  '[bad': 'failed: relay=[bad, dsn=5.1.2, stat=Host unknown',
  'nothere.example:[198.51.100.10]:two.example': `[198.51.100.10] [198.51.100.10]; ${DEAD}; ${PARTNER}`,
  'partner.example:b.invalid': PARTNER,
  'a.invalid:b.invalid': unknown('b.invalid'),
  'x_y.example': unknown('x_y.example'),
  'a..b': unknown('a..b'),
};

suite('domains of addresses', () => {
  const cases: Readonly<Record<string, string>> = {
    'x@cn.example': 'esmtp partner.example x@partner.example',
    'x@cnimp.example': 'esmtp implicit.example x@implicit.example',
    'x@alias.target.example': 'esmtp mail.partner.example x@mail.partner.example',
    'x@PARTNER.example': 'esmtp partner.example x@PARTNER.example',
    'x@cndead.example': 'esmtp cndead.example x@cndead.example',
    'x@nodata.example': 'esmtp nodata.example x@nodata.example',
    'x@nothere.example': 'esmtp nothere.example x@nothere.example',
    'x@y.servfail.example': 'esmtp y.servfail.example x@y.servfail.example will queue',
    'x@cnloop.example': 'esmtp cnloop.example x@cnloop.example will queue',
    'x@ours.example': 'local  x',
    'x%cn.example@mx1.corp.example': 'esmtp partner.example x@partner.example',
    'x@[alias.target.example]': 'esmtp [alias.target.example] x@[alias.target.example]',
    'x@single': 'esmtp single x@single',
  };
  for (const [address, expected] of Object.entries(cases)) {
    test(address, async (t) => {
      if (server === undefined) return t.skip(why);
      const canonical = (domain: string) => canonicalDomain(dns, domain);
      const resolution = await new AddressRouting({ names, canonical }).resolve(address);
      assert.ok(resolution.kind === 'destination');
      const { mailer, host, user } = resolution.destination;
      const queue = resolution.willQueue === true ? ' will queue' : '';
      assert.equal(`${mailer} ${host} ${user}${queue}`, expected);
    });
  }
});

suite('hosts of a domain', () => {
  for (const [host, expected] of Object.entries(CASES)) {
    test(host, async (t) => {
      if (server === undefined) return t.skip(why);
      assert.equal(asText(await new MailHosts({ dns, names }).findHosts(host)), expected);
    });
  }

  test('a list that points back to us says so', async (t) => {
    if (server === undefined) return t.skip(why);
    const outcome = await new MailHosts({ dns, names }).findHosts('selfbest.example');
    assert.equal(
      outcome.kind === 'failed' && outcome.systemError,
      'MX list for selfbest.example. points back to mx1.corp.example',
    );
  });

  test('a mail exchanger that is an alias is noted', async (t) => {
    if (server === undefined) return t.skip(why);
    const outcome = await new MailHosts({ dns, names }).findHosts('mxcname.example');
    assert.deepEqual(outcome.kind === 'hosts' && outcome.notes, [
      'MX alias.target.example. is an alias of mail.partner.example.',
    ]);
  });

  test('the last of a list that does not exist is what is said at the end', async (t) => {
    if (server === undefined) return t.skip(why);
    const outcome = await new MailHosts({ dns, names }).findHosts('t1.example');
    const afterAll = outcome.kind === 'hosts' ? outcome.afterAll : null;
    assert.deepEqual(
      [afterAll?.kind, afterAll?.relay, afterAll?.dsn, afterAll?.stat],
      ['deferred', 'nowhere.t1.example.', '5.1.2', 'Deferred'],
    );
  });

  test('equal hosts take turns, and never come before a better one', async (t) => {
    if (server === undefined) return t.skip(why);
    const source = randomSource(5);
    const random = () => source.below(1_000_000) / 1_000_000;
    const hosts = new MailHosts({ dns, names, random });
    const firsts = new Map<string, number>();
    for (let round = 0; round < 300; round += 1) {
      const outcome = await hosts.findHosts('even.example');
      const found = outcome.kind === 'hosts' ? outcome.hosts.map(({ name }) => name) : [];
      assert.equal(found[0], 'mail.partner.example.');
      assert.deepEqual(found.slice(1).sort(), [
        'a.even.example.',
        'b.even.example.',
        'c.even.example.',
      ]);
      firsts.set(found[1] ?? '', (firsts.get(found[1] ?? '') ?? 0) + 1);
    }
    assert.equal(firsts.size, 3);
    for (const count of firsts.values()) assert.ok(count > 60, `${count} of 300`);
  });

  test('one family alone, where the other is of no use', async (t) => {
    if (server === undefined) return t.skip(why);
    const v4 = new Dns({ servers: [server.address], families: [4] });
    const hosts = new MailHosts({ dns: v4, names });
    assert.equal(asText(await hosts.findHosts('both.example')), 'both.example. [198.51.100.10]');
  });

  test('a server that does not answer is no answer', async () => {
    const silent = await startSilentDns();
    const deaf = new Dns({ servers: [silent.address], timeoutMs: 50, tries: 1 });
    assert.equal(asText(await new MailHosts({ dns: deaf, names }).findHosts('x.example')), QUEUED);
    await silent.stop();
  });
});
