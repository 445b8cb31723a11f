/** Which lines are sendmail's, by their shape and by their tag; ids of all ages; lines in two parts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertRow, readLines } from '../read-lines.ts';

const SENT = 'delay=00:00:02, xdelay=00:00:01, mailer=local, pri=30390, dsn=2.0.0, stat=Sent';

test('queue ids of all ages', () => {
  for (const id of [
    '6AO6Daxu021036',
    '6AO6Daxu1021036',
    'f19GFOv16972',
    'UAA02587',
    'kBC502520512',
  ]) {
    const { rows, outcomes } = readLines([
      `Nov 24 06:00:05 mx1 sendmail[1]: ${id}: to=<a@b>, ${SENT}`,
    ]);
    assert.deepEqual(outcomes, ['parsed'], id);
    assert.equal(rows[0]?.values.queue_id, id);
  }
});

test('any tag will do for a line with a queue id; without one the tag or the text must tell', () => {
  const outcome = (tag: string, text: string): string | undefined =>
    readLines([`Nov 24 06:00:05 mx1 ${tag}[1]: ${text}`]).outcomes[0];
  assert.equal(outcome('mta-out', `6AO6Daxu021036: to=<a@b>, ${SENT}`), 'parsed');
  assert.equal(outcome('mta-out', 'starting daemon (8.17.1.9): SMTP'), 'parsed');
  assert.equal(
    outcome('mta-out', 'AUTH=server, relay=[192.0.2.1], authid=a, mech=PLAIN, bits=0'),
    'parsed',
  );
  assert.equal(
    outcome('sm-acceptingconnections', 'rejecting connections on daemon MTA: load average: 12'),
    'parsed',
  );
  assert.equal(
    outcome('kernel', 'rejecting connections on daemon MTA: load average: 12'),
    'foreign: not a mail line',
  );
  assert.equal(outcome('sshd', 'Accepted publickey for root'), 'foreign: not a mail line');
  assert.equal(outcome('sm-mta', 'something new'), 'unsupported: sendmail line of an unknown kind');
});

test('the restricted shell of sendmail logs under its own name', () => {
  const { outcomes, rows } = readLines([
    'Nov 24 08:58:27 mx1 smrsh: uid 8: attempt to use "notthere" (stat failed)',
  ]);
  assert.deepEqual(outcomes, ['parsed']);
  assert.equal(rows[0]?.values.what, 'restricted program');
});

test('an empty queue id, as a broken queue file leaves it', () => {
  const { outcomes, rows } = readLines([
    `Jan 21 01:05:55 h sendmail[17428]: : to=<@yahoo.example>, ${SENT}`,
  ]);
  assert.deepEqual(outcomes, ['parsed']);
  assert.equal(rows[0]?.values.status, 'sent');
});

test('a line over 1024 bytes comes in parts, which are one line', () => {
  const subject = Array.from({ length: 200 }, (_, index) => `word${index}`);
  const head = 'Nov 24 06:00:05 mx1 sm-mta[21036]: 6AO6Daxu021036';
  const first = `${head}[1]: ruleset=CheckSubject, arg1= ${subject.slice(0, 100).join(', ')}, ...`;
  const second = `${head}[2]: ${subject.slice(100).join(', ')}, relay=c.example [192.0.2.1], reject=550 5.7.1 subject refused`;
  const { outcomes, rows } = readLines([first, second]);
  assert.deepEqual(outcomes, ['parsed', 'parsed']);
  assert.deepEqual(
    rows.map(({ table, values }) => [
      table,
      values.rule,
      values.code,
      values.client_ip,
      values.reason,
    ]),
    [['rejections', 'CheckSubject', 550, '192.0.2.1', 'subject refused']],
  );
});

test('NOQUEUE is no queue id', () => {
  assertRow('NOQUEUE: connect from [192.0.2.1]', { table: 'connections', queue_id: undefined }, '');
});
