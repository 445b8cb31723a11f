/**
 * The classic ways to make a server send mail for strangers, each said to the whole server by a stranger: all are
 * refused, and nothing leaves. A local address that only looks like one of them may be taken: then it stays here.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type MtaSite, STRANGER, startMtaSite } from '../support/open-mta-site.ts';
import { SmtpSink } from '../support/smtp-sink.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';

const US = 'corp.example';
const VICTIM = 'victim.example';
const OUT = `<user@${VICTIM}>`;
const LONG = 'x'.repeat(200);

/** What follows MAIL FROM:, and what follows RCPT TO:. */
const FORMS: readonly (readonly [string, string, string])[] = [
  ['plain', '<spam@sender.example>', OUT],
  ['null sender', '<>', OUT],
  ['postmaster as sender', `<postmaster@${US}>`, OUT],
  ['our user as sender', `<alice@${US}>`, OUT],
  ['bare local sender', '<alice>', OUT],
  ['our name as sender', `<alice@mx1.${US}>`, OUT],
  ['localhost as sender', '<alice@localhost>', OUT],
  ['our literal as sender', '<alice@[127.0.0.1]>', OUT],
  ['recipient as sender', OUT, OUT],
  ['no brackets', 'spam@sender.example', `user@${VICTIM}`],
  ['percent hack', '<spam@sender.example>', `<user%${VICTIM}@${US}>`],
  ['percent hack at our host', '<spam@sender.example>', `<user%${VICTIM}@mx1.${US}>`],
  ['percent hack at our literal', '<spam@sender.example>', `<user%${VICTIM}@[127.0.0.1]>`],
  ['bare percent', '<spam@sender.example>', `<user%${VICTIM}>`],
  ['two percents', '<spam@sender.example>', `<user%${VICTIM}%${US}@${US}>`],
  ['percent at a stranger', '<spam@sender.example>', `<user%${US}@${VICTIM}>`],
  ['bang path', '<spam@sender.example>', `<${VICTIM}!user>`],
  ['bang path at us', '<spam@sender.example>', `<${VICTIM}!user@${US}>`],
  ['bang path through us', '<spam@sender.example>', `<${US}!${VICTIM}!user>`],
  ['bang and percent', '<spam@sender.example>', `<${VICTIM}!user%${US}@${US}>`],
  ['quoted whole', '<spam@sender.example>', `<"user@${VICTIM}">`],
  ['quoted whole at us', '<spam@sender.example>', `<"user@${VICTIM}"@${US}>`],
  ['quoted percent at us', '<spam@sender.example>', `<"user%${VICTIM}"@${US}>`],
  ['quoted bang at us', '<spam@sender.example>', `<"${VICTIM}!user"@${US}>`],
  ['quoted, no brackets', '<spam@sender.example>', `"user@${VICTIM}"@${US}`],
  ['quoted with backslash', '<spam@sender.example>', `<"user\\@${VICTIM}"@${US}>`],
  ['backslash at', '<spam@sender.example>', `<user\\@${VICTIM}@${US}>`],
  ['double at', '<spam@sender.example>', `<user@${VICTIM}@${US}>`],
  ['double at reversed', '<spam@sender.example>', `<user@${US}@${VICTIM}>`],
  ['at our literal', '<spam@sender.example>', `<user@${VICTIM}@[127.0.0.1]>`],
  ['source route', '<spam@sender.example>', `<@${US}:user@${VICTIM}>`],
  ['source route, our host', '<spam@sender.example>', `<@mx1.${US}:user@${VICTIM}>`],
  ['source route, our literal', '<spam@sender.example>', `<@[127.0.0.1]:user@${VICTIM}>`],
  ['source route, two hosts', '<spam@sender.example>', `<@${US},@other.example:user@${VICTIM}>`],
  ['source route, empty host', '<spam@sender.example>', `<@:user@${VICTIM}>`],
  ['brackets in front', '<spam@sender.example>', `<user@${VICTIM}>@${US}`],
  ['brackets within', '<spam@sender.example>', `<<user@${VICTIM}>>`],
  ['comment', '<spam@sender.example>', `<user@${VICTIM}(@${US})>`],
  ['comment in front', '<spam@sender.example>', `(alice@${US})<user@${VICTIM}>`],
  ['phrase in front', '<spam@sender.example>', `alice@${US} <user@${VICTIM}>`],
  ['two addresses', '<spam@sender.example>', `<alice@${US},user@${VICTIM}>`],
  ['two addresses, semicolon', '<spam@sender.example>', `<alice@${US};user@${VICTIM}>`],
  ['trailing dot', '<spam@sender.example>', `<user@${VICTIM}.>`],
  ['leading dot', '<spam@sender.example>', `<user@.${VICTIM}>`],
  ['upper case', '<SPAM@SENDER.EXAMPLE>', `<USER%${VICTIM.toUpperCase()}@${US.toUpperCase()}>`],
  ['mixed case verb', '<spam@sender.example>', `<uSeR@ViCtIm.ExAmPlE>`],
  ["stranger's literal", '<spam@sender.example>', '<user@[127.0.0.77]>'],
  ['IPv6 literal', '<spam@sender.example>', '<user@[IPv6:2001:db8::1]>'],
  ['mapped literal', '<spam@sender.example>', '<user@[IPv6:::ffff:127.0.0.77]>'],
  ['open literal', '<spam@sender.example>', '<user@[127.0.0.77>'],
  ['bare number', '<spam@sender.example>', '<user@2130706509>'],
  ['sub-domain of ours', '<spam@sender.example>', `<user@not.${US}>`],
  ['our name in front', '<spam@sender.example>', `<user@${US}.${VICTIM}>`],
  ['our name behind', '<spam@sender.example>', `<user@not${US}>`],
  ['Cyrillic look-alike', '<spam@sender.example>', '<user@\xd1\x81orp.example>'],
  ['full-width at', '<spam@sender.example>', `<user\xef\xbc\xa0${VICTIM}@${US}.evil.example>`],
  ['soft hyphen', '<spam@sender.example>', '<user@corp\xc2\xad.example>'],
  ['NUL before us', '<spam@sender.example>', `<user@${VICTIM}\0@${US}>`],
  ['NUL behind', '<spam@sender.example>', `<user@${VICTIM}\0.${US}>`],
  ['tab', '<spam@sender.example>', `\t<user@${VICTIM}>`],
  ['tab within', '<spam@sender.example>', `<user@${VICTIM}\t@${US}>`],
  ['blank within', '<spam@sender.example>', `<user @ ${VICTIM}>`],
  ['bare CR', '<spam@sender.example>', `<alice@${US}>\rRCPT TO:<user@${VICTIM}>`],
  ['mailto', '<spam@sender.example>', `<mailto:user@${VICTIM}>`],
  ['smtp mailer', '<spam@sender.example>', `<smtp:user@${VICTIM}>`],
  ['esmtp triple', '<spam@sender.example>', `<$#esmtp$@${VICTIM}$:user>`],
  ['long local part', '<spam@sender.example>', `<${LONG}%${VICTIM}@${US}>`],
  ['long route', '<spam@sender.example>', `<${`@${US},`.repeat(40)}@${US}:user@${VICTIM}>`],
  ['many percents', '<spam@sender.example>', `<user%${VICTIM}${`%${US}`.repeat(30)}@${US}>`],
  ['ORCPT names us', '<spam@sender.example>', `<user@${VICTIM}> ORCPT=rfc822;alice@${US}`],
  ['program', '<spam@sender.example>', '<"|/bin/sh">'],
  ['file', '<spam@sender.example>', '</tmp/relay-forms>'],
  ['include', '<spam@sender.example>', '<:include:/etc/passwd>'],
  ['plus detail', '<spam@sender.example>', `<alice+user@${VICTIM}>`],
  ['postmaster elsewhere', '<spam@sender.example>', `<postmaster@${VICTIM}>`],
];

suite('open relay', () => {
  let sink: SmtpSink;
  let site: MtaSite;

  before(async () => {
    sink = await SmtpSink.start();
    site = await startMtaSite({ SmtpPort: sink.port, QueueInterval: '1h' });
  });
  after(async () => {
    await site.stop();
    await sink.stop();
  });

  /** Whether the recipient was taken; then the message is sent as well. */
  async function tryForm(from: string, to: string, hello = 'EHLO stranger.example') {
    const talk = await SmtpTalk.open(site.port, STRANGER);
    await talk.ask(hello);
    const sender = await talk.ask(`MAIL FROM:${from}`);
    const recipient = await talk.ask(`RCPT TO:${to}`);
    if (recipient.code === 250) {
      await talk.ask('DATA');
      await talk.ask('Subject: relay\r\n\r\ntest\r\n.');
    }
    await talk.ask('QUIT');
    talk.close();
    return { sender, recipient };
  }

  for (const [name, from, to] of FORMS) {
    test(name, async () => {
      const { recipient } = await tryForm(from, to);
      assert.ok(
        recipient.code >= 400 && recipient.code < 600,
        `${JSON.stringify(to)}: ${recipient.text}`,
      );
    });
  }

  test('saying our own name or address in HELO helps nobody', async () => {
    for (const hello of [
      'HELO mx1.corp.example',
      'EHLO localhost',
      'EHLO [127.0.0.1]',
      'HELO corp.example',
    ]) {
      const { recipient } = await tryForm('<spam@sender.example>', OUT, hello);
      assert.ok(recipient.code >= 500, `${hello}: ${recipient.text}`);
    }
  });

  test('an accepted recipient does not open the door for the next', async () => {
    const talk = await SmtpTalk.open(site.port, STRANGER);
    await talk.ask('EHLO stranger.example');
    await talk.ask('MAIL FROM:<spam@sender.example>');
    assert.equal((await talk.ask(`RCPT TO:<alice@${US}>`)).code, 250);
    assert.equal((await talk.ask(`RCPT TO:${OUT}`)).code, 550);
    await talk.ask('DATA');
    const taken = await talk.ask(`To: ${OUT}\r\nBcc: ${OUT}\r\nResent-To: ${OUT}\r\n\r\nx\r\n.`);
    assert.equal(taken.code, 250);
    await talk.ask('QUIT');
    talk.close();
  });

  test('mail for us, and ours for the world, still goes', async () => {
    const { recipient } = await tryForm('<ann@partner.example>', `<bob@${US}>`);
    assert.equal(recipient.code, 250);
    const talk = await SmtpTalk.open(site.port);
    await talk.ask('EHLO mx1.corp.example');
    await talk.ask(`MAIL FROM:<alice@${US}>`);
    assert.equal((await talk.ask('RCPT TO:<ann@partner.example>')).code, 250);
    await talk.ask('DATA');
    assert.equal((await talk.ask('Subject: ours\r\n\r\nx\r\n.')).code, 250);
    await talk.ask('QUIT');
    talk.close();
  });

  test('nothing of all that left but our own', async () => {
    await site.mta.flush();
    await site.mta.quiet();
    assert.deepEqual(
      sink.messages.map(({ to }) => to),
      [['RCPT To:<ann@partner.example>']],
    );
    assert.equal(site.mailbox('alice').match(/^From /gm)?.length, 1);
    assert.deepEqual(site.problems, []);
  });
});
