/**
 * `maillog export`: a view or a SELECT as a Parquet or CSV file. The file is written aside and renamed, so
 * that a reader never meets half of it.
 */
import { closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ExitCode } from '../../model/errors.ts';
import { fileError, maillogError } from '../../model/errors.ts';
import { VIEW_NAMES } from '../../store/duckdb/views.ts';
import type { CommandContext } from '../context.ts';
import { periodOf } from '../context.ts';
import { complain } from '../io.ts';
import { openReader } from '../open-store.ts';
import type { Options } from '../program.ts';

const TIMED = new Set(
  VIEW_NAMES.filter(
    (name) => !['ledger', 'unparsed_lines', 'incidents', 'hops', 'hourly'].includes(name),
  ),
);

export async function runExport(
  context: CommandContext,
  options: Options,
  [what = '']: readonly string[],
): Promise<ExitCode> {
  const out = resolve(context.io.cwd, String(options.out));
  const format = formatOf(out);
  if (existsSync(out) && options.force !== true) {
    throw maillogError('E_FILE_FAILED', {
      path: out,
      problem: 'it is there already; give --force to write over it',
    });
  }
  const store = await openReader(context.config.settings.db);
  const aside = `${out}.${process.pid}.tmp`;
  try {
    const select = await selectOf(context, options, what);
    makeSure(aside, out);
    const rows = await store.exportTo(select, aside, format);
    renameSync(aside, out);
    await complain(context.io, `${rows} rows written to ${out}`);
    return 0;
  } catch (error) {
    rmSync(aside, { force: true });
    throw isOfTheSystem(error) ? fileError(error, out) : error;
  } finally {
    await store.close();
  }
}

/** That the file can be written, whoever is going to write it. */
function makeSure(aside: string, out: string): void {
  try {
    closeSync(openSync(aside, 'w'));
    rmSync(aside);
  } catch (error) {
    throw fileError(error, out);
  }
}

function isOfTheSystem(error: unknown): boolean {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}

function formatOf(path: string): 'PARQUET' | 'CSV' {
  if (/\.parquet$/i.test(path)) return 'PARQUET';
  if (/\.csv$/i.test(path)) return 'CSV';
  throw maillogError('E_USAGE', {
    problem: `the ending of ${path} names no format: give .parquet or .csv`,
  });
}

async function selectOf(context: CommandContext, options: Options, what: string): Promise<string> {
  const period = periodOf(context, options);
  if (!VIEW_NAMES.includes(what)) {
    if (/^\w+$/.test(what))
      throw maillogError('E_UNKNOWN_NAME', {
        kind: 'view',
        name: what,
        known: VIEW_NAMES.join(', '),
      });
    if (period !== null)
      throw maillogError('E_USAGE', {
        problem: 'a period goes with a view; put it into the SELECT',
      });
    return what;
  }
  if (period === null || !TIMED.has(what)) return `SELECT * FROM ${what}`;
  const [start, end] = [period.start, period.end].map(
    (time) => `TIMESTAMP '${time.toISOString().slice(0, -1)}'`,
  );
  return `SELECT * FROM ${what} WHERE logged_at >= ${start} AND logged_at < ${end} ORDER BY logged_at`;
}
