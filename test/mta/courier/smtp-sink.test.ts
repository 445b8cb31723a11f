/** The couriers against Postfix's smtp-sink: somebody else's server, with its own view of the protocol. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LmtpCourier } from '../../../src/mta/courier/lmtp.ts';
import { SmtpCourier } from '../../../src/mta/courier/smtp-courier.ts';
import { debianEnvironment, debianPackagesOrSkip } from '../../support/debian-package.ts';
import { jobOf, messageFile, recipientOf, recordingLog, testFolder } from './fake-smtp.ts';

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function answers(target: { path: string } | { host: string; port: number }) {
  const socket = connect(target);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function startSink(t: TestContext, root: string, args: readonly string[]) {
  const file = join(root, 'usr/sbin/smtp-sink');
  const environment = await debianEnvironment(root);
  const libraries = `${environment.LD_LIBRARY_PATH}:${join(root, 'usr/lib/postfix')}`;
  const child: ChildProcess = spawn(file, ['-u', 'nobody', '-h', 'sink.example', ...args, '100'], {
    env: { ...environment, LD_LIBRARY_PATH: libraries },
    stdio: 'ignore',
  });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

async function isUp(child: ChildProcess, target: Parameters<typeof answers>[0]): Promise<void> {
  for (let tries = 0; tries < 100 && child.exitCode === null; tries++) {
    if (await answers(target)) return;
    await sleep(30);
  }
  assert.fail(`smtp-sink does not answer: ${child.exitCode}`);
}

const CASES: readonly (readonly [readonly string[], RegExp])[] = [
  [[], /^Sent \(Ok\)$/],
  [['-p', '-8'], /^Sent \(Ok\)$/],
  [['-e'], /^Sent \(2\.0\.0 Ok\)$/],
  [['-r', 'RCPT'], /^Deferred: 450 4\.3\.0 Error: command failed$/],
  [['-f', 'RCPT'], /^Service unavailable$/],
  [['-f', '.'], /^Service unavailable$/],
  [['-q', 'DATA'], /^Deferred$/],
  [['-q', 'CONNECT'], /^Deferred: Connection reset by sink\.$/],
];

test('SMTP and LMTP with smtp-sink', async (t) => {
  const root = await debianPackagesOrSkip(t, ['postfix']);
  if (root === undefined) return;
  if (!existsSync(join(root, 'usr/sbin/smtp-sink'))) return t.skip('no smtp-sink in the package');
  const { log } = recordingLog();
  for (const [args, expected] of CASES) {
    await t.test(`smtp-sink ${args.join(' ')}`, async (t) => {
      const port = await freePort();
      const child = await startSink(t, root, [...args, `127.0.0.1:${port}`]);
      if (args[1] !== 'CONNECT') await isUp(child, { host: '127.0.0.1', port });
      else await sleep(300);
      const courier = new SmtpCourier({
        findHosts: async () => ({
          kind: 'hosts',
          hosts: [{ name: 'sink.', addresses: ['127.0.0.1'] }],
        }),
        portOf: () => port,
        log,
        heloName: 'mx1.corp.example',
        now: () => 0,
      });
      const [attempt] = await courier.deliver(jobOf(messageFile(t), [recipientOf('a@sink')]));
      assert.match(attempt?.outcome.stat ?? '', expected);
    });
  }
  await t.test('LMTP over a Unix socket', async (t) => {
    const folder = testFolder(t);
    chmodSync(folder, 0o777);
    const path = join(folder, 'lmtp');
    const child = await startSink(t, root, ['-L', `unix:${path}`]);
    await isUp(child, { path });
    const courier = new LmtpCourier({
      target: { path },
      hostName: 'sink',
      heloName: 'mx1.corp.example',
      log,
      now: () => 0,
    });
    const recipients = [recipientOf('a', 'lmtp'), recipientOf('b', 'lmtp')];
    const [attempt] = await courier.deliver(jobOf(messageFile(t), recipients));
    assert.equal(attempt?.outcome.stat, 'Sent');
    assert.equal(attempt?.recipients.length, 2);
  });
});
