/**
 * `maillog prune`: drops the rows of days that are over for long enough; hourly counts and the ledger stay.
 */
import { existsSync } from 'node:fs';
import { formatBytes, formatCount } from '../../../reports/render/numbers.ts';
import type { ExitCode } from '../../model/errors.ts';
import { maillogError } from '../../model/errors.ts';
import type { PruneResult } from '../../store/duckdb/retention.ts';
import { firstDayKept } from '../../store/duckdb/retention.ts';
import type { CommandContext } from '../context.ts';
import { print } from '../io.ts';
import type { Options } from '../program.ts';
import { pruneAt } from '../store-upkeep.ts';

const MOST_DAYS = 36_500;

export async function runPrune(context: CommandContext, options: Options): Promise<ExitCode> {
  const keepDays = keepDaysOf(context, options);
  const { db } = context.config.settings;
  if (!existsSync(db)) throw maillogError('E_STORE_MISSING', { path: db });
  const request = {
    ...firstDayKept(context.now, keepDays, context.zone),
    dryRun: options.dryRun === true,
  };
  const result = await pruneAt(db, request);
  await print(context.io, options.format === 'json' ? pruneJson(result) : pruneText(result));
  return 0;
}

/** Asked for, else configured. Nothing is dropped without either. */
export function keepDaysOf({ config }: CommandContext, options: Options): number {
  const asked = options.keepDays;
  if (asked !== undefined) {
    const days = /^\d{1,5}$/.test(String(asked)) ? Number(asked) : 0;
    if (days >= 1 && days <= MOST_DAYS) return days;
    const problem = `--keep-days ${asked} is not usable: give a number of days from 1 to ${MOST_DAYS}`;
    throw maillogError('E_USAGE', { problem });
  }
  const { retentionDays } = config.settings;
  if (retentionDays > 0) return retentionDays;
  throw maillogError('E_USAGE', {
    problem: 'rows are kept for ever (retention.days is not set): give --keep-days N',
  });
}

export function pruneJson({ day, dryRun, tables, goingOn, space }: PruneResult): string {
  return `${JSON.stringify({ day, dry_run: dryRun, tables, going_on: goingOn, space: { before: spaceJson(space.before), after: spaceJson(space.after) } })}\n`;
}

function spaceJson({ fileBytes, freeBytes }: PruneResult['space']['before']): object {
  return { file_bytes: fileBytes, free_bytes: freeBytes };
}

export function pruneText(result: PruneResult): string {
  const { day, dryRun, tables, goingOn } = result;
  const parts = Object.entries(tables)
    .filter(([, rows]) => rows > 0)
    .map(([table, rows]) => `${table} ${formatCount(rows)}`);
  const verb = dryRun ? 'would be dropped' : 'dropped';
  const going = `${formatCount(goingOn)} rows of messages that go on after that day`;
  return [
    `rows before ${day} ${verb}: ${parts.length === 0 ? 'none' : parts.join(', ')}`,
    `what stays: hourly counts of that time, the ledger, incidents${goingOn > 0 ? `, ${going}` : ''}`,
    ...(dryRun ? [] : [spaceText(result)]),
    '',
  ].join('\n');
}

function spaceText({ space: { before, after } }: PruneResult): string {
  const freed = Math.max(
    0,
    before.fileBytes - before.freeBytes - after.fileBytes + after.freeBytes,
  );
  const file =
    after.fileBytes < before.fileBytes
      ? `the file shrank from ${formatBytes(before.fileBytes)} to ${formatBytes(after.fileBytes)}`
      : `the file keeps its size of ${formatBytes(after.fileBytes)}`;
  return `freed: ${formatBytes(freed)}; ${file}, of which ${formatBytes(after.freeBytes)} are free for new rows`;
}
