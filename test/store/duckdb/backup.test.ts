/** Backup and restore: whole or not at all, while others read and would write. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { BackupAccess } from '../../../src/store/duckdb/backup.ts';
import {
  backupStore,
  checkStore,
  copyStore,
  restoreStore,
} from '../../../src/store/duckdb/backup.ts';
import { storeSummary } from '../../../src/store/duckdb/backup-child.ts';
import { DuckDbStore } from '../../../src/store/duckdb/duckdb-store.ts';
import { digestOf, ledgerAddsUp } from '../../e2e/store-digest.ts';
import { linesOfDay, textOf } from '../../support/days-log.ts';
import { loadInto, openStore } from '../../support/load-log.ts';
import { randomSource } from '../../support/random.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-backup-'));
const db = join(folder, 'mail.duckdb');
const backup = join(folder, 'mail.backup');
after(() => rmSync(folder, { recursive: true }));

function accessOf(store: DuckDbStore): BackupAccess {
  return {
    checkpoint: async (work) => {
      await store.checkpoint();
      await work(await storeSummary(store));
    },
    copy: (aside) => copyStore(db, aside),
    verify: checkStore,
  };
}

/** Files of the folder that nobody asked for. */
const leftOvers = (): readonly string[] =>
  readdirSync(folder).filter((name) => name.endsWith('.tmp') || name.endsWith('.tmp.wal'));

before(async () => {
  const store = await openStore(db);
  await loadInto(store, textOf(linesOfDay(0)));
  await store.refreshRollups();
  await backupStore(accessOf(store), backup);
  await store.close();
});
beforeEach(() => assert.deepEqual(leftOvers(), []));

test('a backup is what the store is, for its owner alone', async () => {
  assert.deepEqual(await digestOf(backup), await digestOf(db));
  assert.equal(statSync(backup).mode & 0o777, 0o600);
  assert.ok(await ledgerAddsUp(backup));
});

test('taken between two writes of a store that stays open, it has the first and not the second', async () => {
  const store = await openStore(db);
  const reader = await loadInto(store, textOf(linesOfDay(1)));
  assert.ok(reader.counts.parsed > 0);
  const reading: Promise<unknown>[] = [];
  let isHeld = false;
  const access = accessOf(store);
  const target = join(folder, 'live.backup');
  const { summary } = await backupStore(
    {
      ...access,
      checkpoint: async (work) => {
        isHeld = true;
        await access.checkpoint(work);
        isHeld = false;
      },
      copy: async (aside) => {
        assert.ok(isHeld);
        reading.push(store.query('SELECT count(*) FROM deliveries'));
        await access.copy(aside);
      },
      verify: async (path) => {
        // The turn was given back: others write while the copy is checked.
        assert.ok(!isHeld);
        await loadInto(store, textOf(linesOfDay(2)));
        return access.verify(path);
      },
    },
    target,
  );
  await Promise.all(reading);
  assert.equal(summary.lines_read, 480);
  const now = await storeSummary(store);
  assert.equal(now.lines_read, 720);
  // Another process still may not write: the lock was not lost to the copy.
  const script = `import { DuckDBInstance } from '@duckdb/node-api'; await DuckDBInstance.create(process.argv[1]);`;
  assert.throws(
    () =>
      execFileSync(process.execPath, ['--input-type=module', '-e', script, db], { stdio: 'pipe' }),
    /lock/i,
  );
  await store.close();
  const restored = join(folder, 'restored.duckdb');
  await restoreStore({ backup: target, db: restored, force: false });
  assert.ok(await ledgerAddsUp(restored));
  const again = await openStore(restored);
  // What came after the backup is read again, once.
  await loadInto(again, textOf(linesOfDay(2)));
  await loadInto(again, textOf(linesOfDay(2)));
  await again.close();
  const [mended, whole] = [await digestOf(restored), await digestOf(db)];
  assert.deepEqual(mended.tables, whole.tables);
});

test('a copy that differs from the store is none', async () => {
  const store = await openStore(db);
  const access = accessOf(store);
  const target = join(folder, 'differs.backup');
  const wrong = { ...access, copy: (aside: string) => copyStore(backup, aside) };
  await assert.rejects(
    backupStore(wrong, target),
    /the copy is not the store: \w+ is \d+, was \d+/,
  );
  assert.ok(!existsSync(target));
  await store.close();
});

test('a damaged backup is refused, wherever the damage is', async () => {
  const whole = readFileSync(backup);
  const random = randomSource(41);
  const target = join(folder, 'from-damaged.duckdb');
  const path = join(folder, 'damaged.backup');
  const places = [0, 20_000, random.below(whole.length)];
  let refused = 0;
  for (const place of places) {
    const bytes = Buffer.from(whole);
    for (let at = place; at < Math.min(place + 4096, bytes.length); at += 1)
      bytes[at] = ~(bytes[at] ?? 0) & 0xff;
    writeFileSync(path, bytes);
    // Unused room in a block holds nothing that could be lost.
    await restoreStore({ backup: path, db: target, force: true }).then(
      () => undefined,
      () => {
        refused += 1;
      },
    );
    if (existsSync(target)) {
      assert.deepEqual(await digestOf(target), await digestOf(backup), `damage at ${place}`);
      rmSync(target);
    }
  }
  assert.ok(refused >= 2, `${refused} of ${places.length}`);
  for (const cut of [whole.length >> 1, whole.length - 1]) {
    writeFileSync(path, whole.subarray(0, cut));
    await assert.rejects(restoreStore({ backup: path, db: target, force: true }), `cut at ${cut}`);
    assert.ok(!existsSync(target));
  }
  writeFileSync(path, 'no database at all');
  await assert.rejects(checkStore(path), { code: 'E_NOT_A_STORE' });
  await assert.rejects(checkStore(join(folder, 'none')), { code: 'E_NO_SUCH_FILE' });
});

test('another DuckDB file is no backup, nor is one whose log is not in it', async () => {
  const other = join(folder, 'other.duckdb');
  const store = await DuckDbStore.open({ path: other });
  await store.query('CREATE TABLE t (x INT)');
  await store.close();
  await assert.rejects(checkStore(other), /is not a maillog database: it is a DuckDB file/);
  copyFileSync(backup, join(folder, 'with-log'));
  writeFileSync(join(folder, 'with-log.wal'), 'x');
  await assert.rejects(copyStore(join(folder, 'with-log'), join(folder, 'x')), /write-ahead log/);
  assert.ok(!existsSync(join(folder, 'x')));
});

test('restore replaces only when told so, keeps what was there, and nothing that is owned', async () => {
  const target = join(folder, 'replaced.duckdb');
  await restoreStore({ backup, db: target, force: false });
  await assert.rejects(restoreStore({ backup, db: target, force: false }), /give --force/);
  await assert.rejects(restoreStore({ backup, db: backup, force: true }), { code: 'E_USAGE' });
  const other = await openStore(target);
  await loadInto(other, textOf(linesOfDay(3)));
  await assert.rejects(restoreStore({ backup, db: target, force: true }), (error: Error) => {
    assert.match(error.message, new RegExp(`in use by process ${process.pid}`));
    return true;
  });
  await other.close();
  const before = await digestOf(target);
  const { kept } = await restoreStore({ backup, db: target, force: true });
  assert.equal(kept, `${target}.before-restore`);
  assert.deepEqual(await digestOf(target), await digestOf(backup));
  assert.deepEqual(await digestOf(kept), before);
  // What cannot even be opened may be replaced.
  writeFileSync(target, 'broken');
  writeFileSync(`${target}.wal`, 'broken as well');
  await restoreStore({ backup, db: target, force: true });
  assert.deepEqual(await digestOf(target), await digestOf(backup));
  assert.ok(!existsSync(`${target}.wal`));
  assert.equal(readFileSync(`${kept}.wal`, 'utf8'), 'broken as well');
});

test('without room nothing is left behind, and what was there stays', async (context) => {
  const small = join(folder, 'small');
  mkdirSync(small);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small], { stdio: 'ignore' });
  } catch {
    context.skip('no file system can be mounted');
    return;
  }
  try {
    const descriptor = openSync(join(small, 'kept'), 'w');
    writeSync(descriptor, 'an older backup');
    closeSync(descriptor);
    const store = await openStore(db);
    await assert.rejects(backupStore(accessOf(store), join(small, 'kept')), {
      code: 'E_DISK_FULL',
    });
    await store.close();
    assert.deepEqual(readdirSync(small), ['kept']);
    assert.equal(readFileSync(join(small, 'kept'), 'utf8'), 'an older backup');
    const restored = restoreStore({ backup, db: join(small, 'mail.duckdb'), force: false });
    await assert.rejects(restored, { code: 'E_DISK_FULL' });
    assert.deepEqual(readdirSync(small), ['kept']);
  } finally {
    execFileSync('umount', [small]);
  }
});
