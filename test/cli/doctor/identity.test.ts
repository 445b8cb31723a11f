/** Users and groups: of texts as the system has them, and of any text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idsInStatus, nameIn, thisUser, userOfProcess } from '../../../src/cli/doctor/identity.ts';
import { randomSource } from '../../support/random.ts';

const PASSWD = 'root:x:0:0:root:/:/bin/sh\nmaillog:x:998:998::/var/lib/maillog:/bin/false\n';
const STATUS =
  'Name:\tnode\nUid:\t1000\t998\t998\t998\nGid:\t1000\t997\t997\t997\nGroups:\t4 997 \nVmRSS:\t1 kB\n';

test('a number has the name of its line, else none', () => {
  assert.equal(nameIn(PASSWD, 998), 'maillog');
  assert.equal(nameIn(PASSWD, 99), '99');
});

test('of a process the effective user and all groups count', () => {
  assert.deepEqual(idsInStatus(STATUS), { uid: 998, groups: [997, 4] });
  assert.equal(idsInStatus(''), undefined);
});

test('this process is known by both ways', () => {
  const own = thisUser();
  const seen = userOfProcess(process.pid);
  // Without /proc nothing can be known of others.
  if (seen !== undefined) assert.deepEqual([seen.uid, seen.name], [own.uid, own.name]);
});

test('no text makes them fail', () => {
  const random = randomSource(7);
  for (let round = 0; round < 500; round += 1) {
    const cut = random.below(STATUS.length);
    const text = `${STATUS.slice(0, cut)}${String.fromCodePoint(random.below(256))}${STATUS.slice(cut + 1)}`;
    const ids = idsInStatus(text);
    assert.ok(ids === undefined || Number.isFinite(ids.uid));
    assert.ok(nameIn(text, random.below(1000)).length > 0);
  }
});
