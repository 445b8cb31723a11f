/** Opening a store while a daemon has it, had it, or is about to: always one of both ways. */
import assert from 'node:assert/strict';
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openReader, openWriter } from '../../src/cli/open-store.ts';
import { ControlServer } from '../../src/store/remote/control-server.ts';
import { PROTOCOL } from '../../src/store/remote/protocol.ts';
import { socketPathOf } from '../../src/store/remote/socket-path.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-open-'));
after(() => rmSync(folder, { recursive: true }));

const DAEMON = join(import.meta.dirname, '../support/daemon-process.js');

/** A daemon in a process of its own, ready to answer. */
async function daemonProcess(db: string, options: object = {}) {
  const child = fork(DAEMON, [db, JSON.stringify(options)]);
  await once(child, 'message');
  const ended = once(child, 'exit');
  return {
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    end: async () => {
      child.send('end');
      await ended;
    },
  };
}

test('a daemon is asked, as long as there is one; its socket left behind is ignored', async () => {
  const db = join(folder, 'a.duckdb');
  const daemon = await daemonProcess(db);
  const writer = await openWriter(db);
  assert.equal(writer.isShared, true);
  await writer.close();
  await daemon.kill();
  assert.ok(existsSync(socketPathOf(db)));
  const own = await openWriter(db);
  assert.equal(own.isShared, false);
  await own.close();
  const again = await daemonProcess(db);
  const reader = await openReader(db);
  assert.deepEqual((await reader.query('SELECT count(*) AS n FROM ledger')).rows, [{ n: 0 }]);
  await again.end();
  await assert.rejects(reader.query('SELECT 1'), { code: 'E_NO_DAEMON' });
  await reader.close();
  assert.equal(existsSync(socketPathOf(db)), false);
});

test('while a daemon starts or ends, both ways are tried until one goes', async () => {
  const db = join(folder, 'b.duckdb');
  // It has the file for a while before it listens, and after it has stopped to.
  const daemon = await daemonProcess(db, { listenAfterMs: 400, closeAfterMs: 400 });
  const reader = await openReader(db);
  assert.equal((await reader.query('SELECT 1 AS n')).rows.length, 1);
  await reader.close();
  const ending = daemon.end();
  while (existsSync(socketPathOf(db))) await sleep(5);
  const own = await openWriter(db);
  assert.equal(own.isShared, false);
  await own.close();
  await ending;
});

test('a daemon of another version, and what is no database', async () => {
  const db = join(folder, 'c.duckdb');
  const hello = { protocol: PROTOCOL + 1, version: '9.9', pid: 7, since: '', db };
  const control = await ControlServer.listen({
    path: socketPathOf(db),
    handler: {
      handle: async (_, { id }) => ({ id, ok: true, result: hello, payloads: [] }),
      endSession: async () => undefined,
    },
  });
  try {
    await assert.rejects(openWriter(db), {
      code: 'E_STORE_LOCKED',
      message: /in use by process 7 \(maillog 9\.9, which does not understand this one\)/,
    });
  } finally {
    await control.close();
  }
  writeFileSync(db, 'no database at all, whatever its name says'.repeat(100));
  await assert.rejects(openReader(db), { code: 'E_NOT_A_STORE' });
  await assert.rejects(openReader(join(folder, 'none')), { code: 'E_STORE_MISSING' });
});

test('a client of a daemon loads nothing of DuckDB', async () => {
  const db = join(folder, 'd.duckdb');
  const daemon = await daemonProcess(db);
  const script = `
    const { openReader } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/cli/open-store.js'))});
    await import(${JSON.stringify(join(import.meta.dirname, '../../src/cli/commands/report.js'))});
    await import(${JSON.stringify(join(import.meta.dirname, '../../src/cli/commands/query.js'))});
    await import(${JSON.stringify(join(import.meta.dirname, '../../src/cli/commands/ingest.js'))});
    await import(${JSON.stringify(join(import.meta.dirname, '../../src/cli/commands/export.js'))});
    const store = await openReader(${JSON.stringify(db)});
    await store.query('SELECT 1');
    await store.close();
    const { sharedObjects } = process.report.getReport();
    process.exitCode = sharedObjects.some((name) => /duckdb/.test(name)) ? 1 : 0;`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: 'inherit',
  });
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
  await daemon.end();
});
