/**
 * A session as it is typed into telnet: hostA's user gives hostB a message for hostC's user, in lower case and with
 * blanks after the colons. Replies to the letter, in the words of old and of today; then what lies in his mailbox.
 */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { MtaHost } from '../../support/mta-host.ts';
import { play } from '../../support/mta-lab/play.ts';

const [HOST_A, HOST_B, HOST_C] = ['127.1.0.1', '127.1.0.2', '127.1.0.3'];
const HOSTS = ['A', 'B', 'C']
  .map((name, at) => `127.1.0.${at + 1} host${name}.ntu.edu.tw host${name}\n`)
  .join('');
/** A clock that goes, from 15:45:50 on. */
const LATER = Date.UTC(2001, 6, 4, 7, 45, 50) - Date.now();
const DATE = /Wed, 4 Jul 2001 15:4\d:\d\d \+0800/;
const TYPED = [
  'helo hostA',
  'mail from: <john@hostB.ntu.edu.tw>',
  'rcpt to: <john@hostC.ntu.edu.tw>',
  'data',
  'test.\r\n.',
  'quit',
];

const OLD = [
  `220 hostB.ntu.edu.tw ESMTP Sendmail 8.9.3/8.9.3; DATE`,
  '250 hostB.ntu.edu.tw Hello hostA.ntu.edu.tw [127.1.0.1], pleased to meet you',
  '250 <john@hostB.ntu.edu.tw>... Sender ok',
  '250 <john@hostC.ntu.edu.tw>... Recipient ok',
  '354 Enter mail, end with "." on a line by itself',
  '250 ID Message accepted for delivery',
  '221 hostB.ntu.edu.tw closing connection',
];
const NEW = [
  `220 hostB.ntu.edu.tw ESMTP Sendmail 8.17.1/8.17.1; DATE`,
  '250 hostB.ntu.edu.tw Hello hostA.ntu.edu.tw [127.1.0.1], pleased to meet you',
  '250 2.1.0 <john@hostB.ntu.edu.tw>... Sender ok',
  '250 2.1.5 <john@hostC.ntu.edu.tw>... Recipient ok',
  '354 End data with <CR><LF>.<CR><LF>',
  '250 2.0.0 ID Message accepted for delivery',
  '221 2.0.0 hostB.ntu.edu.tw closing connection',
];

async function hosts(
  t: TestContext,
  wording: string,
  version: string,
): Promise<readonly MtaHost[]> {
  const start = (name: string, address: string, settings: Record<string, unknown>) =>
    MtaHost.start({
      ...{ address, zone: 'Asia/Taipei', now: () => Date.now() + LATER, users: ['john'] },
      files: { hosts: HOSTS, mailertable: 'hostC.ntu.edu.tw esmtp:[hostC.ntu.edu.tw]\n' },
      settings: {
        ...{ Hostname: `${name}.ntu.edu.tw`, Cw: [], CR: ['ntu.edu.tw'], HostsFile: 'hosts' },
        ...{ SourceAddress: address, Wording: wording, Version: version, ...settings },
      },
    });
  const hostC = await start('hostC', HOST_C, { Mailbox: 'mbox' });
  t.after(() => hostC.remove());
  const hostB = await start('hostB', HOST_B, { MailerTable: 'mailertable', SmtpPort: hostC.port });
  t.after(() => hostB.remove());
  return [hostB, hostC];
}

suite('a session typed into telnet', () => {
  for (const [wording, version, replies] of [
    ['8.9', '8.9.3/8.9.3', OLD],
    ['8.17', '8.17.1/8.17.1', NEW],
  ] as const) {
    test(`in the words of ${wording}, and on to the next host`, async (t) => {
      const [hostB, hostC] = await hosts(t, wording, version);
      assert.ok(hostB !== undefined && hostC !== undefined);
      const steps = TYPED.map((line) => ({ send: `${line}\r\n`, replies: 1 }));
      const said = await play({ from: HOST_A, steps }, { host: HOST_B, port: hostB.port });
      const heard = said
        .filter((line) => line.startsWith('S: '))
        .map((line) => line.slice(3).replace(DATE, 'DATE'));
      const [, id = ''] = /^250 (?:2\.0\.0 )?(\w+) Message/.exec(heard.at(-3) ?? '') ?? [];
      assert.deepEqual(heard, [...replies.map((line) => line.replace('ID', id)), '<closed>']);
      await hostC.until(() => hostC.mbox('john').endsWith('\ntest.\n\n'), 'the whole message');
      assert.match(
        hostC.mbox('john'),
        new RegExp(
          [
            '^From john@hostB\\.ntu\\.edu\\.tw {1,2}\\w{3} Jul {2}4 \\d\\d:4\\d:\\d\\d 2001',
            'Return-Path: <john@hostB\\.ntu\\.edu\\.tw>',
            'Received: from hostB\\.ntu\\.edu\\.tw \\(hostB\\.ntu\\.edu\\.tw \\[127\\.1\\.0\\.2\\]\\)',
            `\\tby hostC\\.ntu\\.edu\\.tw \\(${version}\\) with ESMTP id \\w+`,
            '\\tfor <john@hostC\\.ntu\\.edu\\.tw>; DATE',
            'Received: from hostA \\(hostA\\.ntu\\.edu\\.tw \\[127\\.1\\.0\\.1\\]\\)',
            `\\tby hostB\\.ntu\\.edu\\.tw \\(${version}\\) with SMTP id ${id}`,
            '\\tfor <john@hostC\\.ntu\\.edu\\.tw>; DATE',
            'Date: DATE',
            'From: john@hostB\\.ntu\\.edu\\.tw',
            `Message-Id: <20010704074\\d\\.${id}@hostB\\.ntu\\.edu\\.tw>`,
            '',
            'test\\.',
            '',
            '$',
          ]
            .join('\n')
            .replaceAll('DATE', DATE.source),
        ),
      );
    });
  }
});
