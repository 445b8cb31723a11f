/**
 * A report: its totals, the ledger of lines read, and its sections, as one value that is printed as text,
 * JSON, CSV or HTML, or mailed.
 *
 * Promise: totals and ledger are in every report, whichever sections it has, and a section without rows
 * is there with none.
 */
import type { Query, Row } from '../src/store/store.ts';
import { answerSections } from './answer.ts';
import { REPORTS, type ReportName } from './registry.ts';
import type { RowOf, SectionContext } from './section.ts';
import { LEDGER, type LEDGER_COLUMNS } from './sections/ledger.ts';
import { TOTALS } from './totals.ts';

export type Totals = { readonly [Key in (typeof TOTALS)['columns'][number]['key']]: number };
export type LedgerSums = { readonly [Key in keyof RowOf<typeof LEDGER_COLUMNS>]: number };

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
}

export interface ReportRequest extends SectionContext {
  readonly report: ReportName;
}

export const DEFAULT_TOP = 10;

function figures<Key extends string>(keys: readonly { readonly key: Key }[], row: Row | undefined) {
  const pairs = keys.map(({ key }) => [key, Number(row?.[key] ?? 0)]);
  return Object.fromEntries(pairs) as { readonly [K in Key]: number };
}

export async function makeReport(query: Query, request: ReportRequest): Promise<Report> {
  const { report, start, end } = request;
  const [totals, ledger, ...answers] = await answerSections(
    query,
    [TOTALS, LEDGER, ...REPORTS[report].sections],
    request,
  );
  return {
    report,
    period: { start: start.toISOString(), end: end.toISOString() },
    totals: figures(TOTALS.columns, totals?.rows[0]),
    ledger: figures(LEDGER.columns, ledger?.rows[0]),
    sections: answers.map(({ section: { id, title }, rows }) => ({ id, title, rows })),
  };
}
