import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { QueueEntry } from '../../../src/mta/queue/mailq-text.ts';
import { mailqText, queueRow } from '../../../src/mta/queue/mailq-text.ts';
import { applyRecord, initialState } from '../../../src/mta/queue/message-state.ts';
import { accepted, envelopeOf, finalOf, refusedBy, SENT, START } from '../../support/mta-queue.ts';

const localTime = () => 'Tue Nov 24 06:51:52 2026';

function deferredState() {
  const recipients = [accepted('a@later.example'), accepted('b@later.example')];
  const envelope = envelopeOf('6AO6pqWI021046', { recipients, bodyType: '8BITMIME' });
  const expanded = applyRecord(initialState({ envelope, depth: 0 }), {
    t: 'expanded',
    at: START,
    priority: 60_390,
    recipients: recipients.map(finalOf),
    refused: [],
    problems: [],
    left: [],
    clones: [],
  });
  return applyRecord(expanded, {
    t: 'results',
    at: START,
    results: [
      [0, refusedBy('mail.later.example')],
      [1, SENT],
    ],
  });
}

suite('mailq', () => {
  test('as sendmail prints it', () => {
    const quarantine = 'held\u001b[2J by \nme';
    const held = initialState({
      envelope: envelopeOf('6AO6pqWJ021047', { quarantine, recipients: [accepted('x@y.example')] }),
      depth: 0,
    });
    const entries: QueueEntry[] = [
      { state: deferredState(), size: 390, isActive: false },
      { state: held, size: undefined, isActive: false },
      {
        state: initialState({ envelope: envelopeOf('6AO6pqWK021048'), depth: 0 }),
        size: 12,
        isActive: true,
      },
    ];
    assert.equal(
      mailqText('/var/spool/mqueue', entries, localTime),
      [
        '\t\t/var/spool/mqueue (3 requests)',
        '-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------',
        '6AO6pqWJ021047?      -1 Tue Nov 24 06:51 <ann@partner.example>',
        '     QUARANTINE: held?[2J by ?me',
        '\t\t\t\t\t <x@y.example>',
        '6AO6pqWK021048*      12 Tue Nov 24 06:51 <ann@partner.example>',
        '\t\t\t\t\t <alice@corp.example>',
        '6AO6pqWI021046      390 Tue Nov 24 06:51 <ann@partner.example>',
        '      8BITMIME   (Deferred: Connection refused by mail.later.example.)',
        '\t\t\t\t\t <a@later.example>',
        '\t\tTotal requests: 3',
        '',
      ].join('\n'),
    );
  });

  test('an empty queue', () => {
    assert.equal(
      mailqText('/var/spool/mqueue', [], localTime),
      '/var/spool/mqueue is empty\n\t\tTotal requests: 0\n',
    );
  });

  test('rows for programs', () => {
    const row = queueRow({ state: deferredState(), size: 390, isActive: false });
    assert.deepEqual(row, {
      id: '6AO6pqWI021046',
      status: 'waiting',
      size: 390,
      arrived: '2026-11-24T06:51:52.000Z',
      sender: '<ann@partner.example>',
      recipients: ['<a@later.example>'],
      reason: 'Deferred: Connection refused by mail.later.example.',
      quarantine: null,
      priority: 60_390,
      tries: 0,
      nextTry: null,
    });
  });
});
