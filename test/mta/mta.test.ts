/** The server as a whole: started and stopped, with what it needs and without. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { parseStatistics } from '../../src/format/sendmail-st.ts';
import { startMtaSite } from '../support/small-mta-site.ts';

/** Sends all lines at once and gives what was said until the server closed. */
function converse(port: number, lines: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  let said = '';
  socket.on('data', (text: string) => {
    said += text;
  });
  socket.write(`${lines.join('\r\n')}\r\n`, 'latin1');
  return new Promise((resolve, reject) => {
    socket.on('close', () => resolve(said)).on('error', reject);
  });
}

const message = (recipients: readonly string[], text: string) => [
  'EHLO client',
  'MAIL FROM:<ann@partner.example>',
  ...recipients.map((recipient) => `RCPT TO:<${recipient}>`),
  'DATA',
  text,
  '.',
  'QUIT',
];

suite('the mail server', () => {
  test('delivers, logs and counts', async () => {
    const site = await startMtaSite();
    try {
      const text = 'Subject: hi\r\nMessage-Id: <1@x>\r\n\r\nFrom here\r\n..';
      const said = await converse(
        site.port,
        message(['team@corp.example', 'carol@corp.example'], text),
      );
      assert.match(said, /250 2\.0\.0 \w{14} Message accepted for delivery/);
      await site.mta.quiet();
      for (const user of ['alice', 'bob', 'carol']) {
        assert.match(site.mailbox(user), /^From ann@partner\.example {2}/);
        assert.match(site.mailbox(user), /\n\n>From here\n\.\n\n$/);
      }
      const sent = site.log().filter((line) => line.endsWith('dsn=2.0.0, stat=Sent'));
      assert.equal(sent.length, 3);
      assert.ok(sent.some((line) => line.includes('to=bob, delay=00:00:0')));
    } finally {
      await site.mta.stop('SIGTERM');
    }
    const found = parseStatistics(readFileSync(join(site.folder, 'sendmail.st')));
    assert.equal(found.kind, 'statistics');
    if (found.kind !== 'statistics') return;
    const { connectionsFrom, messagesFrom, messagesTo } = found.statistics;
    assert.deepEqual([connectionsFrom, messagesFrom[5], messagesTo[3]], [1n, 1n, 3n]);
    await site.close();
  });

  test('that finds its port in use leaves nothing behind', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const ports = [`Name=A, Addr=127.0.0.1, Port=0`, `Name=B, Addr=127.0.0.1, Port=${port}`];
    await assert.rejects(startMtaSite({ DaemonPortOptions: ports }), /EADDRINUSE/);
    other.close();
  });

  test('has no mbox but in one folder for all, under the name of its user', async () => {
    for (const MailboxPath of ['/home/%u/mbox', '%h/mbox', '/var/%u/%u']) {
      await assert.rejects(startMtaSite({ MailboxPath }), /must be a folder and \/%u/);
    }
  });

  test('has its queue for itself', async () => {
    const site = await startMtaSite();
    const second = startMtaSite({ QueueDirectory: join(site.folder, 'mqueue') });
    await assert.rejects(second, /in use by process \d+/);
    await site.close();
  });

  test('says goodbye to those who wait when it stops, and lets a message come in to its end', async () => {
    const site = await startMtaSite();
    const idle = converse(site.port, ['EHLO idle', 'NOOP']);
    const socket = connect(site.port, '127.0.0.1').setEncoding('latin1');
    let said = '';
    socket.on('data', (text: string) => {
      said += text;
    });
    socket.write(message(['alice@corp.example'], 'Subject: slow').slice(0, -2).join('\r\n'));
    while (!said.includes('354 ')) await new Promise((resolve) => setTimeout(resolve, 10));
    const stopped = site.mta.stop('SIGTERM');
    assert.match(await idle, /421 4\.3\.2 mx1\.corp\.example closing connection\r\n$/);
    socket.write('\r\n\r\nend\r\n.\r\n');
    await stopped;
    assert.match(said, /250 2\.0\.0 \w{14} Message accepted/);
    await site.close();
  });
});
