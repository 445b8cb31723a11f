/**
 * Addresses against sendmail 8.17.1.9: fixtures/mta/addresses.json holds what it answered to RCPT and what its
 * address test mode (`/parse`) made of each, with the tables below; `smart` and `relay` with a smart host.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import type { Resolution } from '../../../src/mta/model.ts';
import { AddressRouting, directDeliveryProblem } from '../../../src/mta/route/address-resolver.ts';
import { LocalNames } from '../../../src/mta/route/local-names.ts';
import { parseSmtpPath, replyAbout } from '../../../src/mta/route/smtp-path.ts';
import { randomSource } from '../../support/random.ts';

interface Row {
  readonly path: string;
  readonly reply: string;
  readonly plain: readonly string[] | null;
  readonly smart?: readonly string[] | null;
  readonly relay?: readonly string[] | null;
}

const VIRTUSERTABLE: Readonly<Record<string, string>> = {
  'info@virt.example': 'alice',
  'sales@virt.example': 'bob@corp.example',
  'out@virt.example': 'peer@partner.example',
  'gone@virt.example': 'error:nouser 550 No such virtual user',
  'over@virt.example': 'error:5.2.2:552 over quota',
  'bare@virt.example': 'error:nouser No code here',
  'esc@virt.example': 'error:5.7.1:550 5.7.9 both',
  'temp@virt.example': 'error:4.3.0:450 later',
  'nc@virt.example': 'error:5.7.0:no code',
  'junk@virt.example': 'error:junk',
  'tmpf@virt.example': 'error:tempfail 450 come back',
  'l1@virt.example': 'l2@virt.example',
  'l2@virt.example': 'l1@virt.example',
  'self@virt.example': 'self@virt.example',
  'bang@virt.example': 'x!y',
  'plus+tag@virt.example': 'alice+special',
  'plus+*@virt.example': 'bob+%2',
  'plus@virt.example': 'carol',
  'pp++@virt.example': 'carol+plusplus%2',
  'dot.user@virt.example': 'sysop',
  'lp@virt.example': 'local:bob',
  'at@virt.example': '%1%2@partner.example',
  'list@virt.example': 'alice,bob',
  '@virt.example': 'sysop',
  '@alias.example': '%1@corp.example',
  '@full.example': '%1%3@corp.example',
};

const MAILERTABLE: Readonly<Record<string, string>> = {
  's.example': 'smtp:[198.51.100.10]',
  's8.example': 'smtp8:[198.51.100.10]',
  'ds.example': 'dsmtp:[198.51.100.10]',
  'blocked.example': 'error:5.7.1:550 we do not talk to them',
  'nohost.example': 'error:nohost no such host here',
  'nohost2.example': 'error:nohost 553 x y',
  'route.example': 'esmtp:[198.51.100.10]',
  'loc.example': 'local:carol',
  'loc2.example': 'local:',
  '.sub.example': 'relay:mail.partner.example',
  '.wild.example': 'esmtp:%1.gw.example',
  'virt2.example': 'local:',
  'nm.example': 'nosuchmailer:host',
  'bare.example': 'justhost',
  'multi.example': 'esmtp:a.example:b.example',
  'port.example': 'relay:[127.0.0.1]',
  'v6.example': 'esmtp:[IPv6:::1]',
};

const names = new LocalNames({
  hostName: 'mx1.corp.example',
  addresses: ['192.0.2.10', '198.51.100.10'],
  names: ['corp.example', 'virt.example', 'alias.example'],
});
const map = (lines: Readonly<Record<string, string>>) => ({ get: (key: string) => lines[key] });
const tables = { names, virtusertable: map(VIRTUSERTABLE), mailertable: map(MAILERTABLE) };
const plain = new AddressRouting(tables);
const smart = new AddressRouting({ ...tables, smartHost: 'esmtp:[smart.example]' });
const relay = new AddressRouting({ ...tables, smartHost: 'smart.example' });

const fixture = new URL('../../../../test/fixtures/mta/addresses.json', import.meta.url);
const rows = JSON.parse(readFileSync(fixture, 'utf8')) as readonly Row[];
const USERS = ['alice', 'bob', 'carol', 'sysop', 'root', 'postmaster', '\\alice'];

/** As `/parse` shows it: a user's detail with him, a program with its bar. */
function asParsed(resolution: Resolution): readonly string[] | null {
  if (resolution.kind === 'error') return null;
  const { mailer, host, user } = resolution.destination;
  if (mailer === 'prog') return [mailer, host, `|${user}`];
  if (mailer !== 'local' || host.includes('@')) return [mailer, host, user];
  return [mailer, '', host === '' ? user : `${user}+${host}`];
}

/** The reply to RCPT, which knows the users. */
async function replyTo(typed: string): Promise<string> {
  const outcome = parseSmtpPath(typed, 'recipient');
  const ok = { code: 250, status: '2.1.5', text: 'Recipient ok' };
  if (outcome.kind === 'refused') return asText(replyAbout(outcome.shown, outcome.reply));
  const { shown, address } = outcome.path;
  if (address === '') {
    const reply = { code: 553, status: '5.0.0', text: 'User address required' };
    return asText(replyAbout(shown, reply));
  }
  const resolution = await plain.resolve(address);
  if (resolution.kind === 'error') return asText(replyAbout(shown, resolution.reply));
  const { destination } = resolution;
  const isUnknown = destination.mailer === 'local' && !USERS.includes(destination.user);
  const unknown = { code: 550, status: '5.1.1', text: 'User unknown' };
  const problem = directDeliveryProblem(destination) ?? (isUnknown ? unknown : ok);
  return asText(replyAbout(shown, problem));
}

function asText({ code, status, text }: { code: number; status: string; text: string }): string {
  return `${code} ${status} ${text}`;
}

interface Routes {
  readonly plain: readonly string[] | null;
  readonly smart: readonly string[] | null;
  readonly relay: readonly string[] | null;
}

async function routesOf(typed: string): Promise<Routes> {
  const outcome = parseSmtpPath(typed, 'recipient');
  const address = outcome.kind === 'path' ? outcome.path.address : '';
  const by = async (routing: AddressRouting) =>
    address === '' ? null : asParsed(await routing.resolve(address));
  return { plain: await by(plain), smart: await by(smart), relay: await by(relay) };
}

suite('addresses as sendmail takes them', () => {
  for (const row of rows) {
    test(row.path, async () => {
      assert.equal(await replyTo(row.path), row.reply.replace(' (will queue)', ''));
      const { smart: bySmart = row.plain, relay: byRelay = row.plain } = row;
      const expected = { plain: row.plain, smart: bySmart, relay: byRelay };
      assert.deepEqual(await routesOf(row.path), expected);
    });
  }
});

suite('addresses that come from elsewhere', () => {
  test('names without a domain and with our own are users', async () => {
    for (const address of ['alice', 'alice@CORP.example.', 'ALICE@localhost', 'alice@mx1']) {
      assert.deepEqual(await plain.resolve(address), {
        kind: 'destination',
        destination: { mailer: 'local', host: '', user: 'alice' },
      });
    }
  });

  test('a program and a file keep their case', async () => {
    assert.deepEqual(asParsed(await plain.resolve('"|/Bin/Keep -x"')), [
      'prog',
      '',
      '|/Bin/Keep -x',
    ]);
    assert.deepEqual(asParsed(await plain.resolve('/Var/Mail/X')), ['*file*', '', '/Var/Mail/X']);
  });

  test('whatever it is given it answers, also where tables lead in circles', async () => {
    const random = randomSource(20261124);
    const pieces = [
      'a',
      'corp.example',
      '@',
      '%',
      '!',
      '"',
      '<',
      '>',
      '(',
      ')',
      '[',
      ']',
      ':',
      ';',
      ',',
      '\\',
      '+',
      '.',
      ' ',
      '|',
      '/',
      '\u0001',
      '\u00e9',
      'self@virt.example',
      'l1',
      'virt.example',
      'x.sub.example',
    ] as const;
    for (let round = 0; round < 3000; round += 1) {
      let text = '';
      for (let count = random.below(12); count >= 0; count -= 1)
        text += random.pick([...pieces, '@']);
      const resolution = await plain.resolve(text);
      if (resolution.kind === 'error') assert.match(resolution.reply.status, /^[245]\.\d\.\d+$/);
      await routesOf(`<${text}> SIZE=1`);
    }
  });
});
