/** A hop whose reply named no id is a hop in views and reports alike: one message, one delivery. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeReport } from '../../reports/daily.ts';
import { MemoryStore } from './memory-store.ts';

const PERIOD = { start: new Date('2026-11-24T00:00:00Z'), end: new Date('2026-11-25T00:00:00Z') };

test('views and report agree on it', async () => {
  const store = await MemoryStore.open();
  const common = {
    message_id: '<1@a>',
    sender: 'ann@a.example',
    accepted: 'yes',
    size: 100,
    nrcpts: 1,
  };
  await store.event('envelopes', '06:00:00', {
    ...common,
    host: 'sub',
    queue_id: 'S1',
    relay_host: 'c.example',
  });
  await store.event('envelopes', '06:00:01', {
    ...common,
    host: 'hub',
    queue_id: 'H1',
    relay_host: 'sub.a.example',
  });
  const sent = {
    recipient: 'bob@b.example',
    recipient_domain: 'b.example',
    status: 'sent',
    delay: 1,
    xdelay: 1,
    transactions: 1,
  };
  await store.event('deliveries', '06:00:01', {
    ...sent,
    host: 'sub',
    queue_id: 'S1',
    relay_host: 'hub.a.example',
    reply: 'OK',
    mailer: 'relay',
  });
  // In the same second, to somebody else's host.
  await store.event('deliveries', '06:00:01', {
    ...sent,
    host: 'sub',
    queue_id: 'S1',
    relay_host: 'mx.c.example',
    reply: 'OK',
    mailer: 'esmtp',
  });
  await store.event('deliveries', '06:00:02', {
    ...sent,
    host: 'hub',
    queue_id: 'H1',
    relay_host: 'mx.b.example',
    reply: 'OK',
    mailer: 'esmtp',
  });
  await store.insert('hops', {
    host: 'sub',
    queue_id: 'S1',
    next_host: 'hub',
    next_queue_id: 'H1',
    handed_at: '2026-11-24 06:00:01',
    named: 0,
  });
  const statuses = await store.query('SELECT relay_host, status FROM deliveries ORDER BY 1');
  assert.deepEqual(statuses.rows, [
    { relay_host: 'hub.a.example', status: 'relayed' },
    { relay_host: 'mx.b.example', status: 'sent' },
    { relay_host: 'mx.c.example', status: 'sent' },
  ]);
  const { totals } = await makeReport(store, {
    ...PERIOD,
    report: 'daily',
    zone: 'UTC',
    top: 10,
  });
  assert.deepEqual([totals.messages, totals.hops, totals.deliveries], [1, 2, 2]);
  store.close();
});
