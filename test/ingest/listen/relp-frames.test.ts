import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { RelpFramer, type TakeRelpFrame } from '../../../ingest/listen/relp-frames.ts';
import { randomSource } from '../../support/random.ts';

const MAX_DATA = 8192;

/** What comes out of the pieces, as `txnr command length data`; `broken` at the end if it is. */
function frames(pieces: readonly (string | Buffer)[], maxData = MAX_DATA): string[] {
  const framer = new RelpFramer(maxData);
  const found: string[] = [];
  const take: TakeRelpFrame = ({ txnr, command, data, length }) => {
    const text = Buffer.from(data).toString('latin1');
    found.push(`${txnr} ${command} ${length} ${text.length > 80 ? `[${text.length}]` : text}`);
    return true;
  };
  for (const piece of pieces) framer.push(Buffer.from(piece as string, 'latin1'), 0, take);
  if (framer.isBroken) found.push('broken');
  else if (framer.openFrame > 0) found.push('open');
  return found;
}

const CASES: readonly (readonly [string, string, readonly string[]])[] = [
  ['frames', '1 open 3 a\nb\n2 syslog 2 xy\n', ['1 open 3 a\nb', '2 syslog 2 xy']],
  ['no data', '3 close 0\n', ['3 close 0 ']],
  ['no data and a blank', '3 close 0 \n4 close 0\n', ['3 close 0 ', '4 close 0 ']],
  ['the highest number', '999999999 syslog 1 x\n', ['999999999 syslog 1 x']],
  ['a frame begun', '1 syslog 5 ab', ['open']],
  ['a header begun', '1 sys', ['open']],
  ['number 0', '0 syslog 1 x\n', ['broken']],
  ['a number too long', '1000000000 syslog 1 x\n', ['broken']],
  ['no number', 'x syslog 1 x\n', ['broken']],
  ['no length', '1 syslog\n', ['broken']],
  ['no data where there should be', '1 syslog 5\n', ['broken']],
  ['data longer than said', '1 syslog 1 xy\n', ['broken']],
  ['an absurd length', '1 syslog 16777217 x', ['broken']],
  ['a command too long', `1 ${'x'.repeat(33)} 0\n`, ['broken']],
  ['a header that never ends', 'x'.repeat(100), ['broken']],
  ['HTTP', 'GET / HTTP/1.1\r\n\r\n', ['broken']],
  ['plain syslog', '<22>Nov 24 11:00:00 h a: b\n', ['broken']],
  ['nothing after what is broken', '0 a 0\n1 syslog 1 x\n', ['broken']],
];

suite('RELP frames', () => {
  for (const [name, text, expected] of CASES) {
    test(name, () => {
      assert.deepEqual(frames([text]), expected);
      assert.deepEqual(frames(Array.from(text)), expected);
    });
  }

  test('the limit and beyond', () => {
    const of = (length: number) => `1 syslog ${length} ${'x'.repeat(length)}\n2 syslog 1 y\n`;
    for (const pieces of [
      (text: string) => [text],
      (text: string) => text.match(/[\s\S]{1,1000}/g) ?? [],
    ]) {
      assert.deepEqual(frames(pieces(of(8192))), ['1 syslog 8192 [8192]', '2 syslog 1 y']);
      assert.deepEqual(frames(pieces(of(8193))), ['1 syslog 8193 [4096]', '2 syslog 1 y']);
    }
  });

  test('it stops where the taker wants no more', () => {
    const framer = new RelpFramer(MAX_DATA);
    const chunk = Buffer.from('1 syslog 1 x\n2 syslog 1 y\n');
    assert.equal(
      framer.push(chunk, 0, () => false),
      13,
    );
    assert.equal(
      framer.push(chunk, 13, () => false),
      26,
    );
  });

  test('pieces make no difference, whatever comes', () => {
    const random = randomSource(41);
    const parts: readonly [string, ...string[]] = [
      '1 syslog 5 abcde\n',
      '2 close 0\n',
      '3 open 0 \n',
      `4 syslog 100 ${'x'.repeat(100)}\n`,
      '5 rsp 6 200 OK\n',
    ];
    for (let i = 0; i < 5000; i += 1) {
      const whole = Array.from({ length: 1 + random.below(6) }, () => random.pick(parts)).join('');
      const text = Buffer.from(whole, 'latin1');
      if (random.chance(0.7)) text[random.below(text.length)] = random.below(256);
      const pieces: Buffer[] = [];
      for (let at = 0; at < text.length; ) {
        const size = 1 + random.below(20);
        pieces.push(text.subarray(at, at + size));
        at += size;
      }
      assert.deepEqual(
        frames(pieces, 64),
        frames([text], 64),
        JSON.stringify(text.toString('latin1')),
      );
    }
  });
});
