/**
 * Real sendmail and real Postfix relay to ours, and ours to them, in one private network: over TLS, with DSN, large
 * and odd messages, many recipients and bounces. What arrives is what was sent, and what ours does to a message on
 * its way is what sendmail does.
 */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { debianPackagesOrSkip } from '../../support/debian-package.ts';
import {
  playRelays,
  RELAYS,
  type Relay,
  type RelayMail,
  type RelaysPlayed,
} from '../../support/mta-lab/relay-lab.ts';
import { oddMessage, shortened } from '../../support/odd-message.ts';
import { whyNoNamespaces } from '../../support/real-sendmail.ts';

/** From, to. */
const WAYS: readonly (readonly [Relay, Relay])[] = [
  ['sendmail', 'ours'],
  ['postfix', 'ours'],
  ['ours', 'sendmail'],
  ['ours', 'postfix'],
];
const MANY = Array.from({ length: 30 }, (_, at) => `user${String(at + 1).padStart(2, '0')}`);
const BIG = 5 * 1024 * 1024;
const at = (user: string, relay: Relay) => `${user}@${RELAYS[relay].domain}`;
const head = (id: string) =>
  `From: ann@partner.example\nTo: bob@corp.example\nSubject: ${id}\nMessage-ID: <${id}@lab.example>\nDate: Tue, 24 Nov 2026 06:51:06 +0000\n`;
const bodyOf = (text: string) => text.slice(text.indexOf('\n\n') + 2);

interface Case {
  readonly id: string;
  readonly mail: RelayMail;
  /** Messages that come of it. */
  readonly messages: number;
}

function casesOf([via, to]: readonly [Relay, Relay]): readonly Case[] {
  const id = (what: string) => `${what}.${via}.${to}`;
  const [from, bob] = [at('alice', via), at('bob', to)];
  const line = `${'0123456789'.repeat(7)}\n`;
  const one = (what: string, body: string, more: Partial<RelayMail> = {}, messages = 1): Case => ({
    id: id(what),
    mail: { via, from, to: [bob], message: head(id(what)) + body, ...more },
    messages,
  });
  return [
    one('odd', '', { message: oddMessage({ id: id('odd') }), parameters: ' BODY=8BITMIME' }),
    one('big', `\n${line.repeat(Math.ceil(BIG / line.length))}`),
    one('many', '\nto many\n', { to: MANY.map((user) => at(user, to)) }, MANY.length),
    one('empty', '\n'),
    one('headonly', ''),
    one('nul', '\na\0b\n'),
    one('long', `\n${'x'.repeat(998)}\n${'y'.repeat(2500)}\n`),
    one('bounce', '\nto nobody\n', { to: [at('no-such', to)] }),
    one(
      'dsn',
      '\ntell me\n',
      { parameters: ` RET=HDRS ENVID=e.${via}`, wishes: ' NOTIFY=SUCCESS,FAILURE' },
      2,
    ),
  ];
}

/** A sender elsewhere hears that his mail came back, by way of two relays. */
const AWAY: readonly Case[] = WAYS.map(([via, to]) => ({
  id: `away.${via}.${to}`,
  mail: {
    ...{ via, from: at('carol', to), to: [at('no-such', to)] },
    message: `${head(`away.${via}.${to}`)}\nto nobody\n`,
  },
  messages: 1,
}));

const SEVEN_BITS = {
  text: `MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\nna\u00efve = ${'caf\u00e9 '.repeat(30)}\nFrom here\n.\ntrailing \n`,
  bytes: `MIME-Version: 1.0\nContent-Type: application/octet-stream\n\n${String.fromCharCode(...Array.from({ length: 246 }, (_, byte) => byte + 10)).replaceAll('\r', '')}\n`,
  parts: `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b 1"\nContent-Transfer-Encoding: 8bit\n\npre\n--b 1\nContent-Type: text/plain\n\n\u00e9\n--b 1\n\nplain\n--b 1--\nepi\n`,
  unlabelled: '\nna\u00efve, without MIME\n',
} as const;
const CONVERTED: readonly Case[] = (['sendmail', 'ours'] as const).flatMap((via) =>
  Object.entries(SEVEN_BITS).map(([name, rest]) => ({
    id: `${name}.${via}.seven`,
    mail: {
      ...{ via, from: at('alice', via), to: ['dave@seven.example'] },
      message: head(`${name}.${via}.seven`) + rest,
    },
    messages: 1,
  })),
);

const CASES = [...WAYS.flatMap(casesOf), ...AWAY, ...CONVERTED];

let played: RelaysPlayed | undefined;

/** Once for all tests. */
async function play(t: TestContext): Promise<RelaysPlayed | undefined> {
  if (played !== undefined) return played;
  for (const names of [['postfix'], ['sendmail-bin', 'sendmail-cf', 'm4'], ['dnsmasq-base']]) {
    if ((await debianPackagesOrSkip(t, names)) === undefined) return undefined;
  }
  const why = whyNoNamespaces();
  if (why !== undefined) {
    t.skip(why);
    return undefined;
  }
  const expected = CASES.reduce((sum, { messages }) => sum + messages, 0);
  played = await playRelays(
    CASES.map(({ mail }) => mail),
    expected,
  );
  return played;
}

/** The user's messages that have to do with the case. */
function found(from: RelaysPlayed, mailbox: string, id: string): readonly string[] {
  const [user = '', domain = ''] = mailbox.split('@');
  const [relay] = Object.entries(RELAYS).find(([, one]) => one.domain === domain) ?? ['postfix'];
  const all = from.messages[relay as Relay][user] ?? [];
  return all.filter((text) => text.includes(`<${id}@lab.example>`));
}

/** Without what the servers on its way put before it. */
const untraced = (text: string) => text.slice(text.indexOf('From: ann@'));

suite('relays', () => {
  test('everything arrives once, and nothing waits', async (t) => {
    const lab = await play(t);
    if (lab === undefined) return;
    const all = Object.values(lab.messages).flatMap((host) => Object.values(host).flat());
    const wrong = CASES.filter(({ id, messages }) => {
      return all.filter((text) => text.includes(`<${id}@lab.example>`)).length !== messages;
    });
    assert.deepEqual(
      wrong.map(({ id }) => id),
      [],
    );
    assert.deepEqual(lab.queued, []);
  });

  for (const [via, to] of WAYS) {
    test(`${via} to ${to}: byte for byte`, async (t) => {
      const lab = await play(t);
      if (lab === undefined) return;
      for (const { id, mail } of casesOf([via, to])) {
        if (/^(?:bounce|long|headonly)/.test(id)) continue;
        for (const mailbox of mail.to) {
          const got: readonly string[] = found(lab, mailbox, id).map(untraced);
          assert.deepEqual(got, [shortened(mail.message)], `${id} for ${mailbox}`);
        }
      }
      const [headOnly = ''] = found(lab, at('bob', to), `headonly.${via}.${to}`);
      assert.equal(untraced(headOnly).trimEnd(), head(`headonly.${via}.${to}`).trimEnd());
    });

    test(`${via} to ${to}: over TLS, and said so`, async (t) => {
      const lab = await play(t);
      if (lab === undefined) return;
      const [odd = ''] = found(lab, at('bob', to), `odd.${via}.${to}`);
      assert.match(odd, /^\tby \S+ \(\S+\) with ESMTPS id /m);
      const other = RELAYS[via === 'ours' ? to : via].name.replaceAll('.', '\\.');
      const line =
        via === 'ours' ? `^STARTTLS=client, relay=${other}\\.,` : '^STARTTLS=server, relay=';
      assert.ok(lab.logs.ours.some((text) => new RegExp(`${line}.*TLSv1\\.3`).test(text)));
    });

    test(`${via} to ${to}: who is unknown there comes back, also to somebody elsewhere`, async (t) => {
      const lab = await play(t);
      if (lab === undefined) return;
      const [bounce = ''] = found(lab, at('alice', via), `bounce.${via}.${to}`);
      assert.match(bounce, /^Content-Type: multipart\/report; report-type=delivery-status;/m);
      assert.match(bounce, new RegExp(`^Final-Recipient: rfc822; ?${at('no-such', to)}$`, 'im'));
      assert.match(bounce, /^Action: failed$/m);
      assert.match(bounce, /^Status: 5\.1\.1$/m);
      const [away = ''] = found(lab, at('carol', to), `away.${via}.${to}`);
      assert.match(away, /^Return-Path: <(?:MAILER-DAEMON)?>\n/);
      assert.match(away, /^Status: 5\.1\.1$/m);
    });

    test(`${via} to ${to}: the wish for a notice is passed on and granted`, async (t) => {
      const lab = await play(t);
      if (lab === undefined) return;
      const [notice = ''] = found(lab, at('alice', via), `dsn.${via}.${to}`);
      assert.match(notice, new RegExp(`^Original-Envelope-Id: e\\.${via}$`, 'm'));
      assert.match(notice, new RegExp(`^Reporting-MTA: dns; ${RELAYS[to].name}$`, 'm'));
      assert.match(notice, /^Action: delivered/m);
      assert.match(notice, /^Content-Type: (?:text\/rfc822-headers|message\/rfc822)/m);
    });
  }

  test('lines are broken as sendmail breaks them', async (t) => {
    const lab = await play(t);
    if (lab === undefined) return;
    const body = (mailbox: string, id: string) =>
      bodyOf(untraced(found(lab, mailbox, id)[0] ?? ''));
    const real = body(at('bob', 'ours'), 'long.sendmail.ours');
    assert.ok(real.includes('!\n '));
    assert.equal(body(at('bob', 'sendmail'), 'long.ours.sendmail'), real);
    assert.equal(body(at('bob', 'postfix'), 'long.ours.postfix'), real);
  });

  test('one transaction carries all recipients of a host', async (t) => {
    const lab = await play(t);
    if (lab === undefined) return;
    const [from = ''] = lab.logs.sendmail.filter((text) => text.includes('<many.ours.sendmail@'));
    assert.match(from, /nrcpts=30, /);
  });

  test('eight bits are announced only if they were announced to us, as by sendmail', async (t) => {
    const lab = await play(t);
    if (lab === undefined) return;
    const bodyType = (relay: Relay, id: string) => {
      const [line = ''] = lab.logs[relay].filter((text) => text.includes(`msgid=<${id}@`));
      return / bodytype=(\w+), /.exec(line)?.[1];
    };
    assert.equal(bodyType('sendmail', 'odd.ours.sendmail'), '8BITMIME');
    assert.equal(bodyType('ours', 'odd.sendmail.ours'), '8BITMIME');
    assert.equal(bodyType('sendmail', 'nul.ours.sendmail'), undefined);
    assert.equal(bodyType('ours', 'nul.sendmail.ours'), undefined);
  });
});
