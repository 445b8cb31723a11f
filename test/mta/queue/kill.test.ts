/** kill -9 at random moments: every message that was committed is delivered, or its sender told. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from '../../support/mta-queue.ts';
import { randomSource } from '../../support/random.ts';

const CHILD = resolve(import.meta.dirname, '../../support/queue-crash-child.js');
const KILLS = Number(process.env.MAILLOG_QUEUE_KILLS ?? 10);

function startChild(args: readonly string[]) {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const heard = { text: '', noise: '' };
  child.stdout.setEncoding('latin1').on('data', (part: string) => {
    heard.text += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    heard.noise += part;
  });
  const end = new Promise<number | null>((done) => child.on('close', done));
  return { child, heard, end };
}

async function killOne(args: readonly string[], pause: number): Promise<string> {
  const { child, heard, end } = startChild(args);
  for (let wait = 0; wait < 1000 && heard.text === '' && child.exitCode === null; wait += 1)
    await sleep(5);
  await sleep(pause);
  child.kill('SIGKILL');
  await end;
  assert.equal(heard.noise, '');
  return heard.text;
}

function expectedOf(line: string): readonly string[] {
  const [id = '', count = ''] = line.split(' ');
  const all = [
    `${id} <alice@corp.example>`,
    `${id} <x@later.example>`,
    `bounce-of-${id} <ann@partner.example>`,
  ];
  return all.slice(0, Number(count));
}

test('nothing that was committed is lost to kill -9', async (t) => {
  const folder = temporaryFolder();
  const [queue, mailbox] = [join(folder.path, 'mqueue'), join(folder.path, 'mailbox')];
  writeFileSync(mailbox, '');
  const random = randomSource(Number(process.env.MAILLOG_CRASH_SEED ?? 1124));
  try {
    let committed = '';
    for (let round = 0; round < KILLS; round += 1)
      committed += await killOne([queue, mailbox, String(round)], random.below(150));
    const { end, heard } = startChild([queue, mailbox, '9999', 'drain']);
    assert.equal(await end, 0, heard.noise);
    const delivered = new Map<string, number>();
    for (const line of readFileSync(mailbox, 'latin1').trimEnd().split('\n'))
      delivered.set(line, (delivered.get(line) ?? 0) + 1);
    const messages = committed.split('\n').filter((line) => / \d$/.test(line));
    const missing = messages.flatMap(expectedOf).filter((line) => !delivered.has(line));
    assert.deepEqual(missing, []);
    assert.ok(messages.length > KILLS, String(messages.length));
    const left = readdirSync(queue).filter((name) => /^[qQ]f/.test(name));
    assert.deepEqual(left, []);
    const repeated = [...delivered.values()].filter((count) => count > 1).length;
    t.diagnostic(`${messages.length} messages, ${delivered.size} deliveries, ${repeated} repeated`);
  } finally {
    folder.remove();
  }
});
