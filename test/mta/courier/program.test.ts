import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { UserTable } from '../../../src/mta/aliases/users.ts';
import {
  expandArgument,
  ProgramCourier,
  type ProgramCourierOptions,
} from '../../../src/mta/courier/program.ts';
import { ctime } from '../../../src/mta/courier/unix-from.ts';
import { jobOf, messageFile, recipientOf, testFolder } from './fake-smtp.ts';

const [UID, GID] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];

function setUp(t: TestContext, changes: Partial<ProgramCourierOptions> = {}) {
  const home = testFolder(t);
  chmodSync(home, 0o777);
  const passwd = join(home, 'passwd');
  writeFileSync(passwd, `alice:x:${UID}:${GID}:Alice:${home}:/bin/sh\n`);
  const outputs: string[] = [];
  const courier = new ProgramCourier({
    users: new UserTable(passwd),
    now: () => 0,
    timeoutMs: 10_000,
    defaultUser: { uid: 8, gid: 8 },
    onOutput: (_, output) => outputs.push(output),
    ...changes,
  });
  const run = async (command: string, sender = 'ann@partner.example') => {
    const recipient = recipientOf(command, 'prog', {
      controllingUser: { shown: '<prog@corp.example>', uid: 8, gid: 0 },
    });
    const [attempt] = await courier.deliver(jobOf(messageFile(t), [recipient], { sender }));
    return [attempt?.outcome.dsn, attempt?.outcome.stat];
  };
  return { home, courier, outputs, run };
}

test('exits mean what sendmail takes them to mean', async (t) => {
  const { run } = setUp(t);
  assert.deepEqual(await run('true'), ['2.0.0', 'Sent']);
  assert.deepEqual(await run('exit 1'), ['5.3.0', 'unknown mailer error 1']);
  assert.deepEqual(await run('exit 67'), ['5.1.1', 'User unknown']);
  assert.deepEqual(await run('exit 69'), ['5.0.0', 'Service unavailable']);
  assert.deepEqual(await run('exit 73'), ['5.0.0', "Can't create output"]);
  assert.deepEqual(await run('exit 75'), [
    '4.0.0',
    'Deferred: prog mailer (/bin/sh) exited with EX_TEMPFAIL',
  ]);
  assert.deepEqual(await run('kill -9 $$'), ['5.3.0', 'unknown mailer error 137']);
  assert.deepEqual(await run('/usr/local/bin/not-there'), ['5.3.0', 'unknown mailer error 127']);
});

test('the message comes in with its From_ line; who, where and with what it runs is known', async (t) => {
  const { home, run, outputs } = setUp(t);
  const file = join(home, 'got');
  assert.deepEqual(await run(`cat > ${file}; id -u; id -G; pwd; env`), ['2.0.0', 'Sent']);
  const date = ctime(Date.UTC(2026, 10, 24, 6, 51, 6));
  assert.equal(
    readFileSync(file, 'latin1'),
    `From ann@partner.example ${date}\nSubject: hello\nMIME-Version: 1.0\n\nhello\n.dot\nFrom here\n`,
  );
  const [uid, groups, folder, ...environment] = outputs[0]?.trim().split('\n') ?? [];
  if (UID === 0) assert.deepEqual([uid, groups], ['8', '8']);
  assert.equal(folder, '/');
  const names = environment.map((one) => one.split('=', 1)[0]).filter((one) => one !== '_');
  const allowed = [
    'AGENT',
    'HOME',
    'LOGNAME',
    'OLDPWD',
    'PATH',
    'PWD',
    'SHELL',
    'SHLVL',
    'TZ',
    'USER',
  ];
  assert.deepEqual(
    names.filter((one) => !allowed.includes(one ?? '')),
    [],
  );
});

test('a program that does not read, prints without end or stays is dealt with', async (t) => {
  const { run, outputs } = setUp(t);
  assert.deepEqual(await run('exec <&-; true'), ['2.0.0', 'Sent']);
  assert.deepEqual(await run('head -c 1000000 /dev/zero | tr "\\0" x'), ['2.0.0', 'Sent']);
  assert.ok((outputs[1]?.length ?? 0) < 200_000);
  assert.deepEqual(await run('sleep 5 & true'), ['2.0.0', 'Sent']);
  assert.deepEqual(await run('exec 3<&0; setsid sleep 5 <&3 & true'), ['2.0.0', 'Sent']);
  const { run: runBriefly } = setUp(t, { timeoutMs: 50 });
  assert.deepEqual(await runBriefly('sleep 60; true'), [
    '4.4.7',
    'Deferred: prog mailer (/bin/sh) timed out',
  ]);
});

test('a shell that is not there', async (t) => {
  const { run } = setUp(t, { shell: '/nonexistent/smrsh' });
  assert.deepEqual(await run('true'), ['5.0.0', 'Service unavailable']);
});

test('a local mailer gets arguments, never a shell’s line', async (t) => {
  const script = '/usr/bin/printf';
  const localMailer = [script, '%s|', '-a', '$h', '$u', '$g'];
  const { courier, outputs } = setUp(t, { localMailer });
  const recipient = recipientOf('alice', 'local', { host: 'tag;reboot' });
  const deliver = async (sender: string) => {
    const [attempt] = await courier.deliver(jobOf(messageFile(t), [recipient], { sender }));
    return [attempt?.outcome.stat, attempt?.outcome.relay];
  };
  assert.deepEqual(await deliver('$(id)@x'), ['Sent', 'tag;reboot']);
  assert.equal(outputs[0], '-a|tag;reboot|alice|$(id)@x|');
  await deliver('-oX@x');
  assert.equal(outputs[1], '-a|tag;reboot|alice|MAILER-DAEMON|');
});

test('what is put in is not looked at again', () => {
  const macros = { u: '$g', h: 'h', z: 'z', g: 'g' };
  assert.equal(expandArgument('$u$h$$f', macros), '$gh$f');
});
