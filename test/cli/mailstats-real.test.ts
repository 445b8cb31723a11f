/**
 * Our mailstats beside the real one, of Debian's sendmail-bin, on files that sendmail would never write:
 * standard output and exit status must be equal byte for byte, and standard error too.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeStatistics, MAX_MAILERS } from '../../src/format/sendmail-st.ts';
import { debianEnvironment, debianPackagesOrSkip } from '../support/debian-package.ts';
import { runOurs, temporaryFolder } from '../support/mailstats-run.ts';
import { type RandomSource, randomSource } from '../support/random.ts';

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

type Real = (argv: readonly string[]) => Promise<Outcome>;

const FLAG_SETS = [[], ['-o'], ['-P'], ['-P', '-o'], ['-p'], ['-po'], ['-oPp']] as const;
const folder = temporaryFolder();

async function realMailstats(root: string): Promise<Real> {
  const program = join(root, 'usr/libexec/sendmail/mailstats');
  const libraries = await debianEnvironment(root);
  return (argv) =>
    new Promise((resolve, reject) => {
      const env = { ...libraries, TZ: process.env.TZ ?? '' };
      // getopt(3) complains in the name it was called by.
      const child = spawn(program, argv, { env, argv0: 'mailstats' });
      const written = { stdout: '', stderr: '' };
      child.stdout.setEncoding('latin1').on('data', (text) => {
        written.stdout += text;
      });
      child.stderr.setEncoding('latin1').on('data', (text) => {
        written.stderr += text;
      });
      child.on('error', reject).on('close', (status) => resolve({ ...written, status }));
    });
}

/** Ours is told the real one's time: after `-P` it is on the first line, of an empty file its start too. */
function timeOf(stdout: string): bigint {
  const forPrograms = /^-?\d+ (\d+)\n/.exec(stdout)?.[1];
  if (forPrograms !== undefined) return BigInt(forPrograms);
  const table = /^Statistics from (.*)\n/.exec(stdout)?.[1];
  return BigInt(Math.floor(Date.parse(`${table} UTC`) / 1000) || 0);
}

async function compare(real: Real, argv: readonly string[], why: string): Promise<void> {
  const theirs = await real(argv);
  const { stdout, stderr, status } = await runOurs(argv, { now: () => timeOf(theirs.stdout) });
  assert.deepEqual({ stdout, stderr, status }, theirs, why);
}

/** As `compare`, each on its own copy, since `-p` empties the file. */
async function compareOn(real: Real, st: Uint8Array, argv: readonly string[]): Promise<void> {
  const path = join(folder, 'compared.st');
  writeFileSync(path, st);
  const theirs = await real([...argv, '-f', path]);
  const theirSize = statSync(path).size;
  writeFileSync(path, st);
  const ours = await runOurs([...argv, '-f', path], { now: () => timeOf(theirs.stdout) });
  const { stdout, stderr, status } = ours;
  const why = `mailstats ${argv.join(' ')} on ${Buffer.from(st).toString('base64')}`;
  assert.deepEqual({ stdout, stderr, status }, theirs, why);
  assert.equal(statSync(path).size, theirSize, why);
}

function randomCount(random: RandomSource): bigint {
  const kind = random.below(10);
  if (kind < 5) return 0n;
  if (kind < 8) return BigInt(random.below(100_000));
  if (kind < 9) return random.pick([-1n, 2n ** 63n - 1n, -(2n ** 63n), 10n ** 10n, -1_234_567n]);
  return random.int64();
}

function randomStatistics(random: RandomSource): Uint8Array {
  const mailers = random.pick([0, 1, 6, MAX_MAILERS]);
  const counters = () => Array.from({ length: mailers }, () => randomCount(random));
  // Where zones are compared, within the years on which all editions of the zone tables agree.
  const isUtc = process.env.TZ === 'UTC';
  return encodeStatistics({
    startedAt:
      isUtc && random.chance(0.5) ? random.int64() >> BigInt(random.below(40)) : recent(random),
    connectionsFrom: randomCount(random),
    connectionsTo: randomCount(random),
    connectionsRejected: randomCount(random),
    messagesFrom: counters(),
    kilobytesFrom: counters(),
    messagesTo: counters(),
    kilobytesTo: counters(),
    rejected: counters(),
    discarded: counters(),
    quarantined: counters(),
  });
}

function recent(random: RandomSource): bigint {
  return 300_000_000n + BigInt(random.below(1_400_000_000));
}

function damaged(random: RandomSource, st: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(st);
  for (let hits = random.below(3); hits >= 0; hits--) {
    bytes[random.below(random.pick([24, bytes.length]))] = random.below(256);
  }
  const length = random.pick([bytes.length, random.below(bytes.length) + 1, bytes.length]);
  return Buffer.concat([bytes.subarray(0, length), Buffer.alloc(random.pick([0, 0, 9]))]);
}

const CF_PIECES = [
  ...[
    'M',
    'M',
    'M',
    'O',
    'OS',
    'O StatusFile',
    'o statusFILE',
    ' StatusFile',
    'S',
    'DM',
    'Mlocal',
    'Msmtp',
  ],
  ...[
    'Mprog',
    'M*file*',
    'a',
    'b',
    'x'.repeat(9),
    'x'.repeat(20),
    'x'.repeat(2040),
    '\xe9',
    '\0',
    '/no',
  ],
  ...[
    ', P=[IPC], F=mDFMuX',
    ',',
    '=',
    '= ',
    '#',
    ' ',
    '\t',
    '\r',
    '\v',
    '\f',
    '\xa0',
    '\x85',
    '\\',
  ],
  ...['\n', '\n', '\n', '\n', '\n', '\n', '\n', '\n', '\n', '\n', '\n', '\n', '\n', '\n', '\n'],
] as const;

function randomCf(random: RandomSource): Buffer {
  if (random.chance(0.2)) {
    const lines = Array.from(
      { length: random.below(30) },
      () => `Mm${random.below(40)}, P=[IPC]\n`,
    );
    return Buffer.from(lines.join(''));
  }
  const pieces = Array.from(
    { length: random.below(120) },
    () => CF_PIECES[random.below(CF_PIECES.length)],
  );
  return Buffer.from(pieces.join(''), 'latin1');
}

test('mailstats beside the real one', async (t) => {
  const root = await debianPackagesOrSkip(t, ['sendmail-bin']);
  if (root === undefined) return;
  const real = await realMailstats(root);
  const cf = join(folder, 'random.cf');

  const zones = ['UTC', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe'];
  for (const zone of zones.filter(
    (name) => name === 'UTC' || existsSync(`/usr/share/zoneinfo/${name}`),
  )) {
    await t.test(`random counters and mailers in ${zone}`, async () => {
      process.env.TZ = zone;
      const random = randomSource(1448);
      for (let round = 0; round < (zone === 'UTC' ? 60 : 15); round++) {
        writeFileSync(cf, randomCf(random));
        const st = randomStatistics(random);
        for (const flags of FLAG_SETS) await compareOn(real, st, ['-C', cf, ...flags]);
      }
      process.env.TZ = 'UTC';
    });
  }

  await t.test('damaged statistics', async () => {
    const random = randomSource(71);
    writeFileSync(cf, 'Mlocal\n');
    for (let round = 0; round < 150; round++) {
      await compareOn(real, damaged(random, randomStatistics(random)), ['-C', cf, '-p']);
    }
  });

  await t.test('random cf files that name the statistics file, or do not', async () => {
    const random = randomSource(72);
    const st = join(folder, 'named.st');
    const outcomes = new Map<number | null, number>();
    for (let round = 0; round < 250; round++) {
      writeFileSync(st, randomStatistics(random));
      const name = random.pick([
        `O StatusFile=${st}\n`,
        `OS${st}\n`,
        `O statusfile = ${st} # c\n`,
        '',
      ]);
      writeFileSync(
        cf,
        Buffer.concat([randomCf(random), Buffer.from(`\n${name}`), randomCf(random)]),
      );
      const argv = ['-C', cf, random.pick(['-P', '-o', '-oP'])];
      await compare(real, argv, readFileSync(cf, 'latin1'));
      const { status } = await runOurs(argv);
      outcomes.set(status, (outcomes.get(status) ?? 0) + 1);
    }
    assert.deepEqual([...outcomes.keys()].sort(), [0, 66, 70, 72], 'every way out was taken');
  });

  await t.test('command lines', async () => {
    const st = join(folder, 'line.st');
    writeFileSync(st, randomStatistics(randomSource(64)));
    writeFileSync(cf, `Mlocal\nMesmtp\nO StatusFile=${st}\n`);
    mkdirSync(join(folder, 'k\u00f6ln'));
    const words = [
      '-o',
      '-P',
      '-c',
      '-x',
      '--',
      '-',
      'operand',
      '-C',
      '-f',
      `-C${cf}`,
      `-f${st}`,
      '-oP',
      '-Pf',
    ];
    const places = [
      cf,
      st,
      folder,
      '',
      '/nonexistent',
      join(folder, 'k\u00f6ln'),
      `${cf}/below`,
      'x'.repeat(300),
    ];
    const random = randomSource(8);
    for (let round = 0; round < 250; round++) {
      const all = [...words, ...places];
      const argv = Array.from(
        { length: random.below(6) },
        () => all[random.below(all.length)] ?? '',
      );
      const prefix = random.chance(0.5) ? ['-C', cf] : [];
      await compare(real, [...prefix, ...argv], argv.join(' '));
    }
  });

  await t.test('an empty file, which takes the real one a second', async () => {
    const modes = [['-P'], ['-o'], ['-p'], []];
    await Promise.all(
      modes.map((flags, i) => {
        const st = join(folder, `empty${i}.st`);
        writeFileSync(st, '');
        return compare(real, ['-C', cf, '-f', st, ...flags], flags.join(' '));
      }),
    );
  });
});
