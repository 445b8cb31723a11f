/**
 * `maillog query`: a user's SELECT on the views. Safe: the store is read-only for it, DuckDB's access to
 * files and network is shut and the door locked, and only one statement that reads is taken.
 */
import type { ExitCode } from '../../model/errors.ts';
import type { CommandContext } from '../context.ts';
import { openReader } from '../open-store.ts';
import type { Options } from '../program.ts';
import { show } from './lists.ts';

export async function runQuery(
  context: CommandContext,
  options: Options,
  [sql = '']: readonly string[],
): Promise<ExitCode> {
  const text = sql === '-' ? await readAll(context) : sql;
  const store = await openReader(context.config.settings.db);
  try {
    return await show(context, options, await store.userQuery(text));
  } finally {
    await store.close();
  }
}

async function readAll(context: CommandContext): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of context.io.stdin) parts.push(Buffer.from(part as Uint8Array));
  return Buffer.concat(parts).toString('utf8');
}
