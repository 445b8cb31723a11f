import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MessageData } from '../../../src/mta/session/message-data.ts';
import { randomSource } from '../../support/random.ts';

interface Read {
  readonly text: string;
  readonly rest: string | undefined;
  readonly fault: string | null;
  readonly place: string;
  readonly counted: number;
}

/** What is made of these bytes when they come in pieces of this size. */
function read(input: string, pieces: number): Read {
  const out: Buffer[] = [];
  const data = new MessageData((bytes) => out.push(Buffer.from(bytes)));
  const bytes = Buffer.from(input, 'latin1');
  let rest: string | undefined;
  for (let at = 0; at < bytes.length && rest === undefined; at += pieces) {
    const left = data.take(bytes.subarray(at, at + pieces));
    if (left !== undefined) {
      rest = left.toString('latin1') + bytes.subarray(at + pieces).toString('latin1');
    }
  }
  const { fault, faultPlace: place, counted } = data;
  return { text: Buffer.concat(out).toString('latin1'), rest, fault, place, counted };
}

const LF_FAULT = 'Bare linefeed (LF) not allowed';
const CR_FAULT = 'Bare carriage return (CR) not allowed';

suite('the data of a message', () => {
  test('ends at a line with one dot, and what follows is not its', () => {
    for (const pieces of [1, 2, 3, 7, 1000]) {
      const { text, rest, fault, counted } = read('a: b\r\n\r\nc\r\n.\r\nQUIT\r\n', pieces);
      assert.equal(text, 'a: b\n\nc\n');
      assert.equal(rest, 'QUIT\r\n');
      assert.equal(fault, null);
      assert.equal(counted, 8);
    }
  });

  test('loses the dot that was put before a line', () => {
    assert.equal(read('..\r\n...x\r\n.y\r\n.\r\n', 2).text, '.\n..x\ny\n');
  });

  test('is unacceptable with a line end that is half of one, and goes on to its real end', () => {
    const cases = [
      ['a\n.\r\nb\r\n.\r\n', LF_FAULT, 1],
      ['a\r\n.\nb\r\n.\r\n', LF_FAULT, 3],
      ['a\r.\r\nb\r\n.\r\n', CR_FAULT, 1],
      ['a\r\n.\rb\r\n.\r\n', CR_FAULT, 3],
      ['a\r\r\n.\r\n', CR_FAULT, 1],
      ['a\n\n.\n\r\n.\r\n', LF_FAULT, 1],
    ] as const;
    for (const [input, expected, size] of cases) {
      for (const pieces of [1, 2, 5, 1000]) {
        const { fault, rest, counted } = read(`${input}NEXT`, pieces);
        assert.deepEqual([fault, rest], [expected, 'NEXT'], JSON.stringify([input, pieces]));
        assert.equal(counted, size, JSON.stringify(input));
      }
    }
  });

  test('tells where the fault is', () => {
    assert.equal(read('a: b\n\r\n\r\nc\r\n.\r\n', 4).place, 'header');
    assert.equal(read('a: b\r\n\r\nc\nd\r\n.\r\n', 4).place, 'body');
    assert.equal(read('a: b\n\r\n\r\nc\rd\r\n.\r\n', 4).place, 'header+body');
  });

  test('takes a line of any length as it comes', () => {
    const long = 'x'.repeat(100_000);
    const { text, fault, rest } = read(`.${long}\r\n.\r\n`, 777);
    assert.equal(text, `${long}\n`);
    assert.deepEqual([fault, rest], [null, '']);
  });

  test('is the same however it is cut', () => {
    const random = randomSource(5);
    for (let round = 0; round < 400; round += 1) {
      const parts = ['\r\n', '.', '\n', '\r', 'ab', '\0', ': ', '\r\n.\r\n'];
      const input = Array.from({ length: 12 }, () => parts[random.below(parts.length)]).join('');
      const whole = read(`${input}\r\n.\r\n`, 10_000);
      for (const pieces of [1, 2, 3, 5]) {
        assert.deepEqual(read(`${input}\r\n.\r\n`, pieces), whole, JSON.stringify(input));
      }
    }
  });
});
