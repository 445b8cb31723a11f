import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { AliasFile, parseAliases, splitMembers } from '../../../src/mta/aliases/alias-file.ts';
import { parseMember } from '../../../src/mta/aliases/member.ts';
import { parsePasswd, UserTable } from '../../../src/mta/aliases/users.ts';
import { randomSource } from '../../support/random.ts';
import { testFolder } from '../courier/fake-smtp.ts';

const valuesOf = (text: string) => Object.fromEntries(parseAliases(text).values);

test('Debian’s aliases are counted as sendmail counts them', () => {
  const text = 'MAILER-DAEMON: postmaster\npostmaster: root\nabuse: root\nroot: sysop\n# end\n';
  assert.deepEqual(parseAliases(text).counts, { aliases: 4, longest: 10, bytes: 55 });
  assert.deepEqual(parseAliases(`${text}team: alice, bob\n`).counts, {
    aliases: 5,
    longest: 10,
    bytes: 69,
  });
});

test('lines go on after a backslash and before a blank', () => {
  assert.deepEqual(valuesOf('a: b,\n  c\n# x\nd: e, \\\nf\r\nG: "|x y: z"\n"q r": h'), {
    a: 'b,  c',
    d: 'e, f',
    g: '"|x y: z"',
    'q r': 'h',
  });
});

test('what is no alias is an error with its line', () => {
  const { errors, counts } = parseAliases(
    ' x\nno colon\nempty: \n: y\na@b: c\nok: d\nOK: e\n"open: x\n',
  );
  assert.deepEqual(
    errors.map(({ line, text }) => `${line}: ${text}`),
    [
      '1: Non-continuation line starts with space',
      '2: missing colon',
      '3: empty: ... missing value for alias',
      '4: : y... illegal alias name',
      '5: a@b... cannot alias non-local names',
      '7: duplicate alias name OK',
      '8: missing colon',
    ],
  );
  assert.equal(counts.aliases, 2);
});

test('members are parted at commas, but not in quotes, brackets and comments', () => {
  assert.deepEqual(splitMembers('a, "|x, y", (b, c) d@e,, <f,g@h>, "i\\", j"'), [
    'a',
    '"|x, y"',
    '(b, c) d@e',
    '<f,g@h>',
    '"i\\", j"',
  ]);
});

test('a member is a program, a file, a list, a user or an address', () => {
  const kinds = [
    '"|/bin/x \\"a b\\""',
    '|x',
    '/f',
    '":include:/l"',
    '\\bob',
    'A B <a@b> (c)',
    '/x@y',
  ]
    .map(parseMember)
    .map((one) => [one.kind, Object.values(one)[2]]);
  assert.deepEqual(kinds, [
    ['program', '/bin/x "a b"'],
    ['program', 'x'],
    ['file', '/f'],
    ['include', '/l'],
    ['user', 'bob'],
    ['address', 'a@b'],
    ['address', '/x@y'],
  ]);
});

test('the file is read again when it changes, and mandatory names have a stand-in', (t) => {
  const path = join(testFolder(t), 'aliases');
  const read: string[][] = [];
  const file = new AliasFile(path, (_, missing) => read.push([...missing]));
  assert.equal(file.find('POSTMASTER'), 'root');
  assert.equal(file.find('mailer-daemon'), 'postmaster');
  writeFileSync(path, 'postmaster: alice\n');
  assert.equal(file.find('postmaster'), 'alice');
  writeFileSync(path, 'postmaster: alice, bob\nx: y\n');
  assert.equal(file.find('X'), 'y');
  rmSync(path);
  assert.equal(file.find('x'), 'y');
  assert.deepEqual(read, [['mailer-daemon'], ['mailer-daemon']]);
});

test('several files count as one', (t) => {
  const paths = ['one', 'two'].map((name) => join(testFolder(t), name));
  writeFileSync(paths[0] ?? '', 'a: b');
  writeFileSync(paths[1] ?? '', 'c: d\n');
  const file = new AliasFile(paths);
  assert.deepEqual([file.find('a'), file.find('c')], ['b', 'd']);
  assert.equal(new AliasFile([]).find('postmaster'), 'root');
});

test('users are read likewise', (t) => {
  const path = join(testFolder(t), 'passwd');
  const users = new UserTable(path);
  assert.equal(users.isKnown('alice'), false);
  writeFileSync(path, 'alice:x:1000:1001:& Smith,room:/home/alice:/bin/sh\n../x:x:1:1::/:\nbad\n');
  assert.deepEqual(users.find('ALICE'), {
    name: 'alice',
    uid: 1000,
    gid: 1001,
    fullName: 'Alice Smith',
    home: '/home/alice',
    shell: '/bin/sh',
  });
  assert.equal(users.byUid(1000)?.name, 'alice');
  assert.equal(users.isKnown('../x'), false);
  assert.equal(parsePasswd('..:x:1:1::/:\na/b:x:1:1::/:\nc:x:-1:1::/:\n').length, 0);
});

test('any text is read, and every line of it is accounted for', () => {
  const random = randomSource(5);
  for (let round = 0; round < 500; round++) {
    const text = Array.from({ length: random.below(30) }, () =>
      random.pick([
        'a',
        ':',
        ' ',
        '\n',
        '\\',
        '"',
        ',',
        '|',
        '#',
        '\r',
        '(',
        ')',
        '<',
        '\xff',
        '\0',
        '@',
      ]),
    ).join('');
    const { values, errors, counts } = parseAliases(text);
    const duplicates = errors.filter(({ text: why }) => why.startsWith('duplicate')).length;
    assert.equal(values.size + duplicates, counts.aliases);
    for (const value of values.values()) {
      for (const member of splitMembers(value))
        assert.equal(parseMember(member).shown.length > 0, true);
    }
    assert.ok(text.length >= splitMembers(text).join('').length);
  }
});
