import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { aftermathOf } from '../../../src/mta/delivery/notices.ts';
import type { Notify, Outcome } from '../../../src/mta/model.ts';
import type { MessageState } from '../../../src/mta/queue/message-state.ts';
import { initialState } from '../../../src/mta/queue/message-state.ts';
import { DEFAULT_TIMEOUTS } from '../../../src/mta/queue/schedule.ts';
import {
  accepted,
  envelopeOf,
  finalOf,
  HOUR,
  refusedBy,
  SENT,
  START,
  unknownAt,
} from '../../support/mta-queue.ts';

type Fate = readonly [string, Outcome | null, (readonly Notify[])?];

function stateOf(fates: readonly Fate[], more: Partial<MessageState> = {}): MessageState {
  const named = fates.map(([address, , notify]) => accepted(address, { notify: notify ?? null }));
  const envelope = envelopeOf('ONE', { recipients: named });
  const recipients = named.map((one, n) => ({
    recipient: finalOf(one),
    outcome: fates[n]?.[1] ?? null,
    triedAt: START,
    isNotified: false,
  }));
  const state = initialState({ envelope, depth: 0 });
  return { ...state, left: [], isExpanded: true, recipients, ...more };
}

const LATER = refusedBy('mx.later.example');
const GONE = unknownAt('mx.picky.example');
const after = (state: MessageState, hours: number, last: string | null = null) =>
  aftermathOf(state, START + hours * HOUR, DEFAULT_TIMEOUTS, last);

suite('what a sender is told', () => {
  test('nothing of what went well or may still', () => {
    assert.equal(after(stateOf([['a@x.example', SENT]]), 0).notice, null);
    const waiting = after(stateOf([['a@x.example', LATER]]), 4);
    assert.deepEqual([waiting.isOver, waiting.notice], [false, null]);
  });

  test('the last failure gives the text, of a try we did not see too', () => {
    const host: Outcome = {
      ...GONE,
      stat: 'Host unknown (Name server: nx.example: host not found)',
    };
    const state = stateOf([
      ['a@x.example', GONE],
      ['b@nx.example', host],
    ]);
    assert.equal(after(state, 0, 'User unknown').notice?.text, 'User unknown');
    assert.equal(after(state, 0).notice?.text, host.stat);
  });

  test('one notice for failures and delays; a receipt only where there is nothing worse', () => {
    const state = stateOf([
      ['a@x.example', GONE],
      ['b@later.example', LATER],
      ['alice@corp.example', SENT, ['SUCCESS']],
    ]);
    const warned = after(state, 5).notice;
    assert.equal(warned?.text, 'Warning: could not send message for past 4 hours');
    assert.deepEqual(
      [warned?.failures.length, warned?.delayed.length, warned?.successes.length],
      [1, 1, 1],
    );
    assert.equal(warned?.delayed[0]?.retryUntil, START + 120 * HOUR);
    const receipt = after(stateOf([['alice@corp.example', SENT, ['SUCCESS']]]), 0).notice;
    assert.equal(receipt?.text, 'Return receipt');
  });

  test('given up after five days; NOTIFY decides who hears of it', () => {
    const never = after(stateOf([['a@later.example', LATER, ['NEVER']]]), 121);
    assert.deepEqual([never.isOver, never.isExpired, never.notice], [true, true, null]);
    const noDelay = after(stateOf([['a@later.example', LATER, ['FAILURE']]]), 5);
    assert.equal(noDelay.notice, null);
    const left = stateOf([], { left: [accepted('list@corp.example')] });
    assert.equal(after(left, 121).notice?.failures[0]?.recipient.shown, '<list@corp.example>');
  });

  test('copies that could not be made yet are never given up', () => {
    const clones = [{ id: 'NEW', owner: 'dave', members: [] }];
    assert.equal(after(stateOf([['a@x.example', SENT]], { clones }), 500).isOver, false);
  });
});
