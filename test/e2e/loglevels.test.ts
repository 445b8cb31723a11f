/**
 * The same sessions logged at LogLevels 9 to 20: the more is printed of them, the more lines say the same
 * thing again; mail, outcomes and refusals must count the same at each.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { loadLog } from '../support/load-log.ts';

const LEVELS = [9, 10, 12, 14, 15, 20];

const TOTALS: Readonly<Record<string, string>> = {
  messages: 'SELECT count(*) AS n, sum(nrcpts) AS nrcpts FROM messages',
  hops: 'SELECT count(*) AS n FROM messages WHERE from_own_queue',
  deliveries: `SELECT mailer, status, count(*) AS n, sum(transactions) AS transactions
    FROM deliveries GROUP BY ALL ORDER BY ALL`,
  rejections: `SELECT stage, action, rule, code, dsn, client_ip, sender, recipient, reason, count(*) AS n
    FROM rejections GROUP BY ALL ORDER BY ALL`,
  auth_events: 'SELECT outcome, count(*) AS n FROM auth_events GROUP BY ALL ORDER BY ALL',
  tls_sessions: 'SELECT side, count(*) AS n FROM tls_sessions GROUP BY ALL ORDER BY ALL',
  // The children of messages have ids of their own at each run: how many there are is the same.
  queue_events: `SELECT what, count(*) AS n FROM queue_events WHERE what <> 'removed'
    GROUP BY ALL ORDER BY ALL`,
  // `connect` is printed from 12 on, a connection lost before MAIL only at 20.
  connections: `SELECT what, client_ip, count(*) AS n FROM connections
    WHERE what <> 'connect' AND detail NOT SIMILAR TO 'after (startup|ehlo) .*' GROUP BY ALL ORDER BY ALL`,
};

async function totalsAt(level: number): Promise<Record<string, unknown>> {
  const name = `test/fixtures/loglevels/level-${level}.maillog.gz`;
  const log = await loadLog(gunzipSync(readFileSync(name)));
  const totals: Record<string, unknown> = {
    unparsed: await log.rows('SELECT line FROM unparsed_lines'),
  };
  for (const [what, sql] of Object.entries(TOTALS)) totals[what] = await log.rows(sql);
  await log.store.close();
  return totals;
}

test('the totals of one mix of sessions are equal at every LogLevel', async () => {
  const expected = await totalsAt(9);
  assert.deepEqual(expected.unparsed, []);
  assert.equal((expected.rejections as unknown[]).length, 9);
  for (const level of LEVELS.slice(1)) {
    assert.deepEqual(await totalsAt(level), expected, `LogLevel ${level}`);
  }
});
