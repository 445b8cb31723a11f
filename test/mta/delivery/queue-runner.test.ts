import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { DeliveryMode, Timers } from '../../../src/mta/delivery/queue-runner.ts';
import { QueueRunner } from '../../../src/mta/delivery/queue-runner.ts';
import type { Envelope } from '../../../src/mta/model.ts';
import type { CommandPlace } from '../../../src/mta/queue/queue-commands.ts';
import { runQueueCommand } from '../../../src/mta/queue/queue-commands.ts';
import { takeQueueLock } from '../../../src/mta/queue/queue-lock.ts';
import { parseRequest, RequestWatcher } from '../../../src/mta/queue/requests.ts';
import { keptLog } from '../../support/mta-log.ts';
import type { QueueSite, SiteOptions } from '../../support/mta-queue.ts';
import {
  accepted,
  envelopeOf,
  HOUR,
  queueSite,
  refusedBy,
  SENT,
  START,
} from '../../support/mta-queue.ts';

/** Timers that go off when the clock is set past them. */
class FakeTimers implements Timers {
  readonly #clock: { now: number };
  readonly #set = new Set<{ readonly at: number; readonly callback: () => void }>();

  constructor(clock: { now: number }) {
    this.#clock = clock;
  }

  set(callback: () => void, milliseconds: number): () => void {
    const one = { at: this.#clock.now + milliseconds, callback };
    this.#set.add(one);
    return () => this.#set.delete(one);
  }

  get next(): number | undefined {
    return [...this.#set].map(({ at }) => at).sort((a, b) => a - b)[0];
  }

  fire(): void {
    for (const one of [...this.#set].filter(({ at }) => at <= this.#clock.now)) {
      this.#set.delete(one);
      one.callback();
    }
  }
}

interface Running {
  readonly site: QueueSite;
  readonly runner: QueueRunner;
  /** Goes from timer to timer until then. */
  readonly pass: (until: number) => Promise<void>;
  readonly accept: (envelope: Envelope) => Promise<void>;
}

async function withRunner(
  options: SiteOptions & { readonly mode?: DeliveryMode; readonly runners?: number },
  work: (running: Running) => Promise<void>,
): Promise<void> {
  const site = await queueSite(options);
  const timers = new FakeTimers(site.clock);
  const { mode = 'background', runners = 1 } = options;
  const runner = new QueueRunner(site.parts, { mode, runners, deliveries: 3, timers });
  const pass = async (until: number) => {
    for (let steps = 0; steps < 1000; steps += 1) {
      await runner.quiet();
      await turn();
      const { next } = timers;
      if (next === undefined || next > until) break;
      site.clock.now = Math.max(site.clock.now, next);
      timers.fire();
    }
    site.clock.now = until;
  };
  const accept = async (envelope: Envelope) => {
    await site.queue(envelope);
    runner.accept(envelope, keptLog(site.lines, 50));
  };
  try {
    await work({ site, runner, pass, accept });
  } finally {
    await runner.quiet();
    await site.close();
  }
}

const LATER = refusedBy('mail.later.example');
const later = envelopeOf('LATE', { recipients: [accepted('a@later.example')] });

suite('queue runner', () => {
  test('a new message goes at once, one that waits at every run, one pid a run', () => {
    let isUp = false;
    const fate = () => (isUp ? SENT : LATER);
    return withRunner({ fate }, async ({ site, runner, pass, accept }) => {
      await accept(later);
      await accept({ ...later, id: 'LATF' });
      await pass(START + 2 * HOUR + 1000);
      const shape = (line: string) => /^(\[\d+\]): (\w+): .*pri=(\d+)/.exec(line)?.slice(1);
      assert.deepEqual(site.lines.map(shape), [
        ['[101]', 'LATE', '30164'],
        ['[102]', 'LATF', '30164'],
        ['[103]', 'LATE', '120164'],
        ['[103]', 'LATF', '120164'],
        ['[104]', 'LATE', '210164'],
        ['[104]', 'LATF', '210164'],
      ]);
      isUp = true;
      await pass(START + 4 * HOUR);
      assert.equal(runner.size, 0);
      assert.deepEqual(await site.spool.ids(), []);
    });
  });

  test('days pass: warned, then given up, and nothing is left', () =>
    withRunner(
      { fate: ({ destination }) => (destination.host === 'later.example' ? LATER : SENT) },
      async ({ site, runner, pass, accept }) => {
        await accept(later);
        await pass(START + 6 * 24 * HOUR);
        const told = site.lines.filter((line) => line.includes(' notify: '));
        assert.equal(told.length, 2);
        assert.match(
          told[0] ?? '',
          /sender notify: Warning: could not send message for past 4 hours/,
        );
        assert.match(told[1] ?? '', /sender notify: Cannot send message for 5 days/);
        assert.equal(runner.size, 0);
        assert.deepEqual(await site.spool.ids(), []);
      },
    ));

  test('queueonly: told as queued, tried at the next run, as one that was tried before', () =>
    withRunner({ mode: 'queueonly' }, async ({ site, pass, accept }) => {
      await accept(envelopeOf('QUE', { recipients: [accepted('x@partner.example')] }));
      await pass(START + HOUR + 1000);
      assert.deepEqual(site.lines.slice(0, 2), [
        '[50]: QUE: to=<x@partner.example>, delay=00:00:00, mailer=esmtp, pri=30164, stat=queued',
        '[101]: QUE: to=<x@partner.example>, delay=01:00:00, xdelay=00:00:00, mailer=esmtp, pri=120164, dsn=2.0.0, stat=Sent',
      ]);
    }));

  test('a start takes on what is there, most urgent first', () =>
    withRunner({}, async ({ site, runner, pass }) => {
      await site.queue(envelopeOf('BULK', { class: -60 }));
      await site.queue(
        envelopeOf('MANY', { recipients: [accepted('a@x.example'), accepted('b@x.example')] }),
      );
      await site.queue(envelopeOf('ONE'));
      await site.queue(envelopeOf('HELD', { quarantine: 'wait' }));
      const recovery = await runner.start();
      assert.equal(recovery.ids.length, 4);
      await pass(START);
      assert.deepEqual(
        site.jobs.map(({ envelope }) => envelope.id),
        ['ONE', 'MANY', 'BULK'],
      );
      assert.deepEqual(await site.spool.ids(), ['HELD']);
    }));

  test('no more than so many new messages at a time; stop leaves the rest in the queue', () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const seen: string[] = [];
    const slow = {
      deliver: async ({ envelope }: { envelope: Envelope }) => {
        seen.push(envelope.id);
        await gate;
        return [];
      },
    };
    return withRunner({ more: { couriers: { local: slow } } }, async ({ site, runner, accept }) => {
      for (let n = 0; n < 6; n += 1) await accept(envelopeOf(`M${n}`));
      for (let wait = 0; wait < 500 && seen.length < 3; wait += 1) await sleep(2);
      assert.equal(seen.length, 3);
      const stopping = runner.stop(1000);
      release();
      assert.equal(await stopping, true);
      assert.equal(seen.length, 3);
      assert.equal((await site.spool.ids()).length, 6);
    });
  });

  test('flush, hold, release and delete, by way of the daemon and without one', () =>
    withRunner({ fate: () => LATER }, async ({ site, runner, pass, accept }) => {
      const place: CommandPlace = {
        folder: site.spool.folder,
        log: keptLog(site.lines, 60),
        patienceMs: 5000,
      };
      const lock = takeQueueLock(site.spool.folder);
      assert.ok(lock.kind === 'taken');
      const watcher = new RequestWatcher(site.spool.folder, (one) => runner.carryOut(one));
      await watcher.start();
      await accept(later);
      await pass(START + 1000);
      assert.equal(site.jobs.length, 1);
      const ids = ['LATE'];
      const handed = { kind: 'handed-over' };
      const flush = { do: 'flush', filter: { recipient: 'later' } } as const;
      assert.deepEqual(await runQueueCommand(place, flush), handed);
      await runner.quiet();
      assert.equal(site.jobs.length, 2);
      assert.deepEqual(await runQueueCommand(place, { do: 'hold', ids, reason: 'me' }), handed);
      await runQueueCommand(place, { do: 'flush', filter: {} });
      await pass(START + 3 * HOUR);
      assert.equal(site.jobs.length, 2);
      await watcher.stop();
      lock.release();
      const applied = { kind: 'applied', ids };
      assert.deepEqual(await runQueueCommand(place, { do: 'release', ids }), applied);
      assert.deepEqual(await runQueueCommand(place, { do: 'flush', filter: { ids } }), applied);
      assert.deepEqual(
        await runQueueCommand(place, { do: 'delete', ids: ['LATE', 'NONE'] }),
        applied,
      );
      assert.deepEqual(await site.spool.ids(), []);
      assert.deepEqual(
        site.lines.filter((line) => line.includes('quarantine')),
        ['[1]: LATE: quarantine=me', '[60]: LATE: unquarantine'],
      );
    }));

  test('a request that is none is none', () => {
    for (const text of [
      '',
      '{',
      '[]',
      'null',
      '{"do":"hold","ids":["../x"],"reason":"x"}',
      '{"do":"explode","ids":["A"]}',
      '{"do":"flush"}',
      '{"do":"flush","filter":{"ids":"x"}}',
    ])
      assert.equal(parseRequest(text), undefined, text);
    assert.deepEqual(parseRequest('{"do":"delete","ids":["A1"]}'), { do: 'delete', ids: ['A1'] });
  });
});
