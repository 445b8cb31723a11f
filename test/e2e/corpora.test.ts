/**
 * Every recorded scenario, read into a store and held against what truly happened: accepted messages,
 * refusals, outcomes at remote hosts and mailboxes, what is left in the queue, the ledger and the clock.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { loadLog } from '../support/load-log.ts';
import { differences } from './log-check.ts';
import { readLog, readTruth } from './truth.ts';

const SCENARIOS = readdirSync('test/fixtures/sendmail')
  .filter((name) => name.endsWith('.expect.json'))
  .map((name) => name.slice(0, -'.expect.json'.length));

/** Neither year nor zone of this clock is right: both must come from the queue ids. */
const WRONG_CLOCK = { defaultZone: () => 5 * 3600 + 1800, latest: Date.UTC(2031, 3, 1) / 1000 };

/** What sendmail 8.17 does not log at LogLevel 9, so that no reader can know it. */
const NOT_LOGGED: Readonly<Record<string, readonly string[]>> = {
  auth: Array.from(
    { length: 7 },
    () => 'MAIL refused, not read: 530 5.7.0 Authentication required',
  ),
  too_big: [
    'MAIL refused, not read: 552 5.2.3 Message size exceeds fixed maximum message size (20000)',
  ],
};

const FORMS = ['iso', 'pri', 'rfc5424'];
const TABLES = [
  'messages',
  'deliveries',
  'rejections',
  'connections',
  'queue_events',
  'daemon_events',
];

test('the scenarios are there', () => {
  assert.equal(SCENARIOS.length, 16);
});

for (const scenario of SCENARIOS) {
  test(`${scenario}: the log is read as what happened`, async () => {
    const bytes = readLog(scenario);
    const log = await loadLog(bytes, WRONG_CLOCK);
    assert.deepEqual(await differences(log, readTruth(scenario)), NOT_LOGGED[scenario] ?? []);
    assert.deepEqual(log.result.warnings, []);
    await log.store.close();
  });

  test(`${scenario}: every line is understood and the ledger adds up`, async () => {
    const bytes = readLog(scenario);
    const log = await loadLog(bytes);
    const lines = bytes.toString('latin1').split('\n').length - 1;
    assert.deepEqual(await log.rows('SELECT line, why FROM unparsed_lines'), []);
    assert.deepEqual(
      await log.rows(
        'SELECT * EXCLUDE (source, byte_offset, first_read_at, last_read_at) FROM ledger',
      ),
      [
        {
          bytes: bytes.length,
          lines_read: lines,
          lines_parsed: lines,
          lines_foreign: 0,
          lines_unsupported: 0,
          lines_malformed: 0,
          lines_duplicate: 0,
        },
      ],
    );
    await log.store.close();
  });
}

for (const form of FORMS) {
  test(`the ${form} form of a log makes the same rows as the traditional one`, async () => {
    const traditional = await loadLog(readLog('syslog_formats'));
    const other = await loadLog(readLog('syslog_formats', form));
    for (const table of TABLES) {
      const sql = `SELECT * REPLACE (date_trunc('second', logged_at) AS logged_at) FROM ${table} ORDER BY ALL`;
      assert.deepEqual(await other.rows(sql), await traditional.rows(sql), table);
    }
    await traditional.store.close();
    await other.store.close();
  });
}
