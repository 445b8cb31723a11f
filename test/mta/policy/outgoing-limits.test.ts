/** Limits of what users and hosts send: windows that slide, bounds, and the file they are kept in. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { NO_LIMITS, OutgoingLimits } from '../../../src/mta/policy/outgoing-limits.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-limits-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const ALICE = { kind: 'user', name: 'alice' } as const;
const HOST = { kind: 'host', name: '203.0.113.20' } as const;
const MINUTE = 60_000;

function limitsOf(now: () => number, mostSenders?: number): OutgoingLimits {
  const users = {
    messagesPerHour: 3,
    messagesPerDay: 5,
    recipientsPerHour: 10,
    recipientsPerDay: 0,
  };
  const options = { users, hosts: NO_LIMITS, isPermanent: false, now };
  return new OutgoingLimits(mostSenders === undefined ? options : { ...options, mostSenders });
}

test('hours and days slide', () => {
  let now = 1_800_000_000_000;
  const limits = limitsOf(() => now);
  for (let i = 0; i < 3; i++) {
    assert.equal(limits.checkMail(ALICE, '<a@b>').kind, 'accept');
    limits.sent(ALICE, 1);
    now += 10 * MINUTE;
  }
  assert.deepEqual(limits.checkMail(ALICE, '<a@b>'), {
    kind: 'refuse',
    reply: { code: 452, status: '4.7.1', text: '<a@b>... Too many messages from alice in an hour' },
    event: {
      ruleset: 'check_mail',
      arg1: '<a@b>',
      result: {
        kind: 'reject',
        reply: {
          code: 452,
          status: '4.7.1',
          text: '<a@b>... Too many messages from alice in an hour',
        },
      },
    },
  });
  now += 31 * MINUTE;
  assert.equal(limits.checkMail(ALICE, '<a@b>').kind, 'accept');
  limits.sent(ALICE, 1);
  now += 60 * MINUTE;
  limits.sent(ALICE, 1);
  const day = limits.checkMail(ALICE, '<a@b>');
  assert.ok(day.kind === 'refuse' && day.reply.text.endsWith('in a day'));
  now += 24 * 60 * MINUTE;
  assert.equal(limits.checkMail(ALICE, '<a@b>').kind, 'accept');
});

test('recipients; hosts without limits; other users', () => {
  const limits = limitsOf(() => 1_800_000_000_000);
  limits.sent(ALICE, 8);
  assert.equal(limits.checkRcpt(ALICE, '<x@y>', 1).kind, 'accept');
  const refused = limits.checkRcpt(ALICE, '<x@y>', 2);
  assert.ok(refused.kind === 'refuse' && refused.event.ruleset === 'check_rcpt');
  for (let i = 0; i < 100; i++) limits.sent(HOST, 100);
  assert.equal(limits.checkMail(HOST, '<a@b>').kind, 'accept');
  assert.equal(limits.checkRcpt({ kind: 'user', name: 'bob' }, '<x@y>', 2).kind, 'accept');
});

test('bounded, kept in a file, damage is as nothing', async () => {
  const limits = limitsOf(() => 1_800_000_000_000, 10);
  for (let i = 0; i < 50; i++) limits.sent({ kind: 'host', name: `h${i}` }, 1);
  for (let i = 0; i < 3; i++) limits.sent(ALICE, 1);
  assert.equal(limits.size, 10);
  const path = join(folder, 'limits');
  await limits.save(path);
  const again = limitsOf(() => 1_800_000_000_000);
  assert.equal(await again.load(path), true);
  assert.equal(again.checkMail(ALICE, '<a@b>').kind, 'refuse');
  for (const text of [
    '',
    '{',
    '{}',
    '[1]',
    '[["a",{}]]',
    '[["a",null]]',
    '[["a",{"messagesHour":[[1]]}]]',
  ]) {
    writeFileSync(path, text);
    assert.equal(await limitsOf(() => 0).load(path), false, text);
  }
  assert.equal(await again.load(join(folder, 'none')), false);
  await assert.rejects(limits.save(join(folder, 'no/such')));
  assert.deepEqual(readdirSync(folder), ['limits']);
});
