/** What is said of a live source once: stamps that contradict queue ids, lines too old to be kept. */
import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { Follower } from '../../../ingest/follow/follower.ts';
import { type LiveEvent, LiveIngester } from '../../../ingest/live/live-ingester.ts';
import { BlockParser } from '../../../ingest/pipeline/block-parser.ts';
import { SendmailDialect } from '../../../ingest/sendmail/sendmail-dialect.ts';
import { DuckDbStore } from '../../../src/store/duckdb/duckdb-store.ts';
import { queueIdAt, stampAt } from '../../e2e/sample-log.ts';
import { makeSite } from '../../support/daemon.ts';
import { TEST_CLOCK } from '../../support/load-log.ts';

const AT = Date.UTC(2026, 4, 1) / 1000;

function line(sequence: number, stamp: number): string {
  const id = queueIdAt(AT, sequence, 7);
  return `${stampAt(stamp)} mx sendmail[7]: ${id}: from=<a@example.org>, size=1, class=0, nrcpts=1, msgid=<${sequence}@x>, proto=ESMTP, daemon=MTA, relay=h [192.0.2.1]\n`;
}

test('a clock that contradicts the ids: one event and one row a source, also after a new start', async () => {
  const site = makeSite('live-warnings');
  const store = await DuckDbStore.open({ path: site.db });
  await store.migrate();
  const log = `${site.folder}/mail.log`;
  const run = async (): Promise<readonly LiveEvent[]> => {
    const warnings: LiveEvent[] = [];
    const ingester = new LiveIngester({
      sink: store,
      makeParser: () => new BlockParser({ dialects: [(b) => new SendmailDialect(b)] }, TEST_CLOCK),
      clockOf: () => TEST_CLOCK,
      keepUnparsed: 10,
      onEvent: (event) => {
        if (event.kind === 'warning') warnings.push(event);
      },
    });
    const follower = new Follower({ patterns: [log], lookEvery: 0 });
    ingester.add(follower);
    for (let round = 0; round < 4; round += 1) await ingester.round();
    appendFileSync(log, line(50, AT + 90 * 86_400));
    for (let round = 0; round < 4; round += 1) await ingester.round();
    await follower.close();
    return warnings;
  };
  const noted = async (): Promise<number> => {
    const { rows } = await store.query(
      "SELECT count(*) AS n FROM daemon_events WHERE what = 'clock mismatch'",
    );
    return Number(rows[0]?.n);
  };
  try {
    writeFileSync(log, line(1, AT) + line(2, AT + 90 * 86_400));
    const text =
      '1 lines bear stamps up to 90 days after what their queue ids say: the log was edited, or a clock was wrong';
    assert.deepEqual(await run(), [{ kind: 'warning', source: log, text }]);
    assert.equal(await noted(), 1);
    // What stands before the place it goes on from was told of then; a new line is told of.
    assert.equal((await run()).length, 1);
    assert.equal(await noted(), 2);
  } finally {
    await store.close();
    site.remove();
  }
});
