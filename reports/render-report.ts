/**
 * A report as text for people, as CSV or as JSON.
 *
 * Promise: the text begins with what somebody who has never seen a mail log can use, no line of it is wider
 * than the style's width, and sections without rows are named in one place instead of shown empty.
 */
import { formatInZone } from '../src/model/zone.ts';
import type { JsonValue } from '../src/store/store.ts';
import type { Report, ReportSection } from './daily.ts';
import { headlines, ledgerLine } from './headlines.ts';
import { REPORTS } from './registry.ts';
import { csvLine } from './render/csv.ts';
import { displayWidth } from './render/display-width.ts';
import { renderJson } from './render/json.ts';
import { terminalText } from './render/terminal-text.ts';
import type { TextStyle } from './render/text-style.ts';
import { type Fact, renderFacts, renderHeading, renderTable } from './render/text-table.ts';
import type { Section } from './section.ts';

export const REPORT_FORMATS = ['text', 'csv', 'json'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

export interface ReportOptions {
  readonly style: TextStyle;
  /** Whether a terminal shows it: CSV is then escaped for it too. */
  readonly isTerminal: boolean;
}

/** Breaks at blanks; a word longer than the width stays whole. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && displayWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}

const widthOf = ({ width }: TextStyle): number => width ?? Number.POSITIVE_INFINITY;

/** Facts whose values go on below themselves where they are too long. */
function wrapFacts(facts: readonly Fact[], style: TextStyle): readonly Fact[] {
  const labels = Math.max(0, ...facts.map(({ label }) => displayWidth(label))) + 2;
  const width = widthOf(style) - labels;
  return facts.flatMap(({ label, value }) =>
    wrap(value, width).map((line, index) => ({ label: index === 0 ? label : '', value: line })),
  );
}

function periodText({ period: { start, end } }: Report, zone: string | null): string {
  const show = (iso: string): string => formatInZone(Date.parse(iso), zone ?? 'UTC', 'minutes');
  return `${show(start)} to ${show(end)} (${zone ?? 'UTC'})`;
}

function renderSection(
  { columns, bar }: Section,
  { title, rows }: ReportSection,
  style: TextStyle,
): string {
  const bars = bar === undefined ? {} : { bar };
  return renderTable({ heading: title, columns, rows, ...bars }, style);
}

/** Said first: the figures below are not what happened. */
const noteOf = ({ dropped }: Report): readonly Fact[] =>
  dropped === undefined ? [] : [{ label: 'Note', value: dropped }];

function renderText(report: Report, style: TextStyle): string {
  const { title, sections } = REPORTS[report.report];
  const definitions = new Map(sections.map((section: Section) => [section.id, section]));
  const blocks = [
    renderHeading(`${title}, ${periodText(report, style.zone)}`, style) +
      renderFacts(wrapFacts([...noteOf(report), ...headlines(report)], style), style),
    `Log lines ever read, each counted once:\n${wrap(ledgerLine(report), widthOf(style)).join('\n')}\n`,
  ];
  const empty: string[] = [];
  for (const section of report.sections) {
    const definition = definitions.get(section.id);
    if (definition === undefined || section.rows.length === 0) {
      empty.push(section.title);
    } else {
      blocks.push(renderSection(definition, section, style));
    }
  }
  if (empty.length > 0) {
    const names = terminalText(empty.join('; '));
    blocks.push(renderFacts(wrapFacts([{ label: 'Nothing on', value: names }], style), style));
  }
  return blocks.join('\n');
}

/** Every line begins with its section's name; each section has a line with its columns' names. */
function renderCsv(report: Report, forTerminal: boolean): string {
  const line = (...cells: readonly (JsonValue | undefined)[]): string =>
    csvLine(cells, forTerminal);
  const named = (id: string, figures: Readonly<Record<string, number>>): string =>
    line('section', 'name', 'value') +
    Object.entries(figures)
      .map(([name, value]) => line(id, name, value))
      .join('');
  const { sections } = REPORTS[report.report];
  const keys = new Map(
    sections.map(({ id, columns }: Section) => [id, columns.map(({ key }) => key)]),
  );
  const tables = report.sections
    .filter(({ rows }) => rows.length > 0)
    .map(({ id, rows }) => {
      const columns = keys.get(id) ?? [];
      const lines = rows.map((row) => line(id, ...columns.map((column) => row[column])));
      return line('section', ...columns) + lines.join('');
    });
  return named('totals', report.totals) + named('lines', report.ledger) + tables.join('');
}

export function renderReport(
  report: Report,
  format: ReportFormat,
  { style, isTerminal }: ReportOptions,
): string {
  switch (format) {
    case 'text':
      return renderText(report, style);
    case 'csv':
      return renderCsv(report, isTerminal);
    case 'json': {
      const { report: name, period, totals, ledger, sections, dropped } = report;
      return renderJson({
        report: name,
        period: { ...period },
        ...(dropped === undefined ? {} : { dropped }),
        totals: { ...totals },
        ledger: { ...ledger },
        sections: sections.map((section) => ({ ...section })),
      });
    }
  }
}
