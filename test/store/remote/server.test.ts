/** What the owner of the store answers: turns of sessions, lost ones, clients that go, methods of others. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { SharedStore } from '../../../src/store/duckdb/shared-store.ts';
import { HandlerChannel } from '../../../src/store/remote/channel.ts';
import { RemoteStore } from '../../../src/store/remote/client.ts';
import { PortClient, PortServer } from '../../../src/store/remote/forward.ts';
import { PROTOCOL } from '../../../src/store/remote/protocol.ts';
import type { StoreServerOptions } from '../../../src/store/remote/server.ts';
import { StoreServer } from '../../../src/store/remote/server.ts';
import type { RequestHandler } from '../../../src/store/remote/wire.ts';
import { SampleSource } from '../../support/line-batch.ts';
import { fillDisk, withTinyDisk } from '../../support/tiny-disk.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-server-'));
after(() => rmSync(folder, { recursive: true }));

const HELLO = { protocol: PROTOCOL, version: '1', pid: 7, since: '2026-11-24T00:00:00Z', db: '/x' };
let stores = 0;

interface Options extends Partial<StoreServerOptions> {
  readonly path?: string;
}

interface World {
  readonly server: StoreServer;
  readonly exports: string;
  readonly client: (name: string, handler?: RequestHandler) => RemoteStore;
}

async function withServer(
  work: (world: World) => Promise<void>,
  { path: named, ...options }: Options = {},
): Promise<void> {
  stores += 1;
  const exports = join(folder, `${stores}.exports`);
  const path = named ?? join(folder, `${stores}.duckdb`);
  const store = await SharedStore.open({ path, exportFolder: exports, threads: 1 });
  const server = new StoreServer(store, { hello: HELLO, ...options });
  const client = (name: string, handler: RequestHandler = server) =>
    new RemoteStore(new HandlerChannel(handler, name));
  try {
    await work({ server, exports, client });
  } finally {
    await store.close();
  }
}

test('says who it is, and knows methods of others', () =>
  withServer(async ({ server, client }) => {
    const store = client('a');
    assert.deepEqual(await store.hello(), HELLO);
    server.register('double', async ({ params, payloads, session }) => ({
      result: [session.id, params.n],
      payloads: [...payloads, ...payloads],
    }));
    const answer = await store.call('double', { n: 4 }, [new Uint8Array([1])]);
    assert.deepEqual(answer.result, ['a', 4]);
    assert.equal(answer.payloads?.length, 2);
    await assert.rejects(store.call('nothing'), { name: 'WireError' });
    await assert.rejects(store.call('query', { sql: 7 }), { name: 'WireError' });
    await store.close();
  }));

test('a session that is silent with the turn loses it, and may go on', () =>
  withServer(
    async ({ client }) => {
      const [idle, busy] = [client('idle'), client('busy')];
      const source = new SampleSource('idle');
      source.parse(200);
      await source.begin(idle);
      await new SampleSource('busy').write(busy, 200);
      await assert.rejects(source.commit(idle), { name: 'TurnLost' });
      await idle.rollback();
      await new SampleSource('idle again').write(idle, 200);
      const names = (await busy.checkpoints()).map(({ headDigest }) => headDigest);
      assert.deepEqual(names.sort(), ['busy', 'idle again']);
      await Promise.all([idle.close(), busy.close()]);
    },
    { turnPatienceMs: 50 },
  ));

test('a client that goes gives back its turn, its place in the queue and its files', () =>
  withServer(async ({ client, exports }) => {
    const [first, second, third] = [client('1'), client('2'), client('3')];
    const source = new SampleSource('one');
    source.parse(200);
    await source.begin(first);
    const waiting = assert.rejects(second.begin(), /gone/);
    await second.close();
    await waiting;
    const { result } = await first.call('exportTo', { select: 'SELECT 1 AS a', format: 'CSV' });
    assert.equal((result as { rows: number }).rows, 1);
    assert.equal(readdirSync(exports).length, 1);
    await first.close();
    assert.equal(readdirSync(exports).length, 0);
    await new SampleSource('two').write(third, 100);
    assert.deepEqual(
      (await third.checkpoints()).map(({ headDigest }) => headDigest),
      ['two'],
    );
    await third.close();
  }));

test('a query whose asker has gone is ended', () =>
  withServer(async ({ client }) => {
    const store = client('a');
    const sql = 'SELECT count(*) FROM range(1000000000000) a WHERE a.range % 7 = 3';
    const running = assert.rejects(store.userQuery(sql));
    await sleep(20);
    await store.close();
    await running;
  }));

test('an export is fetched to where it should be', () =>
  withServer(async ({ client, exports }) => {
    const store = client('a');
    const out = join(folder, 'out.csv');
    assert.equal(await store.exportTo('SELECT 1 AS a, NULL AS b', out, 'CSV'), 1);
    assert.equal(readFileSync(out, 'utf8'), 'a,b\n1,\n');
    const nowhere = join(folder, 'none', 'out.csv');
    await assert.rejects(store.exportTo('SELECT 1', nowhere, 'CSV'), { code: 'E_NO_SUCH_FILE' });
    await assert.rejects(store.exportTo('DROP TABLE raw.hops', out, 'CSV'), {
      code: 'E_NOT_READ_ONLY',
    });
    assert.deepEqual(readdirSync(exports), []);
    await assert.rejects(store.call('dropExport', { path: out }), { name: 'WireError' });
    assert.ok(existsSync(out));
    await store.close();
  }));

test('an answer that is too large is refused, not cut', () =>
  withServer(
    async ({ client }) => {
      const store = client('a');
      const sql = 'SELECT range AS n FROM range(1000000)';
      await assert.rejects(store.query(sql), { code: 'E_STORE_FAILED' });
      assert.equal((await store.query('SELECT 1 AS n')).rows.length, 1);
      await store.close();
    },
    { maxReply: 3 * 1024 * 1024 },
  ));

test('requests are carried between threads, and end with them', () =>
  withServer(async ({ server, client }) => {
    const { port1, port2 } = new MessageChannel();
    const forward = new PortServer(port2, server);
    const carrier = new PortClient(port1);
    const store = client('apart', carrier);
    const source = new SampleSource('one');
    for (let block = 0; block < 3; block += 1) await source.write(store, 300);
    assert.equal((await store.checkpoints())[0]?.lines, 900);
    await assert.rejects(store.userQuery('DROP TABLE raw.hops'), { code: 'E_NOT_READ_ONLY' });
    await store.close();
    const running = client('late', carrier);
    await running.hello();
    forward.close();
    await assert.rejects(running.query('SELECT 1'), /closed/);
    await running.close();
  }));

test('a full disk is told of, and the store goes on when there is room', () =>
  withTinyDisk(join(folder, 'disk'), (disk) =>
    withServer(
      async ({ client }) => {
        const [writer, other] = [client('a'), client('b')];
        const source = new SampleSource('one');
        await source.write(writer, 2000);
        fillDisk(join(disk, 'filler'));
        source.parse(2000);
        await source.begin(writer);
        // Questions that run meanwhile are ended with the old store, and answered by the new one.
        const long = 'SELECT sum(a.range * b.range) AS n FROM range(20000) a, range(2000) b';
        const asked = [other.query(long), other.query(long)];
        await assert.rejects(source.commit(writer), { code: 'E_DISK_FULL' });
        for (const { rows } of await Promise.all(asked)) assert.ok(Number(rows[0]?.n) > 0);
        await writer.rollback();
        assert.equal((await other.query('SELECT lines_read AS n FROM ledger')).rows[0]?.n, 2000);
        rmSync(join(disk, 'filler'));
        await source.again(writer);
        assert.equal((await other.checkpoints())[0]?.lines, 4000);
        await Promise.all([writer.close(), other.close()]);
      },
      { path: join(disk, 'm.duckdb') },
    ),
  ));
