/** Which files are looked at for what is to be followed. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findCandidates } from '../../../ingest/follow/candidates.ts';

function folderOf(t: TestContext, names: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'maillog-candidates-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of names) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), name);
  }
  return folder;
}

async function found(folder: string, ...patterns: string[]): Promise<string[]> {
  const { files } = await findCandidates(patterns.map((pattern) => join(folder, pattern)));
  return files.map(
    ({ path, isCurrent }) => `${path.slice(folder.length + 1)}${isCurrent ? ' now' : ''}`,
  );
}

test('a log comes with its rotations, the oldest first, and nothing else', async (t) => {
  const folder = folderOf(t, [
    'mail.log',
    'mail.log.1',
    'mail.log.2.gz',
    'mail.log-20261101.gz',
    'mail.err',
    'mail.log.offset',
    'mail.log.swp',
    'other.log',
  ]);
  assert.deepEqual(await found(folder, 'mail.log'), [
    'mail.log.2.gz',
    'mail.log.1',
    'mail.log-20261101.gz',
    'mail.log now',
  ]);
});

test('a log that is not there yet is no problem; its rotations are taken', async (t) => {
  const folder = folderOf(t, ['mail.log.1']);
  const { files, problems } = await findCandidates([join(folder, 'mail.log')]);
  assert.deepEqual([files.length, problems.length], [1, 0]);
  assert.deepEqual(await found(folder, 'none/at/all.log'), []);
});

test('a pattern and a folder stand for each log they hold', async (t) => {
  const folder = folderOf(t, ['a/mail.log', 'a/mail.log.1', 'b/mail.log', 'b/x.db', 'b/.hidden']);
  assert.deepEqual(await found(folder, '*/mail.log'), [
    'a/mail.log.1',
    'a/mail.log now',
    'b/mail.log now',
  ]);
  assert.deepEqual(await found(folder, 'b'), ['b/mail.log now']);
});

test('links are followed, what is no file is passed over', async (t) => {
  const folder = folderOf(t, ['real']);
  symlinkSync('real', join(folder, 'mail.log'));
  symlinkSync('nowhere', join(folder, 'dead.log'));
  mkdirSync(join(folder, 'mail.log.1'));
  assert.deepEqual(await found(folder, 'mail.log', 'dead.log'), ['mail.log now']);
});

test('what cannot be looked at is told', async (t) => {
  const folder = folderOf(t, []);
  symlinkSync('round', join(folder, 'round'));
  const { problems } = await findCandidates([join(folder, 'round/mail.log')]);
  assert.match(problems[0]?.message ?? '', /circle/);
});
