/**
 * Real programs deliver for ours: procmail as the local mailer, with recipes, and an answering
 * program in a .forward.
 */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { debianPackagesOrSkip } from '../../support/debian-package.ts';
import { MtaHost } from '../../support/mta-host.ts';
import { oddMessage } from '../../support/odd-message.ts';
import { sendMail } from '../../support/send-mail.ts';

function fileOf(host: MtaHost, user: string, name: string, text: string): void {
  const path = join(host.home(user), name);
  writeFileSync(path, text);
  chmodSync(path, 0o600);
  chownSync(path, ...host.idOf(user));
}

const textOf = (path: string) => (existsSync(path) ? readFileSync(path, 'latin1') : '');

suite('procmail as the local mailer', () => {
  test('files a message by a recipe, and its exit code is what becomes of it', async (t) => {
    const root = await debianPackagesOrSkip(t, ['procmail']);
    if (root === undefined) return;
    const host = await MtaHost.start({
      settings: {
        Mailbox: 'program',
        // It knows no user of ours: it runs as who we are, with recipes of that user.
        LocalMailer: [join(root, 'usr/bin/procmail'), '-f', '$g', '-m', '$z/recipes'],
      },
    });
    t.after(() => host.remove());
    const recipes = `SHELL=/bin/sh
MAILDIR=${host.home('alice')}
UMASK=077
:0:
* ^Message-ID: <odd\\.
odd.mbox
:0
* ^Subject:.*unwanted
{
EXITCODE=77
:0
/dev/null
}
:0:
inbox
`;
    host.write('homes/alice/recipes', recipes, 0o600);
    host.write('homes/bob/recipes', `DEFAULT=${host.home('bob')}/inbox\n`, 0o600);
    const message = oddMessage({ id: 'odd.procmail' });
    const send = (text: string) =>
      sendMail(host.port, { from: 'bob@corp.example', to: ['alice@corp.example'], message: text });
    await send(message);
    await send('Subject: other\n\nx\n');
    await send('Subject: unwanted\n\nx\n');
    await host.until(() => host.logged(/to=<alice@.*stat=/).length === 3, 'three deliveries');
    await host.quiet();
    const filed = textOf(join(host.home('alice'), 'odd.mbox'));
    assert.match(filed, /^From \S+ {1,2}\w{3} /);
    const quoted = message.replaceAll(/^From(?= )/gm, '>From');
    // One empty line ends it, also where the message ends in some.
    assert.equal(filed.slice(filed.indexOf('From: ann@')), quoted);
    assert.match(textOf(join(host.home('alice'), 'inbox')), /\nSubject: other\n/);
    assert.equal(host.logged(/to=<alice@.*mailer=local, .*stat=Sent$/).length, 2);
    const [refused = ''] = host.logged(/to=<alice@.*dsn=5/);
    assert.match(refused, /dsn=5\.\d\.\d, stat=/);
  });
});

suite('an answering program in a .forward', () => {
  test('answers once, and the message is kept', async (t) => {
    const host = await MtaHost.start();
    t.after(() => host.remove());
    // In the place of sendmail: what it is given is put into a file.
    const answer = host.write('answer', '#!/bin/sh\ncat >>"$HOME/answers"\n', 0o755);
    fileOf(host, 'alice', '.vacation.msg', 'Subject: away\n\nI am away.\n');
    const script = host.write(
      'away',
      `#!/bin/sh\ncat >"$HOME/seen"\n(echo "To: $1"; cat "$HOME/.vacation.msg") | ${answer}\n`,
      0o755,
    );
    fileOf(host, 'alice', '.forward', `\\alice, "|${script} ann@partner.example"\n`);
    const message = oddMessage({ id: 'vacation.1' });
    await sendMail(host.port, { to: ['alice@corp.example'], message });
    await host.until(() => host.logged(/stat=Sent$/).length === 2, 'both deliveries');
    assert.equal(host.messages('alice').length, 1);
    const seen = textOf(join(host.home('alice'), 'seen'));
    assert.match(seen, /^From ann@partner\.example /);
    assert.equal(seen.slice(seen.indexOf('From: ann@')), message);
    assert.match(textOf(join(host.home('alice'), 'answers')), /^To: ann@.*\nSubject: away\n/);
    assert.equal(host.logged(/to="\|.*mailer=prog, .*stat=Sent$/).length, 1);
  });
});
