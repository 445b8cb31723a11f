/** What is said of listeners: losses, refusals, silence. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeListeners, type ListenerView } from '../../../src/cli/doctor/judge-listeners.ts';
import type { ListenerHealth } from '../../../src/cli/serve/health.ts';

const UDP: ListenerHealth = {
  address: 'udp://0.0.0.0:514',
  bound: 'udp://0.0.0.0:514',
  counters: { frames: 100, connectionsOpen: 0 },
  spoolBytes: 0,
  isFull: false,
};

function judge(listener: Partial<ListenerHealth>, view: Partial<ListenerView> = {}) {
  return judgeListeners({
    configured: [],
    listeners: [{ ...UDP, ...listener }],
    uptime: 3600,
    spoolLimit: 1000,
    quietFor: () => 5,
    receiveLimit: 212_992,
    ...view,
  }).map(({ verdict, finding, advice }) => `${verdict} ${finding} -> ${advice}`);
}

test('one that is well takes one line', () => {
  assert.deepEqual(judge({}), [
    'ok udp://0.0.0.0:514: 100 messages since the start, the last just now -> null',
  ]);
});

test('nothing came: only after a while, with something to try', () => {
  const none = { counters: { frames: 0 } };
  assert.match(judge(none, { uptime: 60 })[0] ?? '', /^ok .*no message yet/);
  assert.match(
    judge(none)[0] ?? '',
    /^warn .*began, 1h 00m ago -> .*logger -n THIS-HOST -P 514 -d/,
  );
  const local = judge({ ...none, bound: 'tcp://127.0.0.1:601' });
  assert.match(local[0] ?? '', /this machine alone.*logger -n 127\.0\.0\.1 -P 601 -T/);
  assert.match(judge({ ...none, bound: 'unix:///run/log' })[0] ?? '', /logger -u \/run\/log/);
  assert.match(judge({ ...none, bound: 'relp://[::]:2514' })[0] ?? '', /omrelp/);
});

test('nothing came for a day', () => {
  assert.match(
    judge({}, { quietFor: () => 90_000 })[0] ?? '',
    /^warn .*nothing has come in for 1d/,
  );
});

test('a spool that fills is doubtful, a full one wrong', () => {
  assert.match(judge({ spoolBytes: 600 })[0] ?? '', /^warn .*600 B of 1,000 B wait in its spool/);
  assert.match(judge({ spoolBytes: 999, isFull: true })[0] ?? '', /^fail .*it is full/);
});

test('datagrams the kernel dropped, with the sysctl where it helps', () => {
  const drops = { counters: { frames: 10, kernelDrops: 4 } };
  assert.match(
    judge(drops)[0] ?? '',
    /dropped 4 datagrams.*net\.core\.rmem_max=8388608 \(now 212992\)/,
  );
  assert.doesNotMatch(judge(drops, { receiveLimit: 33_554_432 })[0] ?? '', /sysctl/);
});

test('datagrams dropped here, and connections refused', () => {
  const found = judge({ counters: { frames: 1, dropped: 3, connectionsRefused: 9 } });
  assert.equal(found.length, 2);
  assert.match(found[0] ?? '', /3 datagrams were dropped .*RELP/);
  assert.match(found[1] ?? '', /9 connections were refused .*serve\.max_connections/);
});

test('one that is configured and not there', () => {
  const found = judge({}, { configured: [UDP.address, 'tcp://[::]:601'] });
  assert.match(found[0] ?? '', /^fail tcp:\/\/\[::\]:601: the daemon does not listen there/);
});
