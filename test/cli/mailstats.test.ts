import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runOurs, temporaryFolder } from '../support/mailstats-run.ts';

process.env.TZ = 'UTC';
const FIXTURES = 'test/fixtures/mailstats';
const USAGE = 'usage: mailstats [-C cffile] [-c] [-P] [-f stfile] [-o] [-p]\n';
const folder = temporaryFolder();
const cf = join(folder, 'sendmail.cf');
writeFileSync(
  cf,
  ['local', 'smtp', 'esmtp', 'smtp8', 'dsmtp', 'relay'].map((m) => `M${m}\n`).join(''),
);

function recorded(title: string): string {
  const runs = readFileSync(`${FIXTURES}/mailstats.txt`, 'utf8').split(/^--- mailstats /m);
  const run = runs.find((text) => text.startsWith(`${title}\n`)) ?? assert.fail(title);
  return run.slice(title.length + 1).replaceAll('$\n', '\n');
}

/** A copy of the recorded file, to be truncated at will. */
function statisticsFile(name: string): string {
  const path = join(folder, name);
  copyFileSync(`${FIXTURES}/sendmail.st`, path);
  return path;
}

describe('mailstats prints', () => {
  const st = statisticsFile('printed.st');
  const now = () => 1_795_500_342n;

  test('the table', async () => {
    const run = await runOurs(['-C', cf, '-f', st]);
    assert.deepEqual(run, { stdout: recorded(''), stderr: '', status: 0, slept: [] });
  });

  test('every mode, flags joined or apart', async () => {
    assert.equal((await runOurs(['-o', `-C${cf}`, `-f${st}`])).stdout, recorded('-o'));
    assert.equal((await runOurs(['-PC', cf, '-f', st], { now })).stdout, recorded('-P'));
    assert.equal((await runOurs(['-f', st, '-oPC', cf], { now })).stdout, recorded('-P -o'));
  });

  test('the file that the cf names, unless another is asked for', async () => {
    const named = join(folder, 'named.cf');
    writeFileSync(named, `O StatusFile=${st}\n`);
    assert.equal((await runOurs(['-C', named, '-o'])).stdout, recorded('-o'));
    const other = await runOurs(['-C', named, '-f', join(folder, 'absent.st')]);
    assert.equal(other.status, 66);
  });

  test('a mailer’s name with the bytes it has in the cf', async () => {
    const bytes = join(folder, 'bytes.cf');
    writeFileSync(bytes, Buffer.from('Mk\xf6ln, P=x\n', 'latin1'));
    assert.match((await runOurs(['-C', bytes, '-f', st])).stdout, / {2}k\xf6ln\n/);
  });
});

describe('mailstats -p', () => {
  const counters = 'C     5555     4444     54\n';

  test('prints for programs, then empties the file', async () => {
    const st = statisticsFile('emptied.st');
    const run = await runOurs(['-p', '-C', cf, '-f', st], { now: () => 1_795_500_342n });
    assert.equal(run.stdout, recorded('-P'));
    assert.equal(run.status, 0);
    assert.equal(statSync(st).size, 0);
  });

  test('keeps the counters when nobody is left to read them', async () => {
    const st = statisticsFile('kept.st');
    const gone = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    const run = await runOurs(['-p', '-C', cf, '-f', st], { stdout: () => Promise.reject(gone) });
    assert.equal(run.status, 0);
    assert.equal(statSync(st).size, 1448);
  });

  test('keeps the counters and says so when they cannot be written', async () => {
    const st = statisticsFile('full.st');
    const full = Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' });
    const run = await runOurs(['-p', '-C', cf, '-f', st], { stdout: () => Promise.reject(full) });
    assert.equal(run.stderr, 'mailstats: standard output: No space left on device\n');
    assert.equal(run.status, 74);
    assert.equal(statSync(st).size, 1448);
  });

  test('does not touch a file that is not a statistics file', async () => {
    const path = join(folder, 'letter.txt');
    writeFileSync(path, 'Dear postmaster');
    assert.equal((await runOurs(['-p', '-C', cf, '-f', path])).status, 71);
    assert.equal(readFileSync(path, 'utf8'), 'Dear postmaster');
  });

  test('empties it even if -P comes after', async () => {
    const st = statisticsFile('both.st');
    assert.ok((await runOurs(['-pP', '-C', cf, '-f', st])).stdout.endsWith(counters));
    assert.equal(statSync(st).size, 0);
  });
});

describe('an empty file', () => {
  const st = join(folder, 'empty.st');

  test('is read again after a second, and then counts from now', async () => {
    writeFileSync(st, '');
    const run = await runOurs(['-P', '-C', cf, '-f', st]);
    assert.deepEqual(run.slept, [1000]);
    assert.match(run.stdout, /^1700000777 1700000777\n T {8}0 /);
    assert.equal(run.status, 0);
  });

  test('may have been filled meanwhile', async () => {
    writeFileSync(st, '');
    const sleep = async () => copyFileSync(`${FIXTURES}/sendmail.st`, st);
    assert.equal((await runOurs(['-C', cf, '-f', st], { sleep })).stdout, recorded(''));
  });
});

describe('mailstats refuses', () => {
  const st = statisticsFile('refused.st');
  const altered = (name: string, at: number, value: number) => {
    const bytes = readFileSync(st);
    bytes[at] = value;
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  const version3 = altered('version3.st', 4, 3);
  const size = altered('size.st', 16, 0xa9);
  const many = join(folder, 'many.cf');
  writeFileSync(many, Array.from({ length: 23 }, (_, i) => `Mm${i}\n`).join(''));
  const bad = `${FIXTURES}/bad.st`;

  const cases: readonly [string, readonly string[], number, string][] = [
    [
      'a bad magic number',
      ['-C', cf, '-f', bad],
      71,
      `mailstats: incorrect magic number in ${bad}`,
    ],
    [
      'another version',
      ['-C', cf, '-f', version3],
      71,
      `mailstats version (4) incompatible with ${version3} version (3)`,
    ],
    ['another size', ['-C', cf, '-f', size], 71, 'mailstats: file size changed.'],
    ['a short file', ['-C', cf, '-f', `${FIXTURES}/short.st`], 71, 'mailstats: file size changed.'],
    [
      'a missing file',
      ['-C', cf, '-f', '/nonexistent/x.st'],
      66,
      'mailstats: /nonexistent/x.st: No such file or directory',
    ],
    ['a folder', ['-C', cf, '-f', folder], 66, `mailstats: ${folder}: Is a directory`],
    ['a file below a file', ['-C', cf, '-f', `${cf}/x`], 66, `mailstats: ${cf}/x: Not a directory`],
    ['an empty name', ['-C', cf, '-f', ''], 66, 'mailstats: No such file or directory'],
    [
      'a missing cf',
      ['-C', '/nonexistent'],
      66,
      'mailstats: /nonexistent: No such file or directory',
    ],
    ['a cf without a file', ['-C', cf], 72, 'mailstats: no statistics file located'],
    ['a folder for a cf', ['-C', folder], 72, 'mailstats: no statistics file located'],
    ['too many mailers', ['-C', many, '-f', st], 70, 'Too many mailers defined, 25 max.'],
  ];
  for (const [what, argv, status, message] of cases) {
    test(`${what} with ${status}`, async () => {
      const run = await runOurs(argv);
      assert.deepEqual(run, { stdout: '', stderr: `${message}\n`, status, slept: [] });
    });
  }

  const misuses: readonly [readonly string[], string][] = [
    [['-x'], "mailstats: invalid option -- 'x'\n"],
    [['--help'], "mailstats: invalid option -- '-'\n"],
    [['-oPx'], "mailstats: invalid option -- 'x'\n"],
    [['-C'], "mailstats: option requires an argument -- 'C'\n"],
    [['-of'], "mailstats: option requires an argument -- 'f'\n"],
    [['operand', '-q'], "mailstats: invalid option -- 'q'\n"],
    [['-C', cf, 'operand'], ''],
    [['-C', cf, '--', '-P'], ''],
    [['-'], ''],
  ];
  for (const [argv, complaint] of misuses) {
    test(`${argv.join(' ').replaceAll(folder, '')} with the usage`, async () => {
      const run = await runOurs(argv);
      assert.deepEqual(run, { stdout: '', stderr: complaint + USAGE, status: 64, slept: [] });
    });
  }
});

describe('the command', () => {
  const main = fileURLToPath(new URL('../../src/cli/mailstats-main.js', import.meta.url));
  const st = statisticsFile('command.st');
  const run = (...argv: string[]) =>
    spawnSync(process.execPath, [main, ...argv], { encoding: 'latin1', env: { TZ: 'UTC' } });

  test('prints and exits like the function', () => {
    const { stdout, stderr, status } = run('-C', cf, '-f', st);
    assert.deepEqual({ stdout, stderr, status }, { stdout: recorded(''), stderr: '', status: 0 });
    assert.equal(run('-x').status, 64);
  });

  test('begins with the line that lets a shell run it', () => {
    assert.match(readFileSync(main, 'utf8'), /^#!\/usr\/bin\/env node\n/);
  });

  test('survives a reader that has gone', () => {
    const script = `"$0" "$1" -p -C "$2" -f "$3" | true; exit "\${PIPESTATUS[0]}"`;
    const { status, stderr } = spawnSync('bash', ['-c', script, process.execPath, main, cf, st], {
      encoding: 'utf8',
    });
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  });

  test('says so when standard output is full', { skip: !existsSync('/dev/full') }, () => {
    const path = statisticsFile('device.st');
    const { status } = spawnSync(
      'bash',
      ['-c', `"$0" "$1" -p -C "$2" -f "$3" >/dev/full`, process.execPath, main, cf, path],
      { encoding: 'utf8' },
    );
    assert.equal(status, 74);
    assert.equal(statSync(path).size, 1448);
  });
});
