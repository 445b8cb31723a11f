/**
 * An MTA's queue to be killed: takes messages and delivers them into a file until it is killed, or with
 * `drain` until the queue is empty. Each id is told on standard output once it is committed.
 */
import { appendFileSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DestinationSlots } from '../../src/mta/delivery/destination-slots.ts';
import { QueueRunner } from '../../src/mta/delivery/queue-runner.ts';
import type { CourierJob, FinalRecipient, Outcome } from '../../src/mta/model.ts';
import { takeQueueLock } from '../../src/mta/queue/queue-lock.ts';
import { DEFAULT_TIMEOUTS } from '../../src/mta/queue/schedule.ts';
import { Spool } from '../../src/mta/queue/spool.ts';
import { keptLog } from './mta-log.ts';
import {
  accepted,
  courierWith,
  destinationOf,
  envelopeOf,
  finalOf,
  refusedBy,
  SENT,
  unknownAt,
} from './mta-queue.ts';
import { randomSource } from './random.ts';

const [folder = '', mailbox = '', round = '0', mode = 'work'] = process.argv.slice(2);
const random = randomSource(Number(round) + 1);
const LATER = refusedBy('later.example');
const NEVER = unknownAt('never.example');
const MOST = 400;

/** Each delivery is a line: to whom, and the id that the message itself tells. */
function deliverTo({ shown, destination }: FinalRecipient, { message }: CourierJob): Outcome {
  if (destination.host === 'never.example') return NEVER;
  if (destination.host === 'later.example' && random.chance(0.5)) return LATER;
  const id = /^X-Id: (.*)$/m.exec(readFileSync(message.path, 'utf8'))?.[1] ?? '';
  appendFileSync(mailbox, `${id} ${shown}\n`);
  return SENT;
}

async function main(): Promise<void> {
  const spool = await Spool.open(folder);
  const lock = takeQueueLock(folder);
  if (lock.kind === 'held') throw new Error('the queue is held');
  let last = 0;
  const nextId = () => {
    last += 1;
    return `R${round}N${last}`;
  };
  const courier = courierWith(deliverTo, Date.now);
  const runner = new QueueRunner(
    {
      spool,
      log: keptLog([]),
      expander: {
        expand: async ({ recipients }) =>
          recipients.map((one) => ({ kind: 'recipient', recipient: finalOf(one) })),
      },
      resolver: {
        resolve: async (address) => ({ kind: 'destination', destination: destinationOf(address) }),
      },
      couriers: { local: courier, esmtp: courier },
      builder: {
        build: ({ envelope }) => Buffer.from(`X-Id: bounce-of-${envelope.id}\n\nfailed\n`),
      },
      statistics: { messageTo: () => undefined, messageFrom: () => undefined },
      ids: { next: nextId },
      pids: { next: () => 1 },
      policy: { minimum: 5, factor: 1, maximum: 5, minQueueAge: 0 },
      timeouts: DEFAULT_TIMEOUTS,
      slots: new DestinationSlots(10, 100),
      now: Date.now,
      doubleBounceAddress: 'postmaster',
      returnsBody: false,
    },
    { mode: 'background', runners: 4, deliveries: 8 },
  );
  await runner.start();
  if (mode === 'drain') {
    for (let turn = 0; turn < 2000 && runner.size > 0; turn += 1) await sleep(5);
    await runner.stop(1000);
    lock.release();
    process.exit(runner.size === 0 ? 0 : 1);
  }
  await Promise.all(Array.from({ length: 8 }, () => takeMessages(spool, runner, nextId)));
  await sleep(60_000);
}

async function takeMessages(
  spool: Spool,
  runner: QueueRunner,
  nextId: () => string,
): Promise<void> {
  for (let count = 0; count < MOST; count += 1) {
    const id = nextId();
    const recipients = ['alice@corp.example', 'x@later.example', 'y@never.example']
      .slice(0, 1 + random.below(3))
      .map((address) => accepted(address));
    const envelope = envelopeOf(id, { recipients, arrivedAt: Date.now() });
    const writer = spool.create(id);
    await writer.write(Buffer.from(`X-Id: ${id}\n\n${'x'.repeat(random.below(2000))}\n`));
    await writer.commit(envelope);
    writeSync(1, `${id} ${recipients.length}\n`);
    runner.accept(envelope, keptLog([]));
  }
}

await main();
