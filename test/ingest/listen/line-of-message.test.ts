import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LineOfMessage } from '../../../ingest/listen/line-of-message.ts';
import { StampKind, SyslogHeader } from '../../../src/format/syslog-header.ts';
import { randomSource } from '../../support/random.ts';

const NOW = new Date('2026-11-24T12:34:56.789Z');
const ARRIVAL = '2026-11-24T12:34:56.789+00:00';

function lineOf(message: string, host = 'sender'): string {
  const bytes = new LineOfMessage(() => NOW).read(Buffer.from(message, 'latin1'), host);
  return Buffer.from(bytes).toString('latin1');
}

const CASES: readonly (readonly [string, string, string])[] = [
  [
    'RFC 3164',
    '<22>Nov 24 11:00:00 mx1 sendmail[12]: a b',
    'Nov 24 11:00:00 mx1 sendmail[12]: a b',
  ],
  [
    'an ISO stamp',
    '<22>2026-11-24T11:00:00.123456+01:00 mx1 sendmail[12]: a',
    '2026-11-24T11:00:00.123456+01:00 mx1 sendmail[12]: a',
  ],
  ['no priority', 'Nov 24 11:00:00 mx1 sendmail[12]: a', 'Nov 24 11:00:00 mx1 sendmail[12]: a'],
  [
    'as libc writes it',
    '<22>Nov 24 11:00:00 sendmail[1]: a',
    'Nov 24 11:00:00 sender sendmail[1]: a',
  ],
  ['a tag without pid', '<22>Nov 24 11:00:00 sendmail: a', 'Nov 24 11:00:00 sender sendmail: a'],
  ['no blank behind the tag', '<22>Nov  4 11:00:00 sm[1]:a b', 'Nov  4 11:00:00 sender sm[1]:a b'],
  ['no colon behind the pid', '<22>Nov 24 11:00:00 sm[1] a', 'Nov 24 11:00:00 sender sm[1] a'],
  [
    'an ISO stamp without host',
    '<22>2026-11-24T11:00:00Z sm[1]: a',
    '2026-11-24T11:00:00Z sender sm[1]: a',
  ],
  ['an IPv6 host', '<22>Nov 24 11:00:00 [::1] sm[1]: a', 'Nov 24 11:00:00 [::1] sm[1]: a'],
  ['no stamp', '<22>sendmail[1]: a', `${ARRIVAL} sender sendmail[1]: a`],
  ['nothing of a header', 'hello', `${ARRIVAL} sender hello`],
  ['a stamp alone', '<22>Nov 24 11:00:00', 'Nov 24 11:00:00'],
  ['a priority out of range', '<192>Nov 24 11:00:00 h a: b', '<192>Nov 24 11:00:00 h a: b'],
  ['a broken priority', '<2x>a', `${ARRIVAL} sender <2x>a`],
  ['an endless priority', '<2222>a', `${ARRIVAL} sender <2222>a`],
  ['priority 0', '<0>Nov 24 11:00:00 h a: b', 'Nov 24 11:00:00 h a: b'],
  ['line ends and NULs behind', '<22>Nov 24 11:00:00 h a: b\r\n\0\n', 'Nov 24 11:00:00 h a: b'],
  [
    'controls',
    '<22>Nov 24 11:00:00 h a: b\n\tc\0\x1b\x7fd',
    'Nov 24 11:00:00 h a: b#012#011c#000#033\x7fd',
  ],
  ['bytes that are no UTF-8', '<22>Nov 24 11:00:00 h a: \xff\xe9', 'Nov 24 11:00:00 h a: \xff\xe9'],
  ['a priority alone', '<22>', ''],
  ['only ends', '\r\n\0', ''],
  [
    'RFC 5424',
    '<22>1 2026-11-24T11:00:00.123456+00:00 mx1 sendmail 12 ID47 - a b',
    '2026-11-24T11:00:00.123456+00:00 mx1 sendmail[12]: a b',
  ],
  [
    'RFC 5424 with data and mark',
    '<22>1 2026-11-24T11:00:00Z mx1 sm 1 - [a@1 b="\\"]\\\\"][c] \xef\xbb\xbfx y',
    '2026-11-24T11:00:00Z mx1 sm[1]: x y',
  ],
  [
    'RFC 5424, a blank before the text',
    '<22>1 2026-11-24T11:00:00Z h a 1 - -  x',
    '2026-11-24T11:00:00Z h a[1]: x',
  ],
  ['RFC 5424, all nil', '<22>1 - - - - - - x', `${ARRIVAL} sender x`],
  ['RFC 5424, no pid', '<22>1 - - a - - - x', `${ARRIVAL} sender a: x`],
  ['RFC 5424, no text', '<22>1 2026-11-24T11:00:00Z h a 1 - -', '2026-11-24T11:00:00Z h a[1]:'],
  [
    'RFC 5424, data that never ends stays as text',
    '<22>1 2026-11-24T11:00:00Z h a 1 - [x="y] z',
    '2026-11-24T11:00:00Z h a[1]: [x="y] z',
  ],
  [
    'RFC 5424, too few fields',
    '<22>1 2026-11-24T11:00:00Z h a',
    `${ARRIVAL} sender 1 2026-11-24T11:00:00Z h a`,
  ],
  ['RFC 5424, no stamp', '<22>1 x h a 1 - - y', `${ARRIVAL} sender 1 x h a 1 - - y`],
];

suite('the line of a message', () => {
  for (const [name, message, line] of CASES) {
    test(name, () => assert.equal(lineOf(message), line));
  }

  test('a line without a change is not copied', () => {
    const message = Buffer.from('<22>Nov 24 11:00:00 h a: b');
    const line = new LineOfMessage().read(message, 'sender');
    assert.equal(line.buffer, message.buffer);
  });

  test('the reader of files finds host and tag in what was joined', () => {
    const header = new SyslogHeader();
    for (const message of [
      '<22>Nov 24 11:00:00 sm[7]: x',
      '<22>sm[7]: x',
      '<22>1 - - sm 7 - - x',
    ]) {
      const line = Buffer.from(lineOf(message));
      assert.ok(header.read(line, 0, line.length));
      assert.notEqual(header.kind, StampKind.none);
      assert.equal(line.toString('latin1', header.hostStart, header.hostEnd), 'sender');
      assert.equal(line.toString('latin1', header.tagStart, header.tagEnd), 'sm');
      assert.equal(header.pid, 7);
      assert.equal(line.toString('latin1', header.textStart), 'x');
    }
  });

  test('any bytes give a line without LF that holds the text', () => {
    const random = randomSource(31);
    const reader = new LineOfMessage(() => NOW);
    const messages = CASES.map(([, message]) => message) as [string, ...string[]];
    for (let i = 0; i < 5000; i += 1) {
      const message = Buffer.from(random.pick(messages), 'latin1');
      for (let changes = random.below(4); changes >= 0; changes -= 1) {
        if (message.length > 0) message[random.below(message.length)] = random.below(256);
      }
      const cut = message.subarray(random.below(3), message.length - random.below(3));
      const line = reader.read(cut, 'sender');
      assert.ok(!line.some((byte) => byte < 0x20), cut.toString('latin1'));
      const [last] = cut.toString('latin1').match(/[!-~]+(?=[\r\n\0]*$)/) ?? [];
      if (line.length > 0 && last !== undefined && !/[<>\]]/.test(last)) {
        assert.ok(Buffer.from(line).toString('latin1').includes(last), cut.toString('latin1'));
      }
    }
  });
});
