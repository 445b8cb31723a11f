/** The end of a to= line: which stat= is sendmail's own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outcome } from '../../../ingest/sendmail/outcome.ts';
import { DELIVERY_STATUSES } from '../../../src/model/vocabulary.ts';

interface Read {
  readonly status: string | undefined;
  readonly stat: string;
  readonly reply: string;
}

function read(text: string, dsnDigit = 0): Read | undefined {
  const bytes = Buffer.from(text);
  const outcome = new Outcome();
  if (!outcome.read(bytes, 0, bytes.length, dsnDigit)) return undefined;
  return {
    status: DELIVERY_STATUSES[outcome.status],
    stat: bytes.toString('utf8', outcome.statStart, outcome.statEnd),
    reply: bytes.toString('utf8', outcome.replyStart, outcome.replyEnd),
  };
}

test('without reply= the first stat= is the true one', () => {
  assert.deepEqual(read(', stat=Sent (ok, stat=User unknown)'), {
    status: 'sent',
    stat: 'Sent',
    reply: 'ok, stat=User unknown',
  });
  assert.deepEqual(read(', stat=Deferred: 450 x, stat=Sent', 4), {
    status: 'deferred',
    stat: 'Deferred',
    reply: '450 x, stat=Sent',
  });
});

test('with reply= the digit of dsn=, else of the reply, tells success from failure', () => {
  assert.equal(
    read(', reply=451 x, stat=Sent, stat=Deferred: 451 x, stat=Sent', 4)?.status,
    'deferred',
  );
  assert.equal(read(', reply=550 x, stat=Sent, stat=User unknown', 5)?.status, 'bounced');
  assert.equal(read(', reply=garbage, stat=Deferred', 0)?.status, 'deferred');
});

test('a line that lost its end is never read as sent', () => {
  for (const digit of [0, 4, 5]) {
    const reply = digit === 4 ? '451' : '550';
    assert.notEqual(read(`, reply=${reply} x, stat=Sent (ok`, digit)?.status, 'sent');
  }
});

test('a failure is told by the last stat=, a deferral by the one that repeats the reply', () => {
  assert.deepEqual(read(', reply=554 a, stat=Sent (b), stat=Service unavailable', 5), {
    status: 'bounced',
    stat: 'Service unavailable',
    reply: '554 a, stat=Sent (b)',
  });
  assert.deepEqual(read(', reply=450 a, stat=Sent, stat=Deferred: 450 a, stat=Sent', 4), {
    status: 'deferred',
    stat: 'Deferred',
    reply: '450 a, stat=Sent',
  });
});

test('a word is a word only with its end', () => {
  assert.equal(read(', stat=Sentinel', 0)?.status, 'bounced');
  assert.equal(read(', stat=queuedup', 0)?.status, 'bounced');
  assert.equal(read(', stat=', 0)?.status, 'bounced');
  assert.equal(read(', reply=450 no stat', 4), undefined);
});
