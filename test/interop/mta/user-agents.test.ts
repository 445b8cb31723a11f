/**
 * Real mail user agents send through ours (msmtp, Mailutils' mail, nodemailer): what is delivered is what they meant,
 * with attachments, DSN, and addresses and subjects beyond ASCII.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { createTransport, type SendMailOptions } from 'nodemailer';
import { SERVER_NAME } from '../../support/certificates.ts';
import { debianEnvironment, debianPackagesOrSkip } from '../../support/debian-package.ts';
import { asSent, MtaHost } from '../../support/mta-host.ts';
import { oddMessage, toCrLf } from '../../support/odd-message.ts';
import { runClient } from '../../support/run-client.ts';

const PASSWORD = 'p\u00e4ss word';
let site: MtaHost;

before(async () => {
  site = await MtaHost.start({
    hasTls: true,
    // Bytes of UTF-8, as clients send them.
    files: { users: `alice:{PLAIN}${Buffer.from(PASSWORD).toString('latin1')}\n` },
    daemons: ['Name=TLSMTA, Addr=127.0.0.1, Port=0, M=s', 'Name=MSA, Addr=127.0.0.1, Port=0, M=a'],
    settings: { AuthFile: 'users' },
  });
});
after(() => site.remove());

async function next(user: string, send: () => Promise<void>): Promise<string> {
  const old = site.messages(user).length;
  await send();
  await site.until(() => site.messages(user).length > old, 'the message');
  return site.messages(user)[old] ?? '';
}

suite('msmtp', () => {
  for (const [name, daemon, more] of [
    ['plain', 'MTA', ['--tls=off']],
    ['STARTTLS and AUTH', 'MSA', ['--tls=on', '--tls-starttls=on', '--auth=plain']],
    [
      'TLS at once, AUTH by what is offered',
      'TLSMTA',
      ['--tls=on', '--tls-starttls=off', '--auth=on'],
    ],
    ['AUTH LOGIN', 'MSA', ['--tls=on', '--auth=login']],
    ['AUTH CRAM-MD5', 'MSA', ['--tls=on', '--auth=cram-md5']],
  ] as const) {
    test(name, async (t) => {
      const root = await debianPackagesOrSkip(t, ['msmtp']);
      if (root === undefined) return;
      const message = oddMessage({ id: `msmtp.${name.length}` });
      const since = site.log.length;
      const tls = more[0] === '--tls=on' ? [`--tls-trust-file=${site.ca}`] : [];
      const args = [
        `--host=${more[0] === '--tls=on' ? 'localhost' : '127.0.0.1'}`,
        `--port=${site.portOf(daemon)}`,
        ...tls,
        ...more,
        ...(daemon === 'MTA' ? [] : ['--user=alice', `--passwordeval=printf '%s' '${PASSWORD}'`]),
        ...['--from=ann@partner.example', '--dsn-notify=never', '--dsn-return=headers'],
        'alice@corp.example',
      ];
      // It checks the name it connects to, which this certificate is not made out to.
      const isNamed = more[0] === '--tls=on' ? [`--tls-host-override=${SERVER_NAME}`] : [];
      const delivered = await next('alice', async () => {
        const run = await runClient(join(root, 'usr/bin/msmtp'), [...isNamed, ...args], {
          input: toCrLf(message),
          env: await debianEnvironment(root),
        });
        assert.equal(run.code, 0, run.errors);
      });
      assert.equal(asSent(delivered), message);
      const [from = ''] = site.logged(/: from=/, since);
      assert.match(from, new RegExp(`msgid=<msmtp.*, daemon=${daemon}, `));
    });
  }

  test('ends as sysexits tell what the server said', async (t) => {
    const root = await debianPackagesOrSkip(t, ['msmtp']);
    if (root === undefined) return;
    const args = [
      '--host=127.0.0.1',
      `--port=${site.port}`,
      '--tls=off',
      '--from=ann@partner.example',
    ];
    const run = await runClient(join(root, 'usr/bin/msmtp'), [...args, 'nobody@corp.example'], {
      input: 'Subject: x\r\n\r\nx\r\n',
      env: await debianEnvironment(root),
    });
    assert.equal(run.code, 65);
    assert.match(run.errors, /550 5\.1\.1 <nobody@corp\.example>\.\.\. User unknown/);
  });
});

suite("Mailutils' mail", () => {
  test('a message typed in, with a file attached', async (t) => {
    const root = await debianPackagesOrSkip(t, ['mailutils']);
    if (root === undefined) return;
    const file = site.write('note.bin', `${String.fromCharCode(...Array(256).keys())}\n.\n`);
    const delivered = await next('bob', async () => {
      const run = await runClient(
        join(root, 'usr/bin/mail.mailutils'),
        [
          ...['--norc', '-E', `set sendmail="smtp://127.0.0.1:${site.port};notls"`],
          ...['-r', 'ann@partner.example', '-s', 'a note', '-A', file, 'bob@corp.example'],
        ],
        { input: 'See there.\n.dots too\n', env: await debianEnvironment(root) },
      );
      assert.equal(run.code, 0, run.errors);
    });
    assert.match(delivered, /^Return-Path: <ann@partner\.example>\n/);
    assert.match(delivered, /\nSubject: a note\n/);
    assert.match(delivered, /\nSee there\.\n\.dots too\n/);
    const [, encoded = ''] = /base64\n(?:[^\n]+\n)*\n([\w+/=\n]+?)\n--/.exec(delivered) ?? [];
    assert.deepEqual(Buffer.from(encoded, 'base64'), readFileSync(file));
  });
});

suite('nodemailer', () => {
  const send = async (daemon: string, mail: SendMailOptions, isSecure = false) => {
    const transport = createTransport({
      host: '127.0.0.1',
      port: site.portOf(daemon),
      name: 'client.example',
      secure: daemon === 'TLSMTA',
      ignoreTLS: !isSecure,
      requireTLS: isSecure,
      tls: { ca: readFileSync(site.ca), servername: SERVER_NAME },
      ...(daemon === 'MTA' ? {} : { auth: { user: 'alice', pass: PASSWORD } }),
    });
    try {
      return await transport.sendMail({ from: 'ann@partner.example', ...mail });
    } finally {
      transport.close();
    }
  };

  test('attachments, over TLS with AUTH', async () => {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256));
    const delivered = await next('bob', async () => {
      const { response, accepted } = await send(
        'MSA',
        {
          to: 'bob@corp.example',
          subject: 'bytes',
          text: 'here',
          attachments: [{ content: bytes }],
        },
        true,
      );
      assert.match(response, /^250 2\.0\.0 \w{14} Message accepted for delivery$/);
      assert.deepEqual(accepted, ['bob@corp.example']);
    });
    const [, encoded = ''] = /octet-stream[\s\S]*?\n\n([\w+/=\n]+?)\n--/.exec(delivered) ?? [];
    assert.deepEqual(Buffer.from(encoded, 'base64'), bytes);
    assert.match(delivered, /\n\t\(authenticated bits=0\)\n/);
  });

  test('text beyond ASCII, as it stands and encoded', async () => {
    const text = 'Gr\u00fc\u00dfe \u4f60\u597d \u{1f4ee}';
    const raw = `From: ann@partner.example\nTo: bob@corp.example\nSubject: ${text}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\nDate: Tue, 24 Nov 2026 06:51:06 +0000\nMessage-ID: <raw.8@lab.example>\n\n${text}\n`;
    const delivered = await next('bob', async () => {
      await send('MTA', { to: 'bob@corp.example', raw: Buffer.from(raw) });
    });
    assert.equal(Buffer.from(asSent(delivered), 'latin1').toString(), raw);
    const encoded = await next('bob', async () => {
      await send('TLSMTA', { to: 'bob@corp.example', subject: text, text, textEncoding: 'base64' });
    });
    assert.match(encoded, /\nSubject: =\?UTF-8\?/);
    assert.ok(encoded.includes(Buffer.from(text).toString('base64')));
  });

  test('an address beyond ASCII is taken with SMTPUTF8', async () => {
    const since = site.log.length;
    const sender = 'j\u00f6rg@partner.example';
    const delivered = await next('bob', async () => {
      await send('MTA', { from: sender, to: 'bob@corp.example', subject: 's', text: 't' });
    });
    assert.ok(Buffer.from(delivered, 'latin1').toString().startsWith(`Return-Path: <${sender}>\n`));
    const [from = ''] = site.logged(/: from=/, since);
    assert.match(from, /from=<j\S+rg@partner\.example>/);
  });

  test('a success notice is sent where it is asked for', async () => {
    const notice = await next('alice', async () => {
      await send('MTA', {
        from: 'alice@corp.example',
        to: ['bob@corp.example', 'carol@corp.example'],
        subject: 'tell me',
        text: 'x',
        dsn: {
          id: 'e+1=x',
          return: 'headers',
          notify: ['success', 'failure'],
          recipient: 'bob@corp.example',
        },
      });
    });
    assert.match(notice, /^Return-Path: <MAILER-DAEMON>\n/);
    assert.match(notice, /\nOriginal-Envelope-Id: e\+1=x\n/);
    assert.match(notice, /\nContent-Type: text\/rfc822-headers\n/);
    assert.equal(notice.match(/^Action: delivered/gm)?.length, 2);
    assert.match(notice, /^Final-Recipient: RFC822; bob@corp\.example$/m);
    assert.match(notice, /^Original-Recipient: rfc822;bob@corp\.example$/m);
  });

  test('a pool of connections carries many messages', async () => {
    const since = site.messages('carol').length;
    const transport = createTransport({
      ...{ host: '127.0.0.1', port: site.portOf('TLSMTA'), secure: true, pool: true },
      ...{
        maxConnections: 4,
        maxMessages: 10,
        tls: { ca: readFileSync(site.ca), servername: SERVER_NAME },
      },
      auth: { user: 'alice', pass: PASSWORD },
    });
    const mails = Array.from({ length: 60 }, (_, index) =>
      transport.sendMail({
        ...{ from: 'ann@partner.example', to: 'carol@corp.example' },
        ...{ subject: `number ${index}`, text: 'x'.repeat(index * 100) },
      }),
    );
    await Promise.all(mails);
    transport.close();
    await site.quiet();
    const subjects = site
      .messages('carol')
      .slice(since)
      .map((one) => /^Subject: (.*)$/m.exec(one)?.[1]);
    assert.equal(new Set(subjects).size, 60);
    assert.deepEqual(site.queued, []);
  });
});
