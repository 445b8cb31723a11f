/** `maillog trace`: what became of a message, as rows; as text its story in sentences first. */
import { TRACE_COLUMNS, TRACE_SQL, traceBindings } from '../../../reports/trace.ts';
import { traceText } from '../../../reports/trace-text.ts';
import type { ExitCode } from '../../model/errors.ts';
import type { QueryResult, Row } from '../../store/store.ts';
import type { CommandContext } from '../context.ts';
import { ALWAYS, periodOf, wholeOption } from '../context.ts';
import { print } from '../io.ts';
import type { Options } from '../program.ts';
import { ask, show } from './lists.ts';

const MOST_ROWS = 1000;

export async function runTrace(
  context: CommandContext,
  options: Options,
  [word = '']: readonly string[],
): Promise<ExitCode> {
  const period = periodOf(context, options) ?? ALWAYS;
  const limit = wholeOption(options.limit, MOST_ROWS);
  // One row more tells whether there are more.
  const bindings = { ...period, ...traceBindings(word), limit: limit + 1 };
  const { rows } = await ask(context, TRACE_SQL, bindings);
  const shown = rows.slice(0, limit);
  if (options.format === 'text' && shown.length > 0) {
    await print(context.io, `${traceText(shown, context.style)}\n`);
    if (shown.length < rows.length) {
      await print(context.io, `Only the first ${limit} rows are told of (--limit).\n\n`);
    }
  }
  return show(context, options, pick(shown, columnsFor(options, shown)), {
    heading: `What the log tells of ${word}`,
    kinds: { logged_at: 'time', spent: 'seconds', clock_skew: 'seconds' },
  });
}

/** In text, columns that tell one row from another; programs are given all. */
function columnsFor(options: Options, rows: readonly Row[]): readonly string[] {
  if (options.format !== 'text') return TRACE_COLUMNS;
  const isTold = (column: string): boolean =>
    column === 'message'
      ? new Set(rows.map(({ message }) => message)).size > 1
      : column !== 'clock_skew' || rows.some(({ clock_skew: skew }) => skew !== null);
  return TRACE_COLUMNS.filter(isTold);
}

function pick(rows: readonly Row[], columns: readonly string[]): QueryResult {
  return {
    columns,
    rows: rows.map((row) => Object.fromEntries(columns.map((name) => [name, row[name] ?? null]))),
  };
}
