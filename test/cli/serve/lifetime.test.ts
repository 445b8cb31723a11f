/** Signals and the end, with a living thing that does what the test wants and a process that is none. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LifetimeOptions, Living } from '../../../src/cli/serve/lifetime.ts';
import { Lifetime } from '../../../src/cli/serve/lifetime.ts';
import type { Logger } from '../../../src/cli/serve/log.ts';

function world(living: Partial<Living>, patienceMs?: number) {
  const done: string[] = [];
  const process = Object.assign(new EventEmitter(), {
    exit: (code: number) => void done.push(`exit ${code}`),
  });
  const say = (_: object, message: string): void => void done.push(message);
  const log = { info: say, error: say } as unknown as Logger;
  const options = {
    log,
    process: process as unknown as LifetimeOptions['process'],
    ...(patienceMs === undefined ? {} : { patienceMs }),
  };
  const whole: Living = {
    start: async () => void done.push('start'),
    stop: async () => done.push('stop') > 0,
    reload: async () => void done.push('reload'),
    tell: async () => void done.push('tell'),
    ...living,
  };
  return { done, process, over: new Lifetime(whole, options).run() };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
}

test('starts, tells, reloads one after the other, stops; no signal is heard afterwards', async () => {
  const { done, process, over } = world({});
  process.emit('SIGHUP');
  process.emit('SIGUSR1');
  await turns();
  process.emit('SIGHUP');
  await turns();
  process.emit('SIGTERM');
  assert.equal(await over, 0);
  assert.deepEqual(done, ['start', 'tell', 'reload', 'reload', 'stopping', 'stop']);
  assert.deepEqual(process.eventNames(), []);
});

test('an end that takes too long is given up, and is not well', async () => {
  const { done, process, over } = world({ stop: () => new Promise(() => undefined) }, 20);
  process.emit('SIGINT');
  assert.equal(await over, 1);
  assert.ok(done.includes('stopping takes too long: ended as it is'));
});

test('a second signal ends at once', async () => {
  const { done, process, over } = world({ stop: () => new Promise(() => undefined) }, 50);
  process.emit('SIGTERM');
  process.emit('SIGINT');
  assert.ok(done.includes('exit 1'));
  await over;
});

test('what could not be brought to its end makes it fail', async () => {
  const { process, over } = world({ stop: async () => false });
  process.emit('SIGTERM');
  assert.equal(await over, 1);
});

test('a start that fails is the failure; one that was ended is none', async () => {
  const failing = async (): Promise<never> => {
    throw new Error('no room');
  };
  await assert.rejects(world({ start: failing }).over, /no room/);
  const start = (signal: AbortSignal): Promise<void> =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('ended')));
    });
  const { done, process, over } = world({ start });
  process.emit('SIGTERM');
  assert.equal(await over, 0);
  assert.deepEqual(done, ['stopping', 'stop']);
});

test('a reload that fails is told of; a store that has gone ends it', async () => {
  const dying: { now?: (reason: string) => void } = {};
  const { done, process, over } = world({
    start: async (_, died) => {
      dying.now = died;
    },
    reload: async () => {
      throw new Error('bad file');
    },
  });
  await turns();
  process.emit('SIGHUP');
  await turns();
  assert.ok(done.includes('not reloaded: nothing was changed'));
  dying.now?.('crash');
  assert.equal(await over, 1);
  assert.ok(done.includes('stop'));
});
