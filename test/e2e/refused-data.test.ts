/** Messages refused after their data: each recipient once, with what the client was told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadLog } from '../support/load-log.ts';
import { readLog, readTruth } from './truth.ts';

test('recipients refused after the data have the code of the refusal of their message', async () => {
  const refused = readTruth('too_big').messages.filter(
    ({ data_reply: reply }) => reply?.startsWith('552') === true,
  );
  const log = await loadLog(readLog('too_big'));
  const rows = await log.rows('SELECT recipient, code, dsn FROM rejections ORDER BY recipient');
  assert.deepEqual(
    rows,
    refused
      .flatMap(({ rcpts }) =>
        rcpts.map(({ addr }) => ({ recipient: addr, code: 552, dsn: '5.2.3' })),
      )
      .sort((a, b) => a.recipient.localeCompare(b.recipient)),
  );
  await log.store.close();
});

test('a refusal for good is not taken for a temporary one by its words', async () => {
  const head = 'Nov 24 06:00:00 mx1 sm-mta[1]: 6AO600aa100100:';
  const log =
    await loadLog(`${head} from=<a@b>, size=1, class=0, nrcpts=1, msgid=<1@h>, proto=ESMTP, daemon=MTA-v4, relay=c.example [192.0.2.9]
${head} Milter: data, reject=554 5.7.1 Infected, do not try again
${head} to=<x@y>, delay=00:00:00, pri=30001, stat=Infected, do not try again
`);
  const rows = await log.rows('SELECT action, code, recipient FROM rejections');
  assert.deepEqual(rows, [{ action: 'reject', code: 554, recipient: 'x@y' }]);
  await log.store.close();
});
