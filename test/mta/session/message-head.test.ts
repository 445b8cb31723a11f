import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { headEnd, readHead } from '../../../src/mta/session/message-head.ts';

const end = (text: string, isWhole = true) => headEnd(Buffer.from(text, 'latin1'), isWhole);
const head = (text: string) => readHead(Buffer.from(text, 'latin1'), true);

suite('the header of a message', () => {
  test('ends at the empty line', () => {
    assert.equal(end('A: b\nC: d\n\nbody\n'), 10);
    assert.equal(end('\nbody\n'), 0);
  });

  test('ends before a line that is no field, as somebody types it', () => {
    assert.equal(end('test.\n'), 0);
    assert.equal(end('A: b\nhello\n'), 5);
    assert.equal(end(' folded\n'), 0);
  });

  test('may not have ended yet', () => {
    assert.equal(end('A: b\n', false), -1);
    assert.equal(end('A: b\n'), 5);
  });

  test('has fields, folded ones too', () => {
    const { fields, messageId } = head('Subject: one\n\ttwo\nMessage-ID:  <a@b> \n');
    assert.deepEqual(fields, [
      { name: 'subject', value: 'one\n\ttwo' },
      { name: 'message-id', value: '<a@b>' },
    ]);
    assert.equal(messageId, '<a@b>');
  });

  test('an empty message-id is none', () => {
    assert.equal(head('Message-Id: \n').messageId, null);
  });

  test('says how far the message has come and how it is meant', () => {
    const { hops, class: precedence } = head('Received: a\nReceived: b\nPrecedence: Bulk\n');
    assert.deepEqual([hops, precedence], [2, -60]);
    assert.equal(head('Precedence: nonsense\n').class, 0);
  });
});
