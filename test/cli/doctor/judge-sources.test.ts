/** Each log by itself, as plain data: access, lateness, what it holds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceReport } from '../../../ingest/live/source-status.ts';
import { doubtful } from '../../../src/cli/doctor/finding.ts';
import type { Identity } from '../../../src/cli/doctor/identity.ts';
import {
  type DaemonReading,
  describeFile,
  describeHealthy,
  isStrange,
  joinAlike,
  judgeFile,
  judgeStrange,
  type SourceView,
} from '../../../src/cli/doctor/judge-sources.ts';
import type { Obstacle } from '../../../src/cli/doctor/permission.ts';
import type { FileFacts, FileState } from '../../../src/cli/doctor/source-files.ts';
import type { StoredSource } from '../../../src/cli/doctor/source-rows.ts';

const NOW = Date.UTC(2026, 10, 24, 12);
const HOUR = 3_600_000;
const PATH = '/var/log/mail.log';
const ANN: Identity = { uid: 1000, name: 'ann', groups: [] };
const DAEMON_USER: Identity = { uid: 998, name: 'maillog', groups: [] };
const OBSTACLE: Obstacle = {
  path: PATH,
  isFolder: false,
  uid: 0,
  gid: 4,
  mode: 0o640,
  owner: 'root',
  group: 'adm',
};
const COUNTS = {
  read: 100,
  bytes: 9000,
  parsed: 100,
  foreign: 0,
  unsupported: 0,
  malformed: 0,
  duplicate: 0,
};
const STORED: StoredSource = {
  id: 1,
  name: PATH,
  checkpoint: {
    sourceId: 1,
    headLength: 4096,
    headDigest: '',
    offset: 9000,
    lines: 100,
    tailLength: 0,
    tailDigest: '',
    cursor: null,
    counts: COUNTS,
  },
  counts: COUNTS,
  readAt: NOW - 2 * HOUR,
  newest: NOW - HOUR,
  mtas: ['sendmail'],
};
const LIVE: SourceReport = {
  source: PATH,
  backlog: 0,
  lag: 0,
  offset: 9000,
  newest: NOW / 1000 - 5,
  committedAt: NOW / 1000,
  counts: COUNTS,
};
const view = (daemon: Partial<DaemonReading> | null = null, obstacle?: Obstacle): SourceView => ({
  now: NOW,
  user: ANN,
  usualLogs: [],
  obstacleOf: () => obstacle,
  daemon:
    daemon === null
      ? null
      : { sources: [LIVE], keys: new Set(), uptime: 3600, user: DAEMON_USER, ...daemon },
});
const there = (unread: number | null, stored: StoredSource | undefined = STORED): FileState => ({
  kind: 'there',
  size: 10_000,
  modifiedAt: NOW,
  key: '1:2',
  stored,
  unread,
});
const facts = (state: FileState, more: Partial<FileFacts> = {}): FileFacts => ({
  path: PATH,
  isNamed: true,
  isConfigured: true,
  isCurrent: true,
  state,
  ...more,
});
const judge = (of: FileFacts, by: SourceView): string =>
  judgeFile(of, by)
    .map(({ verdict, finding, advice }) => `${verdict} ${finding} -> ${advice}`)
    .join('\n');

test('a log that is not there: where logs usually are', () => {
  assert.match(
    judge(facts({ kind: 'missing' }), view()),
    /^fail .*no such file -> .*\/var\/log\/maillog/,
  );
  const usual = { ...view(), usualLogs: ['/var/log/maillog'] };
  assert.match(
    judge(facts({ kind: 'missing' }), usual),
    /on this machine there is \/var\/log\/maillog/,
  );
  assert.match(judge(facts({ kind: 'no-match' }), view()), /^warn .*no log matches it now/);
  assert.match(judge(facts({ kind: 'failed', problem: 'it goes round' }), view()), /^fail .*round/);
});

test('a log this user may not read', () => {
  const forbidden = facts({ kind: 'forbidden', obstacle: OBSTACLE });
  const text = judge(forbidden, view());
  assert.match(text, /^fail .*user ann may not read it \(owner root, group adm, mode 0640\)/);
  assert.match(text, /-> usermod -aG adm ann/);
  // The daemon reads it: whether this user may does not matter.
  assert.equal(judge(forbidden, view({})), '');
  assert.equal(describeFile(forbidden, view({})), `${PATH}: read by the daemon`);
});

test("a log the daemon's user may not read", () => {
  const text = judge(facts(there(0)), view({ sources: [] }, OBSTACLE));
  assert.match(
    text,
    /^fail .*the daemon's user maillog may not read it .*-> usermod -aG adm maillog/,
  );
  const both = facts({ kind: 'forbidden', obstacle: OBSTACLE });
  assert.match(judge(both, view({ sources: [] }, OBSTACLE)), /the daemon's user maillog/);
});

test('a log the daemon does not follow, unless it has just started', () => {
  assert.match(judge(facts(there(5)), view({ sources: [] })), /^fail .*does not read it.*reload/);
  assert.equal(judge(facts(there(5)), view({ sources: [], uptime: 2 })), '');
  assert.equal(judge(facts(there(5)), view({ sources: [], keys: new Set(['1:2']) })), '');
});

test('a daemon that is behind', () => {
  const late = (lag: number) => view({ sources: [{ ...LIVE, backlog: 5000, lag }] });
  assert.equal(judge(facts(there(5)), late(5)), '');
  assert.match(judge(facts(there(5)), late(120)), /^warn .*2m 00s behind, 4\.9 KiB/);
  assert.match(judge(facts(there(5)), late(7200)), /^fail /);
});

test('without a daemon, bytes that nobody has read for an hour', () => {
  const cron = { isConfigured: false };
  const text = judge(facts(there(1000), cron), view());
  assert.match(
    text,
    /^warn .*1,000 B of 9\.8 KiB are not read yet; it was last read 2h 00m ago.*cron/,
  );
  assert.equal(judge(facts(there(1000, { ...STORED, readAt: NOW }), cron), view()), '');
  assert.equal(judge(facts(there(0), cron), view()), '');
  assert.match(
    judge(facts({ ...there(1000), stored: undefined } as FileState), view()),
    /^fail .*nothing of its/,
  );
});

test('one line each for what is well, one for many', () => {
  assert.equal(
    describeFile(facts(there(0)), view()),
    `${PATH}: sendmail, newest line 1h 00m ago, all of 9.8 KiB read`,
  );
  assert.match(describeFile(facts(there(0)), view({})), /newest line just now, 9\.8 KiB followed/);
  assert.equal(describeHealthy(['a', 'b']).length, 2);
  const many = describeHealthy(['a', 'b', 'c', 'd', 'e', 'f']);
  assert.deepEqual(
    many.map(({ finding }) => finding),
    ['6 are well, such as a'],
  );
});

test('findings that differ in the file alone become one', () => {
  const findings = ['/a', '/b', '/c', '/d'].map((path) =>
    doubtful('source', `${path}: no such file`, `look at ${path}`),
  );
  const joined = joinAlike([...findings, doubtful('source', '/e: empty', 'wait')]);
  assert.deepEqual(
    joined.map(({ finding }) => finding),
    ['/a, /b, /c and 1 more: no such file', '/e: empty'],
  );
});

const counted = (id: number, counts: Partial<typeof COUNTS>): StoredSource => ({
  ...STORED,
  id,
  name: `/log/${id}`,
  counts: { ...COUNTS, ...counts },
});

test('logs of others, and lines nobody understands, with examples', () => {
  const found = { why: 'no reason', lines: ['a \u001b[31mline'] };
  const foreign = counted(1, { parsed: 0, foreign: 100 });
  const some = counted(2, { parsed: 90, malformed: 10 });
  const most = counted(3, { parsed: 0, unsupported: 100 });
  assert.deepEqual([STORED, foreign, some, most].map(isStrange), [
    undefined,
    'foreign',
    'unread',
    'unread',
  ]);
  const findings = judgeStrange([foreign, some, most].map((source) => ({ source, found })));
  assert.ok(findings.every(({ examples }) => examples === found.lines));
  const texts = findings.map(({ verdict, finding }) => `${verdict} ${finding}`).sort();
  assert.deepEqual(texts, [
    'fail /log/3: 100 of 100 mail lines (100.0 %) are not understood, mostly: no reason',
    "warn /log/1: none of 100 lines is a mail server's",
    'warn /log/2: 10 of 100 mail lines (10.0 %) are not understood, mostly: no reason',
  ]);
});

test('many logs with the same trouble are one finding', () => {
  const found = { why: 'no reason', lines: [] };
  const many = [1, 2, 3, 4, 5].map((id) => counted(id, { parsed: 90, malformed: 10 }));
  const findings = judgeStrange(many.map((source) => ({ source, found })));
  assert.equal(findings.length, 1);
  assert.match(findings[0]?.finding ?? '', /^\/log\/1, \/log\/2, \/log\/3 and 2 more: 50 of 500 /);
});
