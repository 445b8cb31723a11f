/** The store of a daemon in a thread of its own, for tests: `workerData` says which. */
import { type MessagePort, workerData } from 'node:worker_threads';
import type { SharedStoreOptions } from '../../src/store/duckdb/shared-store.ts';
import { SharedStore } from '../../src/store/duckdb/shared-store.ts';
import { PortServer } from '../../src/store/remote/forward.ts';
import type { StoreServerOptions } from '../../src/store/remote/server.ts';
import { StoreServer } from '../../src/store/remote/server.ts';

export interface StoreThreadData {
  readonly port: MessagePort;
  readonly store: SharedStoreOptions;
  readonly server: StoreServerOptions;
}

const { port, store: storeOptions, server: serverOptions } = workerData as StoreThreadData;
const store = await SharedStore.open(storeOptions);
const server = new StoreServer(store, serverOptions);
const forward = new PortServer(port, server);
server.register('close', async () => {
  await store.close();
  setImmediate(() => forward.close());
  return {};
});
