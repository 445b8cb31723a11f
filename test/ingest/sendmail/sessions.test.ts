/** Login and TLS lines bear no queue id: they belong to the messages of the same process. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeParser, readLines } from '../read-lines.ts';

const at = (pid: number, text: string, host = 'mx1'): string =>
  `Nov 24 06:00:05 ${host} sm-mta[${pid}]: ${text}`;
const LOGIN = 'AUTH=server, relay=c.example [192.0.2.1], authid=alice, mech=PLAIN, bits=0';
const TLS =
  'STARTTLS=server, relay=c.example [192.0.2.1], version=TLSv1.3, verify=NO, cipher=X, bits=256/256';
const from = (id: string, proto: string): string =>
  `${id}: from=<a@b>, size=1, class=0, nrcpts=1, msgid=<1@x>, proto=${proto}, daemon=MTA, relay=c.example [192.0.2.1]`;

function sessionOf(lines: readonly string[]): unknown[] {
  return readLines(lines)
    .rows.filter(({ table }) => table === 'envelopes')
    .map(({ values }) => [values.auth_user, values.auth_mech, values.tls_version]);
}

test('the messages of a session have its login and its TLS', () => {
  const lines = [
    at(7, TLS),
    at(7, LOGIN),
    at(7, from('6AO600aa000007', 'ESMTPSA')),
    at(7, from('6AO600ab000007', 'ESMTPSA')),
  ];
  const expected = ['alice', 'PLAIN', 'TLSv1.3'];
  assert.deepEqual(sessionOf(lines), [expected, expected]);
});

test('only as far as the protocol says so', () => {
  const lines = [
    at(7, TLS),
    at(7, LOGIN),
    at(7, from('6AO600aa000007', 'ESMTPS')),
    at(7, from('6AO600ab000007', 'ESMTP')),
  ];
  assert.deepEqual(sessionOf(lines), [
    [undefined, undefined, 'TLSv1.3'],
    [undefined, undefined, undefined],
  ]);
});

test('another process and another host have sessions of their own', () => {
  const lines = [
    at(7, LOGIN),
    at(8, from('6AO600aa000008', 'ESMTPA')),
    at(7, from('6AO600aa000007', 'ESMTPA'), 'mx2'),
  ];
  assert.deepEqual(sessionOf(lines), [
    [undefined, undefined, undefined],
    [undefined, undefined, undefined],
  ]);
});

test('a new connection of the same process begins anew', () => {
  const lines = [
    at(7, LOGIN),
    at(7, 'NOQUEUE: connect from c.example [192.0.2.1]'),
    at(7, from('6AO600aa000007', 'ESMTPA')),
  ];
  assert.deepEqual(sessionOf(lines), [[undefined, undefined, undefined]]);
});

test('a session goes on from one block to the next, not to the next source', () => {
  const parser = makeParser();
  readLines([at(7, LOGIN)], parser);
  const second = readLines([at(7, from('6AO600aa000007', 'ESMTPA'))], parser);
  assert.equal(second.rows[0]?.values.auth_user, 'alice');
  parser.startSource({ defaultZone: () => 0, latest: 1_800_000_000 });
  const third = readLines([at(7, from('6AO600aa000007', 'ESMTPA'))], parser);
  assert.equal(third.rows[0]?.values.auth_user, undefined);
});
