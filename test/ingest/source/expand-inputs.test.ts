import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { expandInputs } from '../../../ingest/source/expand-inputs.ts';
import { tempFolder } from './samples.ts';

/** A folder with these files, each holding its name. */
function folderOf(t: TestContext, ...names: readonly string[]): string {
  const folder = tempFolder(t);
  for (const name of names) writeFileSync(join(folder, name), `${name}\n`);
  return folder;
}

async function namesOf(folder: string, ...args: readonly string[]): Promise<string[]> {
  const { inputs } = await expandInputs(args);
  return inputs.map(({ name }) => name.replace(`${folder}/`, ''));
}

test('files come in the order of time, others in the order named', async (t) => {
  const names = ['maillog', 'maillog.1', 'maillog.10.gz', 'maillog.2.gz', 'other'];
  const folder = folderOf(t, ...names);
  const paths = ['other', ...names].map((name) => join(folder, name));
  assert.deepEqual(await namesOf(folder, ...paths), [
    'other',
    'maillog.10.gz',
    'maillog.2.gz',
    'maillog.1',
    'maillog',
  ]);
});

test('a file is told with its size', async (t) => {
  const folder = folderOf(t, 'maillog');
  const path = join(folder, 'maillog');
  const { inputs } = await expandInputs([path]);
  assert.deepEqual(inputs, [{ kind: 'file', name: path, path, fileSize: 8 }]);
});

test('a folder stands for the logs directly in it', async (t) => {
  const folder = folderOf(
    t,
    ...['maillog', 'maillog.1', 'mail.log', '.hidden', 'maillog.duckdb', 'maillog.duckdb.wal'],
    ...['a.expect.json', 'aliases.db', 'sendmail.pid', 'x.lock', 'sendmail.st', 'README.md'],
  );
  mkdirSync(join(folder, 'sub'));
  writeFileSync(join(folder, 'sub', 'maillog'), 'x\n');
  symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'));
  assert.deepEqual(await namesOf(folder, folder), ['mail.log', 'maillog.1', 'maillog']);
});

test('a file that is named is taken whatever its name', async (t) => {
  const folder = folderOf(t, '.hidden', 'log.db');
  const paths = ['.hidden', 'log.db'].map((name) => join(folder, name));
  assert.deepEqual(await namesOf(folder, ...paths), ['.hidden', 'log.db']);
});

test('a folder without logs is reported', async (t) => {
  const folder = folderOf(t, 'x.pid');
  const { inputs, problems } = await expandInputs([folder]);
  assert.deepEqual(inputs, []);
  assert.equal(problems[0]?.name, folder);
  assert.match(problems[0]?.message ?? '', /no log files/);
});

test('a folder whose logs were named before is not empty', async (t) => {
  const folder = folderOf(t, 'maillog');
  const { inputs, problems } = await expandInputs([join(folder, 'maillog'), folder]);
  assert.equal(inputs.length, 1);
  assert.deepEqual(problems, []);
});

test('patterns are expanded, relative and absolute', async (t) => {
  const folder = folderOf(t, 'maillog', 'maillog.1', 'maillog.2.gz', 'authlog');
  mkdirSync(join(folder, 'maillog.d'));
  const expected = ['maillog.2.gz', 'maillog.1', 'maillog'];
  assert.deepEqual(await namesOf(folder, join(folder, 'maillog*')), expected);
  assert.deepEqual(await namesOf(folder, join(folder, '{mail,auth}log')), ['authlog', 'maillog']);
  const before = process.cwd();
  process.chdir(folder);
  t.after(() => process.chdir(before));
  assert.deepEqual(await namesOf(folder, 'maillog*'), expected);
  assert.deepEqual(await namesOf(folder, './maillog.?'), ['maillog.1']);
});

test('a file of just that name goes before the pattern', async (t) => {
  const folder = folderOf(t, 'mail[1].log', 'mail1.log');
  assert.deepEqual(await namesOf(folder, join(folder, 'mail[1].log')), ['mail[1].log']);
});

test('what is missing is reported, what to do is said, the others go on', async (t) => {
  const folder = folderOf(t, 'maillog');
  const missing = join(folder, 'mailog');
  const pattern = join(folder, 'exim*');
  const { inputs, problems } = await expandInputs([missing, pattern, join(folder, 'maillog')]);
  assert.equal(inputs.length, 1);
  assert.deepEqual(
    problems.map(({ name }) => name),
    [missing, pattern],
  );
  assert.match(problems[0]?.message ?? '', /no such file; check the name/);
  assert.match(problems[1]?.message ?? '', /no file matches/);
});

test('one file under several names comes once', async (t) => {
  const folder = folderOf(t, 'maillog');
  const path = join(folder, 'maillog');
  linkSync(path, join(folder, 'hard'));
  symlinkSync(path, join(folder, 'soft'));
  const args = [path, join(folder, '.', 'hard'), join(folder, 'soft'), folder, path];
  assert.deepEqual(await namesOf(folder, ...args), ['maillog']);
});

test('standard input is `-`, once, in its place', async (t) => {
  const folder = folderOf(t, 'a', 'b');
  const args = [join(folder, 'a'), '-', join(folder, 'b'), '-'];
  const { inputs } = await expandInputs(args, () => Readable.from(['x\n']));
  assert.deepEqual(
    inputs.map(({ kind }) => kind),
    ['file', 'stream', 'file'],
  );
});

test('a named pipe is a stream', async (t) => {
  const folder = tempFolder(t);
  const path = join(folder, 'fifo');
  execFileSync('mkfifo', [path]);
  const { inputs } = await expandInputs([path]);
  assert.equal(inputs[0]?.kind, 'stream');
});

/** Runs as somebody without rights, where the tests run as root, whom no mode keeps out. */
async function asNobody<T>(run: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return run();
  process.seteuid?.(65_534);
  try {
    return await run();
  } finally {
    process.seteuid?.(0);
  }
}

test('a file that may not be read is reported', async (t) => {
  const folder = tempFolder(t);
  chmodSync(folder, 0o755);
  const path = join(folder, 'maillog');
  writeFileSync(path, 'x\n', { mode: 0 });
  const { problems } = await asNobody(() => expandInputs([path]));
  assert.match(problems[0]?.message ?? '', /permission denied; run as/);
});
