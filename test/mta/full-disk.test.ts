/**
 * A full disk under the queue, the mailboxes and the log: clients are put off with 452, nothing that was accepted
 * is lost, no mailbox has half a message, and all of it goes on once there is room.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileSink } from '../../src/mta/log/file-sink.ts';
import { startMtaSite } from '../support/open-mta-site.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';

const BODY = `${'x'.repeat(70)}\r\n`.repeat(3000);

async function withDisk(t: TestContext, work: (disk: SmallDisk) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'maillog-full-'));
  const disk = SmallDisk.mount(join(folder, 'disk'), 4);
  try {
    if (disk === undefined) t.skip('only root may mount a small disk');
    else await work(disk);
  } finally {
    disk?.unmount();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The reply that ended it: to MAIL, or to the message. */
async function send(port: number, number: number) {
  const talk = await SmtpTalk.open(port);
  await talk.ask('EHLO client.example');
  let reply = await talk.ask('MAIL FROM:<ann@corp.example>');
  if (reply.code === 250) {
    await talk.ask('RCPT TO:<alice@corp.example>');
    await talk.ask('DATA');
    reply = await talk.ask(`X-Number: ${number}\r\n\r\n${BODY}.`);
  }
  await talk.ask('QUIT');
  talk.close();
  return reply;
}

for (const [minFreeBlocks, refusal] of [
  [0, /^452 4\.3\.1 /],
  [300, /^452 4\.4\.5 /],
] as const) {
  test(`a full queue with MinFreeBlocks=${minFreeBlocks}`, async (t) => {
    await withDisk(t, async (disk) => {
      const site = await startMtaSite({
        QueueDirectory: join(disk.path, 'mqueue'),
        DeliveryMode: 'queueonly',
        QueueInterval: '1h',
        MinFreeBlocks: minFreeBlocks,
      });
      try {
        let accepted = 0;
        let reply = await send(site.port, accepted);
        while (reply.code === 250 && accepted < 100) {
          accepted += 1;
          reply = await send(site.port, accepted);
        }
        assert.match(reply.text, refusal);
        assert.ok(accepted > 3);
        assert.equal(site.queued().length, accepted);
        await site.mta.flush();
        await site.mta.quiet();
        assert.equal(site.mailbox('alice').match(/^X-Number: /gm)?.length, accepted);
        assert.deepEqual(site.queued(), []);
        assert.equal((await send(site.port, accepted)).code, 250);
        const left = readdirSync(site.mta.queueFolder).filter((name) => name.startsWith('tf'));
        assert.deepEqual(left, []);
      } finally {
        await site.stop();
      }
    });
  });
}

test('a mailbox on a full disk waits, and has no half message', async (t) => {
  await withDisk(t, async (disk) => {
    const site = await startMtaSite({ MailboxPath: `${disk.path}/%u`, QueueInterval: '1h' });
    try {
      assert.equal((await send(site.port, 0)).code, 250);
      await site.mta.quiet();
      const before = readFileSync(join(disk.path, 'alice'), 'latin1');
      disk.fill(50_000);
      assert.equal((await send(site.port, 1)).code, 250);
      await site.mta.quiet();
      assert.equal(readFileSync(join(disk.path, 'alice'), 'latin1'), before);
      const { text = '' } = site.sink.lines.findLast((line) => / to=</.test(line.text)) ?? {};
      assert.match(text, /dsn=4\.3\.1, stat=Deferred: No space left on device$/);
      disk.clear();
      await site.mta.flush();
      await site.mta.quiet();
      const after = readFileSync(join(disk.path, 'alice'), 'latin1');
      assert.deepEqual(after.match(/^X-Number: \d/gm), ['X-Number: 0', 'X-Number: 1']);
      assert.deepEqual(site.queued(), []);
    } finally {
      await site.stop();
    }
  });
});

test('a log on a full disk loses no line and stops no mail', async (t) => {
  await withDisk(t, async (disk) => {
    const path = join(disk.path, 'mail.log');
    const problems: string[] = [];
    const sink = new FileSink({
      path,
      form: 'traditional',
      zone: 'UTC',
      retryMs: 20,
      onProblem: (text) => problems.push(text),
    });
    const line = { at: 0, severity: 'info', host: 'mx1', tag: 'sm-mta', pid: 1 } as const;
    disk.fill(0);
    for (let number = 0; number < 500; number += 1) sink.write({ ...line, text: `line ${number}` });
    await sleep(100);
    disk.clear();
    await sink.flush();
    await sink.close();
    const numbers = readFileSync(path, 'latin1')
      .trimEnd()
      .split('\n')
      .map((text) => text.split('line ')[1]);
    assert.deepEqual(
      numbers,
      Array.from({ length: 500 }, (_, number) => String(number)),
    );
    assert.match(problems[0] ?? '', /ENOSPC/);
  });
});
