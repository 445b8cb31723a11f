/**
 * A report: its totals, the ledger of lines read, and its sections, as one value that is printed as text,
 * JSON, CSV or HTML, or mailed.
 *
 * Promise: totals and ledger are in every report, whichever sections it has, and a section without rows
 * is there with none.
 */
import { droppedRows, findRetentionMark } from '../src/store/retention-mark.ts';
import type { Query, Row } from '../src/store/store.ts';
import { answerSections } from './answer.ts';
import { REPORTS, type ReportName } from './registry.ts';
import { isoTime, type SectionContext } from './section.ts';
import { LEDGER } from './sections/ledger.ts';
import { TOTALS, type Totals, totalsOf } from './totals.ts';

type LedgerKey = (typeof LEDGER)['columns'][number]['key'];
export type LedgerSums = { readonly [Key in LedgerKey]: number };

export interface ReportSection {
  readonly id: string;
  readonly title: string;
  readonly rows: readonly Row[];
}

/** The form in which a report is printed as JSON. */
export interface Report {
  readonly report: ReportName;
  readonly period: { readonly start: string; readonly end: string };
  readonly totals: Totals;
  readonly ledger: LedgerSums;
  readonly sections: readonly ReportSection[];
  /** Rows of the period that are gone, in words; absent while all are there. */
  readonly dropped?: string;
}

export interface ReportRequest extends SectionContext {
  readonly report: ReportName;
}

function ledgerOf(row: Row | undefined): LedgerSums {
  const sums = LEDGER.columns.map(({ key }) => [key, Number(row?.[key] ?? 0)]);
  return Object.fromEntries(sums) as LedgerSums;
}

export async function makeReport(query: Query, request: ReportRequest): Promise<Report> {
  const { report, start, end } = request;
  const dropped = droppedRows(await findRetentionMark(query), start);
  const answers = await answerSections(query, [...TOTALS, LEDGER, ...REPORTS[report].sections], {
    ...request,
    dropped,
  });
  const totals = answers.slice(0, TOTALS.length).flatMap(({ rows }) => rows);
  const [ledger, ...sections] = answers.slice(TOTALS.length);
  return {
    report,
    period: { start: isoTime(start), end: isoTime(end) },
    totals: totalsOf(totals),
    ledger: ledgerOf(ledger?.rows[0]),
    sections: sections.map(({ section: { id, title }, rows }) => ({ id, title, rows })),
    ...(dropped === undefined ? {} : { dropped }),
  };
}
