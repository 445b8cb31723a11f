/** What each state of the daemon is said to mean. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DaemonState } from '../../../src/cli/doctor/daemon-state.ts';
import { judgeDaemon } from '../../../src/cli/doctor/judge-daemon.ts';
import type { Health } from '../../../src/cli/serve/health.ts';

const WANTED = { settings: ['serve.follow'], version: '1.0', user: 'ann' };
const HELLO = { protocol: 99, version: '9.0', pid: 7, since: '', db: '/db' };
const HEALTH: Health = {
  state: 'ok',
  blocked: null,
  version: '1.0',
  pid: 7,
  db: '/db',
  startedAt: '2026-11-24T00:00:00Z',
  uptime: 7200,
  memory: 1024 ** 2,
  sources: [],
  listeners: [],
};
const here = (health: Partial<Health>): DaemonState => ({
  kind: 'here',
  health: { ...HEALTH, ...health },
  user: { uid: 998, name: 'maillog', groups: [] },
});
const absent = (isLeftBehind: boolean): DaemonState => ({
  kind: 'absent',
  socket: '/db.sock',
  isLeftBehind,
});

function one(state: DaemonState, wanted = WANTED) {
  const findings = judgeDaemon(state, wanted);
  assert.equal(findings.length, 1);
  const [{ verdict, finding, advice } = { verdict: '', finding: '', advice: '' }] = findings;
  return { verdict, finding, advice: advice ?? '' };
}

test('none is needed where nothing is to be followed', () => {
  assert.deepEqual(judgeDaemon(absent(false), { ...WANTED, settings: [] }), []);
});

test('none is running though there should be one', () => {
  const { verdict, finding, advice } = one(absent(true));
  assert.equal(verdict, 'fail');
  assert.match(finding, /none is running, though serve\.follow is set; one was here and ended/);
  assert.match(advice, /docs\/systemd\/maillog\.service/);
});

test('a socket for others is told with its owner and the way in', () => {
  const access = { owner: 'maillog', group: 'mailadm', mode: 0o600 };
  const state = { kind: 'forbidden', socket: '/db.sock', access } as const;
  const closed = one(state);
  assert.match(closed.finding, /user ann may not ask .*owner maillog, group mailadm, mode 0600/);
  assert.match(closed.advice, /serve\.group/);
  const open = one({ ...state, access: { ...access, mode: 0o660 } });
  assert.match(open.advice, /usermod -aG mailadm ann/);
});

test('one that does not answer, is of another version, or cannot say how it is', () => {
  assert.equal(one({ kind: 'silent', socket: '/db.sock' }).verdict, 'fail');
  assert.match(one({ kind: 'strange', hello: HELLO }).finding, /process 7 is maillog 9\.0/);
  assert.equal(one({ kind: 'mute', hello: HELLO, problem: 'busy' }).verdict, 'warn');
  assert.match(one({ kind: 'store-only', hello: HELLO }).finding, /takes in no logs, though serve/);
  const idle = judgeDaemon({ kind: 'store-only', hello: HELLO }, { ...WANTED, settings: [] });
  assert.deepEqual(idle, []);
  const other = one(here({ version: '0.9' }));
  assert.deepEqual([other.verdict, other.finding], ['warn', 'it is maillog 0.9, this is 1.0']);
});

test('one that can store nothing is wrong, and says why', () => {
  const { verdict, finding, advice } = one(here({ blocked: 'no room is left to write /db' }));
  assert.equal(verdict, 'fail');
  assert.match(finding, /it can store nothing now: no room is left/);
  assert.match(advice, /df -h/);
  assert.match(one(here({ blocked: 'a defect' })).advice, /journalctl/);
});

test('one that is well takes one line', () => {
  const { verdict, finding } = one(here({}));
  assert.equal(verdict, 'ok');
  assert.equal(finding, 'process 7 of user maillog, up 2h 00m, 1.0 MiB, 0 sources');
});
