import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { UnixDatagramListener } from '../../../ingest/listen/unix-datagram.ts';
import { UnixSocketFile } from '../../../ingest/listen/unix-socket-file.ts';
import { sendDatagram } from '../../../src/system/datagram-send.ts';
import { loadLibc } from '../../../src/system/libc.ts';
import { context, MemoryInlet, type TestContext, waitFor } from './memory-inlet.ts';

const LINE = 'Nov 24 11:00:00 h a[1]: b';
const hasLogger = spawnSync('logger', ['--version']).status === 0;
const isKnown = process.platform === 'linux' || process.platform === 'darwin';
const folder = mkdtempSync(join(tmpdir(), 'maillog-unix-'));
after(() => rmSync(folder, { recursive: true }));

function listener(path: string, own: TestContext, mode?: number): UnixDatagramListener {
  const options = { hostName: 'mx1', ...(mode === undefined ? {} : { mode }) };
  return new UnixDatagramListener({ transport: 'unix', path }, own, options);
}

/** As a program that logs would: again while the queue is full. */
async function send(path: string, text: string): Promise<void> {
  let error = '';
  await waitFor(
    () => {
      const outcome = sendDatagram(path, Buffer.from(text, 'latin1'));
      error = outcome.sent ? '' : outcome.error;
      return outcome.sent;
    },
    () => error,
  );
}

suite('a Unix datagram socket', { skip: !isKnown }, () => {
  test('messages come through, with the host of the machine', async () => {
    const path = join(folder, 'plain');
    const inlet = new MemoryInlet();
    const unix = listener(path, context(inlet, { maxLine: 5000 }));
    await unix.start();
    assert.equal(statSync(path).mode & 0o777, 0o666);
    await send(path, '<22>Nov 24 11:00:00 sendmail[1]: a');
    await send(path, `<22>${LINE}\n`);
    await send(path, '');
    await send(path, `<22>${'x'.repeat(6000)}`);
    await inlet.until(3);
    assert.deepEqual(inlet.texts.slice(0, 2), ['Nov 24 11:00:00 mx1 sendmail[1]: a', LINE]);
    assert.equal(inlet.frames[2]?.kind, 'overlong');
    if (process.platform === 'linux') assert.equal(inlet.frames[2]?.length, 6004);
    await unix.stop();
    assert.equal(existsSync(path), false);
    assert.equal(unix.counters().frames, 3);
  });

  test('a full inlet makes senders wait, and nothing is lost', async () => {
    const path = join(folder, 'full');
    const inlet = new MemoryInlet();
    inlet.isAutomatic = false;
    inlet.capacity = 7;
    const unix = listener(path, context(inlet));
    await unix.start();
    const text = `<22>${LINE} ${'x'.repeat(8000)}`;
    let sent = 0;
    let refusals = 0;
    for (let i = 0; i < 3000 && refusals < 200; i += 1) {
      if (sendDatagram(path, Buffer.from(`${text} ${sent}`)).sent) sent += 1;
      else {
        refusals += 1;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
    assert.equal(refusals, 200, 'the sender has to wait in the end');
    assert.equal(inlet.mostUncommitted, 7);
    await inlet.commitUntil(sent);
    assert.equal(inlet.frames.length, sent);
    assert.equal(inlet.mostUncommitted, 7);
    assert.deepEqual(
      inlet.texts.map((one) => Number(one.split(' ').at(-1))),
      Array.from({ length: sent }, (_, index) => index),
    );
    await unix.stop();
  });

  test('what has arrived at the stop is taken', async () => {
    const path = join(folder, 'stop');
    const inlet = new MemoryInlet();
    const unix = listener(path, context(inlet));
    await unix.start();
    for (let i = 0; i < 100; i += 1) await send(path, `<22>${LINE}`);
    await unix.stop();
    assert.equal(inlet.frames.length, 100);
    assert.deepEqual(sendDatagram(path, Buffer.from('x')), { sent: false, error: 'ENOENT' });
  });

  test('what finds no room at the stop is counted', async () => {
    const path = join(folder, 'no-room');
    const inlet = new MemoryInlet();
    inlet.isAutomatic = false;
    inlet.capacity = 1;
    const unix = listener(path, context(inlet, { stopGraceMs: 50 }));
    await unix.start();
    for (let i = 0; i < 5; i += 1) await send(path, `<22>${LINE}`);
    await inlet.until(1);
    await unix.stop();
    assert.equal(unix.counters().dropped, 4);
  });

  test('a socket left behind is replaced, one in use and other files are not', async () => {
    const path = join(folder, 'stale');
    new UnixSocketFile(loadLibc(), path, 0o600).close();
    assert.ok(statSync(path).isSocket());
    const first = listener(path, context(new MemoryInlet()), 0o620);
    await first.start();
    assert.equal(statSync(path).mode & 0o777, 0o620);
    await assert.rejects(
      listener(path, context(new MemoryInlet())).start(),
      /another program reads it/,
    );
    await first.stop();

    const stream = createServer();
    await new Promise<void>((resolve) => stream.listen(path, resolve));
    await assert.rejects(
      listener(path, context(new MemoryInlet())).start(),
      /another program reads it/,
    );
    await new Promise((resolve) => stream.close(resolve));

    writeFileSync(path, 'precious');
    const link = join(folder, 'link');
    symlinkSync(path, link);
    for (const file of [path, link]) {
      await assert.rejects(
        listener(file, context(new MemoryInlet())).start(),
        /no socket is there/,
      );
    }
    rmSync(path);
  });

  test('a path that cannot be is refused with what is wrong', async () => {
    const own = context(new MemoryInlet());
    await assert.rejects(
      listener(join(folder, 'no/folder'), own).start(),
      /its folder does not exist/,
    );
    await assert.rejects(
      listener(join(folder, 'x'.repeat(200)), own).start(),
      /has 1 to \d+ bytes/,
    );
  });

  test('a file that took the place of ours is not removed', async () => {
    const path = join(folder, 'replaced');
    const unix = listener(path, context(new MemoryInlet()));
    await unix.start();
    rmSync(path);
    writeFileSync(path, 'new');
    await unix.stop();
    assert.ok(existsSync(path));
  });

  test('logger, as programs here log', { skip: !hasLogger }, async () => {
    const path = join(folder, 'logger');
    const inlet = new MemoryInlet();
    const unix = listener(path, context(inlet));
    await unix.start();
    const child = spawn('logger', ['-u', path, '-t', 'sendmail', '-i', '-p', 'mail.info', 'hello']);
    await new Promise((resolve) => child.on('close', resolve));
    await inlet.until(1);
    assert.match(
      inlet.texts[0] ?? '',
      /^[A-Z][a-z]{2} [ \d]\d [\d:]{8} mx1 sendmail\[\d+\]: hello$/,
    );
    await unix.stop();
  });
});
