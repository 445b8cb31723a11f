/** Mutated sessions against the whole MTA; `MAILLOG_FUZZ_SESSIONS` says how many (see mta-fuzz.crash.ts). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzSessions } from '../support/mta-fuzz.ts';

const SESSIONS = Number(process.env.MAILLOG_FUZZ_SESSIONS ?? 1000);

test('mutated sessions all end, and every line they leave in the log is understood', async (t) => {
  const { lines, sentOut, heap } = await fuzzSessions(SESSIONS, 1124);
  assert.ok(lines > SESSIONS);
  assert.ok(sentOut > 0);
  t.diagnostic(`${lines} lines, ${sentOut} messages sent out, ${heap >> 20} MiB`);
});
