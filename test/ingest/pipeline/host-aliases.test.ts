/** A host that logs under more than one name is one host in the rows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BlockParser } from '../../../ingest/pipeline/block-parser.ts';
import { SendmailDialect } from '../../../ingest/sendmail/sendmail-dialect.ts';
import { TEST_CLOCK } from '../../support/load-log.ts';

test('the host of a row is the name the site means', () => {
  const hostAliases = new Map([['mx1.example.org', 'mx1']]);
  const dialects = [(block: BlockParser['block']) => new SendmailDialect(block)];
  const parser = new BlockParser({ dialects, hostAliases }, TEST_CLOCK);
  const line = (host: string): string =>
    `Nov 24 06:00:00 ${host} sm-mta[7]: starting daemon (8.17.1.9): SMTP\n`;
  parser.parse(Buffer.from(line('mx1.example.org') + line('mx1') + line('mx2')), 0);
  const { arena, tables } = parser.block.toBatch(1, 10);
  const hosts = tables.find(({ table }) => table === 'daemon_events')?.columns[1];
  assert.ok(hosts?.kind === 'text');
  const found = [0, 1, 2].map((row) => {
    const start = hosts.starts[row] ?? 0;
    return Buffer.from(arena).toString('utf8', start, start + (hosts.lengths[row] ?? 0));
  });
  assert.deepEqual(found, ['mx1', 'mx1', 'mx2']);
});
