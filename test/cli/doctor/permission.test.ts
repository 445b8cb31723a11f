/** What keeps a user from a file, and the way in that is named. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Identity } from '../../../src/cli/doctor/identity.ts';
import {
  firstObstacle,
  type Obstacle,
  type Owned,
  obstacleText,
  waysIn,
} from '../../../src/cli/doctor/permission.ts';

const ADM = 4;
const ROOT: Owned = { path: '/', isFolder: true, uid: 0, gid: 0, mode: 0o755 };
const LOG: Owned = { path: '/var/log/mail.log', isFolder: false, uid: 0, gid: ADM, mode: 0o640 };
const user = (uid: number, groups: readonly number[] | null): Identity => ({
  uid,
  name: 'ann',
  groups,
});
const named = (owned: Owned): Obstacle => ({ ...owned, owner: 'root', group: 'adm' });

test('owner, group and others are told apart, as the system does', () => {
  assert.equal(firstObstacle([ROOT, LOG], user(5, [7])), LOG);
  assert.equal(firstObstacle([ROOT, LOG], user(5, [7, ADM])), undefined);
  assert.equal(firstObstacle([ROOT, LOG], user(0, [])), undefined);
  // The owner's own bits count, even where the group's give more.
  const own = { ...LOG, uid: 5, mode: 0o040 };
  assert.equal(firstObstacle([own], user(5, [ADM])), own);
});

test('whose groups are not known is given the benefit of the doubt', () => {
  assert.equal(firstObstacle([ROOT, LOG], user(5, null)), undefined);
  assert.equal(firstObstacle([{ ...LOG, mode: 0o600 }], user(5, null))?.mode, 0o600);
});

test('a folder in the way comes first', () => {
  const folder = { ...ROOT, path: '/var/log', mode: 0o700 };
  const found = firstObstacle([ROOT, folder, LOG], user(5, [ADM]));
  assert.equal(found, folder);
  const text = obstacleText(LOG.path, named(folder));
  assert.match(text, /^the folder \/var\/log may not be entered: owner root, .* mode 0700$/);
});

test('the group that may read is the one to join', () => {
  assert.equal(obstacleText(LOG.path, named(LOG)), 'owner root, group adm, mode 0640');
  assert.match(waysIn(named(LOG), 'ann', 'log in again'), /^usermod -aG adm ann .*log in again$/);
});

test('where no group may, one is made to', () => {
  const closed = named({ ...LOG, gid: 0, mode: 0o600 });
  assert.match(waysIn(closed, 'ann', 'log in again'), /chgrp adm .*logrotate/);
  assert.match(waysIn(undefined, 'ann', 'log in again'), /getfacl/);
});
