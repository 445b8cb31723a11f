/**
 * Rows as a table for people: numbers to the right, texts cut to the width at hand.
 *
 * Promise: no line of a table is wider than the style's width and none ends in blanks. Addresses and
 * other words are cut in their middle, sentences at their end. Where the columns cannot fit however they
 * are cut, each row becomes a block of lines, `name  value`, in which nothing is cut.
 */
import type { Row } from '../../src/store/store.ts';
import { drawBar } from './bars.ts';
import { type CellKind, formatCell, isNumberKind } from './cells.ts';
import { type ColumnWish, fitColumns, GAP, totalWidth } from './column-widths.ts';
import { cutToWidth, displayWidth, padToWidth } from './display-width.ts';
import { terminalText } from './terminal-text.ts';
import { glyphsOf, paletteOf, type TextStyle } from './text-style.ts';

export interface TableColumn {
  readonly key: string;
  readonly title: string;
  readonly kind: CellKind;
}

export interface Table {
  readonly heading?: string;
  readonly columns: readonly TableColumn[];
  readonly rows: readonly Row[];
  /** Sums and the like, under a rule of its own. */
  readonly footer?: Row;
  /** The column whose numbers are also drawn as a bar at the end of each line. */
  readonly bar?: string;
}

/** A label and its value, both shown as they are. */
export interface Fact {
  readonly label: string;
  readonly value: string;
}

const BAR_LEAST = 8;
const BAR_MOST = 30;
/** A bar does not cut a text to less than this: then the text is worth more. */
const TEXT_BESIDE_BAR = 20;

function cut(text: string, width: number, style: TextStyle): string {
  const place = /\s/.test(text) ? 'end' : 'middle';
  return cutToWidth(text, { width, place, ellipsis: glyphsOf(style).ellipsis });
}

/** One heading line, with its newline. */
export function renderHeading(text: string, style: TextStyle): string {
  const plain = terminalText(text);
  const fitted = style.width === null ? plain : cut(plain, style.width, style);
  return `${paletteOf(style).heading(fitted)}\n`;
}

/** Labels in one column, values in the next. */
export function renderFacts(facts: readonly Fact[], style: TextStyle): string {
  const width = Math.max(0, ...facts.map(({ label }) => displayWidth(label)));
  const { faint } = paletteOf(style);
  return facts
    .map(({ label, value }) => {
      const padded = padToWidth(label, width + GAP, 'left');
      return `${faint(padded)}${value}`.trimEnd().concat('\n');
    })
    .join('');
}

function renderBlocks({ columns, rows, footer }: Table, style: TextStyle): string {
  const { heading } = paletteOf(style);
  const all = footer === undefined ? rows : [...rows, footer];
  if (all.length === 0) {
    return 'no rows\n';
  }
  const blocks = all.map((row, index) => {
    const facts = columns.map(({ key, title, kind }) => ({
      label: terminalText(title),
      value: formatCell(row[key], kind, style.zone),
    }));
    const name = index < rows.length ? `${index + 1} of ${rows.length}` : 'total';
    return `${heading(name)}\n${renderFacts(facts, style)}`;
  });
  return blocks.join('\n');
}

/** A column's texts, from the title down. */
interface TextColumn {
  readonly title: string;
  readonly cells: readonly string[];
  readonly footer: string;
  readonly align: 'left' | 'right';
  readonly mayBeCut: boolean;
}

function textColumns({ columns, rows, footer }: Table, style: TextStyle): readonly TextColumn[] {
  return columns.map(({ key, title, kind }) => ({
    title: terminalText(title),
    cells: rows.map((row) => formatCell(row[key], kind, style.zone)),
    footer: footer?.[key] === undefined ? '' : formatCell(footer[key], kind, style.zone),
    align: isNumberKind(kind) ? 'right' : 'left',
    mayBeCut: kind === 'text',
  }));
}

function wishOf({ title, cells, footer, mayBeCut }: TextColumn): ColumnWish {
  let natural = Math.max(displayWidth(title), displayWidth(footer));
  for (const cell of cells) {
    natural = Math.max(natural, displayWidth(cell));
  }
  return { natural, mayBeCut };
}

interface Bars {
  readonly width: number;
  readonly cells: readonly string[];
}

/** The bars that fit to the right of a table so wide; none if there is no room for one worth drawing. */
function barsBeside({ bar, rows }: Table, tableWidth: number, style: TextStyle): Bars | null {
  if (bar === undefined) {
    return null;
  }
  const room = style.width === null ? BAR_MOST : style.width - tableWidth - GAP;
  const width = Math.min(room, BAR_MOST);
  if (width < BAR_LEAST) {
    return null;
  }
  const values = rows.map((row) => Number(row[bar] ?? 0));
  const full = values.reduce((most, value) => Math.max(most, value), 0);
  return { width, cells: values.map((v) => drawBar(v, { full, width }, glyphsOf(style))) };
}

function widthsFor(table: Table, texts: readonly TextColumn[], style: TextStyle) {
  const wishes = texts.map(wishOf);
  if (style.width !== null && table.bar !== undefined) {
    const withBar = fitColumns(wishes, style.width - GAP - BAR_LEAST, TEXT_BESIDE_BAR);
    if (withBar !== null) {
      return withBar;
    }
  }
  return fitColumns(wishes, style.width);
}

export function renderTable(table: Table, style: TextStyle): string {
  const heading = table.heading === undefined ? '' : renderHeading(table.heading, style);
  const texts = textColumns(table, style);
  const widths = widthsFor(table, texts, style);
  if (widths === null) {
    return heading + renderBlocks(table, style);
  }
  const { faint, bar: paintBar, heading: paintTotal } = paletteOf(style);
  const bars = barsBeside(table, totalWidth(widths), style);
  const lineOf = (textOf: (column: TextColumn) => string): string =>
    texts
      .map((column, index) => {
        const width = widths[index] ?? 0;
        return padToWidth(cut(textOf(column), width, style), width, column.align);
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  const rule = widths.map((width) => glyphsOf(style).rule.repeat(width)).join(' '.repeat(GAP));
  const lines = [faint(lineOf(({ title }) => title)), faint(rule)];
  for (const index of table.rows.keys()) {
    const text = lineOf(({ cells }) => cells[index] ?? '');
    const drawn = bars?.cells[index] ?? '';
    const padded = padToWidth(text, totalWidth(widths) + GAP, 'left');
    lines.push(drawn === '' ? text : padded + paintBar(drawn));
  }
  if (table.footer !== undefined) {
    lines.push(faint(rule), paintTotal(lineOf(({ footer }) => footer)));
  }
  return `${heading}${lines.join('\n')}\n`;
}
