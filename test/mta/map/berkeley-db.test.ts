/**
 * Berkeley's files against the real makemap out of Debian's packages: what it made, we read, all of it.
 * And files that are damaged.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { isBerkeleyDb, readBerkeleyDb } from '../../../src/mta/map/berkeley-db.ts';
import { MapError } from '../../../src/mta/map/keyed-map.ts';
import { MapFile } from '../../../src/mta/map/open-map.ts';
import { debianEnvironment, debianPackagesOrSkip } from '../../support/debian-package.ts';
import { randomSource } from '../../support/random.ts';
import { SENDMAIL_PACKAGES } from '../../support/real-sendmail.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-db-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a file with long items and deleted ones, then prints what is in it. */
const PERL = `
my ($path, $type, $order) = @ARGV;
my $info = $type eq 'HASH' ? $DB_HASH : $DB_BTREE;
$info->{lorder} = $order;
tie my %h, 'DB_File', $path, O_RDWR|O_CREAT, 0600, $info or die;
my %truth;
for my $i (1..400) { $truth{"k$i" . ('x' x ($i % 7 == 0 ? $i * 20 : 0))} = 'v' x ($i % 5 ? $i : $i * 60); }
$h{$_} = $truth{$_} for keys %truth;
if ($type eq 'BTREE') { for (grep { $_ % 7 } 1..200) { delete $h{"k$_"}; delete $truth{"k$_"}; } }
untie %h;
print "$_\\t$truth{$_}\\n" for keys %truth;
`;

class RealMakemap {
  readonly #program: string;
  readonly #env: Record<string, string>;

  constructor(packages: string, env: Record<string, string>) {
    this.#program = join(packages, 'usr/libexec/sendmail/makemap');
    this.#env = env;
    writeFileSync(join(folder, 'empty.cf'), '');
  }

  make(args: readonly string[], name: string, source: string): Buffer {
    const [type = 'hash', ...flags] = [...args].reverse();
    const options = ['-C', join(folder, 'empty.cf'), ...flags.reverse(), type, join(folder, name)];
    const run = spawnSync(this.#program, options, { env: this.#env, input: source });
    assert.equal(run.status, 0, run.stderr.toString());
    return readFileSync(join(folder, `${name}.db`));
  }

  list(type: string, name: string): string {
    const args = ['-C', join(folder, 'empty.cf'), '-u', type, join(folder, name)];
    return execFileSync(this.#program, args, { env: this.#env, maxBuffer: 1 << 28 }).toString(
      'latin1',
    );
  }
}

/** Keys and values of all lengths: on the page, on overflow pages, empty never. */
function sourceOf(count: number, longest: number, seed: number): string {
  const random = randomSource(seed);
  let text = '';
  for (let i = 0; i < count; i++) {
    const length = random.chance(0.02) ? random.below(longest) : random.below(40);
    text += `key${i}@host${random.below(9)}.example\tv${'x'.repeat(length)}${i}\n`;
  }
  return text;
}

function sorted(text: string): string[] {
  return text.split('\n').sort();
}

function listed(file: Buffer): string {
  return readBerkeleyDb(file, 'test')
    .map(({ key, value }) => `${key}\t${value}\n`)
    .join('');
}

suite('the files of the real makemap', () => {
  test('hash and btree, of all sizes, with and without NUL, with duplicates', async (t) => {
    const packages = await debianPackagesOrSkip(t, SENDMAIL_PACKAGES);
    if (packages === undefined) return;
    const real = new RealMakemap(packages, await debianEnvironment(packages));
    for (const type of ['hash', 'btree']) {
      for (const [count, longest] of [
        [0, 1],
        [1, 1],
        [300, 980],
        [6000, 980],
      ] as const) {
        const source = sourceOf(count, longest, count);
        const made = real.make([type], `${type}${count}`, source);
        assert.ok(isBerkeleyDb(made));
        assert.deepEqual(sorted(listed(made)), sorted(source), `${type} ${count}`);
        assert.deepEqual(sorted(listed(made)), sorted(real.list(type, `${type}${count}`)));
      }
      const nul = real.make(['-N', type], `${type}nul`, 'Key.Example\tRELAY\n');
      assert.equal(listed(nul), 'key.example\tRELAY\n');
      const many = Array.from({ length: 30 }, (_, i) => `one\tvalue ${i}\n`).join('');
      const duplicates = real.make(['-d', type], `${type}dup`, many);
      assert.deepEqual(sorted(listed(duplicates)), sorted(many));
      const long = `${'k'.repeat(950)}\tvalue\n`;
      assert.equal(listed(real.make([type], `${type}long`, long)), long);
    }
    const map = await MapFile.open(`hash:${join(folder, 'hashnul')}`);
    assert.equal(map.get('KEY.example'), 'RELAY');
    damage(readFileSync(join(folder, 'hash300.db')));
    damage(readFileSync(join(folder, 'btree300.db')));
    assert.deepEqual(
      sorted(listed(swapped(readFileSync(join(folder, 'hash1.db'))))),
      sorted(listed(readFileSync(join(folder, 'hash1.db')))),
    );
  });

  test('items on overflow pages, deleted ones, both byte orders', (t) => {
    for (const [type, order] of [
      ['HASH', 1234],
      ['HASH', 4321],
      ['BTREE', 1234],
      ['BTREE', 4321],
    ] as const) {
      const path = join(folder, `${type}${order}`);
      const run = spawnSync('perl', ['-MDB_File', '-e', PERL, path, type, String(order)], {
        maxBuffer: 1 << 28,
      });
      if (run.status !== 0) return t.skip('no DB_File of perl here to make files with');
      const expected = run.stdout.toString('latin1');
      const file = readFileSync(path);
      assert.equal(file[12] === 0, order === 4321, 'the order asked for');
      assert.deepEqual(sorted(listed(file)), sorted(expected), `${type} ${order}`);
      damage(file);
    }
  });

  test('a btree in the other byte order', () => {
    const file = otherBtree([
      ['a.example', 'OK'],
      ['b.example', 'REJECT'],
    ]);
    assert.equal(listed(file), 'a.example\tOK\nb.example\tREJECT\n');
  });

  test('what is no database at all', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(71), Buffer.alloc(4096)]) {
      assert.ok(!isBerkeleyDb(bytes));
      assert.throws(() => readBerkeleyDb(bytes, 'F'), { message: /^F: not a hash or btree/ });
    }
  });
});

/** Bytes changed, pieces cut off: pairs or MapError, nothing else, and it ends. */
function damage(file: Buffer): void {
  const random = randomSource(file.length);
  for (let i = 0; i < 400; i++) {
    const bytes = Buffer.from(file);
    const changes = 1 + random.below(20);
    for (let j = 0; j < changes; j++) {
      const where = random.chance(0.5) ? random.below(512) : random.below(bytes.length);
      bytes[where] = random.pick([0, 1, 5, 7, 13, 255, random.below(256)]);
    }
    const cut = random.chance(0.2) ? random.below(bytes.length) : bytes.length;
    try {
      readBerkeleyDb(bytes.subarray(0, cut), 'F');
    } catch (error) {
      assert.ok(error instanceof MapError, String(error));
    }
  }
}

/** A hash of one item a page and no overflow, as a machine of the other byte order has it. */
function swapped(file: Buffer): Buffer {
  const bytes = Buffer.from(file);
  const size = bytes.readUInt32LE(20);
  for (let at = 8; at < 24; at += 4) bytes.subarray(at, at + 4).reverse();
  for (let at = 28; at < 100; at += 4) bytes.subarray(at, at + 4).reverse();
  for (let page = size; page < bytes.length; page += size) {
    const items = bytes.readUInt16LE(page + 20);
    for (const at of [8, 12, 16]) bytes.subarray(page + at, page + at + 4).reverse();
    for (const at of [20, 22]) bytes.subarray(page + at, page + at + 2).reverse();
    for (let i = 0; i < items; i++) {
      bytes.subarray(page + 26 + 2 * i, page + 28 + 2 * i).reverse();
    }
  }
  return bytes;
}

function otherBtree(pairs: readonly (readonly [string, string])[]): Buffer {
  const file = Buffer.alloc(1024);
  file.writeUInt32BE(0x053162, 12);
  file.writeUInt32BE(512, 20);
  file[25] = 9;
  file.writeUInt32BE(1, 32);
  const page = file.subarray(512);
  page.writeUInt32BE(1, 8);
  page.writeUInt16BE(pairs.length * 2, 20);
  page[25] = 5;
  let at = 512;
  for (const [index, text] of pairs.flat().entries()) {
    at -= 3 + text.length;
    page.writeUInt16BE(text.length, at);
    page[at + 2] = 1;
    page.write(text, at + 3, 'latin1');
    page.writeUInt16BE(at, 26 + 2 * index);
  }
  return file;
}
