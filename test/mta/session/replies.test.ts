import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortened } from '../../../src/mta/route/smtp-path.ts';
import { reply, replyText } from '../../../src/mta/session/replies.ts';

test('a reply of several lines', () => {
  assert.equal(replyText(reply(250, '2.1.5', 'a\nb')), '250-2.1.5 a\r\n250 2.1.5 b\r\n');
  assert.equal(replyText(reply(250, '2.1.5', 'a'), true), '250 a\r\n');
});

test('no text begins a line of its own', () => {
  assert.equal(replyText(reply(550, '', 'a\r\x07b')), '550 a\\015\\007b\r\n');
});

test('long texts lose their middle', () => {
  const short = shortened('a'.repeat(300));
  assert.equal(short.length, 203);
  assert.match(short, /^a+\.\.\.a+$/);
});
