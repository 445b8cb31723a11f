import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseSendmailCf } from '../../src/format/sendmail-cf.ts';
import { randomSource } from '../support/random.ts';

function read(text: string) {
  const outcome = parseSendmailCf(Buffer.from(text, 'latin1'));
  return outcome.kind === 'cf' ? outcome : assert.fail(outcome.kind);
}

/** Names of the M lines alone. */
function mailers(text: string): readonly string[] {
  return read(text).mailerNames.slice(3);
}

describe('mailers of a sendmail.cf', () => {
  test('are numbered in order of their lines, known names skipped', () => {
    const cf =
      'Mlocal,\t\tP=/x, F=lsDFMAw5\n\t\tA=mail\nMprog, P=/bin/sh\nMsmtp, P=[IPC]\nMlocal, P=/y\n';
    assert.deepEqual(read(cf).mailerNames, ['prog', '*file*', '*include*', 'local', 'smtp']);
  });

  test('end at a comma, a blank, a comment or a NUL', () => {
    assert.deepEqual(mailers('Ma,b\nMc d\nMe\tf\nMg#h\nMi\0j\nMk\r\nMl\vm'), [...'acegikl']);
  });

  test('may have no name at all, once', () => {
    assert.deepEqual(mailers('M\nM , x\nM#\n M\nMx\n'), ['', 'x']);
  });

  test('are cut at 20 bytes before they are compared', () => {
    assert.deepEqual(mailers(`M${'x'.repeat(20)}1\nM${'x'.repeat(20)}2\n`), ['x'.repeat(20)]);
  });

  test('keep bytes that are not ASCII', () => {
    assert.deepEqual(mailers('Mk\xc3\xb6ln\xa0x, P=y'), ['k\xc3\xb6ln\xa0x']);
  });

  test('a line longer than the buffer goes on as a line of its own', () => {
    assert.deepEqual(mailers(`${'D'.repeat(2046)}Mno\n${'D'.repeat(2047)}Myes\n`), ['yes']);
  });

  test('25 are allowed, and a line more is refused even if its name is known', () => {
    const full = Array.from({ length: 22 }, (_, i) => `Mm${i}\n`).join('');
    assert.equal(read(full).mailerNames.length, 25);
    const outcome = parseSendmailCf(Buffer.from(`${full}Mm0\n`));
    assert.deepEqual(outcome, { kind: 'too-many-mailers' });
  });
});

describe('the statistics file of a sendmail.cf', () => {
  const cases: readonly [string, string | null][] = [
    ['', null],
    ['O StatusFile=/var/lib/sendmail.st\n', '/var/lib/sendmail.st'],
    ['O StatusFile = \t/x y  # why\n', '/x y'],
    ['O sTATUSfILE=/x', '/x'],
    ['O StatusFile.x=/x', '/x'],
    ['O StatusFile=a=b', 'a=b'],
    ['O StatusFile=/x\nO StatusFile=/y\n', '/y'],
    ['O StatusFile=', ''],
    ['O StatusFile', null],
    ['O StatusFiles=/x', null],
    ['O  StatusFile=/x', null],
    ['o StatusFile=/x', null],
    ['#O StatusFile=/x', null],
    [' O StatusFile=/x', null],
    ['OS/x', '/x'],
    ['OS /x', ' /x'],
    ['OS', ''],
    ['OStatusFile=/x', 'tatusFile=/x'],
    ['O', null],
    ['O SuperSafe=True', null],
  ];
  for (const [text, expected] of cases) {
    test(`${JSON.stringify(text)} is ${JSON.stringify(expected)}`, () => {
      assert.equal(read(text).statusFile, expected);
    });
  }
});

test('any bytes give an outcome, and a long line of blanks a quick one', () => {
  const random = randomSource(25);
  for (let round = 0; round < 500; round++) {
    const alphabet = 'MOS StatusFile=,#\0\n\r\t\xff/';
    const bytes = Uint8Array.from({ length: random.below(400) }, () =>
      alphabet.charCodeAt(random.below(alphabet.length)),
    );
    const outcome = parseSendmailCf(bytes);
    if (outcome.kind === 'cf') {
      assert.equal(new Set(outcome.mailerNames).size, outcome.mailerNames.length);
      assert.ok(outcome.mailerNames.every((name) => /^[^,#\0\s]{0,20}$/.test(name)));
    }
  }
  assert.equal(read(`O StatusFile${' '.repeat(1_000_000)}=`).statusFile, null);
});
