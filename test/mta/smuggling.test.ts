/**
 * SMTP smuggling, by the whole server: whatever ends of lines a client uses inside a message, there is one message
 * or none, never two, and never a command of it is carried out. Outgoing: no stored message makes another server
 * see the end of the data, or a command, before we meant it.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { makeCertificates } from '../support/certificates.ts';
import { type MtaSite, STRANGER, startMtaSite } from '../support/open-mta-site.ts';
import { randomSource } from '../support/random.ts';
import { SmtpSink } from '../support/smtp-sink.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';

const SECOND =
  'MAIL FROM:<smuggled@sender.example>\r\nRCPT TO:<bob@corp.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nevil\r\n.\r\n';
const FIRST = 'Subject: first\r\n\r\nbody';

/** What stands between the first message's body and what would be the second's MAIL. */
const ENDS: Readonly<Record<string, string>> = {
  'LF . LF': '\n.\n',
  'LF . CR LF': '\n.\r\n',
  'CR LF . LF': '\r\n.\n',
  'CR . CR': '\r.\r',
  'CR . CR LF': '\r.\r\n',
  'CR LF . CR': '\r\n.\r',
  'CR . LF': '\r.\n',
  'LF . CR': '\n.\r',
  'CR CR LF . CR LF': '\r\r\n.\r\n',
  'CR LF . CR CR LF': '\r\n.\r\r\n',
  'CR LF NUL . CR LF': '\r\n\0.\r\n',
  'CR LF . NUL CR LF': '\r\n.\0\r\n',
  'CR NUL LF . CR LF': '\r\0\n.\r\n',
  'CR LF . CR NUL LF': '\r\n.\r\0\n',
  'CR LF .. CR LF': '\r\n..\r\n',
  'CR LF . blank CR LF': '\r\n. \r\n',
  'CR LF . tab CR LF': '\r\n.\t\r\n',
  'LF LF . LF LF': '\n\n.\n\n',
  'CR LF CR . CR LF': '\r\n\r.\r\n',
  'VT . VT': '\v.\v',
  'FF . CR LF': '\f.\r\n',
  'NEL . NEL': '\x85.\x85',
  'UTF-8 line separator': '\xe2\x80\xa8.\xe2\x80\xa8',
  'backspaced dot': '\r\n.\b\r\n',
};
/** Ends that other servers might see, in what a server was sent: RFC 5321 knows the first only. */
const BROKEN_ENDS = /\n\.\n|[^\r]\n\.\r\n|\r\n\.\n|\r\.\r|\r\.\n/;
const COUNTS = { alice: 0, bob: 0 };

suite('smuggling', () => {
  let site: MtaSite;
  let sink: SmtpSink;
  let certificates: string;
  let isPutOff = false;

  before(async () => {
    sink = await SmtpSink.start({ answer: () => (isPutOff ? '451 4.7.1 later' : null) });
    certificates = mkdtempSync(join(tmpdir(), 'maillog-smuggling-'));
    const { cert, key } = makeCertificates(certificates).server;
    site = await startMtaSite({ SmtpPort: sink.port, ServerCertFile: cert, ServerKeyFile: key });
  });
  after(async () => {
    await site.stop();
    await sink.stop();
    rmSync(certificates, { recursive: true, force: true });
  });

  /** How many messages have come to each since it was asked last. */
  async function arrived(): Promise<{ alice: number; bob: number }> {
    await site.mta.quiet();
    const now = {
      alice: site.mailbox('alice').match(/^From /gm)?.length ?? 0,
      bob: site.mailbox('bob').match(/^From /gm)?.length ?? 0,
    };
    const since = { alice: now.alice - COUNTS.alice, bob: now.bob - COUNTS.bob };
    Object.assign(COUNTS, now);
    return since;
  }

  async function inTransaction(): Promise<SmtpTalk> {
    const talk = await SmtpTalk.open(site.port, STRANGER);
    await talk.ask('EHLO stranger.example');
    await talk.ask('MAIL FROM:<ann@partner.example>');
    await talk.ask('RCPT TO:<alice@corp.example>');
    assert.equal((await talk.ask('DATA')).code, 354);
    return talk;
  }

  for (const [name, end] of Object.entries(ENDS)) {
    test(`${name} ends no message`, async () => {
      const talk = await inTransaction();
      talk.send(`${FIRST}${end}${SECOND}QUIT\r\n`);
      await talk.rest();
      const { alice, bob } = await arrived();
      assert.equal(bob, 0, 'a second message came out of the first');
      assert.ok(alice <= 1);
      // Of a message with bare line ends there is none at all.
      if (/(?:^|[^\r])\n|\r(?!\n)/.test(end)) assert.equal(alice, 0, talk.heard);
    });
  }

  test('a message whose every two halves come apart is the same message', async () => {
    const text = 'Subject: s\r\n\r\n..a\r\n...\r\nb\r\n.\r\nNOOP\r\nQUIT\r\n';
    for (let at = 1; at < text.length; at += 1) {
      const talk = await inTransaction();
      talk.send(text.slice(0, at));
      // The server has read it: it answers nothing before the end.
      await new Promise((resolve) => setImmediate(resolve));
      talk.send(text.slice(at));
      const heard = await talk.rest();
      assert.match(
        heard,
        /\r\n250 2\.0\.0 \S+ Message accepted.*\r\n250 2\.0\.0 OK\r\n221 /,
        `${at}`,
      );
    }
    assert.deepEqual(await arrived(), { alice: text.length - 1, bob: 0 });
    const bodies = site.mailbox('alice').match(/^\n\.a\n\.\.\nb\n$/gm);
    assert.equal(bodies?.length, text.length - 1);
  });

  test('byte by byte: a smuggler has no better chance', async () => {
    for (const end of ['\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r\n']) {
      const talk = await inTransaction();
      for (const byte of `${FIRST}${end}${SECOND}`) {
        talk.send(byte);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await talk.rest();
      assert.deepEqual(await arrived(), { alice: 0, bob: 0 });
    }
  });

  test('pipelined behind a right end, a second message is one of its own', async () => {
    const talk = await inTransaction();
    talk.send(`${FIRST}\r\n.\r\n${SECOND}QUIT\r\n`);
    await talk.rest();
    assert.deepEqual(await arrived(), { alice: 1, bob: 1 });
  });

  test('behind a refused message nothing is carried out but real commands', async () => {
    const talk = await SmtpTalk.open(site.port, STRANGER);
    await talk.ask('EHLO stranger.example');
    await talk.ask('MAIL FROM:<ann@partner.example>');
    // DATA is refused, so what follows are lines, and none of them makes a message.
    talk.send(`DATA\r\n${FIRST}\r\n.\r\nQUIT\r\n`);
    await talk.rest();
    assert.deepEqual(await arrived(), { alice: 0, bob: 0 });
  });

  test('BDAT is neither offered nor understood', async () => {
    const talk = await SmtpTalk.open(site.port, STRANGER);
    const { text } = await talk.ask('EHLO stranger.example');
    assert.doesNotMatch(text, /CHUNKING|BINARYMIME/i);
    await talk.ask('MAIL FROM:<ann@partner.example>');
    await talk.ask('RCPT TO:<alice@corp.example>');
    assert.equal((await talk.ask('BDAT 5 LAST')).code, 500);
    talk.close();
    assert.deepEqual(await arrived(), { alice: 0, bob: 0 });
  });

  for (const [name, injected] of [
    ['one packet', `NOOP\r\nMAIL FROM:<smuggled@x.example>\r\nRCPT TO:<bob@corp.example>\r\n`],
    ['half a command', 'MAIL FROM:<smuggled@x.exam'],
    ['another hello', 'EHLO injected.example\r\n'],
  ] as const) {
    test(`what comes with STARTTLS is forgotten: ${name}`, async () => {
      const talk = await SmtpTalk.open(site.port, STRANGER);
      await talk.ask('EHLO stranger.example');
      talk.send(`STARTTLS\r\n${injected}`);
      assert.equal((await talk.reply()).code, 220);
      talk.socket.removeAllListeners('data');
      const secure = connectTls({ socket: talk.socket, rejectUnauthorized: false });
      await new Promise((resolve, reject) => {
        secure.once('secureConnect', resolve).once('error', reject);
      });
      const within = new SmtpTalk(secure);
      // It was not told from whom mail is.
      assert.equal((await within.ask('RCPT TO:<bob@corp.example>')).code, 503);
      assert.equal((await within.ask('EHLO stranger.example')).code, 250);
      assert.doesNotMatch(within.heard, /STARTTLS|smuggled|injected/);
      await within.ask('QUIT');
      within.close();
      assert.deepEqual(await arrived(), { alice: 0, bob: 0 });
    });
  }

  test('what we send has one end, whatever is in the queue', async () => {
    const random = randomSource(1124);
    const pieces = [
      '\r',
      '\n',
      '.',
      '\r\n',
      '\n.\n',
      '\n.\r\n',
      '\r\n.\r\n',
      '\r.\r',
      '\0',
      'x',
    ] as const;
    const bodies = [...Object.values(ENDS), '.', '.\n', '\n.', '.\r\n', '\r'].map(
      (end) => `body${end}${SECOND}`,
    );
    for (let count = 0; count < 120; count += 1) {
      bodies.push(Array.from({ length: 40 }, () => random.pick(pieces)).join(''));
    }
    isPutOff = true;
    for (const [index, body] of bodies.entries()) await queueAndSwap(index, body);
    isPutOff = false;
    await site.mta.flush();
    await site.mta.quiet();
    assert.equal(sink.messages.length, bodies.length);
    for (const { raw, from, to } of sink.messages) {
      assert.doesNotMatch(`\r\n${raw}.\r\n`.slice(0, -5), BROKEN_ENDS, JSON.stringify(raw));
      assert.match(from, /^MAIL From:<alice@corp\.example>/);
      assert.deepEqual(to, ['RCPT To:<ann@partner.example>']);
    }
    assert.ok(!sink.commands.some((line) => line.includes('smuggled')));
  });

  /** A message is taken while the other server puts it off; then its data become what no client could send. */
  async function queueAndSwap(index: number, body: string): Promise<void> {
    const talk = await SmtpTalk.open(site.port);
    await talk.ask('EHLO mx1.corp.example');
    await talk.ask('MAIL FROM:<alice@corp.example>');
    await talk.ask('RCPT TO:<ann@partner.example>');
    await talk.ask('DATA');
    const { text } = await talk.ask(`Subject: ${index}\r\n\r\nplace\r\n.`);
    await talk.ask('QUIT');
    talk.close();
    const id = /2\.0\.0 (\S+) Message/.exec(text)?.[1] ?? '';
    await site.mta.quiet();
    const path = join(site.mta.queueFolder, `df${id}`);
    const head = readFileSync(path, 'latin1').replace(/\n\n.*$/s, '\n\n');
    writeFileSync(path, head + body, 'latin1');
  }
});
