/**
 * The generator's own proof: the same seed gives the same bytes, the two logs say what the totals
 * say, every line has the form of the real program's, and a real peer reports the same numbers.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { debianPackagesOrSkip } from '../support/debian-package.ts';
import { asPflogsummBytes, PFLOGSUMM_PACKAGES, pflogsummIn, readPflogsumm } from './pflogsumm.ts';
import { writePostfixLog } from './postfix-log.ts';
import type { WrittenLog } from './sendmail-log.ts';
import { writeSendmailLog } from './sendmail-log.ts';
import { createTraffic } from './traffic.ts';

const SEED = 20261013;
const LINES = 20_000;

interface Log extends WrittenLog {
  readonly text: string;
  readonly all: readonly string[];
}

function render(write: typeof writeSendmailLog, seed: number, lines: number): Log {
  let text = '';
  const written = write(createTraffic(seed, lines), { write: (more) => (text += more) });
  return { ...written, text, all: text.split('\n').slice(0, -1) };
}

const sendmail = render(writeSendmailLog, SEED, LINES);
const postfix = render(writePostfixLog, SEED, LINES);

const count = (log: Log, pattern: RegExp): number =>
  log.all.reduce((sum, line) => sum + Number(pattern.test(line)), 0);

/** Recipients over all to= lines that match. */
const recipients = (log: Log, pattern: RegExp): number =>
  log.all
    .filter((line) => pattern.test(line))
    .reduce((sum, line) => sum + (/ to=(\S+), /.exec(line)?.[1]?.split(',').length ?? 0), 0);

const sum = (log: Log, pattern: RegExp): number =>
  log.all.reduce((total, line) => total + Number(pattern.exec(line)?.[1] ?? 0), 0);

test('the same seed and line count give the same bytes, another seed others', () => {
  assert.equal(render(writeSendmailLog, SEED, LINES).text, sendmail.text);
  assert.equal(render(writePostfixLog, SEED, LINES).text, postfix.text);
  assert.notEqual(
    render(writeSendmailLog, SEED + 1, 500).text,
    render(writeSendmailLog, SEED, 500).text,
  );
});

test("the sendmail log has exactly the lines asked for, of a real log's length", () => {
  for (const lines of [0, 1, 2, 99, 3000]) {
    assert.equal(render(writeSendmailLog, 5, lines).all.length, lines);
  }
  assert.equal(sendmail.all.length, LINES);
  assert.equal(sendmail.lines, LINES);
  assert.equal(sendmail.bytes, Buffer.byteLength(sendmail.text));
  assert.ok(
    sendmail.bytes / LINES > 195 && sendmail.bytes / LINES < 235,
    `${sendmail.bytes / LINES}`,
  );
});

test('both logs are of the same traffic, and it holds some of everything', () => {
  assert.deepEqual(postfix.totals, sendmail.totals);
  for (const [name, value] of Object.entries(sendmail.totals)) assert.ok(value > 0, name);
});

test('naive counting of the sendmail log gives the totals', () => {
  const { totals } = sendmail;
  assert.equal(count(sendmail, /: from=<.*, msgid=</), totals.messages);
  assert.equal(sum(sendmail, /, nrcpts=(\d+), msgid=/), totals.recipients);
  assert.equal(sum(sendmail, /: from=<[^>]*>, size=(\d+), .*, msgid=/), totals.bytesReceived);
  assert.equal(recipients(sendmail, /, dsn=2\.\d\.\d, stat=Sent/), totals.sent);
  assert.equal(recipients(sendmail, /, stat=Deferred/), totals.deferrals);
  assert.equal(recipients(sendmail, /: to=.*, dsn=5/), totals.bounced);
  assert.equal(count(sendmail, / reject=5|>\.\.\. User unknown$/), totals.rejected);
  assert.equal(count(sendmail, /: DSN: |: sender notify: /), totals.notices);
  assert.equal(count(sendmail, /: AUTH failure /), totals.failedLogins);
});

test('naive counting of the Postfix log gives the same totals', () => {
  const { totals } = postfix;
  assert.equal(count(postfix, /smtpd\[\d+\]: [0-9A-F]+: client=/), totals.messages);
  assert.equal(count(postfix, /, status=sent \(/), totals.sent);
  assert.equal(count(postfix, /, status=deferred \(/), totals.deferrals);
  assert.equal(count(postfix, /, status=bounced \(/), totals.bounced);
  assert.equal(count(postfix, /: NOQUEUE: reject: /), totals.rejected);
  assert.equal(count(postfix, /: sender [a-z-]+ notification: /), totals.notices);
  assert.equal(count(postfix, / authentication failed: /), totals.failedLogins);
  assert.equal(count(postfix, /: connect from /), totals.sessions);
  assert.equal(count(postfix, /: disconnect from /), totals.sessions);
});

/** Per message-id: envelope and every outcome of every recipient, as one comparable text. */
function stories(log: Log, form: { from: RegExp; id: RegExp; to: RegExp }): Map<string, string> {
  const idOf = new Map<string, string>();
  const facts = new Map<string, string[]>();
  for (const line of log.all) {
    const [, queueId = '', messageId = ''] = form.id.exec(line) ?? [];
    if (queueId !== '') idOf.set(queueId, messageId);
  }
  const tell = (queueId: string, fact: string): void => {
    const messageId = idOf.get(queueId);
    if (messageId === undefined) return;
    facts.set(messageId, [...(facts.get(messageId) ?? []), fact]);
  };
  for (const line of log.all) {
    const [stamp] = line.split(' mx1 ');
    const [, opened = '', sender = '', size = '', count = ''] = form.from.exec(line) ?? [];
    if (opened !== '') tell(opened, `from ${sender} ${size} ${count}`);
    const [, queueId = '', list = '', dsn = ''] = form.to.exec(line) ?? [];
    for (const to of list === '' ? [] : list.split(',')) tell(queueId, `${stamp} ${to} ${dsn[0]}`);
  }
  // Postfix repeats from= at every retry.
  const entries = [...facts].map(
    ([id, list]) => [id, [...new Set(list)].sort().join('\n')] as const,
  );
  return new Map(entries.filter(([, story]) => story.includes('from ')));
}

test('message for message the two logs tell the same: envelope, recipients, outcomes, times', () => {
  const fromSendmail = stories(sendmail, {
    id: /: (\w+): from=.*, msgid=(\S+), /,
    from: /: (\w+): from=(<\S*>), size=(\d+), class=0, nrcpts=(\d+), msgid/,
    to: /: (\w+): to=(\S+), .*, dsn=(\d)/,
  });
  const fromPostfix = stories(postfix, {
    id: /cleanup\[\d+\]: (\w+): message-id=(\S+)$/,
    from: /: (\w+): from=(<\S+>|<>), size=(\d+), nrcpt=(\d+)/,
    to: /: (\w+): to=(\S+), .*, dsn=(\d)/,
  });
  assert.equal(fromSendmail.size, sendmail.totals.messages);
  for (const [id, story] of fromSendmail) assert.equal(fromPostfix.get(id), story, id);
  assert.equal(fromPostfix.size, fromSendmail.size + sendmail.totals.notices);
});

test('queue ids and message-ids are unique', () => {
  const opened = sendmail.all.flatMap((line) => {
    const from = /\]: (\w{14,15}): from=</.exec(line)?.[1];
    return from ?? /: (\w{14,15}): (?:DSN|sender notify): /.exec(line)?.[1] ?? [];
  });
  assert.ok(opened.length > 4000);
  assert.equal(new Set(opened).size, opened.length);
  const short = postfix.all.flatMap((line) => /: ([0-9A-F]+): message-id=/.exec(line)?.[1] ?? []);
  assert.equal(short.length, postfix.totals.messages + postfix.totals.notices);
  assert.equal(new Set(short).size, short.length);
  for (const log of [sendmail, postfix]) {
    const ids = log.all.flatMap((line) => / (?:msgid|message-id)=(<\S+>)/.exec(line)?.[1] ?? []);
    assert.equal(new Set(ids).size, ids.length);
    const queued = log.all.flatMap((line) => /queued as (\w+)/.exec(line)?.[1] ?? []);
    assert.ok(queued.length > 100);
  }
});

test('stamps never decrease and lie on one day', () => {
  for (const log of [sendmail, postfix]) {
    const stamps = log.all.map((line) => line.slice(0, 15));
    assert.deepEqual([...stamps].sort(), stamps);
    assert.ok(stamps.every((stamp) => stamp.startsWith('Oct 13 ')));
    assert.ok((stamps.at(0) ?? '') < 'Oct 13 00:30' && (stamps.at(-1) ?? '') > 'Oct 13 23:00');
  }
});

test('a sendmail queue id spells a time no later than its line, and the opening process', () => {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx';
  for (const line of sendmail.all) {
    const [, clock = '', id = ''] =
      /^Oct 13 (\S+) mx1 sm-mta\[\d+\]: (\w{14,15}): /.exec(line) ?? [];
    if (id === '') continue;
    const [year, month, day, ...time] = [...id.slice(0, 6)].map((letter) => digits.indexOf(letter));
    assert.deepEqual([year, month, day], [6, 9, 13], line);
    const spelt = time.map((part) => String(part).padStart(2, '0')).join(':');
    assert.ok(spelt <= clock, line);
  }
});

const RELAY = String.raw`(?:\S+ )?\[(?:IPv6:[0-9a-f:]+|[0-9.]+)\](?: \(may be forged\))?`;
const ADDRESS = String.raw`<[^<>\s]*>`;
const QID = String.raw`\w{8}\d{6,7}`;
/** grammar of sendmail 8.17's lines, for the kinds that the generator writes */
const KINDS = [
  `${QID}: from=${ADDRESS}, size=\\d+, class=0, nrcpts=\\d+(?:, msgid=<[^<>\\s]+>)?(?:, bodytype=8BITMIME)?, proto=ESMTPS?A?, daemon=M(?:TA|SP)-v4, relay=${RELAY}`,
  `${QID}: to=${ADDRESS}(?:,${ADDRESS})*(?:, ctladdr=${ADDRESS} \\(\\d+/\\d+\\))?, delay=\\d\\d:\\d\\d:\\d\\d, xdelay=\\d\\d:\\d\\d:\\d\\d, mailer=local, pri=\\d+, dsn=2\\.0\\.0, stat=Sent`,
  `${QID}: to=${ADDRESS}(?:,${ADDRESS})*(?:, ctladdr=${ADDRESS} \\(\\d+/\\d+\\))?, delay=\\d\\d:\\d\\d:\\d\\d, xdelay=\\d\\d:\\d\\d:\\d\\d, mailer=esmtp, pri=\\d+, relay=\\S+(?: \\[[0-9.]+\\])?, dsn=[245]\\.\\d+\\.\\d+(?:, reply=[45].+)?, stat=(?:Sent \\(.+\\)|Deferred: .+|User unknown|Service unavailable|Host unknown \\(Name server: \\S+: host not found\\))`,
  `${QID}: ${QID}: (?:DSN: (?:User unknown|Service unavailable|Host unknown \\(.+\\))|sender notify: Warning: could not send message for past 4 hours)`,
  `${QID}: ${ADDRESS}\\.\\.\\. User unknown`,
  `${QID}: ruleset=check_(?:rcpt|mail), arg1=${ADDRESS}, relay=${RELAY}, reject=55[03] 5\\.[17]\\.[18] ${ADDRESS}\\.\\.\\. .+`,
  `ruleset=check_relay, arg1=\\S+, arg2=127\\.0\\.0\\.4, relay=${RELAY}, reject=550 5\\.7\\.1 Rejected: [0-9.]+ listed at \\S+`,
  `STARTTLS=server, relay=${RELAY}, version=TLSv1\\.3, verify=NO, cipher=\\w+, bits=256/256`,
  `STARTTLS=client, relay=\\S+\\., version=TLSv1\\.3, verify=FAIL, cipher=\\w+, bits=256/256`,
  `AUTH=server, relay=${RELAY}, authid=\\w+, mech=(?:PLAIN|LOGIN), bits=0`,
  `${QID}: AUTH failure \\((?:PLAIN|LOGIN)\\): authentication failure \\(-13\\) SASL\\(-13\\): .+, user=\\w+, relay=${RELAY}`,
  `${QID}: ${RELAY} did not issue MAIL/EXPN/VRFY/ETRN during connection to M(?:TA|SP)-v4`,
  `${QID}: lost input channel from ${RELAY} to MTA-v4 after mail`,
  `${QID}: rejecting commands from ${RELAY} due to pre-greeting traffic after 0 seconds`,
  `${QID}: ${RELAY}: probable open proxy: command=GET / HTTP/1\\.1\\\\r\\\\n`,
].map((kind) => new RegExp(`^Oct 13 \\d\\d:\\d\\d:\\d\\d mx1 sm-mta\\[\\d+\\]: ${kind}$`));

test("every sendmail line has the form of one of sendmail's kinds, and every kind occurs", () => {
  const seen = KINDS.map(() => 0);
  for (const line of sendmail.all) {
    const kind = KINDS.findIndex((pattern) => pattern.test(line));
    assert.notEqual(kind, -1, line);
    assert.ok(line.length < 1024, line);
    seen[kind] = (seen[kind] ?? 0) + 1;
  }
  assert.ok(!seen.includes(0), `kinds never seen: ${seen}`);
});

test("pflogsumm reports the generator's totals of the Postfix log", async (t) => {
  const folder = await debianPackagesOrSkip(t, PFLOGSUMM_PACKAGES);
  if (folder === undefined) return;
  const { command, environment } = await pflogsummIn(folder);
  const place = await mkdtemp(join(tmpdir(), 'maillog-traffic-'));
  try {
    const file = join(place, 'maillog');
    await writeFile(file, postfix.text);
    const [program = '', ...rest] = command;
    const { stdout } = await promisify(execFile)(program, [...rest, file], {
      env: { ...process.env, ...environment },
      maxBuffer: 64 * 1024 * 1024,
    });
    const { totals } = postfix;
    assert.deepEqual(readPflogsumm(stdout), {
      received: totals.messages,
      delivered: totals.sent,
      deferred: totals.deferredMessages,
      deferrals: totals.deferrals,
      bounced: totals.bounced,
      rejected: totals.rejected,
      bytesReceived: asPflogsummBytes(totals.bytesReceived),
      bytesDelivered: asPflogsummBytes(totals.bytesSent + totals.bytesSentOfNotices),
    });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
});
