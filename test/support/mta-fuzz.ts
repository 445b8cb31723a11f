/**
 * Mutated SMTP sessions against a whole MTA: dialogues that were valid once, with bytes flipped, cut, repeated and
 * put in another order, huge lines, and texts that would forge a line of the log. What it sends out meets a server
 * whose replies are as hostile.
 *
 * Asserts that each session ends, that the server goes on serving in between, that its memory is bounded, and that
 * every line it logged is one that our own parser knows.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileLine, Stamps } from '../../src/mta/log/line-form.ts';
import { makeParser, results } from '../ingest/read-lines.ts';
import { makeCertificates } from './certificates.ts';
import { type MtaSite, STRANGER, startMtaSite } from './open-mta-site.ts';
import { type RandomSource, randomSource } from './random.ts';
import { SmtpSink } from './smtp-sink.ts';
import { SmtpTalk } from './smtp-talk.ts';

const AT_ONCE = 32;
const BATCH = 500;
/** No session takes as long; one that does has hung. */
const PATIENCE_MS = 30_000;
const MOST_HEAP = 400 * 1024 * 1024;
const FORGED = 'Nov 24 06:00:05 mx1 sm-mta[1]: 6AO600aa001001: from=<forged@x>, size=1, nrcpts=1';

const MESSAGE = 'DATA\r\nSubject: s\r\nMessage-ID: <1@x.example>\r\n\r\n..text\r\n.\r\n';
const DIALOGUES = [
  `EHLO c.example\r\nMAIL FROM:<ann@partner.example> SIZE=100\r\nRCPT TO:<alice@corp.example>\r\n${MESSAGE}QUIT\r\n`,
  `HELO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<bob@corp.example>\r\n${MESSAGE}${MESSAGE}QUIT\r\n`,
  `EHLO c.example\r\nMAIL FROM:<a@b.example> BODY=8BITMIME RET=HDRS ENVID=a+20b\r\nRCPT TO:<nobody@corp.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y\r\nRCPT TO:<team@corp.example>\r\n${MESSAGE}RSET\r\nQUIT\r\n`,
  `EHLO c.example\r\nMAIL FROM:<alice@corp.example>\r\nRCPT TO:<x@far.example>\r\n${MESSAGE}MAIL FROM:<b@corp.example>\r\nRCPT TO:<"q t"@far.example>\r\n${MESSAGE}QUIT\r\n`,
  'EHLO c.example\r\nVRFY alice\r\nEXPN team\r\nHELP\r\nHELP MAIL\r\nNOOP\r\nETRN far.example\r\nVERB\r\nQUIT\r\n',
  `EHLO c.example\r\nMAIL FROM:<@r.example:a@b.example> SMTPUTF8\r\nRCPT TO:<\xc3\xa4@corp.example>\r\nRCPT TO:<x%y@corp.example>\r\nRCPT TO:<far.example!x>\r\n${MESSAGE}QUIT\r\n`,
  'GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST / HTTP/1.1\r\n\r\n',
  'EHLO c.example\r\nSTARTTLS\r\n\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
  `EHLO c.example\r\nTURN\r\nSOML FROM:<a@b>\r\nDATA\r\nRCPT TO:<x>\r\nMAIL TO:<a>\r\nBDAT 3 LAST\r\nabcQUIT\r\n`,
] as const;
const AUTHENTICATION = [
  'EHLO c.example\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\nMAIL FROM:<alice@corp.example>\r\nQUIT\r\n',
  'EHLO c.example\r\nAUTH CRAM-MD5\r\nYWxpY2UgMDAwMDAwMDA=\r\nAUTH LOGIN\r\nYWxpY2U=\r\nc2VjcmV0\r\nQUIT\r\n',
] as const;
const PIECES = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  '\x85',
  '\xe2\x80\xa8',
  '.\r\n',
  '\r\n.\r\n',
  `\n${FORGED}`,
  `\r\n${FORGED}\r\n`,
  '<',
  '>',
  '"',
  '\\',
  ', stat=Sent, dsn=2.0.0',
  ', reject=550 5.7.1 no',
  '%n%s',
  '$(id)`id`',
  '../../../etc/passwd',
  '|/bin/sh',
  'x'.repeat(998),
  '\xff'.repeat(300),
  '@'.repeat(60),
  '('.repeat(60),
  `A${'.a'.repeat(130)}`,
  'MAIL FROM:<a@b.example>\r\n',
  'RSET\r\n',
] as const;

type Mutation = (text: string, random: RandomSource) => string;

const cut = (text: string, random: RandomSource): readonly [string, string] => {
  const at = random.below(text.length + 1);
  return [text.slice(0, at), text.slice(at)];
};

const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  // A byte is another.
  (text, random) => {
    const [head, tail] = cut(text, random);
    return head + String.fromCharCode(random.below(256)) + tail.slice(1);
  },
  (text, random) => cut(text, random)[0],
  (text, random) => {
    const [head, tail] = cut(text, random);
    return head + random.pick(PIECES) + tail;
  },
  (text, random) => {
    const [head, tail] = cut(text, random);
    return head + tail.slice(random.below(30));
  },
  // A stretch again and again.
  (text, random) => {
    const [head, tail] = cut(text, random);
    return head + tail.slice(0, 1 + random.below(60)).repeat(1 + random.below(12)) + tail;
  },
  // Two lines change places.
  (text, random) => {
    const lines = text.split('\r\n');
    const [one, other] = [random.below(lines.length), random.below(lines.length)];
    [lines[one], lines[other]] = [lines[other] ?? '', lines[one] ?? ''];
    return lines.join('\r\n');
  },
  (text, random) => {
    const [head, tail] = cut(text, random);
    return head + (random.chance(0.05) ? 'y'.repeat(70_000) : 'y'.repeat(2_000)) + tail;
  },
  (text, random) => text + random.pick(DIALOGUES),
];

function mutated(random: RandomSource): string {
  let text: string = random.chance(0.02) ? random.pick(AUTHENTICATION) : random.pick(DIALOGUES);
  const most = 1 + random.below(6);
  for (let count = 0; count < most; count += 1) text = random.pick(MUTATIONS)(text, random);
  return text;
}

function hostileReply(random: RandomSource): string | null {
  if (random.chance(0.3)) return null;
  const code = random.pick(['250', '250', '451', '550', '999', '']);
  const said = Array.from({ length: 1 + random.below(3) }, () => random.pick(PIECES)).join(' ');
  return random.chance(0.2) ? `${code}-${said}\r\n${code} end` : `${code} ${said}`;
}

/** Sends it in pieces or at once, and waits until the server has closed. */
function play(port: number, text: string, random: RandomSource): Promise<void> {
  const from = random.chance(0.5) ? STRANGER : '127.0.0.1';
  const isReset = random.chance(0.05);
  const pieces = random.chance(0.2) ? cut(text, random) : [text];
  const socket = connect({ host: '127.0.0.1', port, localAddress: from });
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      reject(new Error(`no end of ${JSON.stringify(text.replace(/(.)\1{50,}/gs, '$1*'))}`));
      socket.destroy();
    }, PATIENCE_MS);
    const over = () => {
      clearTimeout(late);
      resolve();
    };
    // Of a reset that comes too late Node tells an error and no close.
    socket.on('close', over).on('error', isReset ? over : () => undefined);
    socket.resume();
    for (const piece of pieces) socket.write(piece, 'latin1');
    if (isReset) socket.resetAndDestroy();
    else socket.end();
  });
}

async function stillServes(port: number): Promise<void> {
  const talk = await SmtpTalk.open(port, STRANGER);
  assert.equal((await talk.ask('EHLO c.example')).code, 250);
  assert.equal((await talk.ask('MAIL FROM:<ann@partner.example>')).code, 250);
  assert.equal((await talk.ask('RCPT TO:<carol@corp.example>')).code, 250);
  await talk.ask('DATA');
  assert.equal((await talk.ask('Subject: plain\r\n\r\nx\r\n.')).code, 250);
  assert.equal((await talk.ask('QUIT')).code, 221);
  talk.close();
}

/** As they would be in a file; how many they were. */
function checkLog({ sink }: MtaSite): number {
  const stamps = new Stamps('UTC');
  const lines = sink.lines.splice(0).map((line) => fileLine(line, stamps, 'traditional'));
  const parser = makeParser();
  parser.parse(Buffer.from(lines.join(''), 'latin1'), 0);
  const { outcomes } = results(parser);
  assert.equal(outcomes.length, lines.length, 'a line of the log is two');
  const wrong = lines.flatMap((line, at) => {
    const isForged = line.startsWith(FORGED.slice(0, 15));
    return outcomes[at] === 'parsed' && !isForged ? [] : [`${outcomes[at]} of ${line}`];
  });
  assert.deepEqual([...new Set(wrong)].slice(0, 10), []);
  return lines.length;
}

async function playBatch(port: number, count: number, random: RandomSource): Promise<void> {
  let left = count;
  const work = async () => {
    while (left > 0) {
      left -= 1;
      await play(port, mutated(random), random);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

const openFiles = (): number => readdirSync('/proc/self/fd').length;

/** A session that hangs has a socket. Some may stay: to name servers, the log's. */
async function untilFiles(most: number): Promise<void> {
  for (let tries = 0; tries < 200 && openFiles() > most + 4; tries += 1) await sleep(50);
  assert.ok(openFiles() <= most + 4, `${openFiles()} files are open, at first ${most}`);
}

export interface FuzzEnd {
  readonly lines: number;
  readonly sentOut: number;
  /** Sessions that have ended. */
  readonly sessions: number;
  /** Bytes of the heap at its largest, after a batch. */
  readonly heap: number;
}

export async function fuzzSessions(sessions: number, seed: number): Promise<FuzzEnd> {
  const random = randomSource(seed);
  const files = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'maillog-fuzz-'));
  const { cert, key } = makeCertificates(files).server;
  writeFileSync(join(files, 'users'), 'alice:{PLAIN}secret\n');
  const sink = await SmtpSink.start({ answer: () => hostileReply(random) });
  const site = await startMtaSite({
    SmtpPort: sink.port,
    QueueDirectory: join(files, 'mqueue'),
    MailboxPath: `${files}/%u`,
    LogLevel: 14,
    'Timeout.datafinal': '2s',
    'Timeout.reply': '2s',
    'Timeout.initial': '2s',
    AuthFile: join(files, 'users'),
    AuthWithoutTls: true,
    ServerCertFile: cert,
    ServerKeyFile: key,
  });
  const before = openFiles();
  const end = { sessions: 0, lines: 0, sentOut: 0, heap: 0 };
  try {
    for (let done = 0; done < sessions; done += BATCH) {
      await playBatch(site.port, Math.min(BATCH, sessions - done), random);
      end.sessions = Math.min(sessions, done + BATCH);
      if (process.env.MAILLOG_FUZZ_PROGRESS) process.stderr.write(`${end.sessions} sessions\n`);
      await stillServes(site.port);
      end.heap = Math.max(end.heap, process.memoryUsage().heapUsed);
      end.lines += checkLog(site);
      end.sentOut += sink.messages.splice(0).length;
      sink.commands.splice(0);
    }
    await site.mta.quiet();
    end.lines += checkLog(site);
    await untilFiles(before);
    assert.ok(end.heap < MOST_HEAP, `${end.heap} bytes`);
    assert.deepEqual(site.problems, []);
    return end;
  } finally {
    await site.stop();
    await sink.stop();
    rmSync(files, { recursive: true, force: true });
  }
}
