/** Upkeep of the store for commands: by the daemon where one owns it, else done here. */
import type { BackupResult } from '../store/duckdb/backup.ts';
import type { PruneRequest, PruneResult } from '../store/duckdb/retention.ts';
import { RemoteStore } from '../store/remote/client.ts';
import { openWriter } from './open-store.ts';

export async function pruneAt(db: string, request: PruneRequest): Promise<PruneResult> {
  const store = await openWriter(db);
  try {
    if (store instanceof RemoteStore) {
      return (await store.call('prune', request)).result as PruneResult;
    }
    const { pruneStore, transactOver } = await import('../store/duckdb/retention.ts');
    const access = {
      query: store.query.bind(store),
      transact: (statements: readonly string[]) => transactOver(store, statements),
      checkpoint: () => store.checkpoint(),
    };
    return await pruneStore(access, request);
  } finally {
    await store.close();
  }
}

/** `target` is absolute. */
export async function backupAt(db: string, target: string): Promise<BackupResult> {
  const store = await openWriter(db);
  try {
    if (store instanceof RemoteStore) {
      return (await store.call('backup', { target })).result as BackupResult;
    }
    const { backupStore, checkStore, copyStore } = await import('../store/duckdb/backup.ts');
    const { storeSummary } = await import('../store/duckdb/backup-child.ts');
    const access = {
      checkpoint: async (
        work: (held: Awaited<ReturnType<typeof storeSummary>>) => Promise<void>,
      ) => {
        await store.checkpoint();
        await work(await storeSummary(store));
      },
      copy: (aside: string) => copyStore(db, aside),
      verify: checkStore,
    };
    return await backupStore(access, target);
  } finally {
    await store.close();
  }
}
