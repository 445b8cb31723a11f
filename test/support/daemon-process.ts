/** A test daemon as a process: `fork(this, [db, options])`; says `ready`, ends at the message `end`. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { SharedStore } from '../../src/store/duckdb/shared-store.ts';
import { ControlServer } from '../../src/store/remote/control-server.ts';
import { PROTOCOL } from '../../src/store/remote/protocol.ts';
import { StoreServer } from '../../src/store/remote/server.ts';
import { socketPathOf } from '../../src/store/remote/socket-path.ts';

const [db = '', text = '{}'] = process.argv.slice(2);
const { listenAfterMs = 0, closeAfterMs = 0 } = JSON.parse(text) as {
  readonly listenAfterMs?: number;
  readonly closeAfterMs?: number;
};
const store = await SharedStore.open({ path: db, exportFolder: `${db}.exports`, threads: 1 });
const hello = { protocol: PROTOCOL, version: 'test', pid: process.pid, since: '', db };
// Told of before it listens where that is to be late.
if (listenAfterMs > 0) process.send?.('ready');
await sleep(listenAfterMs);
const handler = new StoreServer(store, { hello });
const control = await ControlServer.listen({ path: socketPathOf(db), handler });
if (listenAfterMs === 0) process.send?.('ready');
await once(process, 'message');
await control.close();
await sleep(closeAfterMs);
await store.close();
process.disconnect();
