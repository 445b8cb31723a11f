import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { DestinationSlots } from '../../../src/mta/delivery/destination-slots.ts';
import { sendGroups } from '../../../src/mta/delivery/send-order.ts';
import type { RecipientState } from '../../../src/mta/queue/message-state.ts';
import { accepted, finalOf, SENT } from '../../support/mta-queue.ts';

const waiting = (address: string): RecipientState => ({
  recipient: finalOf(accepted(address)),
  outcome: null,
  triedAt: null,
  isNotified: false,
});

/** The lab's message host_unknown.3, and a few more. */
const RECIPIENTS = [
  'x@nx.example',
  'y@no-such-host.invalid',
  'bob@corp.example',
  'z@partner.example',
  'w@NX.example',
  'alice@corp.example',
].map(waiting);

const shown = (groups: ReturnType<typeof sendGroups>) =>
  groups.map(({ members }) => members.map((n) => RECIPIENTS[n]?.recipient.shown).join(','));

suite('order of sending', () => {
  test('local ones one by one, then hosts by name, the newest first on the first try', () => {
    assert.deepEqual(shown(sendGroups(RECIPIENTS, { isFirstTry: true })), [
      '<bob@corp.example>',
      '<alice@corp.example>',
      '<y@no-such-host.invalid>',
      '<w@NX.example>,<x@nx.example>',
      '<z@partner.example>',
    ]);
    const later = shown(sendGroups(RECIPIENTS, { isFirstTry: false }));
    assert.equal(later[3], '<x@nx.example>,<w@NX.example>');
  });

  test('hosts with the same mail exchangers share a transaction; who has it is left out', () => {
    const [first, ...others] = RECIPIENTS;
    assert.ok(first !== undefined);
    const recipients = [{ ...first, outcome: SENT }, ...others];
    const groups = sendGroups(recipients, { isFirstTry: true, signatureOf: () => 'mx.example' });
    assert.deepEqual(shown(groups), [
      '<bob@corp.example>',
      '<alice@corp.example>',
      '<w@NX.example>,<z@partner.example>,<y@no-such-host.invalid>',
    ]);
  });
});

suite('slots of destinations', () => {
  test('so many to one destination, so many altogether, nobody is forgotten', async () => {
    const slots = new DestinationSlots(2, 3);
    const running = new Map<string, number>();
    let [total, mostOfA, most, done] = [0, 0, 0, 0];
    const work = (key: string) =>
      slots.use(key, async () => {
        total += 1;
        running.set(key, (running.get(key) ?? 0) + 1);
        most = Math.max(most, total);
        mostOfA = Math.max(mostOfA, running.get('a') ?? 0);
        await turn();
        running.set(key, (running.get(key) ?? 1) - 1);
        total -= 1;
        done += 1;
        if (done % 5 === 0) throw new Error('made up');
      });
    const keys = ['a', 'a', 'a', 'b', 'a', 'c', 'b', 'a', 'd', 'a', 'a', 'b'];
    await Promise.allSettled(keys.map(work));
    assert.deepEqual([done, mostOfA, most], [keys.length, 2, 3]);
  });
});
