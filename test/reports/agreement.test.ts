import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { makeReport, type Report } from '../../reports/daily.ts';
import type { DeliveryStatus } from '../../src/model/vocabulary.ts';
import { MemoryStore } from './memory-store.ts';
import { END, isIn, type Message, makeWorld, START, storeWorld } from './world.ts';

const PERIOD = { start: new Date(START), end: new Date(END) };

/** Every recipient's attempts, with the message they are for. */
const attemptsIn = (world: readonly Message[], status: DeliveryStatus) =>
  world.flatMap((message) =>
    message.recipients.flatMap((recipient) =>
      recipient.attempts
        .filter((attempt) => attempt.status === status && isIn(attempt.at))
        .map((attempt) => ({ message, recipient, attempt })),
    ),
  );

const count = <T>(items: readonly T[], wanted: (item: T) => boolean): number =>
  items.filter(wanted).length;
const distinct = (names: readonly (string | undefined)[]): number => new Set(names).size;
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const isFinal = (status: DeliveryStatus): boolean => status !== 'deferred' && status !== 'queued';

function isDone({ recipients }: Message): boolean {
  const done = recipients.map(
    ({ attempts, expiredAt = END }) =>
      expiredAt < END || attempts.some(({ at, status }) => at < END && isFinal(status)),
  );
  return done.length > 0 && done.every(Boolean);
}

const isTouched = ({ recipients }: Message): boolean =>
  recipients.some(
    ({ attempts, expiredAt = END }) => isIn(expiredAt) || attempts.some(({ at }) => isIn(at)),
  );

function expectedTotals(world: readonly Message[]) {
  const entries = world.filter(
    ({ kind, at }) => (kind === 'accepted' || kind === 'own') && isIn(at),
  );
  const messages = entries.filter(({ kind }) => kind === 'accepted');
  const sent = attemptsIn(world, 'sent');
  const deferred = attemptsIn(world, 'deferred');
  const carriedIn = world.filter(
    ({ kind, at }) => at < START && (kind === 'accepted' || kind === 'own' || kind === 'notice'),
  );
  return {
    messages: messages.length,
    hops: entries.length,
    deliveries: sent.length,
    deferred_messages: distinct(deferred.map(({ message }) => message.id)),
    deferrals: deferred.length,
    bounced: attemptsIn(world, 'bounced').length,
    expired: sum(
      world.map(({ recipients }) => count(recipients, ({ expiredAt = END }) => isIn(expiredAt))),
    ),
    rejected: count(world, ({ kind, at }) => kind === 'refused' && isIn(at)),
    discarded: 0,
    quarantined: count(world, ({ held, at }) => held && isIn(at)),
    bytes_received: sum(messages.map(({ size }) => size)),
    bytes_delivered: sum(sent.map(({ message }) => (message.kind === 'notice' ? 0 : message.size))),
    senders: new Set(messages.map(({ sender }) => sender.toLowerCase()).filter(Boolean)).size,
    recipients: distinct(sent.map(({ recipient }) => recipient.address.toLowerCase())),
    sending_hosts: 1,
    recipient_domains: distinct(sent.map(({ recipient }) => recipient.address.split('@')[1])),
    carried_in: count(carriedIn, isTouched),
    carried_out: count(entries, (message) => !isDone(message)),
  };
}

for (const seed of [1, 2, 3, 4]) {
  suite(`a report on made-up mail, seed ${seed}`, () => {
    const world = makeWorld(seed, 400);
    let store: MemoryStore;
    let report: Report;

    before(async () => {
      store = await MemoryStore.open();
      await storeWorld(store, world);
      report = await makeReport(store, { report: 'daily', ...PERIOD, zone: 'UTC', top: 1000 });
    });
    after(() => store.close());

    const rowsOf = (id: string) => report.sections.find((section) => section.id === id)?.rows ?? [];
    const total = (id: string, key: string): number =>
      sum(rowsOf(id).map((row) => Number(row[key] ?? 0)));

    test('totals are what happened', () => {
      assert.deepEqual(report.totals, expectedTotals(world));
    });

    test('totals are what the public views say', async () => {
      const { rows } = await store.query(
        `SELECT status, count(*) AS n FROM deliveries WHERE logged_at >= $start AND logged_at < $end GROUP BY status`,
        PERIOD,
      );
      const views = Object.fromEntries(rows.map((row) => [row.status, row.n]));
      const { deliveries, deferrals, bounced, expired } = report.totals;
      const { sent, deferred, bounced: failed, expired: gone } = views;
      assert.deepEqual(
        [deliveries, deferrals, bounced, expired],
        [sent, deferred, failed, gone ?? 0],
      );
      const messages = await store.query(
        `SELECT count(*) AS hops, count(*) FILTER (NOT from_own_queue) AS messages, sum(size) FILTER (NOT from_own_queue) AS bytes
        FROM messages WHERE logged_at >= $start AND logged_at < $end`,
        PERIOD,
      );
      const { hops, messages: seen, bytes_received: bytes } = report.totals;
      assert.deepEqual(messages.rows, [{ hops, messages: seen, bytes }]);
    });

    test('sections add up to the totals', () => {
      const { totals } = report;
      assert.equal(total('hours', 'messages'), totals.messages);
      assert.equal(total('hours', 'bytes_received'), totals.bytes_received);
      assert.equal(total('hours', 'deliveries'), totals.deliveries);
      assert.equal(total('hours', 'deferrals'), totals.deferrals);
      assert.equal(total('hours', 'rejected'), totals.rejected);
      assert.equal(rowsOf('hours').length, 24);
      assert.equal(total('mailers', 'deliveries'), totals.deliveries);
      assert.equal(total('mailers', 'expired'), totals.expired);
      assert.equal(total('senders', 'messages'), totals.messages);
      assert.equal(total('senders_by_bytes', 'bytes'), totals.bytes_received);
      assert.equal(rowsOf('recipients').length, totals.recipients);
      assert.equal(total('recipients', 'deliveries'), totals.deliveries);
      assert.equal(total('recipients_by_bytes', 'bytes'), totals.bytes_delivered);
      assert.equal(total('recipient_domains', 'bytes'), totals.bytes_delivered);
      assert.equal(total('clients', 'messages'), totals.messages);
      assert.equal(total('delays', 'deliveries'), totals.deliveries);
      assert.equal(total('bounces_by_class', 'recipients'), totals.bounced + totals.expired);
      assert.equal(total('bounces_by_reason', 'recipients'), totals.bounced + totals.expired);
      assert.equal(total('deferrals_by_reason', 'deferrals'), totals.deferrals);
      assert.equal(total('deferrals_by_destination', 'deferrals'), totals.deferrals);
      assert.equal(total('reconciliation', 'entries'), totals.hops);
    });

    test('delays are nearest-rank percentiles', () => {
      const delays = attemptsIn(world, 'sent')
        .map(({ message, attempt }) => attempt.at - message.at)
        .sort((a, b) => a - b);
      const rank = (p: number) => (delays[Math.ceil((delays.length * p) / 100) - 1] ?? 0) / 1000;
      const [row] = rowsOf('delays');
      assert.equal(row?.p50, rank(50));
      assert.equal(row?.p99, rank(99));
      assert.equal(row?.longest, rank(100));
    });

    test('recipients announced and recipients named', () => {
      const entries = world.filter(
        ({ kind, at }) => (kind === 'accepted' || kind === 'own') && isIn(at),
      );
      const states = entries.map(({ recipients, announced, held }) => {
        const named = count(recipients, ({ attempts }) => attempts.some(({ at }) => at < END));
        if (held || named === 0) {
          return 'unseen';
        }
        if (named === announced) {
          return 'same';
        }
        return named > announced ? 'more' : 'fewer';
      });
      for (const state of ['same', 'more', 'fewer', 'unseen']) {
        const row = rowsOf('recipients_reconciled').find((r) => r.state === state);
        assert.equal(
          row?.entries ?? 0,
          count(states, (s) => s === state),
          state,
        );
      }
    });
  });
}
