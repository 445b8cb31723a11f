/** Passwords: each scheme, entries made and found again, what is no entry. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { PasswordFile, passwordEntry, withEntry } from '../../../src/mta/auth/password-file.ts';
import { randomSource } from '../../support/random.ts';

const sha = (...parts: string[]) => createHash('sha512').update(parts.join('')).digest();

test('each scheme knows its password and no other', async () => {
  const salted = Buffer.concat([sha('secret', 'salt'), Buffer.from('salt')]).toString('base64');
  const text = [
    '# users',
    await passwordEntry('alice', 'wonder:land'),
    await passwordEntry('bob', 'builder', 'PLAIN'),
    `carol:{SHA512}${sha('secret').toString('base64')}`,
    `dave:{SSHA512}${salted}`,
  ].join('\n');
  const file = new PasswordFile(text);
  assert.deepEqual(file.problems, []);
  for (const [user, password] of [
    ['alice', 'wonder:land'],
    ['bob', 'builder'],
    ['carol', 'secret'],
    ['dave', 'secret'],
  ] as const) {
    assert.equal(await file.verify(user, password), true, user);
    assert.equal(await file.verify(user, `${password} `), false, user);
    assert.equal(await file.verify(user, ''), false, user);
  }
  assert.equal(await file.verify('nobody', 'nobody'), false);
  assert.equal(await file.verify('bob', 'x'.repeat(100_000)), false);
  assert.equal(file.plainPassword('bob'), 'builder');
  assert.equal(file.plainPassword('alice'), undefined);
});

test('what is no entry is told with its line', () => {
  const text =
    'alice\nbob:{MD4}x\ncarol:{SCRYPT}3$8$1$AA==$AA==\nx:{PLAIN}y\nx:{PLAIN}z\nd:{SHA512}AA==\n';
  const file = new PasswordFile(text);
  assert.deepEqual(
    file.problems.map(({ line }) => line),
    [1, 2, 3, 5, 6],
  );
  assert.equal(file.plainPassword('x'), 'y');
});

test('an entry takes the place of the one before', async () => {
  const entry = await passwordEntry('bob', 'new', 'PLAIN');
  const text = withEntry('alice:{PLAIN}a\nbob:{PLAIN}old\n', entry);
  assert.equal(text, 'alice:{PLAIN}a\nbob:{PLAIN}new\n');
  assert.equal(withEntry('', entry), 'bob:{PLAIN}new\n');
  await assert.rejects(passwordEntry('a:b', 'x'));
  await assert.rejects(passwordEntry('a', 'x\ny'));
});

test('any text is read', () => {
  const random = randomSource(9);
  const pieces = [
    'a',
    ':',
    '{SCRYPT}',
    '{PLAIN}',
    '$',
    '16384$8$1$',
    '\n',
    '=',
    '\0',
    '99999999999',
  ] as const;
  for (let i = 0; i < 500; i++) {
    let text = '';
    for (let j = random.below(40); j > 0; j--) text += random.pick(pieces);
    assert.ok(new PasswordFile(text).problems.length <= text.split('\n').length);
  }
});
