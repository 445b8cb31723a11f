/**
 * A real Dovecot and ours on the same mailboxes: what ours delivered into a Maildir or an mbox, or handed over by
 * LMTP, is fetched by POP3 and IMAP, byte for byte; and both write one mbox at once without harm.
 */
import assert from 'node:assert/strict';
import { after, suite, type TestContext, test } from 'node:test';
import { debianPackagesOrSkip } from '../../support/debian-package.ts';
import { DOVECOT_PACKAGES, DOVECOT_PASSWORD, Dovecot } from '../../support/dovecot.ts';
import { ImapClient, popMessages } from '../../support/mailbox-client.ts';
import { asSent, MtaHost } from '../../support/mta-host.ts';
import { oddMessage } from '../../support/odd-message.ts';
import { whyNoNamespaces } from '../../support/real-sendmail.ts';
import { sendMail } from '../../support/send-mail.ts';

/** Messages that each writer puts into one mbox. */
const EACH = 150;
const toCrLf = (text: string) => text.replaceAll('\n', '\r\n');
const toLf = (text: string) => text.replaceAll('\r\n', '\n');

/** Ours with Maildirs, ours with mbox files, and a Dovecot that serves alice and carol of the one, bob of the other. */
interface World {
  readonly maildirs: MtaHost;
  readonly mboxes: MtaHost;
  readonly dovecot: Dovecot;
}

let world: World | undefined;

async function worldOrSkip(t: TestContext): Promise<World | undefined> {
  if (world !== undefined) return world;
  const packages = await debianPackagesOrSkip(t, DOVECOT_PACKAGES);
  if (packages === undefined) return undefined;
  const why = whyNoNamespaces();
  if (why !== undefined) {
    t.skip(why);
    return undefined;
  }
  const maildirs = await MtaHost.start();
  const mboxes = await MtaHost.start({ settings: { Mailbox: 'mbox' } });
  const user = (name: string, of: MtaHost) => ({ name, ids: of.idOf(name), home: of.home(name) });
  const dovecot = await Dovecot.start(maildirs.folder, packages, [
    user('alice', maildirs),
    user('carol', maildirs),
    { ...user('bob', mboxes), mail: `mbox:~/folders:INBOX=${mboxes.at('mail/bob')}` },
  ]);
  world = { maildirs, mboxes, dovecot };
  return world;
}

after(async () => {
  await world?.dovecot.stop();
  await world?.maildirs.remove();
  await world?.mboxes.remove();
});

suite('a Maildir of ours', () => {
  test('is read by POP3 and by IMAP', async (t) => {
    const all = await worldOrSkip(t);
    if (all === undefined) return;
    const { maildirs, dovecot } = all;
    for (const id of ['maildir.1', 'maildir.2', 'maildir.3']) {
      await sendMail(maildirs.port, { to: ['alice@corp.example'], message: oddMessage({ id }) });
    }
    await maildirs.until(() => maildirs.messages('alice').length === 3, 'the messages');
    const stored = maildirs.messages('alice').map(toCrLf).sort();
    const popped = await popMessages(dovecot.ports.pop3, 'alice', DOVECOT_PASSWORD);
    assert.deepEqual([...popped].sort(), stored);
    const imap = await ImapClient.open(dovecot.ports.imap, 'alice', DOVECOT_PASSWORD);
    assert.deepEqual([...(await imap.messages())].sort(), stored);
    await imap.close();
  });
});

suite('LMTP', () => {
  for (const way of ['socket', 'port'] as const) {
    test(`hands over by ${way}, and answers for each recipient`, async (t) => {
      const all = await worldOrSkip(t);
      if (all === undefined) return;
      const { dovecot } = all;
      const server = way === 'socket' ? dovecot.lmtpSocket : `127.0.0.1:${dovecot.ports.lmtp}`;
      const ours = await MtaHost.start({
        users: ['stranger'],
        settings: { Mailbox: 'lmtp', LmtpServer: server },
      });
      t.after(() => ours.remove());
      const message = oddMessage({ id: `lmtp.${way}` });
      // Dovecot knows no stranger.
      const to = ['carol', 'stranger', 'alice'].map((user) => `${user}@corp.example`);
      await sendMail(ours.port, { from: 'carol@corp.example', to, message });
      await ours.until(() => ours.queued.length === 0, 'the end of the queue');
      await ours.quiet();
      const [carols, alices] = await Promise.all(
        ['carol', 'alice'].map((user) => popMessages(dovecot.ports.pop3, user, DOVECOT_PASSWORD)),
      );
      for (const box of [carols, alices]) {
        const [got = ''] = (box ?? []).filter((text) => text.includes(`Message-ID: <lmtp.${way}@`));
        assert.equal(toLf(got).slice(toLf(got).indexOf('From: ann@')), message);
        assert.match(got, /^Return-Path: <carol@corp\.example>\r\n/);
      }
      for (const user of ['alice', 'carol']) {
        const sent = new RegExp(`to=<${user}@corp\\.example>, .*mailer=local, .*stat=Sent$`);
        assert.ok(ours.logged(sent).length > 0);
      }
      const [failed = ''] = ours.logged(/to=<stranger@corp\.example>, /);
      assert.match(failed, /mailer=local, .*dsn=5\.1\.1, reply=550 .*stat=User unknown$/);
      const bounced = (carols ?? []).filter((text) => /^Action: failed/m.test(text));
      assert.ok(bounced.length >= 1);
    });
  }
});

suite('an mbox of ours', () => {
  test('is read by POP3, From lines and all', async (t) => {
    const all = await worldOrSkip(t);
    if (all === undefined) return;
    const { mboxes, dovecot } = all;
    const message = oddMessage({ id: 'mbox.1' });
    await sendMail(mboxes.port, { to: ['bob@corp.example'], message });
    const isThere = () => mboxes.logged(/to=<bob@corp\.example>.* stat=Sent$/).length > 0;
    await mboxes.until(isThere, 'the message');
    const [got = '', ...more] = await popMessages(dovecot.ports.pop3, 'bob', DOVECOT_PASSWORD);
    assert.deepEqual(more, []);
    // The mbox shows a line that began with From as >From; an empty line ends each message.
    const quoted = message.replaceAll(/^From(?= )/gm, '>From');
    assert.equal(asSent(toLf(got)), quoted);
    assert.match(mboxes.mbox('bob'), /^From ann@partner\.example {2}\w{3} \w{3} [ \d]\d /);
  });

  test('is written by both at once, and nothing is lost or mangled', async (t) => {
    const all = await worldOrSkip(t);
    if (all === undefined) return;
    const { mboxes, dovecot } = all;
    const imap = await ImapClient.open(dovecot.ports.imap, 'bob', DOVECOT_PASSWORD);
    await imap.ask('STORE 1:* +FLAGS (\\Deleted)');
    await imap.ask('EXPUNGE');
    const ids = (what: string) => Array.from({ length: EACH }, (_, at) => `${what}.${at}`);
    const ours = ids('ours').map((id) =>
      sendMail(mboxes.port, { to: ['bob@corp.example'], message: oddMessage({ id }) }),
    );
    const theirs = async () => {
      for (const [at, id] of ids('theirs').entries()) {
        await imap.ask('APPEND INBOX', toCrLf(oddMessage({ id })));
        await imap.ask('NOOP');
        // Flags are kept in the file: it is rewritten.
        if (at % 10 === 9) await imap.ask('STORE 1:* +FLAGS (\\Seen)');
      }
    };
    await Promise.all([...ours, theirs()]);
    await mboxes.until(() => mboxes.queued.length === 0, 'the end of the queue');
    await mboxes.quiet();
    const messages = await imap.messages();
    await imap.close();
    const seen = new Map(messages.map((text) => [/<([^@>]+)@lab/.exec(text)?.[1] ?? '', text]));
    assert.equal(messages.length, 2 * EACH, mboxes.log.slice(-3).join('\n'));
    for (const id of [...ids('ours'), ...ids('theirs')]) {
      const text = toLf(seen.get(id) ?? '');
      const sent = oddMessage({ id });
      const body = sent.slice(sent.indexOf('\n\n')).replaceAll(/^From(?= )/gm, '>From');
      const [, arrived = ''] = /\n(\n[\s\S]*)$/.exec(text.slice(text.search(/\n\n/) - 1)) ?? [];
      assert.equal(arrived.replaceAll(/^From(?= )/gm, '>From'), body.slice(1), id);
    }
  });
});
