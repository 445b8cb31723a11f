/**
 * A whole MTA as a process of its own takes mail from several clients, delivers it here and to another server that
 * puts it off now and then, and is killed with SIGKILL at random moments. Every message that was answered with 250
 * is delivered, none that was refused is; what came twice was being delivered when it was killed.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { crashSeeds, freePort } from '../support/crash.ts';
import { endOf, MtaProcess } from '../support/mta-process.ts';
import { startOpenDns } from '../support/open-dns.ts';
import { fillSite } from '../support/open-mta-site.ts';
import { type RandomSource, randomSource } from '../support/random.ts';
import { SmtpSink } from '../support/smtp-sink.ts';
import { SmtpTalk } from '../support/smtp-talk.ts';

const KILLS = Number(process.env.MAILLOG_CRASH_KILLS ?? 6);
const CLIENTS = 6;
const LEAST = 200;
/** Deliveries that may be under way when it is killed, as the settings below have it. */
const MOST_UNDER_WAY = 20;

interface Kept {
  /** Numbers of messages that were answered with 250, and to whom. */
  readonly accepted: Map<string, string>;
  readonly refused: Set<string>;
  readonly ids: string[];
}

const RECIPIENTS = [
  'alice@corp.example',
  'bob@corp.example',
  'x@far.example',
  'y@away.example',
] as const;

/** One message; what became of it is in `kept`, unless the server was killed before it could say. */
async function sendOne(port: number, number: string, random: RandomSource, kept: Kept) {
  const to = random.pick(RECIPIENTS);
  const talk = await SmtpTalk.open(port);
  try {
    await talk.ask('EHLO client.example');
    await talk.ask('MAIL FROM:<ann@corp.example>');
    const isRefused = random.chance(0.1);
    const named = await talk.ask(`RCPT TO:<${isRefused ? 'nobody@corp.example' : to}>`);
    if (named.code >= 500) kept.refused.add(number);
    if ((await talk.ask('DATA')).code !== 354) return;
    const filler = `${'x'.repeat(70)}\r\n`.repeat(random.below(200));
    const { code, text } = await talk.ask(`X-Number: ${number}\r\n\r\n${filler}.`);
    if (code !== 250) return;
    kept.accepted.set(number, to);
    kept.ids.push(/2\.0\.0 (\S+) /.exec(text)?.[1] ?? '');
  } finally {
    talk.close();
  }
}

const numbersIn = (text: string): string[] =>
  [...text.matchAll(/^X-Number: (.*?)\r?$/gm)].map(([, number = '']) => number);

function countsOf(numbers: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1);
  return counts;
}

/** What is in the mailboxes, mbox or Maildir. */
function localNumbers(folder: string, isMaildir: boolean): string[] {
  return ['alice', 'bob'].flatMap((user) => {
    try {
      if (!isMaildir) return numbersIn(readFileSync(join(folder, 'mail', user), 'latin1'));
      const fresh = join(folder, user, 'Maildir/new');
      return readdirSync(fresh).flatMap((name) =>
        numbersIn(readFileSync(join(fresh, name), 'latin1')),
      );
    } catch {
      return [];
    }
  });
}

async function play(seed: number, isMaildir: boolean) {
  const random = randomSource(seed);
  const folder = mkdtempSync(join(tmpdir(), 'maillog-mta-crash-'));
  const dns = await startOpenDns();
  const sink = await SmtpSink.start({
    answer: () => (random.chance(0.15) ? '451 4.7.1 later' : null),
  });
  const port = await freePort();
  const settings = {
    ...fillSite(folder),
    DaemonPortOptions: [`Name=MTA-v4, Addr=127.0.0.1, Port=${port}`],
    DnsServers: [dns.address],
    SmtpPort: sink.port,
    QueueInterval: '1s',
    MaxQueueInterval: '1s',
    LogFile: join(folder, 'mail.log'),
    ...(isMaildir ? { Mailbox: 'maildir', MailboxPath: '%h/Maildir' } : {}),
  };
  const kept: Kept = { accepted: new Map(), refused: new Set(), ids: [] };
  let last = 0;
  let isOver = false;
  const client = async () => {
    while (!isOver) {
      last += 1;
      await sendOne(port, `${seed}-${last}`, random, kept).catch(() => undefined);
      await sleep(5);
    }
  };
  const clients = Array.from({ length: CLIENTS }, client);
  try {
    for (let kill = 0; kill < KILLS || kept.accepted.size < LEAST; kill += 1) {
      await oneLife(folder, settings, random);
    }
    isOver = true;
    await Promise.all(clients);
    const mta = await MtaProcess.start(folder, settings);
    for (let tries = 0; tries < 60 && queued(folder).length > 0; tries += 1) {
      await mta.flush();
      await sleep(50);
    }
    assert.equal(await mta.end(), 0);
    const left = queued(folder);
    return {
      kept,
      left,
      arrived: [
        ...localNumbers(folder, isMaildir),
        ...sink.messages.flatMap(({ raw }) => numbersIn(raw)),
      ],
    };
  } finally {
    isOver = true;
    await sink.stop();
    await dns.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const queued = (folder: string): string[] =>
  readdirSync(join(folder, 'mqueue')).filter((name) => /^[qQ]f/.test(name));

/** Killed while it starts, or when it has been at work for a while. */
async function oneLife(
  folder: string,
  settings: Readonly<Record<string, unknown>>,
  random: RandomSource,
): Promise<void> {
  let child: ChildProcess | undefined;
  const starting = MtaProcess.start(folder, settings, {
    onChild: (started) => {
      child = started;
    },
  }).catch(() => undefined);
  if (random.chance(0.8)) await starting;
  await sleep(random.below(900));
  child?.kill('SIGKILL');
  if (child !== undefined) await endOf(child);
  await starting;
}

suite('the MTA is killed at random moments', () => {
  for (const [index, seed] of crashSeeds([401, 402]).entries()) {
    const isMaildir = index === 1;
    test(`${isMaildir ? 'Maildir' : 'mbox'}, seed ${seed}`, async (t) => {
      const { kept, left, arrived } = await play(seed, isMaildir);
      const counts = countsOf(arrived);
      const { accepted, refused, ids } = kept;
      const missing = [...accepted.keys()].filter((number) => !counts.has(number));
      assert.deepEqual(missing, [], 'accepted and lost');
      assert.deepEqual(
        [...refused].filter((number) => counts.has(number)),
        [],
        'refused and delivered',
      );
      assert.deepEqual(left, []);
      assert.equal(new Set(ids).size, ids.length, 'an id came again');
      assert.ok(accepted.size >= LEAST, String(accepted.size));
      const twice = [...counts.values()].filter((count) => count > 1);
      // Each life can leave as many half done as it delivers at a time.
      assert.ok(twice.length <= KILLS * MOST_UNDER_WAY, `${twice.length} came more than once`);
      // Taken and on the disk, but the answer was not heard: neither accepted nor refused.
      const unheard = [...counts.keys()].filter((number) => !accepted.has(number)).length;
      t.diagnostic(
        `${accepted.size} accepted, ${arrived.length} arrived: ${twice.length} more than once, ${unheard} whose answer was not heard; ${refused.size} refused`,
      );
    });
  }
});
