/** `maillog backup` and `maillog restore`: the store as one file, and back. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { formatBytes, formatCount } from '../../../reports/render/numbers.ts';
import type { ExitCode } from '../../model/errors.ts';
import { maillogError } from '../../model/errors.ts';
import type { BackupResult } from '../../store/duckdb/backup.ts';
import { isSame, isThere, restoreStore } from '../../store/duckdb/backup.ts';
import type { CommandContext } from '../context.ts';
import { complain, print } from '../io.ts';
import type { Options } from '../program.ts';
import { backupAt } from '../store-upkeep.ts';

export async function runBackup(
  context: CommandContext,
  options: Options,
  [file = '']: readonly string[],
): Promise<ExitCode> {
  const { db } = context.config.settings;
  const target = resolve(context.io.cwd, file);
  if (!existsSync(db)) throw maillogError('E_STORE_MISSING', { path: db });
  checkTarget(db, target, options.force === true);
  const result = await backupAt(db, target);
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
