/** A spool full of messages that were cut off: many of them go into one transaction, and each is counted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SingleSource } from '../../../ingest/live/single-source.ts';
import { SpoolSource } from '../../../ingest/live/spool-source.ts';
import { SpoolWriter } from '../../../ingest/spool/spool-writer.ts';
import { sampleLines } from '../../e2e/sample-log.ts';
import { LiveSite } from '../../support/live-site.ts';

const CUT = 400;

test('messages cut off between lines do not cost a transaction each', async (t) => {
  const site = new LiveSite();
  t.after(() => site.remove());
  const lines = sampleLines({ lines: CUT, seed: 5 });
  const folder = site.path('spool');
  const spool = await SpoolWriter.open({ folder, start: 0, limitBytes: 1 << 30, keepBytes: 0 });
  for (const line of lines) {
    const bytes = Buffer.from(line);
    spool.put({ kind: 'line', bytes, length: bytes.length }, 0);
    spool.put({ kind: 'cut', bytes: bytes.subarray(0, 30), length: 30 }, 0);
  }
  await spool.close();
  const taken: number[] = [];
  const source = new SpoolSource({
    name: 'tcp://test',
    key: 'test',
    folder,
    urgent: false,
    onTaken: (position) => taken.push(position),
    onGap: () => assert.fail('a gap'),
  });
  source.written(spool.end);
  await site.startWith(new SingleSource(source));
  await site.settle();
  const [ledger] = await site.rows(
    'SELECT lines_read AS read, lines_malformed AS malformed, byte_offset AS place FROM ledger',
  );
  assert.equal(ledger?.read, 2 * CUT);
  assert.ok(Number(ledger?.malformed) >= CUT);
  assert.equal(ledger?.place, spool.end);
  assert.equal(taken.at(-1), spool.end);
  assert.ok(taken.length < CUT / 2, `${taken.length} transactions`);
});
