/**
 * The rulesets against those of a real sendmail: thousands of recipients and senders of every form, asked of
 * both. Whoever may relay there may here, and nobody else; texts are the same too.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, type TestContext, test } from 'node:test';
import type { Client } from '../../../src/mta/model.ts';
import { errorReply } from '../../../src/mta/policy/error-text.ts';
import { parseRelayDomains } from '../../../src/mta/policy/relay-domains.ts';
import { Rulesets } from '../../../src/mta/policy/rulesets.ts';
import type { PolicySite } from '../../../src/mta/policy/site.ts';
import { tokenize } from '../../../src/mta/policy/tokens.ts';
import type { Verdict } from '../../../src/mta/policy/verdict.ts';
import { debianPackagesOrSkip } from '../../support/debian-package.ts';
import { policyClient, policySite } from '../../support/policy-site.ts';
import { type RandomSource, randomSource } from '../../support/random.ts';
import { RealRulesets } from '../../support/real-rulesets.ts';
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

const folder = mkdtempSync(join(tmpdir(), 'maillog-rulesets-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function siteOf(access: string): PolicySite {
  return policySite(access, { relayDomains: parseRelayDomains(RELAY_DOMAINS).domains });
}

const STRANGER = policyClient('203.0.113.20', 'client20.isp.example', 'OK');
const CLIENTS = [
  STRANGER,
  policyClient('203.0.113.110', '[203.0.113.110]', 'FORGED'),
  policyClient('203.0.113.200', '[203.0.113.200]', 'FAIL'),
  policyClient('203.0.113.211', '[203.0.113.211]', 'TEMP'),
  policyClient('203.0.113.40', 'x.isp.example', 'OK'),
  policyClient('192.0.2.9', 'x.isp.example', 'OK'),
  policyClient('192.0.2.8', 'x.isp.example', 'OK'),
  policyClient('140.112.3.4', '[140.112.3.4]', 'FAIL'),
  policyClient('140.1.12.3', 'www.ntu.edu.tw', 'OK'),
  policyClient('140.1.12.3', 'evilntu.edu.tw', 'OK'),
  policyClient('140.1.12.3', 'ntu.edu.tw.evil.example', 'OK'),
  policyClient('198.51.100.1', 'a.friend.example', 'OK'),
  policyClient('127.0.0.1', 'localhost', 'OK'),
  policyClient('2001:db8:1:0:0:0:0:77', 'v6.isp.example', 'OK'),
  policyClient('2001:db8:11:0:0:0:0:77', '[IPv6:2001:db8:11:0:0:0:0:77]', 'FAIL'),
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

function randomAddress(random: RandomSource): string {
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

async function realSite(t: TestContext, access: string): Promise<RealRulesets | undefined> {
  const packages = await debianPackagesOrSkip(t, SENDMAIL_PACKAGES);
  const lacking = whyNoNamespaces();
  if (packages === undefined) return undefined;
  if (lacking !== undefined) {
    t.skip(lacking);
    return undefined;
  }
  const site = { access, relayDomains: RELAY_DOMAINS, localHostNames: LOCAL.join('\n') };
  return RealRulesets.make(folder, packages, site);
}

interface Comparison {
  readonly wrong: string[];
  stricter: number;
}

/** What is refused for its syntax may be refused in other words, or (a few) be a name to sendmail. */
function compare(shown: string, ours: string, theirs: string, into: Comparison): void {
  const isSyntax = /^553 5\.(?:1|5\.4)/.test(ours);
  if (isSyntax && (theirs.startsWith('553 5.1.3') || tokenize(shown) === null)) return;
  // Refused there for its syntax, here for where it leads.
  if (ours.includes('Relaying denied') && theirs.startsWith('553 5.1.')) return;
  if (isSyntax && theirs === 'accept') into.stricter += 1;
  else if (ours !== theirs && !(theirs === 'accept' && shown.includes('['))) {
    into.wrong.push(`${shown}: ${theirs} | ${ours}`);
  }
}

function macros(client: Client): string[] {
  return [
    `.D{client_addr}${sendmailName(client)}`,
    `.D{client_name}${client.name}`,
    `.D{client_resolve}${client.resolution}`,
  ];
}

function addressesFrom(random: RandomSource, count: number): string[] {
  const addresses = Array.from({ length: count }, () => randomAddress(random));
  return addresses.filter((address) => !address.includes(',') && address !== '');
}

const MAIL_ACCESS = `
From:a1@custom.example	ERROR:"550 custom refusal text"
From:a2@custom.example	ERROR:5.7.1:550 Mail from your host refused, see http://policy.example/?a=1,b=2
From:a3@custom.example	ERROR:5.7.1:text only (no code) here
From:a4@custom.example	ERROR:text only, no dsn
From:a5@custom.example	550 old (style) text
From:a6@custom.example	450 4.2.2 later please
From:a7@custom.example	ERROR:5.7.1:550 5.3.2 both
From:a8@custom.example	ERROR:5.7.1:"550 quoted text, here"
From:a9@custom.example	ERROR:450 temp
From:b1@custom.example	unknownword
From:b3@custom.example	ERROR:junk:550 text
From:b5@custom.example	550 5.7.1 double  blank [1.2.3.4] a/b!c
From:b6@custom.example	REJECT now
From:b7@custom.example	reject
From:b8@custom.example	ERROR:4.7.1:550 mismatch
From:b9@custom.example	550
From:c3@custom.example	ERROR:5.1.1:550 don't \\"x\\" y
From:c4@custom.example	Hello world, no
From:c5@custom.example	421 4.3.2 closing
From:c6@custom.example	ERROR:DISCARD
From:c7@custom.example	ERROR:"550 5.1.6 The user has moved, (really); see <x@y>"
`;

suite('against the rulesets of the real sendmail', () => {
  test('check_rcpt: recipients of every form, clients of every kind', async (t) => {
    const real = await realSite(t, ACCESS);
    if (real === undefined) return;
    const random = randomSource(42);
    const rulesets = new Rulesets(siteOf(ACCESS));
    const found: Comparison = { wrong: [], stricter: 0 };
    for (const client of CLIENTS) {
      const shown = addressesFrom(random, client === STRANGER ? 1200 : 20).map((a) => `<${a}>`);
      const output = real.ask([...macros(client), ...questions('check_rcpt', shown)]);
      const theirs = answers(output, 'check_rcpt', shown.length);
      for (const [index, each] of shown.entries()) {
        const asker = { client, helo: null, mechanism: null };
        const ours = rulesets.checkRcpt({ shown: each, address: each.slice(1, -1) }, asker);
        compare(each, ofOurs(ours, each), ofReal(theirs[index] ?? null), found);
      }
    }
    assert.equal(found.wrong.join('\n'), '');
    assert.ok(found.stricter < 40, `${found.stricter} are refused here and not there`);
  });

  test('check_mail: senders of every form', async (t) => {
    const access = `${MAIL_ACCESS}From:corp.example\tOK\nFrom:spam@\tREJECT\nFrom:partner.example\tDISCARD\n`;
    const real = await realSite(t, access);
    if (real === undefined) return;
    const rulesets = new Rulesets(siteOf(access));
    const found: Comparison = { wrong: [], stricter: 0 };
    const shown = addressesFrom(randomSource(7), 500).map((a) => `<${a}>`);
    const lines = shown.flatMap((each, index) => [
      `.Df${each.slice(1, -1)}`,
      `trust_auth mark${index}`,
      `check_mail ${each}`,
    ]);
    const theirs = answers(real.ask([...macros(STRANGER), ...lines]), 'check_mail', shown.length);
    for (const [index, each] of shown.entries()) {
      const sender = { shown: each, address: each.slice(1, -1) };
      const ours = await rulesets.checkMail(sender, STRANGER);
      const bare = (text: string) => text.replace(/sender address .*/, 'sender address');
      compare(each, bare(ofOurs(ours, each)), bare(ofReal(theirs[index] ?? null)), found);
    }
    assert.equal(found.wrong.join('\n'), '');
    assert.ok(found.stricter < 40, `${found.stricter} are refused here and not there`);
  });

  test('the replies that the texts of the access map make', async (t) => {
    const real = await realSite(t, MAIL_ACCESS);
    if (real === undefined) return;
    const rulesets = new Rulesets(siteOf(MAIL_ACCESS));
    const users = [...MAIL_ACCESS.matchAll(/^From:(\S+)/gm)].map(([, user = '']) => user);
    const commands = users.flatMap((user) => [`MAIL FROM:<${user}>`, 'RSET']);
    const replies = await real.talk(['EHLO client.example', ...commands, 'QUIT']);
    for (const [index, user] of users.entries()) {
      const verdict = await rulesets.checkMail({ shown: `<${user}>`, address: user }, STRANGER);
      assert.ok(verdict.kind === 'refuse', user);
      const { code, status, text } = verdict.reply;
      assert.equal(`${code} ${status} ${text}`, replies[1 + index * 2]);
    }
  });
});
