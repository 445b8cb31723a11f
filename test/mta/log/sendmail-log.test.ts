import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { MemorySink } from '../../../src/mta/log/log-sink.ts';
import type { MtaLog } from '../../../src/mta/log/mta-log.ts';
import { SendmailLog } from '../../../src/mta/log/sendmail-log.ts';
import type { Envelope, FinalRecipient, Outcome } from '../../../src/mta/model.ts';
import { NO_WISHES } from '../../../src/mta/model.ts';
import { type RealLine, realLine, sayAgain } from './replay.ts';

const FIXTURES = 'test/fixtures';
const ID = '6AO600aa001001';

function fixtureLines(folder: string): RealLine[] {
  return readdirSync(join(FIXTURES, folder))
    .filter((name) => /\.(?:maillog(?:\.gz)?|tsv)$/.test(name))
    .flatMap((name) => {
      const bytes = readFileSync(join(FIXTURES, folder, name));
      const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
      const lines = text.split('\n');
      return name.endsWith('.tsv') ? lines.map((line) => line.split('\t')[1] ?? '') : lines;
    })
    .flatMap((text) => realLine(text) ?? []);
}

function makeLog(level = 20): { log: SendmailLog; sink: MemorySink; texts: () => string[] } {
  const sink = new MemorySink();
  const options = { sink, level, tag: 'sm-mta', hostname: 'mx1', pid: 1, now: () => 0 };
  return { log: new SendmailLog(options), sink, texts: () => sink.lines.map(({ text }) => text) };
}

const wholeOf = ({ id, text }: RealLine) => (id === '' ? text : `${id}: ${text}`);

suite('lines of real sendmails, written again', () => {
  /** How many of each folder must come out the same: nearly all that are not of the dialogue. */
  const LEAST = { sendmail: 630, loglevels: 740, kinds: 140, mailstats: 510 };
  for (const [folder, least] of Object.entries(LEAST)) {
    test(folder, () => {
      let same = 0;
      for (const line of fixtureLines(folder)) {
        // Their reasons are SASL's own, of clients that break its protocol.
        if (/^AUTH failure .*: (?:generic failure|bad protocol)/.test(line.text)) continue;
        const { log, texts } = makeLog();
        if (!sayAgain(log, line)) continue;
        assert.deepEqual(texts(), [wholeOf(line)]);
        same += 1;
      }
      assert.ok(same >= least, `${same}`);
    });
  }

  test('what takes two lines', () => {
    const { log, texts } = makeLog();
    const path = '/etc/mail/aliases';
    log.aliasesRebuilt(path, 'root', { aliases: 27, longest: 83, bytes: 753 });
    log.unexpectedClose(ID, 'client20.isp.example', '<ann@partner.example>', 'unexpected close');
    log.unexpectedClose(ID, 'client25.isp.example', '<a@b>', 'Connection reset by x');
    assert.deepEqual(texts(), [
      `alias database ${path} rebuilt by root`,
      `${path}: 27 aliases, longest 83 bytes, 753 bytes total`,
      `${ID}: collect: premature EOM: unexpected close`,
      `${ID}: collect: relay=client20.isp.example, from=<ann@partner.example>, info=unexpected close`,
      `${ID}: collect: premature EOM: Connection reset by x`,
      `${ID}: SYSERR(root): collect: relay=client25.isp.example, from=<a@b>, info=I/O error`,
    ]);
  });
});

suite('lines that are too long', () => {
  const lines = readFileSync(join(FIXTURES, 'longlines', 'longlines.maillog'), 'latin1').split(
    '\n',
  );
  const texts = lines.map((line) => line.replace(/^.*?\[\d+\]: /, ''));

  test('parts as sendmail cut them', () => {
    const parts = texts.filter((text) => /^\w{14}\[\d\]: /.test(text));
    const ids = new Set(parts.map((text) => text.slice(0, 14)));
    for (const id of ids) {
      const own = parts.filter((text) => text.startsWith(id));
      const whole = own.map((text, index) => {
        const part = text.slice(text.indexOf(': ') + 2);
        return index < own.length - 1 ? part.replace(/ \.\.\.$/, '') : part;
      });
      const { log, texts: written } = makeLog();
      log.note(id, 15, whole.join(''));
      assert.deepEqual(written(), own);
    }
    assert.equal(ids.size, 5);
  });

  test('lists of recipients as sendmail cut them', () => {
    const all = texts.filter((text) => / to=/.test(text));
    for (let at = 0; at < all.length; at += 3) {
      const own = all.slice(at, at + 3);
      const list = own
        .map((text) => /to=(.*?),? (?:\[more\], )?ctladdr=/.exec(text)?.[1])
        .join(',');
      const [first = ''] = own;
      const whole = first.replace(/to=.* \[more\]/, `to=${list.replaceAll(',,', ',')}`);
      const line = { id: first.slice(0, 14), text: whole.slice(16), pid: 1, tag: '' };
      const { log, texts: written } = makeLog();
      assert.ok(sayAgain(log, line));
      assert.deepEqual(written(), own);
    }
    assert.equal(all.length, 12);
  });

  test('more parts than sendmail will count', () => {
    const { log, texts: written } = makeLog();
    log.note(ID, 1, 'x'.repeat(2_000_000));
    assert.equal(written().length, 999);
    assert.equal(written().at(-1), `${ID}[999]: log terminated, too many parts`);
  });
});

suite('LogLevel', () => {
  const relay = 'mail.example [198.51.100.1]';
  const to = (stat: string, mailer: 'esmtp' | null) => (log: MtaLog) =>
    log.to({
      id: ID,
      recipients: ['<a@b>'],
      controllingUser: null,
      delay: 0,
      xdelay: null,
      mailer,
      priority: 1,
      relay: null,
      dsn: '',
      reply: null,
      stat,
    });
  const ruleset = (name: string) => (log: MtaLog) =>
    log.ruleset({ id: ID, ruleset: name, arg1: 'a', relay, result: { kind: 'discard' } });
  /** The first level at which each is written (grammar of sendmail's log, and its source). */
  const FIRST: readonly (readonly [number, (log: MtaLog) => void])[] = [
    [0, (log) => log.openProxy(ID, relay, 'GET / HTTP/1.0\r\n')],
    [0, (log) => log.tooLongInput(ID, relay, 12_287)],
    [1, (log) => log.systemError(null, 'root', 'x')],
    [2, (log) => log.lostInput(ID, relay, 'MTA', 'mail')],
    [4, ruleset('check_mail')],
    [4, (log) => log.discarded(ID)],
    [4, (log) => log.refused(ID, '<a@b>... User unknown')],
    [5, (log) => log.clone(ID, ID, 'bob')],
    [6, ruleset('tls_server')],
    [10, ruleset('trust_auth')],
    [6, (log) => log.noTransaction(ID, relay, 'MTA')],
    [6, (log) => log.notification(ID, ID, 'DSN', 'x')],
    [7, to('User unknown', 'esmtp')],
    [8, to('Sent (ok)', 'esmtp')],
    [9, to('Deferred: x', 'esmtp')],
    [9, to('queued', 'esmtp')],
    [9, to('Command rejected', null)],
    [9, (log) => log.authenticated(relay, 'a', 'PLAIN', 0)],
    [10, to('aborted by sender', null)],
    [10, (log) => log.done(ID, 0, 1)],
    [10, (log) => log.stopped('signal')],
    [10, (log) => log.connect(relay)],
  ];

  test('decides what is written', () => {
    const levels = FIRST.map(([, say]) => {
      for (let level = 0; level <= 20; level += 1) {
        const { log, sink } = makeLog(level);
        say(log);
        if (sink.lines.length > 0) return level;
      }
      return -1;
    });
    assert.deepEqual(
      levels,
      FIRST.map(([level]) => level),
    );
  });

  test('what a real one wrote at a level is written at that level', () => {
    const written = [9, 10, 12, 14, 15, 20].flatMap((level) => {
      const bytes = readFileSync(join(FIXTURES, 'loglevels', `level-${level}.maillog.gz`));
      const lines = gunzipSync(bytes).toString('latin1').split('\n');
      return lines.flatMap((text) => {
        const line = realLine(text);
        const { log, sink } = makeLog(level);
        return line !== undefined && sayAgain(log, line) ? [sink.lines.length] : [];
      });
    });
    assert.ok(written.length > 700 && written.every((count) => count === 1));
  });

  test('severities are those of sendmail', () => {
    const { log, sink } = makeLog();
    log.connect(relay);
    log.refused(ID, 'x');
    log.systemError(ID, 'root', 'x');
    const severities = sink.lines.map(({ severity }) => severity);
    assert.deepEqual(severities, ['info', 'notice', 'critical']);
  });
});

suite('attempts', () => {
  const recipient = (shown: string): FinalRecipient => ({
    ...NO_WISHES,
    shown,
    origin: shown,
    destination: { mailer: 'esmtp', host: 'partner.example', user: shown },
    controllingUser: null,
  });
  const envelope: Envelope = {
    id: ID,
    arrivedAt: 1_900,
    senderShown: '<alice@corp.example>',
    sender: 'alice@corp.example',
    senderUser: { shown: '<alice@corp.example>', uid: 1000, gid: 1000 },
    size: 100,
    storedSize: 420,
    class: 0,
    messageId: '<m@x>',
    bodyType: null,
    isUtf8: false,
    envid: null,
    ret: null,
    protocol: 'ESMTP',
    client: null,
    recipients: [],
    quarantine: null,
    isBounce: false,
  };
  const outcome: Outcome = {
    kind: 'sent',
    dsn: '2.0.0',
    stat: 'Sent (Ok: queued as CBB9A47452)',
    reply: null,
    relay: `${'l'.repeat(50)}. [198.51.100.10]`,
    isDsnPassedOn: false,
  };

  test('several recipients share a line; a long host is cut', () => {
    const { log, texts } = makeLog();
    const recipients = ['<y@p.example>', '<x@p.example>'].map(recipient);
    log.attempt(envelope, { recipients, outcome, startedAt: 3_100, endedAt: 4_000 }, 60_420);
    const host = `${'l'.repeat(18)}...${'l'.repeat(17)}.`;
    assert.deepEqual(texts(), [
      `${ID}: to=<y@p.example>,<x@p.example>, ctladdr=<alice@corp.example> (1000/1000), delay=00:00:03, xdelay=00:00:01, mailer=esmtp, pri=60420, relay=${host} [198.51.100.10], dsn=2.0.0, stat=Sent (Ok: queued as CBB9A47452)`,
    ]);
  });

  test('the process id is that of the delivery', () => {
    const { log, sink } = makeLog();
    log.as(4711).as(815).connect('x');
    assert.equal(sink.lines[0]?.pid, 815);
  });
});
