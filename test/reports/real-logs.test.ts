import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { makeReport } from '../../reports/daily.ts';
import { loadLog } from '../support/load-log.ts';

/** Logs of a real sendmail, and what was seen at its clients and in its queue directory meanwhile. */
const LOGS = 'test/fixtures/sendmail';

interface Observed {
  readonly summary: {
    readonly messages_accepted: number;
    readonly bytes_lf_accepted: number;
    readonly left_in_queue: number;
  };
}

const names = readdirSync(LOGS)
  .filter((file) => file.endsWith('.expect.json'))
  .map((file) => file.replace('.expect.json', ''));

for (const name of names) {
  test(`${name}: what was accepted and what is left in the queue`, async () => {
    const { summary }: Observed = JSON.parse(readFileSync(`${LOGS}/${name}.expect.json`, 'utf8'));
    const { store } = await loadLog(readFileSync(`${LOGS}/${name}.maillog`));
    const { totals, ledger } = await makeReport(store, {
      report: 'reconciliation',
      start: new Date('2026-11-24T00:00:00Z'),
      end: new Date('2026-11-25T00:00:00Z'),
      zone: 'UTC',
      top: 10,
    });
    await store.close();
    assert.deepEqual(
      {
        messages_accepted: totals.messages,
        bytes_lf_accepted: totals.bytes_received,
        left_in_queue: totals.carried_out,
      },
      {
        messages_accepted: summary.messages_accepted,
        bytes_lf_accepted: summary.bytes_lf_accepted,
        left_in_queue: summary.left_in_queue,
      },
    );
    assert.equal(totals.carried_in, 0);
    const { read, ...others } = ledger;
    assert.equal(
      read,
      Object.values(others).reduce((sum, lines) => sum + lines, 0),
    );
  });
}
