/** How the daemon says that it cannot start, and that nothing is left behind when it could not. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DuckDbStore } from '../../src/store/duckdb/duckdb-store.ts';
import { socketPathOf } from '../../src/store/remote/socket-path.ts';
import { makeSite } from '../support/daemon.ts';
import { ServeCommand } from '../support/serve-command.ts';

const site = makeSite('serve-start');
after(() => site.remove());

const log = join(site.folder, 'mail.log');
writeFileSync(log, '');
let count = 0;

function newDb(): string {
  count += 1;
  return join(site.folder, `db-${count}`, 'mail.duckdb');
}

/** Runs it to its end; what it said must be one line. */
async function refused(args: readonly string[], db = newDb()) {
  const { code, said, logged } = await new ServeCommand(['serve', '--db', db, ...args]).ended();
  assert.equal(said.length, 1, said.join('\n'));
  assert.equal(existsSync(socketPathOf(db)), false, 'a socket was left behind');
  return { code, said: said[0] ?? '', logged };
}

const MISTAKES: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  ['nothing to serve', [], 2, /nothing to serve: name logs to follow/],
  [
    'an address that is none',
    ['--listen', 'udp:/x'],
    2,
    /^maillog: --listen: serve\.listen is "udp:\/x", but must be TRANSPORT:\/\/HOST:PORT/,
  ],
  [
    'an HTTP address that is none',
    ['--http', 'localhost', log],
    2,
    /--http: serve\.http is "localhost", but must be ADDRESS:PORT/,
  ],
  [
    'TLS without a key',
    ['--listen', 'tls://127.0.0.1:0'],
    2,
    /tls:\/\/ and relps:\/\/ need serve\.tls_key and serve\.tls_cert/,
  ],
  [
    'a key that is not there',
    ['--listen', 'tls://127.0.0.1:0', '--tls-key', '/none/key.pem', '--tls-cert', log],
    1,
    /\/none\/key\.pem does not exist/,
  ],
  [
    'a key that is none',
    ['--listen', 'relps://127.0.0.1:0', '--tls-key', log, '--tls-cert', log],
    1,
    /mail\.log cannot be used: it and .* are no certificate with its key/,
  ],
  [
    'a group that is not there',
    ['--group', 'no-such-group', log],
    2,
    /--group: serve\.group is "no-such-group", but must be a group of \/etc\/group/,
  ],
  ['a setting out of range', ['--spool-megabytes', '0', log], 2, /serve\.spool_megabytes is "0"/],
];

for (const [name, args, code, message] of MISTAKES) {
  test(`${name}: one line, and no database is made`, async () => {
    const db = newDb();
    const { said, logged, ...rest } = await refused(args, db);
    assert.match(said, message);
    assert.deepEqual([rest.code, logged, existsSync(db)], [code, [], false]);
  });
}

test('an address in use: told, the other listeners and the socket are closed again', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as { readonly port: number };
  const free = `unix://${site.folder}/log`;
  try {
    for (const transport of ['tcp', 'relp']) {
      const address = `${transport}://127.0.0.1:${port}`;
      const { code, said, logged } = await refused(['--listen', free, '--listen', address]);
      assert.match(said, new RegExp(`^maillog: cannot listen on ${address}: another program`));
      assert.deepEqual([code, logged, existsSync(`${site.folder}/log`)], [1, [], false]);
    }
    const { code, said } = await refused(['--http', `127.0.0.1:${port}`, log]);
    assert.match(said, new RegExp(`^maillog: cannot listen on 127.0.0.1:${port}: `));
    assert.equal(code, 1);
  } finally {
    other.close();
  }
});

test('a file where the socket should be is left alone', async () => {
  const db = newDb();
  mkdirSync(join(db, '..'));
  writeFileSync(socketPathOf(db), 'mine');
  const { code, said } = await new ServeCommand(['serve', '--db', db, log]).ended();
  assert.equal(code, 1);
  assert.match(said.join(), /cannot listen on .*\.sock: a file is there/);
  assert.equal(readFileSync(socketPathOf(db), 'utf8'), 'mine');
});

test('a folder that cannot be, no database, a newer one', async () => {
  const below = await refused([log], join(log, 'mail.duckdb'));
  assert.equal(below.code, 1);
  assert.match(below.said, /mail\.log\/.* (?:does not exist|cannot be used)/);
  const text = newDb();
  mkdirSync(join(text, '..'));
  writeFileSync(text, 'no database at all '.repeat(1000));
  const none = await refused([log], text);
  assert.equal(none.code, 1);
  assert.match(none.said, /is not a maillog database: .*; name another with --db/);
  assert.match(readFileSync(text, 'utf8'), /^no database/);
  const newer = newDb();
  mkdirSync(join(newer, '..'));
  const store = await DuckDbStore.open({ path: newer });
  await store.migrate();
  await store.query('INSERT INTO raw.schema_versions VALUES (9999, now()::TIMESTAMP)');
  await store.close();
  assert.match((await refused([log], newer)).said, /was written by a newer maillog/);
});

test('a second daemon says who is there; after a kill the next one starts', async () => {
  const db = newDb();
  const first = new ServeCommand(['serve', '--db', db, log]);
  await first.says('"ready"');
  const second = await new ServeCommand(['serve', '--db', db, log]).ended();
  assert.equal(second.code, 1);
  const who = new RegExp(
    `^maillog: process ${first.child.pid} answers for .*mail\\.duckdb already, since 20..-..-..T`,
  );
  assert.match(second.said.join(), who);
  assert.deepEqual(second.logged, []);
  first.child.kill('SIGKILL');
  await first.ended();
  assert.ok(existsSync(socketPathOf(db)));
  const third = new ServeCommand(['serve', '--db', db, log]);
  await third.says('"ready"');
  third.child.kill('SIGTERM');
  assert.equal((await third.ended()).code, 0);
  assert.equal(existsSync(socketPathOf(db)), false);
});

test('one that loads is waited for, and named', async () => {
  const db = newDb();
  mkdirSync(join(db, '..'));
  const loading = await DuckDbStore.open({ path: db });
  const waits = new ServeCommand(['serve', '--db', db, log]);
  await waits.says(`is in use by process ${process.pid}: wait until it ends, or stop it`);
  await loading.close();
  await waits.says('"ready"');
  waits.child.kill('SIGTERM');
  assert.equal((await waits.ended()).code, 0);
});

test('ended while it waits for the database, it ends at once and well', async () => {
  const db = newDb();
  mkdirSync(join(db, '..'));
  const loading = await DuckDbStore.open({ path: db });
  const waits = new ServeCommand(['serve', '--db', db, log]);
  await waits.says('is in use by');
  waits.child.kill('SIGTERM');
  const { code, said } = await waits.ended();
  assert.deepEqual([code, said], [0, []]);
  await loading.close();
});

test('ended at any moment of its start, it ends well and the database is whole', async () => {
  const db = newDb();
  for (let wait = 60; wait < 420; wait += 60) {
    const command = new ServeCommand(['serve', '--db', db, '--listen', 'udp://127.0.0.1:0', log]);
    await sleep(wait);
    command.child.kill('SIGTERM');
    const { code, signal, said } = await command.ended();
    // Before our first line runs, the signal is the system's to answer.
    assert.ok(code === 0 || signal === 'SIGTERM', `${code} ${signal} ${said.join()}`);
    assert.equal(existsSync(socketPathOf(db)), false);
  }
  // On a busy machine none of them got as far as to make its folder.
  mkdirSync(dirname(db), { recursive: true });
  const store = await DuckDbStore.open({ path: db });
  await store.migrate();
  await store.close();
});

test('what it makes is for its user alone, and with a group what the group needs', async () => {
  const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
  for (const [args, socket, exports] of [
    [[], '600', '700'],
    [['--group', String(process.getgid?.() ?? 0)], '660', '750'],
  ] as const) {
    const db = newDb();
    const listen = ['--listen', 'tcp://127.0.0.1:0'];
    const command = new ServeCommand(['serve', '--db', db, ...listen, ...args]);
    await command.says('"ready"');
    const modes = [socketPathOf(db), `${db}.exports`, `${db}.spool`, `${db}.spool/id`].map(mode);
    assert.deepEqual(modes, [socket, exports, '700', '600']);
    command.child.kill('SIGTERM');
    assert.equal((await command.ended()).code, 0);
  }
});
