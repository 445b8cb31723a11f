/** A disk that fails at random while messages are delivered: nothing is lost, and nothing comes twice. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DeliveryEngine } from '../../../src/mta/delivery/engine.ts';
import type { Envelope, Expansion } from '../../../src/mta/model.ts';
import type { SpoolFiles, SpoolHandle } from '../../../src/mta/queue/spool-files.ts';
import { DISK } from '../../../src/mta/queue/spool-files.ts';
import type { Fate, QueueSite } from '../../support/mta-queue.ts';
import {
  accepted,
  envelopeOf,
  HOUR,
  member,
  queueSite,
  refusedBy,
  SENT,
  unknownAt,
} from '../../support/mta-queue.ts';
import { randomSource } from '../../support/random.ts';

function unsteadyDisk(fails: () => boolean): SpoolFiles {
  const step = () => {
    if (fails()) throw Object.assign(new Error('ENOSPC: made up'), { code: 'ENOSPC' });
  };
  const wrap = (handle: SpoolHandle): SpoolHandle => ({
    writeFile: async (data) => {
      step();
      await handle.writeFile(data);
    },
    datasync: async () => {
      step();
      await handle.datasync();
    },
    sync: () => handle.sync(),
    close: () => handle.close(),
  });
  return {
    ...DISK,
    open: async (...args) => {
      if (args[1] !== 'r') step();
      return wrap(await DISK.open(...args));
    },
    rename: async (...args) => {
      step();
      await DISK.rename(...args);
    },
    link: async (...args) => {
      step();
      await DISK.link(...args);
    },
    unlink: async (...args) => {
      step();
      await DISK.unlink(...args);
    },
    readText: async (path) => {
      step();
      return DISK.readText(path);
    },
    stat: async (path) => {
      step();
      return DISK.stat(path);
    },
  };
}

/** A list with an owner among them. */
const expand = ({ recipients }: Envelope) =>
  recipients.map(({ shown, address }): Expansion => {
    const all = (name: string) => ({
      kind: 'recipient' as const,
      recipient: member(name, address),
    });
    if (address === 'owned@corp.example')
      return { kind: 'clone', owner: 'dave', members: [all('bob'), all('c@later.example')] };
    return { kind: 'recipient', recipient: member(shown, address) };
  });

const LATER = refusedBy('later.example');
const NEVER = unknownAt('never.example');
const MESSAGES = 12;

async function queueAll(site: QueueSite): Promise<readonly string[]> {
  const expected = ['bob', 'c@later.example'];
  for (let n = 0; n < MESSAGES; n += 1) {
    const names = [`u${n}@corp.example`, `v${n}@later.example`, `w${n}@never.example`];
    const recipients = names.map((address) => accepted(address, { shown: address }));
    if (n === 5) recipients.push(accepted('owned@corp.example'));
    const sender = `s${n}@partner.example`;
    await site.queue(envelopeOf(`M${n}`, { recipients, sender, senderShown: `<${sender}>` }));
    expected.push(`u${n}@corp.example`, `v${n}@later.example`, `bounce <${sender}>`);
  }
  return expected;
}

/** Queue runs, the disk unsteady in the first third of them. */
async function runAll(site: QueueSite, setOdds: (odds: number) => void): Promise<void> {
  const engine = new DeliveryEngine(site.parts);
  for (let round = 0; round < 60; round += 1) {
    setOdds(round < 20 ? 0.08 : 0);
    site.clock.now += HOUR / 60;
    const run = engine.startRun(true);
    for (const id of await site.spool.ids()) await engine.deliver(id, run);
  }
}

async function checkSeed(seed: number): Promise<void> {
  const random = randomSource(seed);
  let odds = 0;
  const got = new Map<string, number>();
  const fate: Fate = ({ shown, destination }, { envelope }) => {
    if (destination.host === 'later.example' && random.chance(0.4)) return LATER;
    if (destination.host === 'never.example') return NEVER;
    const key = envelope.isBounce ? `bounce ${shown}` : shown;
    got.set(key, (got.get(key) ?? 0) + 1);
    return SENT;
  };
  const files = unsteadyDisk(() => odds > 0 && random.chance(odds));
  const site = await queueSite({ fate, expand, files });
  try {
    const expected = await queueAll(site);
    await runAll(site, (value) => {
      odds = value;
    });
    assert.deepEqual(await site.spool.ids(), []);
    const missing = expected.filter((one) => !got.has(one));
    assert.deepEqual(missing, [], site.lines.join('\n'));
    const twice = [...got].filter(([, count]) => count > 1);
    assert.deepEqual(twice, [], site.lines.join('\n'));
  } finally {
    await site.close();
  }
}

suite('delivery on a disk that fails', () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) test(`seed ${seed}`, () => checkSeed(seed));
});
