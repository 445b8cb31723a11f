/** Which file of a map counts, reloading, and makemap with its listing. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { MapError } from '../../../src/mta/map/keyed-map.ts';
import { makemap, unmakemap } from '../../../src/mta/map/makemap.ts';
import { MapFile } from '../../../src/mta/map/open-map.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-map-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('the newest of source and made file counts; a change is seen', async () => {
  const path = join(folder, 'access');
  writeFileSync(path, 'a.example OK\n');
  const map = await MapFile.open(`hash:${path}`);
  assert.equal(map.get('A.example'), 'OK');
  await makemap(path, 'a.example RELAY\n');
  const source = statSync(path).mtimeMs / 1000;
  utimesSync(`${path}.cdb`, source, source + 10);
  await map.refresh();
  assert.equal(map.get('a.example'), 'RELAY');
  writeFileSync(path, 'a.example REJECT\n');
  utimesSync(path, source, source + 20);
  await map.refresh();
  assert.equal(map.get('a.example'), 'REJECT');
});

test('a damaged file leaves the map as it was and is told of once', async () => {
  const path = join(folder, 'damaged');
  await makemap(path, 'a.example OK\n');
  const problems: string[] = [];
  const map = await MapFile.open(path, { onProblem: (text) => problems.push(text) });
  writeFileSync(`${path}.cdb`, 'x');
  await map.refresh();
  await map.refresh();
  assert.equal(map.get('a.example'), 'OK');
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? '', /damaged\.cdb: damaged cdb file/);
  map.watch(1_000_000);
  map.close();
});

test('absent maps: an error, or empty', async () => {
  await assert.rejects(MapFile.open(join(folder, 'none')), MapError);
  const map = await MapFile.open(join(folder, 'none'), { isOptional: true });
  assert.equal(map.get('x'), undefined);
});

test('what is wrong in a text is told with its line', async () => {
  const path = join(folder, 'wrong');
  writeFileSync(path, 'a\na OK\na RELAY\n');
  const problems: string[] = [];
  await MapFile.open(path, { onProblem: (text) => problems.push(text) });
  assert.deepEqual(problems, [
    `${path}: line 1: no RHS for LHS a`,
    `${path}: line 3: key a: duplicate key`,
  ]);
});

test('makemap: duplicates, -r, -d, -e, -f, -N, -o and the listing', async () => {
  const path = join(folder, 'made');
  const source = 'Foo\tBar\nfoo\tagain\nempty\n';
  const first = await makemap(path, source);
  assert.equal(first.exitCode, 65);
  assert.deepEqual(first.messages, [
    `makemap: ${path}: line 2: key foo: duplicate key`,
    `makemap: ${path}: line 3: no RHS for LHS empty`,
  ]);
  assert.equal(await unmakemap(path), 'foo\tBar\n');
  await makemap(path, source, { replaces: true });
  assert.equal(await unmakemap(path), 'foo\tagain\n');
  const all = { keepsDuplicates: true, allowsEmpty: true, keepsCase: true, addsNul: true };
  assert.equal((await makemap(path, source, all)).exitCode, 0);
  assert.equal(await unmakemap(path), 'Foo\tBar\nfoo\tagain\nempty\t\n');
  await makemap(path, 'x\ty\n', { appends: true });
  assert.equal(await unmakemap(path), 'Foo\tBar\nfoo\tagain\nempty\t\nx\ty\n');
  assert.equal((await makemap(join(folder, 'no/such/folder/x'), 'a b\n')).exitCode, 73);
});
