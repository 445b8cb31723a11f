/** `message repeated N times`, which counts what it repeats N times more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeParser, readLines } from '../read-lines.ts';

const FAILURE =
  '6AO6Daxu021036: AUTH failure (PLAIN): user not found (-20), user=bob, relay=[192.0.2.1]';
const LINE = `Nov 24 06:44:41 mx1 sm-mta[21036]: ${FAILURE}`;
const repeated = (count: number | string, rest = 'mx1 sm-mta[21036]: '): string =>
  `Nov 24 06:44:50 ${rest}message repeated ${count} times: [ ${FAILURE}]`;

const failures = (lines: readonly string[], parser = makeParser()): number =>
  readLines(lines, parser).rows.filter(({ table }) => table === 'auth_events').length;

test('rsyslog: N more of the text in brackets', () => {
  assert.equal(failures([LINE, repeated(5)]), 6);
  assert.equal(failures([repeated(3)]), 3);
});

test('the repeated rows are those of the text, at the time of the line that repeats it', () => {
  const { rows, times } = readLines([LINE, repeated(2)]);
  assert.deepEqual(
    rows.map(({ line }) => line),
    [1, 2, 2],
  );
  assert.deepEqual(rows[2]?.values, rows[0]?.values);
  assert.deepEqual(times, ['2026-11-24T06:44:41.000Z', '2026-11-24T06:44:50.000Z']);
});

test('the old form means the line before, whatever its program', () => {
  const old = (host: string): string => `Nov 24 06:44:50 ${host}last message repeated 3 times`;
  assert.equal(failures([LINE, old('mx1 ')]), 4);
  assert.equal(failures([LINE, old('')]), 4);
  assert.equal(failures(['Nov 24 06:44:41 mx1 sshd[1]: x', old('mx1 ')]), 0);
});

test('the old form at the beginning of a block means the last line of the block before', () => {
  const parser = makeParser();
  failures([LINE], parser);
  assert.equal(failures(['Nov 24 06:44:50 mx1 last message repeated 3 times'], parser), 3);
});

test('nothing before it: nothing is known of it', () => {
  const { outcomes } = readLines(['Nov 24 06:44:50 mx1 last message repeated 3 times']);
  assert.deepEqual(outcomes, ['foreign: repeats a line that was not read']);
});

test('absurd counts are not believed, and the words alone are no repetition', () => {
  assert.deepEqual(readLines([repeated(10_001)]).outcomes, ['malformed: absurd repeat count']);
  assert.deepEqual(readLines([repeated('99999999999999999999999')]).outcomes, [
    'malformed: absurd repeat count',
  ]);
  assert.equal(failures([LINE, repeated(0)]), 1);
  assert.equal(failures([repeated('x')]), 0);
});

test('a repeated line that nobody can read is refused once, as what it repeats', () => {
  const { outcomes } = readLines([
    'Nov 24 06:44:50 mx1 sm-mta[1]: message repeated 2 times: [ 6AO6Daxu021036: to=<x>, xdelay=?]',
    'Nov 24 06:44:50 mx1 sshd[1]: message repeated 2 times: [ Failed password]',
  ]);
  assert.deepEqual(outcomes, ['malformed: to= line without delay=', 'foreign: not a mail line']);
});

test('a repetition of deliveries keeps the transactions of each', () => {
  const to =
    '6AO6Daxu021036: to=a,b, delay=00:00:01, xdelay=00:00:01, mailer=local, pri=1, dsn=2.0.0, stat=Sent';
  const { rows } = readLines([`Nov 24 06:44:50 mx1 sm-mta[1]: message repeated 2 times: [ ${to}]`]);
  assert.deepEqual(
    rows.map(({ values }) => [values.recipient, values.transactions]),
    [
      ['a', 1],
      ['b', 0],
      ['a', 1],
      ['b', 0],
    ],
  );
});
