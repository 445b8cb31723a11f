import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeReport } from '../../reports/daily.ts';
import { DAY } from './hand-made-day.ts';
import { type GivenRow, MemoryStore } from './memory-store.ts';

const ASK = { ...DAY, zone: 'UTC', top: 10 };

/** Stores events of one message, all with its queue id, and says what became of it. */
async function fateOf(nrcpts: number, events: readonly (readonly [string, string, GivenRow])[]) {
  const store = await MemoryStore.open();
  const arrival = { sender: 'a@x.example', size: 10, nrcpts, accepted: 'yes' };
  await store.event('envelopes', '10:00:00', { queue_id: 'Q1', ...arrival });
  for (const [table, at, row] of events) {
    const delivery = table === 'deliveries' ? { delay: 1 } : {};
    await store.event(table === 'deliveries' ? table : 'queue_events', at, {
      queue_id: 'Q1',
      ...delivery,
      ...row,
    });
  }
  const report = await makeReport(store, { report: 'reconciliation', ...ASK });
  store.close();
  const state = (id: string) =>
    report.sections.find((section) => section.id === id)?.rows.map((row) => row.state);
  const { carried_out } = report.totals;
  return { outcome: state('reconciliation'), seen: state('recipients_reconciled'), carried_out };
}

const to = (recipient: string, status: string) => ({ recipient: `${recipient}@y.example`, status });
const attempt = (at: string, recipient: string, status: string) =>
  ['deliveries', at, to(recipient, status)] as const;
const event = (at: string, what: string, detail = '') =>
  ['queue_events', at, { what, detail }] as const;

test('one recipient delivered, one waiting: partly', async () => {
  const events = [attempt('10:00:01', 'a', 'sent'), attempt('10:00:01', 'b', 'deferred')];
  assert.deepEqual(await fateOf(2, events), {
    outcome: ['partly'],
    seen: ['same'],
    carried_out: 1,
  });
});

test('a waiting recipient that is delivered later: complete', async () => {
  const events = [attempt('10:00:01', 'a', 'deferred'), attempt('11:00:00', 'a', 'sent')];
  assert.deepEqual(await fateOf(1, events), {
    outcome: ['complete'],
    seen: ['same'],
    carried_out: 0,
  });
});

test('an alias with one delivered and one waiting: partly, and more than announced', async () => {
  const events = [attempt('10:00:01', 'a', 'sent'), attempt('10:00:01', 'b', 'deferred')];
  assert.deepEqual(await fateOf(1, events), {
    outcome: ['partly'],
    seen: ['more'],
    carried_out: 1,
  });
});

test('fewer recipients than announced, all of them delivered: complete', async () => {
  const events = [attempt('10:00:01', 'a', 'sent')];
  assert.deepEqual(await fateOf(2, events), {
    outcome: ['complete'],
    seen: ['fewer'],
    carried_out: 0,
  });
});

test('fewer, but more is heard right after the period: partly', async () => {
  const events = [attempt('10:00:01', 'a', 'sent'), attempt('2026-11-25 00:10:00', 'b', 'sent')];
  assert.deepEqual(await fateOf(2, events), {
    outcome: ['partly'],
    seen: ['fewer'],
    carried_out: 1,
  });
});

test('waiting, then taken out of the queue: complete', async () => {
  const events = [attempt('10:00:01', 'a', 'deferred'), event('12:00:00', 'cancelled')];
  assert.equal((await fateOf(1, events)).carried_out, 0);
});

test('waiting, then only released from quarantine: still waiting', async () => {
  const events = [attempt('10:00:01', 'a', 'queued'), event('12:00:00', 'removed', 'unquarantine')];
  assert.deepEqual(await fateOf(1, events), { outcome: ['none'], seen: ['same'], carried_out: 1 });
});

test('sent on as a copy with another sender: complete', async () => {
  assert.equal((await fateOf(1, [event('10:00:01', 'clone', 'owner=dave')])).carried_out, 0);
});

test('nothing but a failure notice: complete', async () => {
  const events = [event('10:00:01', 'dsn', 'aliasing/forwarding loop broken')];
  assert.equal((await fateOf(1, events)).carried_out, 0);
});

test('a warning to the sender ends nothing', async () => {
  const events = [attempt('10:00:01', 'a', 'deferred'), event('14:00:01', 'sender_notify')];
  assert.equal((await fateOf(1, events)).carried_out, 1);
});

test('given up: complete', async () => {
  const events = [attempt('10:00:01', 'a', 'deferred'), event('12:00:00', 'expired')];
  assert.deepEqual(await fateOf(1, events), {
    outcome: ['complete'],
    seen: ['same'],
    carried_out: 0,
  });
});
