/** The program behind /usr/sbin/sendmail: its options, what it makes of a message, and what becomes of that. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { sendmailArguments } from '../../../src/cli/mta/sendmail-arguments.ts';
import { addressesIn, prepareSubmission } from '../../../src/cli/mta/submission.ts';
import { CommandsSite } from '../../support/mta-commands-site.ts';
import { randomSource } from '../../support/random.ts';

suite('options', () => {
  const parsed = (line: string) => sendmailArguments(line.split(' '));
  const requestOf = (line: string) => {
    const found = parsed(line);
    assert.equal(found.kind, 'request');
    return found.kind === 'request' ? found.request : assert.fail();
  };

  test('values stand behind the letter or after it', () => {
    const found = requestOf(
      '-i -t -oem -odb -fann@x.example -F Ann -N success,delay -RHDRS -V id1 a b',
    );
    assert.deepEqual(found, {
      mode: 'message',
      modeText: '-bm',
      recipients: ['a', 'b'],
      takesHeader: true,
      ignoresDots: true,
      sender: 'ann@x.example',
      fullName: 'Ann',
      notify: 'SUCCESS,DELAY',
      ret: 'HDRS',
      envid: 'id1',
      config: null,
    });
    assert.equal(requestOf('-oi -f <> -- -x').sender, '');
    assert.deepEqual(requestOf('-- -x').recipients, ['-x']);
    assert.equal(requestOf('--mta-config=/x a').config, '/x');
    assert.equal(requestOf('-C /y a').config, '/y');
  });

  test('what it is called for', () => {
    const modes = ['-bm', '-bs', '-bp', '-bi', '-q', '-q30m', '-bv', '-bd'].map(
      (word) => requestOf(word).mode,
    );
    assert.deepEqual(modes, [
      'message',
      'smtp',
      'mailq',
      'newaliases',
      'flush',
      'flush',
      'verify',
      'other',
    ]);
  });

  test('what makes no sense', () => {
    for (const line of ['-N bogus a', '-R some a', '-V a+b', '-f', '-y', '--mta-config']) {
      assert.equal(parsed(line).kind, 'usage', line);
    }
  });
});

suite('the message', () => {
  const wishes = {
    takesHeader: true,
    ignoresDots: false,
    from: 'Ann <ann@x.example>',
    date: 'Tue, 24 Nov 2026 13:00:00 GMT',
    messageId: '<1@x.example>',
  };
  const prepared = (text: string, more: Partial<typeof wishes> = {}) =>
    prepareSubmission(Buffer.from(text, 'latin1'), { ...wishes, ...more });

  test('recipients come out of the header, and Bcc: goes', () => {
    const { text, recipients } = prepared(
      'To: Bob <bob@x.example>,\n carol\nBcc: dave@x.example,\n erin\nSubject: hi\n\nhello\n',
    );
    assert.deepEqual(recipients, ['bob@x.example', 'carol', 'dave@x.example', 'erin']);
    assert.equal(
      text,
      'From: Ann <ann@x.example>\nDate: Tue, 24 Nov 2026 13:00:00 GMT\nMessage-Id: <1@x.example>\nTo: Bob <bob@x.example>,\n carol\nSubject: hi\n\nhello\n',
    );
  });

  test('it ends at a dot, unless that is to be ignored; lines end in LF', () => {
    assert.match(prepared('Subject: x\r\n\r\none\r\n.\r\ntwo').text, /\n\none\n$/);
    assert.match(
      prepared('Subject: x\n\none\n.\ntwo', { ignoresDots: true }).text,
      /one\n\.\ntwo\n$/,
    );
  });

  test('text without a header is a body', () => {
    const { text } = prepared('hello there\n');
    assert.match(text, /^From: .*\nDate: .*\nMessage-Id: .*\n\nhello there\n$/);
    assert.match(prepared('').text, /^From: .*\nDate: .*\nMessage-Id: .*\n\n$/);
  });

  test('what is there is not added', () => {
    const own = 'From: x@y\nDate: today\nMessage-ID: <2@y>\n\nhi\n';
    assert.equal(prepared(own).text, own);
  });

  test('addresses of a field', () => {
    for (const [field, addresses] of [
      ['ann@x', ['ann@x']],
      ['Ann (the first, of many) <ann@x>, bob@x (Bob)', ['ann@x', 'bob@x']],
      ['"Lee, Ann" <ann@x>, "Bob; :" <bob@x>', ['ann@x', 'bob@x']],
      ['Team: ann@x, Bob <bob@x>;, carol@x', ['ann@x', 'bob@x', 'carol@x']],
      ['undisclosed-recipients:;', []],
      ['x@[IPv6:::1], "a\\"b"@x', ['x@[IPv6:::1]', '"a\\"b"@x']],
      ['', []],
    ] as const) {
      assert.deepEqual(addressesIn(field), addresses, field);
    }
  });

  test('any bytes make a message that keeps its body', () => {
    const random = randomSource(7);
    const signs = [
      '"',
      '<',
      '>',
      '(',
      ')',
      ':',
      ';',
      ',',
      '\\',
      '[',
      ']',
      '\n',
      ' ',
      'To:',
      'Bcc:',
      'a',
    ];
    for (let round = 0; round < 500; round += 1) {
      const field = Array.from({ length: random.below(40) }, () =>
        random.pick(signs as [string, ...string[]]),
      ).join('');
      for (const address of addressesIn(field)) assert.notEqual(address.trim(), '');
      const { text } = prepared(`${field}\n\nbody ${round}\n`, { ignoresDots: true });
      assert.ok(text.endsWith(`body ${round}\n`), field);
    }
  });
});

suite('handed over', () => {
  const site = new CommandsSite();
  before(() => site.start());
  after(() => site.remove());
  const sendmail = (args: readonly string[], stdin: string) =>
    site.run(['mta', 'sendmail', ...args], { stdin });

  test('a message gets into mailboxes, with what it lacked', async () => {
    const { code, stderr } = await sendmail(
      ['-t', '-oi', '-F', 'Ann "A" Lee', '-f', 'ann@campus.example'],
      'To: team@campus.example\nBcc: root@campus.example\nSubject: hi\n\n.dot\n.\nlast\n',
    );
    assert.deepEqual([code, stderr], [0, '']);
    await site.quiet();
    for (const user of ['ann', 'bob', 'root']) {
      const box = site.read(`mail/${user}`);
      assert.match(box, /^From ann@campus\.example /);
      assert.match(box, /^From: "Ann \\"A\\" Lee" <ann@campus\.example>$/m);
      assert.match(box, /\n\n\.dot\n\.\nlast\n/);
      assert.doesNotMatch(box, /^Bcc:/m);
    }
  });

  test('who is not known is named, and is EX_NOUSER; the others get it', async () => {
    const { code, stderr } = await sendmail(['nobody', 'bob'], 'Subject: two\n\nhello\n');
    assert.equal(code, 67);
    assert.equal(stderr, 'sendmail: 550 5.1.1 <nobody>... User unknown\n');
    await site.quiet();
    assert.match(site.read('mail/bob'), /Subject: two/);
  });

  test('wrong usage is EX_USAGE', async () => {
    for (const args of [[], ['-N', 'x', 'ann'], ['-bd'], ['-t']]) {
      assert.equal((await sendmail(args, 'Subject: x\n\n')).code, 64, args.join(' '));
    }
  });

  test('no MTA is EX_TEMPFAIL, mailq and -bs are there', async () => {
    assert.match((await sendmail(['-bp'], '')).stdout, /Total requests: 0/);
    const talk = await sendmail(['-bs'], 'EHLO x\r\nQUIT\r\n');
    assert.equal(talk.code, 0);
    assert.match(talk.stdout, /^220 mx\.campus\.example ESMTP [\s\S]*\r\n221 2\.0\.0 /);
    await site.stop();
    const { code, stderr } = await sendmail(['ann'], 'Subject: x\n\n');
    assert.equal(code, 75);
    assert.match(stderr, /^sendmail: the MTA at 127\.0\.0\.1:\d+ does not answer \(ECONNREFUSED\)/);
    assert.equal((await sendmail(['-bs'], '')).code, 75);
  });
});
