/** Is there a daemon for this database, may this user ask it, and what does it say of itself? */
import { lstatSync } from 'node:fs';
import { RemoteStore } from '../../store/remote/client.ts';
import type { Hello } from '../../store/remote/protocol.ts';
import { PROTOCOL } from '../../store/remote/protocol.ts';
import { socketPathOf } from '../../store/remote/socket-path.ts';
import type { Health } from '../serve/health.ts';
import { groupName, type Identity, userName, userOfProcess } from './identity.ts';

/** Who may use the socket. */
export interface SocketAccess {
  readonly owner: string;
  readonly group: string;
  readonly mode: number;
}

export type DaemonState =
  /** `isLeftBehind`: a socket is there, of one that was killed. */
  | { readonly kind: 'absent'; readonly socket: string; readonly isLeftBehind: boolean }
  | {
      readonly kind: 'forbidden';
      readonly socket: string;
      readonly access: SocketAccess | undefined;
    }
  /** It listens and does not answer in time. */
  | { readonly kind: 'silent'; readonly socket: string }
  /** Of a version that cannot be talked to. */
  | { readonly kind: 'strange'; readonly hello: Hello }
  /** It answers for the store alone, and knows nothing of logs: no `maillog serve`. */
  | { readonly kind: 'store-only'; readonly hello: Hello }
  /** It answers, but cannot say how it is. */
  | { readonly kind: 'mute'; readonly hello: Hello; readonly problem: string }
  | { readonly kind: 'here'; readonly health: Health; readonly user: Identity | undefined };

const PATIENCE_MS = 3000;
const NO_METHOD = /^there is no method health/;

export async function askDaemon(db: string): Promise<DaemonState> {
  const socket = socketPathOf(db);
  const stats = lstatSync(socket, { throwIfNoEntry: false });
  let store: RemoteStore;
  try {
    store = await RemoteStore.connect(socket);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'EACCES' || code === 'EPERM') {
      const access = stats && {
        owner: userName(stats.uid),
        group: groupName(stats.gid),
        mode: stats.mode & 0o777,
      };
      return { kind: 'forbidden', socket, access };
    }
    if (code === 'EAGAIN') return { kind: 'silent', socket };
    return { kind: 'absent', socket, isLeftBehind: stats !== undefined };
  }
  const silence = setTimeout(() => void store.close(), PATIENCE_MS);
  try {
    return await interview(socket, store);
  } finally {
    clearTimeout(silence);
    await store.close();
  }
}

async function interview(socket: string, store: RemoteStore): Promise<DaemonState> {
  let hello: Hello;
  try {
    hello = await store.hello();
  } catch {
    return { kind: 'silent', socket };
  }
  if (hello.protocol !== PROTOCOL) return { kind: 'strange', hello };
  try {
    const health = (await store.call('health')).result as Health;
    return { kind: 'here', health, user: userOfProcess(hello.pid) };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    if (NO_METHOD.test(problem)) return { kind: 'store-only', hello };
    return { kind: 'mute', hello, problem };
  }
}
