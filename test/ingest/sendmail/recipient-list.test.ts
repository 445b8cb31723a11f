/** Lists of recipients: where they end and what they hold. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecipientList } from '../../../ingest/sendmail/recipient-list.ts';

function read(text: string): { members: string[]; more: boolean; rest: string | undefined } {
  const bytes = Buffer.from(text);
  const list = new RecipientList();
  const end = list.read(bytes, 0, bytes.length);
  const members = Array.from({ length: list.count }, (_, index) =>
    bytes.toString('utf8', list.startOf(index), list.endOf(index)),
  );
  return { members, more: list.hasMore, rest: end < 0 ? undefined : text.slice(end) };
}

const DELAY = ', delay=00:00:00';

test('commas divide, but not in quotes, brackets or before a blank', () => {
  assert.deepEqual(read(`<a@x>,<"b, c"@x>,d, delay=1${DELAY}`).members, [
    '<a@x>',
    '<"b, c"@x>',
    'd',
  ]);
  assert.deepEqual(read(`<@r1,@r2:a@x>${DELAY}`).members, ['<@r1,@r2:a@x>']);
  assert.deepEqual(read(`Doe, John <j@x>,b${DELAY}`).members, ['Doe, John <j@x>', 'b']);
  assert.deepEqual(read(String.raw`<"a\\",b"@x>,c${DELAY}`).members, [
    String.raw`<"a\\",b"@x>`,
    'c',
  ]);
  assert.deepEqual(read(`"|prog a, delay=9, b",c${DELAY}`).members, ['"|prog a, delay=9, b"', 'c']);
});

test('the list ends at the first equate, or at [more]', () => {
  assert.equal(read('<a@x>, ctladdr=b (1/1), delay=1').rest, ', ctladdr=b (1/1), delay=1');
  assert.deepEqual(read('a,b, [more], delay=1'), {
    members: ['a', 'b'],
    more: true,
    rest: ', delay=1',
  });
  assert.equal(read('<a@x>, stat=Sent').rest, undefined);
});

test('many members, and none', () => {
  const members = Array.from({ length: 500 }, (_, index) => `<r${index}@x.example>`);
  assert.deepEqual(read(`${members.join(',')}${DELAY}`).members, members);
  assert.deepEqual(read(DELAY).members, []);
});

test('what never closes is one recipient', () => {
  assert.deepEqual(read(`<"open@x>, b${DELAY}`).members, ['<"open@x>, b']);
});
