import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { StreamFramer, type TakeFrame } from '../../../ingest/listen/framing.ts';
import { randomSource } from '../../support/random.ts';

const MAX_LINE = 8192;

/** What comes out of the pieces, as `kind length text`, the text shortened. */
function frames(pieces: readonly (string | Buffer)[], maxLine = MAX_LINE): string[] {
  const framer = new StreamFramer(maxLine);
  const found: string[] = [];
  const take: TakeFrame = (kind, bytes, length) => {
    const text = Buffer.from(bytes).toString('latin1');
    found.push(`${kind} ${length} ${text.length > 80 ? `[${text.length}]` : text}`);
    return true;
  };
  for (const piece of pieces) {
    const chunk = Buffer.from(piece as string, 'latin1');
    assert.equal(framer.push(chunk, 0, take), chunk.length);
  }
  framer.end(take);
  return found;
}

const bytewise = (text: string): string[] => Array.from(text);

const CASES: readonly (readonly [string, string, readonly string[]])[] = [
  ['lines', '<22>a\n<22>b\n', ['line 5 <22>a', 'line 5 <22>b']],
  ['lines with CR', '<22>a\r\n<22>b\r\n', ['line 6 <22>a', 'line 6 <22>b']],
  ['a CR inside stays', 'a\rb\n', ['line 3 a\rb']],
  ['lines that end in NUL', '<22>a\0<22>b\0\n', ['line 5 <22>a', 'line 5 <22>b']],
  ['empty lines', '\n\n\r\n\0<22>a\n\n', ['line 5 <22>a']],
  ['counted', '5 <22>a7 <22>b\nc', ['line 5 <22>a', 'line 7 <22>b\nc']],
  ['counted, then LF all the same', '5 <22>a\n5 <22>b\n', ['line 5 <22>a', 'line 5 <22>b']],
  ['both in turn', '5 <22>a<22>b\n5 <22>c', ['line 5 <22>a', 'line 5 <22>b', 'line 5 <22>c']],
  ['a date is no count', '2026-11-24T11:00:00Z h a: b\n', ['line 27 2026-11-24T11:00:00Z h a: b']],
  ['digits alone', '123\n456 \n7 x\n', ['line 3 123', 'line 4 456 ', 'line 3 7 x']],
  ['a count has no leading zero', '05 <22>a\n', ['line 8 05 <22>a']],
  ['ten digits are no count', '1234567890 <22>a\n', ['line 16 1234567890 <22>a']],
  ['two blanks are no count', '5  <22>a\n', ['line 8 5  <22>a']],
  ['a line cut off', '<22>a\n<22>b', ['line 5 <22>a', 'cut 5 <22>b']],
  ['a counted one cut off', '9 <22>a', ['cut 5 <22>a']],
  ['a count cut off', '<22>a\n12', ['line 5 <22>a', 'cut 2 12']],
  ['NUL inside a counted one', '6 <22>\0a', ['line 6 <22>\0a']],
];

suite('framing', () => {
  for (const [name, text, expected] of CASES) {
    test(name, () => {
      assert.deepEqual(frames([text]), expected);
      assert.deepEqual(frames(bytewise(text)), expected);
      for (let at = 1; at < text.length; at += 1) {
        assert.deepEqual(frames([text.slice(0, at), text.slice(at)]), expected);
      }
    });
  }

  test('a line as long as the limit is whole, one longer is not', () => {
    for (const end of ['\n', '\r\n', '\0']) {
      const extra = end.length - 1;
      for (const cut of [1, 100, MAX_LINE, MAX_LINE + 1]) {
        const whole = 'x'.repeat(MAX_LINE) + end;
        const long = `x${whole}`;
        const pieces = (text: string) => [text.slice(0, cut), text.slice(cut)];
        assert.deepEqual(frames(pieces(whole)), [`line ${MAX_LINE + extra} [${MAX_LINE}]`]);
        assert.deepEqual(frames(pieces(long)), [`overlong ${MAX_LINE + 1 + extra} [4096]`]);
      }
    }
  });

  test('a line of 10 MB costs the limit, and the next is read', () => {
    const piece = Buffer.alloc(64 * 1024, 'x');
    const pieces = Array.from({ length: 160 }, () => piece);
    assert.deepEqual(frames([...pieces, '\n<22>a\n']), [
      `overlong ${160 * 64 * 1024} [4096]`,
      'line 5 <22>a',
    ]);
  });

  test('a count beyond all is a cut message in the end', () => {
    const piece = Buffer.alloc(64 * 1024, '<');
    assert.deepEqual(frames(['999999999 ', piece, piece]), ['cut 131072 [4096]']);
  });

  test('a counted message beyond the limit is overlong', () => {
    const text = `10000 <${'x'.repeat(9999)}5 <22>a`;
    assert.deepEqual(frames([text]), ['overlong 10000 [4096]', 'line 5 <22>a']);
    assert.deepEqual(frames([text.slice(0, 20), text.slice(20)]), frames([text]));
  });

  test('it stops where the taker wants no more, and goes on from there', () => {
    const framer = new StreamFramer(MAX_LINE);
    const chunk = Buffer.from('<22>a\n5 <22>b<22>c\n');
    const found: string[] = [];
    const take: TakeFrame = (_kind, bytes) => {
      found.push(Buffer.from(bytes).toString());
      return false;
    };
    const stops = [0];
    while ((stops.at(-1) ?? 0) < chunk.length)
      stops.push(framer.push(chunk, stops.at(-1) ?? 0, take));
    assert.deepEqual(found, ['<22>a', '<22>b', '<22>c']);
    assert.deepEqual(stops, [0, 6, 13, 19]);
  });

  test('an open frame has a number', () => {
    const framer = new StreamFramer(MAX_LINE);
    const take: TakeFrame = () => true;
    assert.equal(framer.openFrame, 0);
    framer.push(Buffer.from('<22>a'), 0, take);
    assert.equal(framer.openFrame, 1);
    framer.push(Buffer.from('\n'), 0, take);
    assert.equal(framer.openFrame, 0);
    framer.push(Buffer.from('12'), 0, take);
    assert.equal(framer.openFrame, 2);
  });

  test('pieces make no difference, whatever comes', () => {
    const random = randomSource(21);
    const parts: readonly [string, ...string[]] = [
      '<22>Nov 24 11:00:00 h s[1]: x',
      '\n',
      '\r\n',
      '\0',
      '12 <22>abcdefgh',
      '5 <22>a',
      '999 <',
      '1 <',
      '0',
      '2026-11-24T11:00:00Z ',
      ' ',
      '<',
      'x'.repeat(90),
      '123456789',
    ];
    for (let i = 0; i < 5000; i += 1) {
      const text = Array.from({ length: 1 + random.below(12) }, () => random.pick(parts)).join('');
      const pieces: string[] = [];
      for (let at = 0; at < text.length; ) {
        const size = 1 + random.below(20);
        pieces.push(text.slice(at, at + size));
        at += size;
      }
      assert.deepEqual(frames(pieces, 64), frames([text], 64), JSON.stringify(text));
    }
  });
});
