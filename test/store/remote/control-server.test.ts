/** The control socket: who may connect, what is in the way of it, and clients that misbehave. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { RemoteStore } from '../../../src/store/remote/client.ts';
import type { ControlServerOptions } from '../../../src/store/remote/control-server.ts';
import { ControlServer } from '../../../src/store/remote/control-server.ts';
import { PROTOCOL } from '../../../src/store/remote/protocol.ts';
import { socketPathOf } from '../../../src/store/remote/socket-path.ts';
import type { RequestHandler, WireReply } from '../../../src/store/remote/wire.ts';
import { encodeRequest } from '../../../src/store/remote/wire.ts';
import { randomSource } from '../../support/random.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-control-'));
after(() => rmSync(folder, { recursive: true }));
const hello = { protocol: PROTOCOL, version: '1', pid: 7, since: '2026-11-24', db: '/x.duckdb' };

/** Answers with what it was asked, or as `slow` says. */
class Echo implements RequestHandler {
  readonly ended: string[] = [];
  underWay = 0;
  most = 0;
  wait: Promise<unknown> = Promise.resolve();
  size = 0;

  async handle(
    _: string,
    { id, method, payloads }: Parameters<RequestHandler['handle']>[1],
  ): Promise<WireReply> {
    this.underWay += 1;
    this.most = Math.max(this.most, this.underWay);
    if (method === 'slow') await this.wait;
    this.underWay -= 1;
    const sent = method === 'large' ? [new Uint8Array(this.size)] : payloads;
    return { id, ok: true, result: method === 'hello' ? hello : method, payloads: sent };
  }

  async endSession(session: string): Promise<void> {
    this.ended.push(session);
  }
}

let sockets = 0;

async function withServer(
  work: (path: string, echo: Echo, server: ControlServer) => Promise<void>,
  options: Partial<ControlServerOptions> = {},
): Promise<void> {
  sockets += 1;
  const path = options.path ?? join(folder, `${sockets}.sock`);
  const echo = new Echo();
  const server = await ControlServer.listen({ handler: echo, ...options, path });
  try {
    await work(path, echo, server);
  } finally {
    await server.close();
  }
  assert.equal(existsSync(path), false);
}

async function openSocket(path: string): Promise<Socket> {
  const socket = connect(path);
  await once(socket, 'connect');
  return socket;
}

/** What was sent before the server ended the connection. */
async function untilClosed(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.on('error', () => undefined);
  if (!socket.closed) await once(socket, 'close');
  return Buffer.concat(parts);
}

test('only its owner may connect, or a group', async () => {
  const mode = (path: string) => statSync(path).mode & 0o777;
  const before = process.umask(0);
  try {
    await withServer(async (path) => assert.equal(mode(path), 0o600));
    const gid = process.getgid?.() ?? 0;
    await withServer(
      async (path) => {
        assert.equal(mode(path), 0o660);
        assert.equal(statSync(path).gid, gid);
      },
      { group: gid },
    );
    await withServer(async (path) => assert.equal(mode(path), 0o666), { mode: 0o666 });
    assert.equal(process.umask(), 0);
  } finally {
    process.umask(before);
  }
  const nobody = { path: join(folder, 'g.sock'), handler: new Echo(), group: 'no-such-group' };
  await assert.rejects(ControlServer.listen(nobody), { code: 'E_CANNOT_LISTEN' });
});

test('answers many requests of a client at once, a bounded number of them', () =>
  withServer(async (path, echo, server) => {
    const store = await RemoteStore.connect(path);
    let go: (value: unknown) => void = () => undefined;
    echo.wait = new Promise((resolve) => {
      go = resolve;
    });
    const slow = Array.from({ length: 40 }, () => store.call('slow'));
    const other = await RemoteStore.connect(path);
    assert.equal((await other.call('quick', {}, [new Uint8Array([9])])).payloads?.[0]?.[0], 9);
    assert.equal(server.clients, 2);
    go(undefined);
    assert.equal((await Promise.all(slow)).length, 40);
    assert.equal(echo.most, 17);
    await Promise.all([store.close(), other.close()]);
  }));

test('a client that does not read is not asked for more', () =>
  withServer(async (path, echo) => {
    echo.size = 4 * 1024 * 1024;
    const socket = await openSocket(path);
    socket.pause();
    const ask = (id: number) =>
      Buffer.concat(encodeRequest({ id, method: 'large', params: {}, payloads: [] }));
    let handled = 0;
    const handle = echo.handle.bind(echo);
    echo.handle = (...args) => {
      handled += 1;
      return handle(...args);
    };
    socket.write(Buffer.concat(Array.from({ length: 200 }, (_, id) => ask(id))));
    // Another client's answer shows that the first one's requests have been looked at.
    const other = await RemoteStore.connect(path);
    for (let i = 0; i < 20; i += 1) await other.call('quick');
    assert.ok(handled - 20 < 40, `${handled}`);
    await other.close();
    socket.destroy();
  }));

test('garbage ends its connection and no other', () =>
  withServer(async (path, echo) => {
    const store = await RemoteStore.connect(path);
    await store.hello();
    const random = randomSource(4);
    for (let round = 0; round < 40; round += 1) {
      const socket = await openSocket(path);
      const bytes = Buffer.from(Array.from({ length: 40 }, () => random.below(256)));
      // Of the first four bytes one makes it longer than is taken.
      bytes[3] = 0xff;
      socket.write(bytes);
      assert.equal((await untilClosed(socket)).length, 0);
    }
    const half = await openSocket(path);
    half.write(Buffer.from([20, 0, 0]));
    half.destroy();
    await once(half, 'close');
    assert.equal((await store.hello()).pid, 7);
    await store.close();
    await store.close();
    await assert.rejects(store.hello(), /closed/);
    assert.ok(echo.ended.length >= 40);
  }));

test('requests and clients are bounded', async () => {
  await withServer(
    async (path) => {
      const store = await RemoteStore.connect(path);
      await store.hello();
      const late = await RemoteStore.connect(path);
      await assert.rejects(late.hello(), { code: 'E_NO_DAEMON' });
      await assert.rejects(store.call('x', {}, [new Uint8Array(2000)]), { code: 'E_NO_DAEMON' });
    },
    { maxClients: 1, maxRequest: 1000 },
  );
});

test('a socket left behind is replaced; what answers, or is no socket, is not', async () => {
  const path = join(folder, 'left.sock');
  // A process that was killed leaves its socket: here one is put in the place of a closed one.
  const server = createServer().listen(`${path}.old`);
  await once(server, 'listening');
  const { renameSync } = await import('node:fs');
  renameSync(`${path}.old`, path);
  server.close();
  await once(server, 'close');
  assert.ok(existsSync(path));
  await assert.rejects(RemoteStore.connect(path), { code: 'ECONNREFUSED' });
  await withServer(
    async () => {
      await assert.rejects(ControlServer.listen({ path, handler: new Echo() }), {
        code: 'E_ALREADY_RUNNING',
        message: 'process 7 answers for /x.duckdb already, since 2026-11-24: stop it first',
      });
    },
    { path },
  );
  writeFileSync(path, 'mine');
  await assert.rejects(ControlServer.listen({ path, handler: new Echo() }), {
    code: 'E_CANNOT_LISTEN',
  });
  assert.ok(existsSync(path));
  const nowhere = join(folder, 'none', 'x.sock');
  await assert.rejects(ControlServer.listen({ path: nowhere, handler: new Echo() }), {
    code: 'E_CANNOT_LISTEN',
  });
});

test('something else that listens is left alone', async () => {
  const path = join(folder, 'other.sock');
  const server = createServer((socket) => socket.end('220 hello\r\n')).listen(path);
  await once(server, 'listening');
  await assert.rejects(ControlServer.listen({ path, handler: new Echo() }), {
    code: 'E_CANNOT_LISTEN',
  });
  server.close();
});

test('names longer than a socket may have are reached all the same', async () => {
  const deep = join(folder, 'd'.repeat(100), 'e'.repeat(100));
  mkdirSync(deep, { recursive: true });
  const path = socketPathOf(join(deep, 'mail.duckdb'));
  assert.ok(path.endsWith('e/mail.duckdb.sock') && path.length > 200);
  await withServer(
    async () => {
      const store = await RemoteStore.connect(path);
      assert.equal((await store.hello()).pid, 7);
      await store.close();
    },
    { path },
  );
});
