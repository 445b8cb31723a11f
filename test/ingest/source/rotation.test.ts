import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLogName, sortByTime } from '../../../ingest/source/rotation.ts';
import { seeded } from './samples.ts';

const LOGS: Readonly<Record<string, readonly string[]>> = {
  'logrotate numbers': ['maillog.10.gz', 'maillog.9.gz', 'maillog.2.gz', 'maillog.1', 'maillog'],
  'logrotate dateext': [
    'maillog-20251231.gz',
    'maillog-20261101.xz',
    'maillog-20261102',
    'maillog',
  ],
  'dates with an hour or seconds since 1970': [
    'maillog-2026110122.gz',
    'maillog-2026110123',
    'maillog-20261102-1793577600',
    'maillog-20261102-1793581200',
  ],
  'dates with dashes': ['mail.log.2026-10-31', 'mail.log.2026-11-01.zst', 'mail.log'],
  'the ending last': ['mail-20261101.log.gz', 'mail-20261102.log', 'mail.log'],
  'numbers before the ending': ['mail.2.log.gz', 'mail.1.log', 'mail.log'],
  newsyslog: ['maillog.3.bz2', 'maillog.1.bz2', 'maillog.0.bz2', 'maillog'],
  exicyclog: ['mainlog.10.gz', 'mainlog.02.gz', 'mainlog.01', 'mainlog'],
  'numbers, then dates': ['maillog.2.gz', 'maillog.1', 'maillog-20261101', 'maillog'],
};

for (const [name, oldestFirst] of Object.entries(LOGS)) {
  test(`${name}: oldest first`, () => {
    const random = seeded(3);
    for (let round = 0; round < 20; round++) {
      const shuffled = [...oldestFirst].sort(() => random() - 0.5);
      assert.deepEqual(
        sortByTime(shuffled, (path) => path),
        oldestFirst,
      );
    }
  });
}

test('different logs stay in the order in which they are named', () => {
  const paths = ['b/maillog', 'a/maillog.1', 'b/maillog.1', 'a/maillog', 'a/authlog'];
  assert.deepEqual(
    sortByTime(paths, (path) => path),
    ['b/maillog.1', 'b/maillog', 'a/maillog.1', 'a/maillog', 'a/authlog'],
  );
});

test('a name without rotation is a log of its own', () => {
  for (const name of ['maillog', 'mx1.example.org', 'mail-2', 'v20261101', 'mail.log']) {
    assert.equal(parseLogName(name).log, name);
    assert.equal(parseLogName(name).rank[0], 'c current');
  }
});
