/** What clients and other hosts say, in every event that repeats it: our own parser reads each line of it. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MemorySink } from '../../../src/mta/log/log-sink.ts';
import type { MtaLog, RulesetResult } from '../../../src/mta/log/mta-log.ts';
import { SendmailLog } from '../../../src/mta/log/sendmail-log.ts';
import { readLines } from '../../ingest/read-lines.ts';
import { type RandomSource, randomSource } from '../../support/random.ts';

const ID = '6AO600aa001001';
const RELAY = 'client20.isp.example [203.0.113.20]';
const PIECES = [
  '\n',
  '\r\nNov 24 06:00:05 mx1 sm-mta[1]: 6AO600aa001001: from=<forged@x>, size=1, class=0, nrcpts=1, relay=x',
  '\0',
  '\xff\x80',
  '\\',
  '"',
  '<',
  '>',
  ', ',
  ',',
  ' ',
  ', relay=x [1.2.3.4]',
  ', stat=Sent (2.0.0 ok)',
  ', dsn=2.0.0',
  ', delay=99:00:00',
  ', reject=550 5.7.1 no',
  ', size=1, class=0, nrcpts=77',
  '6AO600aa001002: DSN: User unknown',
  '... User unknown',
  ' [more]',
  '[2]: ',
  ' ...',
  '%s%n',
  'alice@corp.example',
  'x'.repeat(300),
] as const;

type Say = () => string;
type Event = (log: MtaLog, say: Say, random: RandomSource) => void;

const EVENTS: readonly Event[] = [
  (log, say, random) =>
    log.from({
      id: ID,
      senderShown: `<${say()}>`,
      size: random.below(100_000) - 5,
      class: random.pick([-100, 0, 100]),
      nrcpts: random.below(9),
      messageId: random.pick([null, say(), `<${say()}>`]),
      bodyType: random.pick([null, '8BITMIME']),
      protocol: 'ESMTP',
      daemon: 'MTA-v4',
      relay: RELAY,
    }),
  (log, say, random) =>
    log.to({
      id: ID,
      recipients: Array.from({ length: 1 + random.below(5) }, () => `<${quoted(say())}@b.example>`),
      controllingUser: random.pick([null, '<alice@corp.example> (1000/1000)']),
      delay: random.below(1_000_000_000),
      xdelay: random.pick([null, 1_000]),
      mailer: random.pick([null, 'esmtp', 'local', '*file*']),
      priority: random.below(100_000) - 10,
      relay: random.pick([null, 'mail.partner.example. [198.51.100.10]']),
      dsn: random.pick(['', '2.0.0', '5.1.1']),
      reply: random.pick([null, `550 5.1.1 ${say()}`]),
      stat: random.pick(['Sent', `Sent (${say()})`, `Deferred: 450 ${say()}`, 'User unknown']),
    }),
  (log, say, random) =>
    log.ruleset({
      id: random.pick([null, ID]),
      ruleset: random.pick(['check_mail', 'check_rcpt', 'check_relay', 'CheckSubject']),
      arg1: say(),
      relay: RELAY,
      result: random.pick<RulesetResult>([
        { kind: 'discard' },
        { kind: 'quarantine', text: say() },
        { kind: 'reject', reply: { code: 550, status: '5.7.1', text: say() } },
      ]),
      ...(random.chance(0.5) ? { arg2: say() } : {}),
    }),
  (log, say) => log.notification(ID, '6AO600aa001002', 'DSN', say()),
  (log, say) => log.clone(ID, '6AO600aa001002', say()),
  (log, say) => log.quarantined(ID, say()),
  (log, say) => log.refused(ID, `<${quoted(say())}@b>... User unknown`),
  (log, say) => log.tooManyHops(ID, 30, 25, `<${say()}>`, 'client', `<${say()}>`),
  (log, say) => log.collectProblem(ID, 'client20.isp.example', `<${say()}>`, 'unexpected close'),
  (log, say) => log.unexpectedClose(ID, 'client20', `<${say()}>`, 'Connection reset by x'),
  (log, say) => log.attack(ID, RELAY, say(), 20),
  (log, say) => log.openProxy(ID, RELAY, `GET ${say()}\r\n`),
  (log, say, random) =>
    log.asked(ID, RELAY, random.pick(['VRFY', 'EXPN', 'ETRN']), say(), random.chance(0.5)),
  (log, say) => log.authenticated(RELAY, say(), 'PLAIN', 0),
  (log, say, random) => log.authFailed(ID, RELAY, 'PLAIN', say(), random.chance(0.5)),
  (log, say) => log.authMalformed(ID, RELAY, say()),
  (log, say) => log.milter(ID, 'from', `<${quoted(say())}>`, `reject=550 5.7.1 ${say()}`),
  (log, say) => log.milterAction(ID, 'filter', `add: header: ${say()}`),
  (log, say) => log.milterAction(ID, 'filter', `quarantine=${say()}`),
  (log, say) => log.milterProblem(ID, 'filter', say()),
  (log, say) => log.systemError(ID, 'root', say()),
  (log, say) => log.tlsFailed('server', RELAY, say()),
];

/** As a mailbox name that the server would take: in quotes. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, (character) => `\\${character}`)}"`;
}

suite('hostile texts', () => {
  test('one event is one line that is read, or one that is split as sendmail does it', () => {
    const random = randomSource(8_171);
    const say = () => Array.from({ length: random.below(5) }, () => random.pick(PIECES)).join('');
    for (let round = 0; round < 4_000; round += 1) {
      const sink = new MemorySink();
      const options = { sink, level: 20, tag: 'sm-mta', hostname: 'mx1', pid: 7, now: () => 0 };
      const event = EVENTS[round % EVENTS.length];
      event?.(new SendmailLog(options), say, random);
      const lines = sink.lines.map(({ text }) => `Nov 24 06:00:05 mx1 sm-mta[7]: ${text}`);
      for (const line of lines) assert.match(line, /^[\x20-\x7e]{1,1100}$/);
      const { outcomes } = readLines(lines);
      assert.deepEqual(
        outcomes,
        lines.map(() => 'parsed'),
        lines.join('\n'),
      );
    }
  });
});
