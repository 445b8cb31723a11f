/** What is done to a store as a whole while a daemon owns it: rows dropped, a copy made. */
import type { BackupAccess } from '../duckdb/backup.ts';
import { backupStore, checkStore, copyStore } from '../duckdb/backup.ts';
import { storeSummary } from '../duckdb/backup-child.ts';
import type { RetentionAccess } from '../duckdb/retention.ts';
import { pruneStore, transactOver } from '../duckdb/retention.ts';
import type { SharedStore } from '../duckdb/shared-store.ts';
import { textOf, wholeOf } from './params.ts';
import type { Method } from './server.ts';

/** Short transactions, each in a turn of its own. */
export function retentionAccess(store: SharedStore): RetentionAccess {
  return {
    query: async (sql, bindings) => {
      const reader = await store.reader();
      try {
        return await reader.query(sql, bindings);
      } finally {
        reader.release();
      }
    },
    transact: (statements) => store.inTurn((query) => transactOver(query, statements)),
    checkpoint: () => store.checkpoint(),
  };
}

/** Nobody writes while the file is copied; answers go on. */
function backupAccess(store: SharedStore): BackupAccess {
  return {
    checkpoint: (work) =>
      store.inTurn(async (query) => {
        await query.query('CHECKPOINT');
        await work(await storeSummary(query));
      }),
    copy: (aside) => copyStore(store.path, aside),
    verify: checkStore,
  };
}

export function upkeepMethods(store: SharedStore): Readonly<Record<string, Method>> {
  return {
    prune: async ({ params }) => ({
      result: await pruneStore(retentionAccess(store), {
        before: wholeOf(params.before, 'before'),
        day: textOf(params.day, 'day'),
        dryRun: params.dryRun === true,
      }),
    }),
    backup: async ({ params }) => ({
      result: await backupStore(backupAccess(store), textOf(params.target, 'target')),
    }),
  };
}
