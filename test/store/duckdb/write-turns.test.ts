import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as soon } from 'node:timers/promises';
import type { Priority, Turn } from '../../../src/store/duckdb/write-turns.ts';
import { WriteTurns } from '../../../src/store/duckdb/write-turns.ts';

/** Turns by a clock of its own; who got one, in order. */
function setup() {
  const clock = { now: 0 };
  const turns = new WriteTurns(2000, () => clock.now);
  const got: string[] = [];
  const held: Turn[] = [];
  const ask = (name: string, priority: Priority) => {
    void turns.take(priority).then((turn) => {
      got.push(name);
      held.push(turn);
    });
  };
  const next = async () => {
    held.shift()?.release();
    await soon();
  };
  return { clock, turns, got, held, ask, next };
}

test('one at a time, live before bulk, each in order', async () => {
  const { got, held, ask, next } = setup();
  for (const name of ['b1', 'b2']) ask(name, 'bulk');
  for (const name of ['l1', 'l2']) ask(name, 'live');
  await soon();
  assert.deepEqual([got, held.length], [['b1'], 1]);
  for (let i = 0; i < 3; i += 1) await next();
  assert.deepEqual(got, ['b1', 'l1', 'l2', 'b2']);
});

test('bulk that has waited for long enough goes next', async () => {
  const { clock, got, ask, next } = setup();
  ask('l1', 'live');
  ask('b1', 'bulk');
  ask('l2', 'live');
  await soon();
  clock.now = 2001;
  ask('b2', 'bulk');
  for (let i = 0; i < 3; i += 1) await next();
  assert.deepEqual(got, ['l1', 'b1', 'l2', 'b2']);
});

test('a turn given back twice is given back once', async () => {
  const { got, held, ask } = setup();
  for (const name of ['a', 'b', 'c']) ask(name, 'bulk');
  await soon();
  const first = held.shift();
  first?.release();
  first?.release();
  await soon();
  assert.deepEqual([got, held.length], [['a', 'b'], 1]);
});

test('waiting ends with the signal or the store', async () => {
  const { turns, held, ask, next, got } = setup();
  ask('a', 'bulk');
  await soon();
  const gone = new AbortController();
  const waiting = turns.take('live', gone.signal);
  gone.abort(new Error('gone'));
  await assert.rejects(waiting, /gone/);
  await assert.rejects(turns.take('live', gone.signal), /gone/);
  ask('b', 'bulk');
  await next();
  assert.deepEqual([got, held.length], [['a', 'b'], 1]);
  const last = turns.take('live');
  turns.close(new Error('closed'));
  await assert.rejects(last, /closed/);
  await assert.rejects(turns.take('live'), /closed/);
});

test('while there is live writing, a load rests twice as long as its turn took', async () => {
  let now = 0;
  const turns = new WriteTurns(2000, () => now);
  const live = await turns.take('live');
  live.release();
  const first = await turns.take('bulk');
  now += 30;
  first.release();
  let isGiven = false;
  const second = turns.take('bulk').then((turn) => {
    isGiven = true;
    return turn;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isGiven, false);
  (await turns.take('live')).release();
  now += 61;
  // Whatever ends or begins looks again, as its own timer does.
  (await turns.take('live')).release();
  (await second).release();
  // Nobody writes live any more: the next load begins at once.
  now += 2000;
  (await turns.take('bulk')).release();
});
