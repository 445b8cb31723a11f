/**
 * `maillog report [NAME] [FILE...]`: a report from the store, or straight from files with no store at all.
 *
 * Without a period it is about all of the files; of the store, about yesterday, or the last day with mail
 * if there was none yesterday.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Report, ReportRequest } from '../../../reports/daily.ts';
import { makeReport } from '../../../reports/daily.ts';
import type { ReportName } from '../../../reports/registry.ts';
import { isReportName, REPORT_NAMES } from '../../../reports/registry.ts';
import type { ReportFormat } from '../../../reports/render-report.ts';
import { renderReport } from '../../../reports/render-report.ts';
import type { ExitCode } from '../../model/errors.ts';
import { maillogError } from '../../model/errors.ts';
import type { Period } from '../../model/period.ts';
import { parsePeriod } from '../../model/period.ts';
import type { Query } from '../../store/store.ts';
import type { CommandContext } from '../context.ts';
import { periodOf } from '../context.ts';
import { complain, print } from '../io.ts';
import { KeptReports } from '../kept-reports.ts';
import { openMemory, openReader } from '../open-store.ts';
import type { Options } from '../program.ts';
import { writeAside } from '../write-aside.ts';

export async function runReport(
  context: CommandContext,
  options: Options,
  args: readonly string[],
): Promise<ExitCode> {
  const { name, files } = splitArguments(context, args);
  const asked = periodOf(context, options);
  if (files.length === 0) return show(context, options, await fromStore(context, name, asked));
  const { loadFiles } = await import('../load-files.ts');
  const store = await openMemory();
  try {
    const { problems } = await loadFiles(context, store, files, { takeUnterminated: true });
    const request = requestOf(context, name, asked ?? (await wholeSpan(store, context.now)));
    await show(context, options, await makeReport(store, request));
    return problems > 0 ? 1 : 0;
  } finally {
    await store.close();
  }
}

function requestOf(context: CommandContext, report: ReportName, period: Period): ReportRequest {
  const { start, end } = period;
  return { report, start, end, zone: context.zone, top: context.config.settings.top };
}

/** The report as it was kept, else asked anew. */
async function fromStore(
  context: CommandContext,
  name: ReportName,
  asked: Period | null,
): Promise<Report> {
  const { db } = context.config.settings;
  const kept = new KeptReports(db);
  const known = asked === null ? undefined : kept.find(requestOf(context, name, asked));
  if (known !== undefined) return known;
  const store = await openReader(db);
  try {
    const request = requestOf(context, name, asked ?? (await lastDay(context, store)));
    const report = await makeReport(store, request);
    kept.keep(request, report, context.now);
    return report;
  } finally {
    await store.close();
  }
}

/** The first argument is a report's name unless a file is called so. */
function splitArguments(
  context: CommandContext,
  args: readonly string[],
): { name: ReportName; files: readonly string[] } {
  const [first = 'daily', ...rest] = args;
  const isFile = args.length > 0 && existsSync(resolve(context.io.cwd, first));
  if (isReportName(first) && !isFile) return { name: first, files: rest };
  if (!isFile && args.length === 1 && /^[a-z]+$/.test(first)) {
    throw maillogError('E_UNKNOWN_NAME', {
      kind: 'report or file',
      name: first,
      known: REPORT_NAMES.join(', '),
    });
  }
  return { name: 'daily', files: args };
}

async function show(context: CommandContext, options: Options, report: Report): Promise<ExitCode> {
  if (report.dropped !== undefined) await complain(context.io, report.dropped);
  const out = options.out as string | undefined;
  const isTerminal = context.io.isTerminal.stdout && out === undefined;
  const style = {
    ...context.style,
    width: context.style.width ?? 80,
    colour: context.style.colour && out === undefined,
  };
  const text = renderReport(report, options.format as ReportFormat, { style, isTerminal });
  if (out === undefined) await print(context.io, text);
  else {
    writeAside(resolve(context.io.cwd, out), text);
    await complain(context.io, `report written to ${out}`);
  }
  return 0;
}

/** From the first event to the last, in whole seconds. */
async function wholeSpan(query: Query, now: Date): Promise<Period> {
  const { first, last } = await span(query);
  if (first === undefined || last === undefined) {
    // A log without any event still deserves its ledger.
    return { start: now, end: new Date(now.getTime() + 1000) };
  }
  return {
    start: new Date(Math.floor(first / 1000) * 1000),
    end: new Date(Math.floor(last / 1000) * 1000 + 1000),
  };
}

async function lastDay(context: CommandContext, query: Query): Promise<Period> {
  const day = (date: string) =>
    parsePeriod({ date }, { now: context.now, zone: context.zone }) as Period;
  const yesterday = day('yesterday');
  const { first, last } = await span(query);
  if (first === undefined || last === undefined) return yesterday;
  if (last >= yesterday.start.getTime() && first < yesterday.end.getTime()) return yesterday;
  const { toWallClock } = await import('../../model/zone.ts');
  return day(new Date(toWallClock(last, context.zone)).toISOString().slice(0, 10));
}

const SPAN = `SELECT min(first_at) AS first_at, max(last_at) AS last_at FROM (${[
  'envelopes',
  'deliveries',
  'rejections',
  'connections',
  'auth_events',
  'queue_events',
  'daemon_events',
]
  .map((table) => `SELECT min(logged_at) AS first_at, max(logged_at) AS last_at FROM raw.${table}`)
  .join(' UNION ALL ')})`;

/** Times of the first and the last event, in milliseconds. */
async function span(
  query: Query,
): Promise<{ first: number | undefined; last: number | undefined }> {
  const { rows } = await query.query(SPAN);
  const time = (value: unknown) =>
    typeof value === 'string' ? new Date(value).getTime() : undefined;
  return { first: time(rows[0]?.first_at), last: time(rows[0]?.last_at) };
}
