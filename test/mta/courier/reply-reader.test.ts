import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  enhancedCode,
  type RemoteReply,
  ReplyReader,
  replyText,
} from '../../../src/mta/courier/reply-reader.ts';
import { randomSource } from '../../support/random.ts';

function readAll(text: string, cuts: readonly number[] = []): readonly RemoteReply[] {
  const reader = new ReplyReader();
  const bytes = Buffer.from(text, 'latin1');
  const edges = [0, ...cuts, bytes.length];
  return edges.slice(1).flatMap((end, at) => reader.read(bytes.subarray(edges[at], end)));
}

test('a reply has a code, its first line and all texts', () => {
  assert.deepEqual(readAll('250-mx hello\r\n250-SIZE 10\r\n250 HELP\r\n220\n'), [
    { code: 250, first: '250-mx hello', lines: ['mx hello', 'SIZE 10', 'HELP'] },
    { code: 220, first: '220', lines: [''] },
  ]);
});

test('what is no reply is passed over, a NUL ends a line, and the rest of a long one is dropped', () => {
  const text = `hello\r\n050 remark\r\n2x0 no\r\n250 a\0b\r\n550 ${'x'.repeat(5000)}\r\n`;
  const [first, second, ...others] = readAll(text);
  assert.equal(first?.first, '250 a');
  assert.equal(second?.first.length, 2048);
  assert.deepEqual(others, []);
});

test('a flood is told', () => {
  const reader = new ReplyReader();
  for (let at = 0; at < 300; at++) reader.read(Buffer.alloc(1024, 'x'));
  assert.ok(reader.isFlooded);
  assert.deepEqual(reader.read(Buffer.from('250 ok\r\n')), []);
});

test('the status is told from the text where it is one', () => {
  assert.equal(enhancedCode('5.1.1 <a@b> no'), '5.1.1');
  assert.equal(enhancedCode('5.1.1'), '5.1.1');
  assert.equal(enhancedCode('3.1.1 no'), '');
  assert.equal(enhancedCode('5.1.1x'), '');
  const [reply] = readAll('250 2.0.0 Ok: queued as X\r\n');
  assert.ok(reply);
  assert.equal(replyText(reply, true), 'Ok: queued as X');
  assert.equal(replyText(reply, false), '2.0.0 Ok: queued as X');
});

test('however the bytes are cut, and whatever they are, the replies are the same and bounded', () => {
  const random = randomSource(20261124);
  for (let round = 0; round < 400; round++) {
    const pieces = Array.from({ length: random.below(12) }, () =>
      random.pick([
        '250 ok\r\n',
        '250-go\r\n',
        '550 5.1.1 no\n',
        '\r\n',
        '\0',
        '4',
        '21 x\r\n',
        String.fromCharCode(random.below(256)).repeat(random.below(3000)),
      ]),
    );
    const text = pieces.join('');
    const cuts = Array.from({ length: random.below(6) }, () => random.below(text.length + 1));
    const whole = readAll(text);
    assert.deepEqual(
      readAll(
        text,
        cuts.sort((a, b) => a - b),
      ),
      whole,
    );
    for (const { code, first, lines } of whole) {
      assert.ok(code >= 100 && code <= 999 && first.length <= 2048 && lines.length <= 128);
    }
  }
});
