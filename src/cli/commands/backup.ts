/** `maillog backup` and `maillog restore`: the store as one file, and back. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { formatBytes, formatCount } from '../../../reports/render/numbers.ts';
import type { ExitCode } from '../../model/errors.ts';
import { maillogError } from '../../model/errors.ts';
import type { BackupAccess, BackupResult } from '../../store/duckdb/backup.ts';
import {
  backupStore,
  checkStore,
  copyStore,
  isSame,
  isThere,
  restoreStore,
} from '../../store/duckdb/backup.ts';
import { storeSummary } from '../../store/duckdb/backup-child.ts';
import type { DuckDbStore } from '../../store/duckdb/duckdb-store.ts';
import type { CommandContext } from '../context.ts';
import { complain, print } from '../io.ts';
import { openWriter } from '../open-store.ts';
import type { Options } from '../program.ts';

export async function runBackup(
  context: CommandContext,
  options: Options,
  [file = '']: readonly string[],
): Promise<ExitCode> {
  const { db } = context.config.settings;
  const target = resolve(context.io.cwd, file);
  if (!existsSync(db)) throw maillogError('E_STORE_MISSING', { path: db });
  checkTarget(db, target, options.force === true);
  const store = await openWriter(db);
  let result: BackupResult;
  try {
    result = await backupStore(accessOf(store, db), target);
  } finally {
    await store.close();
  }
  await print(context.io, `backup written to ${target}: ${contentsOf(result)}\n`);
  return 0;
}

/** Refuses what must not be written over, before anything is done. */
export function checkTarget(db: string, target: string, force: boolean): void {
  if (isSame(db, target) || target === `${db}.wal`) {
    throw maillogError('E_USAGE', { problem: `${target} is the database itself` });
  }
  if (!existsSync(dirname(target))) throw maillogError('E_NO_SUCH_FILE', { path: dirname(target) });
  if (existsSync(target) && !force) throw isThere(target);
}

/** Of a store that this process alone has open. */
function accessOf(store: DuckDbStore, db: string): BackupAccess {
  return {
    checkpoint: async (work) => {
      await store.checkpoint();
      await work(await storeSummary(store));
    },
    copy: (aside) => copyStore(db, aside),
    verify: checkStore,
  };
}

export async function runRestore(
  context: CommandContext,
  options: Options,
  [file = '']: readonly string[],
): Promise<ExitCode> {
  const { db } = context.config.settings;
  const backup = resolve(context.io.cwd, file);
  if (!existsSync(dirname(db))) throw maillogError('E_NO_SUCH_FILE', { path: dirname(db) });
  const result = await restoreStore({ backup, db, force: options.force === true });
  await print(context.io, `${db} restored from ${backup}: ${contentsOf(result)}\n`);
  if (result.kept !== undefined) {
    await complain(context.io, `the database that was there is kept as ${result.kept}`);
  }
  await complain(
    context.io,
    'sources go on where the backup was made: what was read since is read again from logs that are still there',
  );
  return 0;
}

function contentsOf({ bytes, summary }: BackupResult): string {
  const { sources = 0, lines_read: lines = 0 } = summary;
  return `${formatBytes(bytes)}, ${formatCount(lines)} lines of ${sources === 1 ? '1 source' : `${formatCount(sources)} sources`}, all of it read and checked`;
}
