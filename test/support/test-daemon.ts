/** The store's part of a daemon, for tests: the store in this thread or in one of its own, and its socket. */
import { join } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { SharedStoreOptions } from '../../src/store/duckdb/shared-store.ts';
import { SharedStore } from '../../src/store/duckdb/shared-store.ts';
import { HandlerChannel } from '../../src/store/remote/channel.ts';
import { RemoteStore } from '../../src/store/remote/client.ts';
import { ControlServer } from '../../src/store/remote/control-server.ts';
import { PortClient } from '../../src/store/remote/forward.ts';
import { PROTOCOL } from '../../src/store/remote/protocol.ts';
import type { StoreServerOptions } from '../../src/store/remote/server.ts';
import { StoreServer } from '../../src/store/remote/server.ts';
import { socketPathOf } from '../../src/store/remote/socket-path.ts';

export interface TestDaemon {
  readonly control: ControlServer;
  close(): Promise<void>;
}

export interface TestDaemonOptions
  extends Partial<StoreServerOptions>,
    Partial<SharedStoreOptions> {
  /** The store is in a thread of its own. */
  readonly apart?: boolean;
}

export async function startDaemon(
  db: string,
  options: TestDaemonOptions = {},
): Promise<TestDaemon> {
  const { apart = false, turnPatienceMs, checkpointThreshold, readers, threads } = options;
  const hello = {
    protocol: PROTOCOL,
    version: 'test',
    pid: process.pid,
    since: new Date().toISOString(),
    db,
  };
  const storeOptions = {
    path: db,
    exportFolder: `${db}.exports`,
    ...(checkpointThreshold === undefined ? {} : { checkpointThreshold }),
    ...(readers === undefined ? {} : { readers }),
    ...(threads === undefined ? {} : { threads }),
  };
  const serverOptions = { hello, ...(turnPatienceMs === undefined ? {} : { turnPatienceMs }) };
  return apart ? startApart(storeOptions, serverOptions) : startHere(storeOptions, serverOptions);
}

async function startHere(
  storeOptions: SharedStoreOptions,
  serverOptions: StoreServerOptions,
): Promise<TestDaemon> {
  const store = await SharedStore.open(storeOptions);
  const handler = new StoreServer(store, serverOptions);
  const control = await ControlServer.listen({ path: socketPathOf(storeOptions.path), handler });
  return {
    control,
    async close() {
      await control.close();
      await store.close();
    },
  };
}

async function startApart(
  store: SharedStoreOptions,
  server: StoreServerOptions,
): Promise<TestDaemon> {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(join(import.meta.dirname, 'store-thread.js'), {
    workerData: { port: port2, store, server },
    transferList: [port2],
  });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  const handler = new PortClient(port1);
  const own = new RemoteStore(new HandlerChannel(handler, 'own'));
  await own.hello();
  const control = await ControlServer.listen({ path: socketPathOf(store.path), handler });
  return {
    control,
    async close() {
      await control.close();
      await own.call('close');
      await ended;
    },
  };
}
