/** Mutated sessions against the whole MTA (test/support/mta-fuzz.ts); MAILLOG_FUZZ_SESSIONS=100000 for a long run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crashSeeds } from '../support/crash.ts';
import { fuzzSessions } from '../support/mta-fuzz.ts';

const SESSIONS = Number(process.env.MAILLOG_FUZZ_SESSIONS ?? 15_000);

for (const seed of crashSeeds([301])) {
  test(`${SESSIONS} mutated sessions, seed ${seed}`, async (t) => {
    const { lines, sentOut, heap } = await fuzzSessions(SESSIONS, seed);
    assert.ok(lines > SESSIONS);
    t.diagnostic(`${lines} lines, ${sentOut} messages sent out, ${heap >> 20} MiB`);
  });
}
