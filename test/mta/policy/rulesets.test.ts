/**
 * The rulesets against those of a real sendmail: thousands of recipients and senders of every form, asked of
 * both. Whoever may relay there may here, and nobody else; texts are the same too.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { MemoryMap } from '../../../src/mta/map/keyed-map.ts';
import { parseMapText } from '../../../src/mta/map/text-map.ts';
import type { Client } from '../../../src/mta/model.ts';
import { AccessMap } from '../../../src/mta/policy/access.ts';
import { BadSenders } from '../../../src/mta/policy/bad-senders.ts';
import { errorReply } from '../../../src/mta/policy/error-text.ts';
import { parseRelayDomains } from '../../../src/mta/policy/relay-domains.ts';
import { Rulesets } from '../../../src/mta/policy/rulesets.ts';
import type { PolicySite } from '../../../src/mta/policy/site.ts';
import type { Verdict } from '../../../src/mta/policy/verdict.ts';
import { debianPackagesOrSkip } from '../../support/debian-package.ts';
import { randomSource } from '../../support/random.ts';
import { REAL_HOST, RealRulesets } from '../../support/real-rulesets.ts';
import { SENDMAIL_PACKAGES, whyNoNamespaces } from '../../support/real-sendmail.ts';

const ACCESS = `
To:closed@corp.example	ERROR:5.1.1:550 That mailbox is closed
To:refused@	REJECT
To:relayed.example	RELAY
To:no.relayed.example	SKIP
To:blocked.example	REJECT
To:plus+*@corp.example	ERROR:4.2.2:450 later, please
olduser@corp.example	550 old style text without tag
untagged.example	RELAY
Connect:203.0.113.40	RELAY
Connect:192.0.2	RELAY
Connect:192.0.2.9	SKIP
Connect:friend.example	RELAY
Connect:bad.isp.example	REJECT
Connect:[203.0.113.77]	ERROR:"550 Go away, we know you"
Connect:203.0.113.99	DISCARD
`;
const LOCAL = ['corp.example', 'selflocal.example'];
const RELAY_DOMAINS = '140.112\nntu.edu.tw\nIPv6:2001:db8:1\n';
const RELAY_REJECT = '140.112.228.147 reject\n';

const folder = mkdtempSync(join(tmpdir(), 'maillog-rulesets-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const OURS = new Set([...LOCAL, REAL_HOST, 'mx1', 'localhost', '[127.0.0.1]']);

function siteOf(access: string, more: Partial<PolicySite> = {}): PolicySite {
  return {
    hostName: REAL_HOST,
    isLocalDomain: (domain) => OURS.has(domain),
    access: new AccessMap(new MemoryMap(parseMapText(access).entries)),
    relayDomains: parseRelayDomains(RELAY_DOMAINS).domains,
    badSenders: new BadSenders(),
    dns: { resolves: () => Promise.resolve('no'), addresses: () => Promise.resolve([]) },
    dnsLists: [],
    acceptsUnresolvable: false,
    acceptsUnqualified: false,
    blocksRecipients: true,
    blocksBadHelo: false,
    requiresName: false,
    trustedMechanisms: [],
    limitCode: 421,
    ...more,
  };
}

function clientOf(address: string, name: string, resolution: Client['resolution']): Client {
  return { address, port: 1, name, resolution };
}

const STRANGER = clientOf('203.0.113.20', 'client20.isp.example', 'OK');
const CLIENTS = [
  STRANGER,
  clientOf('203.0.113.110', '[203.0.113.110]', 'FORGED'),
  clientOf('203.0.113.200', '[203.0.113.200]', 'FAIL'),
  clientOf('203.0.113.211', '[203.0.113.211]', 'TEMP'),
  clientOf('203.0.113.40', 'x.isp.example', 'OK'),
  clientOf('192.0.2.9', 'x.isp.example', 'OK'),
  clientOf('192.0.2.8', 'x.isp.example', 'OK'),
  clientOf('140.112.3.4', '[140.112.3.4]', 'FAIL'),
  clientOf('140.1.12.3', 'www.ntu.edu.tw', 'OK'),
  clientOf('140.1.12.3', 'evilntu.edu.tw', 'OK'),
  clientOf('140.1.12.3', 'ntu.edu.tw.evil.example', 'OK'),
  clientOf('198.51.100.1', 'a.friend.example', 'OK'),
  clientOf('127.0.0.1', 'localhost', 'OK'),
  clientOf('2001:db8:1:0:0:0:0:77', 'v6.isp.example', 'OK'),
  clientOf('2001:db8:11:0:0:0:0:77', '[IPv6:2001:db8:11:0:0:0:0:77]', 'FAIL'),
] as const;

function sendmailName(client: Client): string {
  return client.address.includes(':') ? `IPv6:${client.address}` : client.address;
}

const PIECES = [
  'x',
  'refused',
  'closed',
  'postmaster',
  'plus+tag',
  'a.b',
  '@',
  '@',
  '@',
  '%',
  '!',
  ':',
  '.',
  ';',
  '+',
  'corp.example',
  'corp.example',
  'CORP.example.',
  'partner.example',
  'partner.example',
  'relayed.example',
  'no.relayed.example',
  'sub.relayed.example',
  'blocked.example',
  'untagged.example',
  'ntu.edu.tw',
  'x.ntu.edu.tw',
  'localhost',
  'mx1.corp.example',
  '[127.0.0.1]',
  '[198.51.100.10]',
  '[IPv6:2001:db8:0:0:0:0:0:1]',
  '198.51.100.10',
  '"x@partner.example"',
  '"x"',
  '"x%partner.example"',
  '"a b"',
  '"\\"x@y"',
  '@corp.example:',
  '@relayed.example:',
  'p\\@q',
  '\\',
  '(c)',
  '..',
  '<',
  '>',
  '[',
  ']',
  '"',
  'UUCP',
  'c\xf6rp.example',
  'corp.example\xb7',
  '/',
  '^',
  '=',
] as const;

function randomAddress(random: ReturnType<typeof randomSource>): string {
  let text = random.chance(0.5)
    ? random.pick(['x', 'refused', 'a%b', '"x@p"', '@corp.example:x'])
    : '';
  const length = 1 + random.below(7);
  for (let i = 0; i < length; i++) text += random.pick(PIECES);
  return random.chance(0.6) ? `${text}@${random.pick(['corp.example', 'partner.example'])}` : text;
}

/** What came back for each question, between its marks; null: sendmail could not read the question. */
function answers(output: string, ruleset: string, count: number): (string | null)[] {
  const found: (string | null)[] = Array.from({ length: count }, () => null);
  let current = -1;
  for (const line of output.split('\n')) {
    const mark = /trust_auth\s+input: mark(\d+)/.exec(line);
    if (mark !== null) current = Number(mark[1]);
    const [, name, result] = /^(?:> )*(\S+)\s+returns: (.*)$/.exec(line) ?? [];
    if (name === ruleset && current >= 0) found[current] = result ?? '';
  }
  return found;
}

function questions(ruleset: string, args: readonly string[]): string[] {
  return args.flatMap((arg, index) => [`trust_auth mark${index}`, `${ruleset} ${arg}`]);
}

/** `accept`, `discard` or the reply, of a real answer. */
function ofReal(answer: string | null): string {
  if (answer === null) return 'unread';
  if (answer.startsWith('$# discard')) return 'discard';
  const [, host = '', text = ''] = /^\$# error (?:\$@ (.*?) )?\$: (.*)$/.exec(answer) ?? [];
  if (!answer.startsWith('$# error')) return 'accept';
  const status = host.replaceAll(' ', '');
  const reply = errorReply(/^[245]\./.test(status) ? status : null, text);
  return `${reply.code} ${reply.status} ${reply.text}`;
}

function ofOurs(verdict: Verdict, shown: string): string {
  if (verdict.kind !== 'refuse') return verdict.kind;
  const { code, status, text } = verdict.reply;
  return `${code} ${status} ${text.replace(`${shown}... `, '')}`;
}

async function realSite(t: import('node:test').TestContext): Promise<RealRulesets | undefined> {
  const packages = await debianPackagesOrSkip(t, SENDMAIL_PACKAGES);
  const lacking = whyNoNamespaces();
  if (packages === undefined) return undefined;
  if (lacking !== undefined) {
    t.skip(lacking);
    return undefined;
  }
  const site = { access: ACCESS, relayDomains: RELAY_DOMAINS, localHostNames: LOCAL.join('\n') };
  return RealRulesets.make(folder, packages, site);
}

suite('against the rulesets of the real sendmail', () => {
  test('check_rcpt: recipients of every form, clients of every kind', async (t) => {
    const real = await realSite(t);
    if (real === undefined) return;
    const random = randomSource(42);
    const rulesets = new Rulesets(siteOf(ACCESS));
    const wrong: string[] = [];
    for (const client of CLIENTS) {
      const count = client === STRANGER ? 4000 : 40;
      const addresses = Array.from({ length: count }, () => randomAddress(random)).filter(
        (a) => !a.includes(',') && a !== '',
      );
      const output = real.ask([
        `.D{client_addr}${sendmailName(client)}`,
        `.D{client_name}${client.name}`,
        `.D{client_resolve}${client.resolution}`,
        ...questions(
          'check_rcpt',
          addresses.map((a) => `<${a}>`),
        ),
      ]);
      const theirs = answers(output, 'check_rcpt', addresses.length);
      for (const [index, address] of addresses.entries()) {
        const shown = `<${address}>`;
        const asker = { client, helo: null, mechanism: null };
        const ours = ofOurs(rulesets.checkRcpt({ shown, address }, asker), shown);
        const expected = ofReal(theirs[index] ?? null);
        if (ours !== expected) wrong.push(`${client.address} ${shown}: ${expected} | ${ours}`);
      }
    }
    assert.deepEqual(wrong, []);
  });
});
