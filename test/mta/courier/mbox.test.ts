import assert from 'node:assert/strict';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { UserTable } from '../../../src/mta/aliases/users.ts';
import { FileCourier } from '../../../src/mta/courier/file.ts';
import { appendEntry } from '../../../src/mta/courier/mailbox-append.ts';
import { NO_FILE_LOCK } from '../../../src/mta/courier/mailbox-lock.ts';
import { MaildirCourier } from '../../../src/mta/courier/maildir.ts';
import { MboxCourier } from '../../../src/mta/courier/mbox.ts';
import { Folder, isAllowed } from '../../../src/mta/courier/safe-folder.ts';
import { ctime } from '../../../src/mta/courier/unix-from.ts';
import { fillDisk, withTinyDisk } from '../../support/tiny-disk.ts';
import { envelopeOf, jobOf, messageFile, recipientOf, testFolder } from './fake-smtp.ts';

const [UID, GID] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
const NOW = Date.UTC(2026, 10, 24, 6, 51, 6);
const DATE = ctime(NOW);
const ENTRY =
  `From ann@partner.example  ${DATE}\nReturn-Path: <ann@partner.example>\n` +
  'Subject: hello\nMIME-Version: 1.0\n\nhello\n.dot\n>From here\n\n';

function setUp(t: TestContext) {
  const home = testFolder(t);
  const folder = join(home, 'mail');
  mkdirSync(folder);
  const passwd = join(home, 'passwd');
  writeFileSync(passwd, `alice:x:${UID}:${GID}:Alice Smith,,,:${home}:/bin/sh\n`);
  const users = new UserTable(passwd);
  const mbox = new MboxCourier({ folder, users, now: () => NOW, lockWaitMs: 2000 });
  return { home, folder, users, mbox, path: join(folder, 'alice') };
}

const local = (user = 'alice', host = '') => recipientOf(user, 'local', { host });

suite('a mailbox file', () => {
  test('gets the message with From_ line, Return-Path and quoting, byte for byte', async (t) => {
    const { mbox, path } = setUp(t);
    const job = jobOf(messageFile(t), [local(), local('alice', 'tag')]);
    const attempts = await mbox.deliver(job);
    assert.deepEqual(
      attempts.map(({ outcome }) => [outcome.dsn, outcome.stat, outcome.relay]),
      [
        ['2.0.0', 'Sent', null],
        ['2.0.0', 'Sent', 'tag'],
      ],
    );
    assert.equal(readFileSync(path, 'latin1'), ENTRY + ENTRY);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  test('names the null sender, and nothing in a sender adds a line', async (t) => {
    const { mbox, path } = setUp(t);
    await mbox.deliver(jobOf(messageFile(t), [local()], { sender: '' }));
    await mbox.deliver(jobOf(messageFile(t), [local()], { sender: 'a\nb c@x' }));
    const froms = readFileSync(path, 'latin1')
      .split('\n')
      .filter((one) => /^From |^Return/.test(one));
    assert.deepEqual(froms, [
      `From MAILER-DAEMON  ${DATE}`,
      'Return-Path: <MAILER-DAEMON>',
      `From a?b_c@x  ${DATE}`,
      'Return-Path: <a?b c@x>',
    ]);
  });

  test('of nobody is not made', async (t) => {
    const { mbox, folder } = setUp(t);
    const [attempt] = await mbox.deliver(jobOf(messageFile(t), [local('../alice')]));
    assert.equal(attempt?.outcome.stat, 'User unknown');
    assert.deepEqual(readdirSync(folder), []);
  });

  test('that is a link, has two names or is a folder is refused', async (t) => {
    const { mbox, home, path, folder } = setUp(t);
    const job = jobOf(messageFile(t), [local()]);
    const other = join(home, 'other');
    writeFileSync(other, '');
    symlinkSync(other, path);
    const stats = [(await mbox.deliver(job))[0]?.outcome.stat];
    const { mbox: second, path: linked } = setUp(t);
    writeFileSync(`${linked}.other`, '');
    linkSync(`${linked}.other`, linked);
    stats.push((await second.deliver(job))[0]?.outcome.stat);
    const { mbox: third, path: box } = setUp(t);
    mkdirSync(box);
    stats.push((await third.deliver(job))[0]?.outcome.stat);
    assert.deepEqual(stats, Array(3).fill("Can't create output"));
    assert.equal(readFileSync(other, 'utf8'), '');
    assert.deepEqual(readdirSync(folder), ['alice']);
  });

  test('written by many at once has whole messages', async (t) => {
    const { mbox, path } = setUp(t);
    const job = jobOf(messageFile(t), [local()]);
    await Promise.all(Array.from({ length: 20 }, () => mbox.deliver(job)));
    assert.equal(readFileSync(path, 'latin1'), ENTRY.repeat(20));
  });

  test('that another has locked is waited for; a lock left behind is not', async (t) => {
    const { users, folder, path } = setUp(t);
    const mbox = new MboxCourier({ folder, users, now: () => NOW, lockWaitMs: 60 });
    const job = jobOf(messageFile(t), [local()]);
    writeFileSync(`${path}.lock`, '');
    const [locked] = await mbox.deliver(job);
    assert.equal(locked?.outcome.kind, 'deferred');
    assert.equal(locked?.outcome.stat, 'Deferred: Device or resource busy');
    utimesSync(`${path}.lock`, new Date(0), new Date(0));
    const [sent] = await mbox.deliver(job);
    assert.equal(sent?.outcome.stat, 'Sent');
    assert.deepEqual(readdirSync(folder), ['alice']);
  });

  test('is as long as before when writing fails', async (t) => {
    const { folder: path } = setUp(t);
    const folder = await Folder.open(path);
    t.after(() => folder.close());
    writeFileSync(join(path, 'alice'), 'before');
    async function* entry() {
      yield Buffer.from('half');
      throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    }
    const target = {
      folder,
      name: 'alice',
      owner: { uid: UID, gid: GID },
      mode: 0o600,
      isOwnOnly: true,
      lock: NO_FILE_LOCK,
      lockWaitMs: 100,
      key: 'x',
    };
    await assert.rejects(appendEntry(target, entry()), /full/);
    assert.equal(readFileSync(join(path, 'alice'), 'utf8'), 'before');
  });

  test('waits while our own copy cannot be read', async (t) => {
    const { mbox, path } = setUp(t);
    const job = {
      ...jobOf(messageFile(t), [local()]),
      message: { path: '/nonexistent/df', size: 1 },
    };
    const [attempt] = await mbox.deliver(job);
    assert.equal(attempt?.outcome.stat, 'Deferred: Input/output error');
    assert.equal(readFileSync(path, 'latin1'), '');
  });

  test('on a full disk is deferred and left as it was', async (t) => {
    await withTinyDisk(join(testFolder(t), 'disk'), async (disk) => {
      fillDisk(join(disk, 'filler'));
      const { users } = setUp(t);
      const mbox = new MboxCourier({ folder: disk, users, now: () => NOW });
      const job = jobOf(messageFile(t, `x: y\n\n${'text\n'.repeat(50_000)}`), [local()]);
      const [attempt] = await mbox.deliver(job);
      assert.equal(attempt?.outcome.dsn, '4.3.1');
      assert.equal(attempt?.outcome.stat, 'Deferred: No space left on device');
      assert.equal(statSync(join(disk, 'alice')).size, 0);
    });
  });
});

/** Of one message: its bytes at another host, where ten lines of it ended in CRLF, and in the mailbox. */
const LABORATORY = [
  { sender: 'ann@partner.example', remote: 389, mailbox: 414 },
  { sender: 'dave', remote: 391, mailbox: 401 },
  { sender: 'ann@partner.example', remote: 387, mailbox: 412 },
];

test('an entry is as long as in the laboratory’s mailboxes', async (t) => {
  for (const { sender, remote, mailbox } of LABORATORY) {
    const { mbox, path } = setUp(t);
    const message = messageFile(t, `X: ${'x'.repeat(remote - 10 - 5)}\n\n`);
    await mbox.deliver(jobOf(message, [local()], { sender }));
    const entry = readFileSync(path, 'latin1');
    const withoutFrame = entry.slice(entry.indexOf('\n') + 1, -1);
    assert.equal(withoutFrame.length, mailbox);
  }
});

suite('a Maildir', () => {
  test('gets a file in new, with its size in the name', async (t) => {
    const { home, users } = setUp(t);
    const maildir = new MaildirCourier({
      pattern: '%h/Maildir',
      users,
      now: () => NOW,
      hostName: 'mx1',
    });
    const job = jobOf(messageFile(t), [local(), local()]);
    const attempts = await maildir.deliver(job);
    assert.deepEqual(
      attempts.map(({ outcome }) => outcome.stat),
      ['Sent', 'Sent'],
    );
    const names = readdirSync(join(home, 'Maildir/new'));
    assert.equal(new Set(names).size, 2);
    for (const name of names) {
      const text = readFileSync(join(home, 'Maildir/new', name), 'latin1');
      assert.ok(text.startsWith('Return-Path: <ann@partner.example>\nSubject: hello\n'));
      assert.match(name, new RegExp(`^1795503066\\.M000000P\\d+Q\\d+\\.mx1,S=${text.length}$`));
    }
    assert.deepEqual(readdirSync(join(home, 'Maildir/tmp')), []);
    assert.deepEqual(readdirSync(join(home, 'Maildir')).sort(), ['cur', 'new', 'tmp']);
  });

  test('takes the first messages however many come at once', async (t) => {
    const { home } = setUp(t);
    // Root gives the new folders away to the user.
    const owner = UID === 0 ? 61_000 : UID;
    const passwd = join(home, 'others');
    writeFileSync(passwd, `bob:x:${owner}:${GID}::${home}:/bin/sh\n`);
    const users = new UserTable(passwd);
    const maildir = new MaildirCourier({ pattern: '%h/Maildir', users, now: () => NOW });
    const job = jobOf(messageFile(t), [local('bob')]);
    const all = await Promise.all(Array.from({ length: 30 }, () => maildir.deliver(job)));
    assert.deepEqual([...new Set(all.map(([one]) => one?.outcome.stat))], ['Sent']);
    assert.equal(readdirSync(join(home, 'Maildir/new')).length, 30);
    assert.equal(statSync(join(home, 'Maildir/new')).uid, owner);
  });

  test('is not followed out of the home', async (t) => {
    const { home, users } = setUp(t);
    const elsewhere = testFolder(t);
    symlinkSync(elsewhere, join(home, 'Maildir'));
    const maildir = new MaildirCourier({ pattern: '%h/Maildir', users, now: () => NOW });
    const [attempt] = await maildir.deliver(jobOf(messageFile(t), [local()]));
    assert.equal(attempt?.outcome.kind, 'failed');
    assert.deepEqual(readdirSync(elsewhere), []);
  });
});

suite('a file of an alias', () => {
  const file = new FileCourier({ defaultUser: { uid: UID || 8, gid: GID || 8 }, now: () => NOW });
  const deliver = async (t: TestContext, path: string) => {
    const recipient = recipientOf(path, '*file*', {
      controllingUser: { shown: '<file@corp.example>', uid: UID || 8, gid: 0 },
    });
    const [attempt] = await file.deliver(jobOf(messageFile(t), [recipient]));
    return [attempt?.outcome.dsn, attempt?.outcome.stat];
  };

  test('gets it as a mailbox does, with sendmail’s own From_ line', async (t) => {
    const folder = testFolder(t);
    chmodSync(folder, 0o777);
    const path = join(folder, 'archive.mbox');
    assert.deepEqual(await deliver(t, path), ['2.0.0', 'Sent']);
    assert.equal(readFileSync(path, 'latin1'), ENTRY.replace('example  ', 'example '));
    truncateSync(path);
    assert.deepEqual(await deliver(t, path), ['2.0.0', 'Sent']);
  });

  test('that cannot be, and the one that takes all', async (t) => {
    assert.deepEqual(await deliver(t, '/proc/nope/file'), ['5.0.0', "Can't create output"]);
    assert.deepEqual(await deliver(t, '/dev/null'), ['2.0.0', 'Sent']);
    assert.deepEqual(await deliver(t, '/dev/zero'), ['5.0.0', "Can't create output"]);
  });

  test('is only written where its user may write', async (t) => {
    if (UID !== 0) t.skip('only root writes for others');
    const folder = testFolder(t);
    assert.deepEqual(await deliver(t, join(folder, 'new')), ['5.0.0', "Can't create output"]);
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'roots'), '');
    assert.deepEqual(await deliver(t, join(folder, 'roots')), ['5.0.0', "Can't create output"]);
    assert.deepEqual(readdirSync(folder), ['roots']);
  });
});

test('a mode is read as the system reads it', () => {
  const file = { uid: 5, gid: 6, mode: 0o640 } as Parameters<typeof isAllowed>[0];
  assert.ok(isAllowed(file, { uid: 0, gid: 0 }, 2));
  assert.ok(isAllowed(file, { uid: 5, gid: 1 }, 6));
  assert.ok(isAllowed(file, { uid: 1, gid: 6 }, 4));
  assert.ok(!isAllowed(file, { uid: 1, gid: 6 }, 2));
  assert.ok(!isAllowed(file, { uid: 1, gid: 1 }, 4));
  assert.equal(envelopeOf().sender, 'ann@partner.example');
});
