/** `maillog top` and `series`: lists of rows from the store. */

import type { RowFormat, RowOptions } from '../../../reports/render/render-rows.ts';
import { renderRows } from '../../../reports/render/render-rows.ts';
import type { SeriesName } from '../../../reports/series.ts';
import { SERIES, SERIES_NAMES, seriesRows, seriesSql } from '../../../reports/series.ts';
import type { TopMeasure, TopName } from '../../../reports/top.ts';
import { TOP_LISTS, TOP_NAMES, topSql } from '../../../reports/top.ts';
import type { ExitCode } from '../../model/errors.ts';
import { maillogError } from '../../model/errors.ts';
import type { Period } from '../../model/period.ts';
import { zoneOffset } from '../../model/zone.ts';
import type { RetentionMark } from '../../store/retention-mark.ts';
import { droppedRows, findRetentionMark } from '../../store/retention-mark.ts';
import type { Bindings, Query, QueryResult } from '../../store/store.ts';
import type { CommandContext } from '../context.ts';
import { ALWAYS, periodOf } from '../context.ts';
import { complain, print } from '../io.ts';
import { openReader } from '../open-store.ts';
import type { Options } from '../program.ts';

const STEP = /^(\d{1,6})\s*(s|m|h|d|w)$/;
const STEP_SECONDS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86400,
  w: 604800,
};

export async function runTop(
  context: CommandContext,
  options: Options,
  [name = '']: readonly string[],
): Promise<ExitCode> {
  if (!Object.hasOwn(TOP_LISTS, name)) {
    throw maillogError('E_UNKNOWN_NAME', { kind: 'list', name, known: TOP_NAMES.join(', ') });
  }
  const sql = topSql(name as TopName, options.by as TopMeasure);
  const period = periodOf(context, options) ?? ALWAYS;
  const result = await withStore(context, async (store) => {
    const dropped = droppedRows(await findRetentionMark(store), period.start);
    if (dropped !== undefined) await complain(context.io, dropped);
    return store.query(sql, { ...period, limit: context.config.settings.top });
  });
  return show(context, options, result, {
    heading: TOP_LISTS[name as TopName].question,
    kinds: { messages: 'count', bytes: 'bytes', recipients: 'count' },
    bar: options.by as string,
  });
}

export async function runSeries(context: CommandContext, options: Options): Promise<ExitCode> {
  const name = String(options.by);
  if (!Object.hasOwn(SERIES, name)) {
    throw maillogError('E_UNKNOWN_NAME', { kind: 'series', name, known: SERIES_NAMES.join(', ') });
  }
  const step = stepSeconds(String(options.step));
  const result = await withStore(context, async (store) => {
    const mark = await findRetentionMark(store);
    const period =
      periodOf(context, options) ?? (await wholePeriod(store, name as SeriesName, mark?.from));
    const shift = zoneOffset(period.start.getTime(), context.zone) / 1000;
    const unsure = splitsHours(mark, { ...period, step, shift });
    if (unsure !== undefined) await complain(context.io, unsure);
    return store.query(seriesSql(name as SeriesName, mark?.from), { ...period, step, shift });
  });
  return show(context, options, result, {
    heading: SERIES[name as SeriesName].question,
    kinds: { at: 'time', amount: name === 'bytes' ? 'bytes' : 'count' },
    bar: 'amount',
  });
}

function stepSeconds(step: string): number {
  const match = STEP.exec(step);
  const seconds = Number(match?.[1] ?? 0) * (STEP_SECONDS[match?.[2] ?? ''] ?? 0);
  if (seconds > 0) return seconds;
  throw maillogError('E_BAD_PERIOD', {
    option: '--step',
    value: step,
    allowed: 'a number with a unit: 15m, 1h, 1d',
  });
}

interface Steps extends Period {
  readonly step: number;
  readonly shift: number;
}

/** Of dropped rows there are whole hours: what is said when a step or the period begins within one. */
function splitsHours(mark: RetentionMark | undefined, steps: Steps): string | undefined {
  const dropped = droppedRows(mark, steps.start);
  const cuts = [steps.step, steps.shift, steps.start.getTime() / 1000];
  if (dropped === undefined || cuts.every((seconds) => seconds % 3600 === 0)) return undefined;
  return `${dropped}: each counts at the time its hour (of UTC) begins`;
}

/** Without a period: from the first event to the last. */
async function wholePeriod(
  store: Query,
  name: SeriesName,
  keepFrom: number | undefined,
): Promise<Period> {
  const { rows } = await store.query(
    `SELECT min(logged_at) AS first_at, max(logged_at) AS last_at FROM (${seriesRows(name, keepFrom)})`,
    ALWAYS as unknown as Bindings,
  );
  const { first_at: first, last_at: last } = rows[0] ?? {};
  if (typeof first !== 'string' || typeof last !== 'string') throw nothing();
  return { start: new Date(first), end: new Date(new Date(last).getTime() + 1000) };
}

/** Asks the store of the settings. */
export function ask(
  context: CommandContext,
  sql: string,
  bindings: Bindings,
): Promise<QueryResult> {
  return withStore(context, (store) => store.query(sql, bindings));
}

async function withStore<T>(
  context: CommandContext,
  work: (store: Query) => Promise<T>,
): Promise<T> {
  const store = await openReader(context.config.settings.db);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Prints rows; none is exit 1 with a hint, yet JSON and CSV still are a valid empty document. */
export async function show(
  context: CommandContext,
  options: Options,
  result: QueryResult,
  look: Partial<RowOptions> = {},
): Promise<ExitCode> {
  const format = options.format as RowFormat;
  const isTerminal = context.io.isTerminal.stdout;
  const none = result.rows.length === 0;
  if (!none || format !== 'text') {
    await print(
      context.io,
      renderRows(result, format, { ...look, style: context.style, isTerminal }),
    );
  }
  if (none) throw nothing();
  return 0;
}

function nothing(): Error {
  return maillogError('E_NOTHING_FOUND', {
    what: 'no row answers this',
    hint: 'try another period, or "maillog doctor" for why',
  });
}
