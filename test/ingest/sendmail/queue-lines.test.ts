/** What becomes of messages besides attempts. */
import { test } from 'node:test';
import { assertRow, assertRows } from '../read-lines.ts';

/** Texts of a queue id, with the event and the child they tell of. */
const EVENTS: readonly (readonly [
  text: string,
  what: string,
  child: string | undefined,
  detail: string,
])[] = [
  ['6AO600bb001002: DSN: User unknown', 'dsn', '6AO600bb001002', 'User unknown'],
  ['6AO600bb001002: DSN: Return receipt', 'dsn', '6AO600bb001002', 'Return receipt'],
  [
    '6AO600bb001002: return to sender: User unknown',
    'return_to_sender',
    '6AO600bb001002',
    'User unknown',
  ],
  [
    '6AO600bb001002: postmaster notify: User unknown',
    'postmaster_notify',
    '6AO600bb001002',
    'User unknown',
  ],
  [
    '6AO600bb001002: sender notify: Warning: could not send message for past 4 hours',
    'sender_notify',
    '6AO600bb001002',
    'Warning: could not send message for past 4 hours',
  ],
  [
    '6AO600bb001002: sender notify: Cannot send message for 5 days',
    'expired',
    '6AO600bb001002',
    'Cannot send message for 5 days',
  ],
  ['6AO600bb001002: clone: owner=dave', 'clone', '6AO600bb001002', 'owner=dave'],
  [
    'e6JDU0t01846: DSN: Cannot send message within 2 days',
    'expired',
    'e6JDU0t01846',
    'Cannot send message within 2 days',
  ],
  ['RAA01234: return to sender: User unknown', 'return_to_sender', 'RAA01234', 'User unknown'],
  [
    'clone DAA29007, owner=hello-l-owner',
    'clone',
    undefined,
    'clone DAA29007, owner=hello-l-owner',
  ],
  ['done; delay=00:00:00, ntries=1', 'removed', undefined, 'done; delay=00:00:00, ntries=1'],
  ['quarantine=held by operator', 'held', undefined, 'held by operator'],
  [
    'split: maxrcpts=100, rcpts=150, count=2, id=6AO600cc001003',
    'split',
    undefined,
    'maxrcpts=100, rcpts=150, count=2, id=6AO600cc001003',
  ],
];

test('events of the queue', () => {
  for (const [text, what, child, detail] of EVENTS) {
    assertRow(text, { table: 'queue_events', what, child_queue_id: child, detail });
  }
});

test('a message that was lost is an event of the daemon as well', () => {
  assertRows('Losing ./qf6AO600aa001001: savemail panic', [
    { table: 'queue_events', what: 'removed' },
    { table: 'daemon_events', what: 'message lost', severity: 'critical' },
  ]);
});

test('a release from quarantine does not remove the message', () => {
  assertRow('unquarantine', { table: 'daemon_events', what: 'unquarantine' });
});
