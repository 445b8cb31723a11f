/** Lines from before what the store keeps leave no rows; one without a stamp goes with the line before it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BlockParser } from '../../../ingest/pipeline/block-parser.ts';
import { PastLines } from '../../../ingest/pipeline/past-lines.ts';
import { SendmailDialect } from '../../../ingest/sendmail/sendmail-dialect.ts';
import { TEST_CLOCK } from '../../support/load-log.ts';

const MARK = Date.UTC(2026, 10, 24) / 1000;

const event = (stamp: string): string =>
  `${stamp} mx1 sm-mta[1]: 6AO600aa100100: to=<a@b>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=1, dsn=2.0.0, stat=Sent`;

test('marked, dropped and counted across blocks', () => {
  const parser = new BlockParser({ dialects: [(b) => new SendmailDialect(b)] }, TEST_CLOCK);
  const past = new PastLines();
  const drop = (lines: readonly string[]): { found: number; deliveries: number; seen: number } => {
    parser.parse(Buffer.from(`${lines.join('\n')}\n`), 0);
    const found = past.drop(parser.block, MARK);
    const batch = parser.block.toBatch(1, 100);
    const rowsOf = (table: string): number =>
      batch.tables.find((rows) => rows.table === table)?.rows ?? 0;
    assert.equal(rowsOf('unparsed_lines'), parser.block.unparsed.length > 0 && found === 0 ? 1 : 0);
    return { found, deliveries: rowsOf('deliveries'), seen: rowsOf('lines_seen') };
  };
  assert.deepEqual(drop(['no stamp, and nothing before']), { found: 0, deliveries: 0, seen: 1 });
  const across = [event('2026-11-23T23:59:59Z'), 'no stamp', event('2026-11-24T00:00:00Z')];
  assert.deepEqual(drop(across), { found: 2, deliveries: 1, seen: 1 });
  assert.deepEqual(drop([event('2026-11-23T23:59:59Z')]), { found: 1, deliveries: 0, seen: 0 });
  assert.deepEqual(drop(['no stamp']), { found: 1, deliveries: 0, seen: 0 });
  assert.deepEqual(drop([event('2026-11-24T00:00:00Z')]), { found: 0, deliveries: 1, seen: 1 });
});
