/** Class w, and /etc/hosts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostsFile } from '../../../src/mta/route/hosts-file.ts';
import { LocalNames, parseNameList } from '../../../src/mta/route/local-names.ts';

const FILE =
  '# ours\ncorp.example\n  Virt.Example  # customers\n\r\n[203.0.113.9]\nalias.example extra\n';
const names = new LocalNames({
  hostName: 'mx1.corp.example',
  addresses: ['192.0.2.10', '2001:db8::10', 'nonsense'],
  names: parseNameList(FILE),
});

test('a list of names', () => {
  assert.deepEqual(parseNameList(FILE), [
    'corp.example',
    'Virt.Example',
    '[203.0.113.9]',
    'alias.example',
  ]);
});

test('names of ours in any form', () => {
  for (const name of [
    'CORP.example',
    'corp.example.',
    'virt.EXAMPLE',
    'localhost',
    'LOCALHOST',
    'mx1',
    'mx1.corp.example',
    '[192.0.2.10]',
    '[127.0.0.1]',
    '[IPv6:2001:db8:0:0::10]',
    '[ipv6:::ffff:192.0.2.10]',
    '[203.0.113.9]',
  ]) {
    assert.ok(names.has(name), name);
  }
  for (const name of [
    '',
    'example',
    'x.corp.example',
    '192.0.2.10',
    '[192.0.2.11]',
    '[corp.example]',
    '[localhost]',
    '[]',
    'nonsense',
  ]) {
    assert.ok(!names.has(name), name);
  }
  assert.ok(
    names.hasAddress('2001:db8::10') && !names.hasAddress('2001:db8::11') && !names.hasAddress('x'),
  );
});

test('a short name gets our domain', () => {
  assert.equal(names.complete('mx2'), 'mx2.corp.example');
  assert.equal(names.complete('a.b'), 'a.b');
  assert.equal(new LocalNames({ hostName: 'alone' }).complete('mx2'), 'mx2');
});

test('a hosts file', () => {
  const hosts = new HostsFile(
    '127.0.0.1\tlocalhost lo # us\n::1 localhost\n10.0.0.1 A.example a\n10.0.0.1 b.example\nx y\n',
  );
  assert.deepEqual(hosts.addresses('LOCALHOST.'), ['127.0.0.1', '0:0:0:0:0:0:0:1']);
  assert.deepEqual(hosts.addresses('b.example'), ['10.0.0.1']);
  assert.deepEqual(hosts.addresses('y'), []);
  assert.equal(hosts.nameOf('10.0.0.1'), 'A.example');
  assert.equal(hosts.nameOf('::1'), 'localhost');
  assert.equal(hosts.nameOf('10.0.0.2'), undefined);
});
