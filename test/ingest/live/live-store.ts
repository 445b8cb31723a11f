/** A store, and what must be in it: the lines of a log, each once. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Row } from '../../../src/store/store.ts';
import { loadLog } from '../../support/load-log.ts';

export type Ask = (sql: string) => Promise<readonly Row[]>;

/** Lines in the store that are no duplicates. */
export async function ownLines(ask: Ask): Promise<number> {
  const [row] = await ask('SELECT sum(lines_read - lines_duplicate) AS own FROM ledger');
  return Number(row?.own ?? 0);
}

/** Goes on with `step` until there are as many lines as expected, and a little longer. */
export async function until(
  expected: number,
  ask: Ask,
  step: () => Promise<unknown>,
): Promise<void> {
  let extra = 0;
  for (let steps = 0; steps < 3000 && extra < 3; steps += 1) {
    await step();
    await sleep(5);
    if ((await ownLines(ask)) >= expected) extra += 1;
  }
}

/** The store holds just what it would hold had it read these lines from one file. */
export async function assertHolds(ask: Ask, lines: readonly string[]): Promise<void> {
  const [ledger] = await ask(
    `SELECT sum(lines_read - lines_duplicate) AS own, sum(lines_read) AS read,
      sum(lines_parsed + lines_foreign + lines_unsupported + lines_malformed + lines_duplicate) AS total FROM ledger`,
  );
  assert.deepEqual([ledger?.own, ledger?.read], [lines.length, ledger?.total]);
  const clean = await loadLog(lines.map((line) => `${line}\n`).join(''));
  try {
    for (const table of ['envelopes', 'deliveries', 'rejections', 'auth_events', 'daemon_events']) {
      const sql = `SELECT count(*) AS n, sum(hash(t)::HUGEINT)::VARCHAR AS digest FROM (SELECT * EXCLUDE (source_id, line_number) FROM raw.${table}) t`;
      assert.deepEqual(await ask(sql), await clean.rows(sql), table);
    }
  } finally {
    await clean.store.close();
  }
}
