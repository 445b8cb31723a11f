import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compactTime, mailDate, messageIdOf, spelledInterval } from '../../src/mta/dates.ts';

const AT = Date.UTC(2026, 10, 24, 14, 26, 45, 999);

test('dates as sendmail printed them in four zones', () => {
  assert.equal(mailDate(AT, 'UTC'), 'Tue, 24 Nov 2026 14:26:45 GMT');
  assert.equal(mailDate(AT, 'Europe/London'), 'Tue, 24 Nov 2026 14:26:45 GMT');
  assert.equal(mailDate(AT, 'Asia/Kolkata'), 'Tue, 24 Nov 2026 19:56:45 +0530');
  assert.equal(mailDate(AT, 'America/New_York'), 'Tue, 24 Nov 2026 09:26:45 -0500');
  assert.equal(mailDate(AT, 'Europe/Berlin'), 'Tue, 24 Nov 2026 15:26:45 +0100');
});

test('the day is not padded', () => {
  assert.equal(
    mailDate(Date.UTC(2001, 6, 4, 7, 45, 58), 'Asia/Shanghai'),
    'Wed, 4 Jul 2001 15:45:58 +0800',
  );
});

test('a Message-Id tells the minute in UTC', () => {
  assert.equal(compactTime(AT), '202611241426');
  assert.equal(messageIdOf(AT, '6AOEQjTZ012001', 'mx1'), '<202611241426.6AOEQjTZ012001@mx1>');
});

test('intervals in words', () => {
  assert.equal(spelledInterval(4 * 3_600), '4 hours');
  assert.equal(spelledInterval(5 * 86_400), '5 days');
  assert.equal(spelledInterval(1), '1 second');
  assert.equal(spelledInterval(90_061), '1 day, 1 hour, 1 minute, 1 second');
  assert.equal(spelledInterval(0), 'zero seconds');
});
