/**
 * Findings as people read them: sentences are too long for one line of a table, so as text they are wrapped
 * and never cut, with the advice below behind an arrow. Example lines are cut: one shows enough by its begin.
 */
import { displayWidth } from '../../../reports/render/display-width.ts';
import type { RowFormat, RowOptions } from '../../../reports/render/render-rows.ts';
import { renderRows } from '../../../reports/render/render-rows.ts';
import { terminalText } from '../../../reports/render/terminal-text.ts';
import type { QueryResult } from '../../store/store.ts';
import type { CommandContext } from '../context.ts';
import { COLUMNS, type Finding } from './finding.ts';

const USUAL_WIDTH = 80;
const CHECK_WIDTH = 13;
const VERDICT_WIDTH = 7;
/** Two gaps of two columns. */
const GAPS = 4;
const LEAST_WIDTH = 24;
const CUT = '...';

export function renderFindings(
  findings: readonly Finding[],
  format: RowFormat,
  { style, io }: CommandContext,
): string {
  const width = style.width ?? USUAL_WIDTH;
  const options: RowOptions = { style: { ...style, width }, isTerminal: io.isTerminal.stdout };
  if (format !== 'text') return renderRows({ columns: COLUMNS, rows: findings }, format, options);
  const isWide = width >= CHECK_WIDTH + VERDICT_WIDTH + GAPS + LEAST_WIDTH;
  if (isWide) return renderRows(wrapped(findings, width), format, options);
  const columns = COLUMNS.filter((name) => name !== 'examples');
  return renderRows({ columns, rows: findings }, format, options);
}

/** Each finding as one row a line of its text. */
function wrapped(findings: readonly Finding[], width: number): QueryResult {
  const room = width - CHECK_WIDTH - VERDICT_WIDTH - GAPS;
  const rows = findings.flatMap((finding, at) => {
    // The same advice for findings in a row is given once, behind the last.
    const isRepeated = finding.advice === findings[at + 1]?.advice;
    const shown = isRepeated ? { ...finding, advice: null } : finding;
    return linesOf(shown, room).map((text, index) => ({
      check: index === 0 ? finding.check : '',
      verdict: index === 0 ? finding.verdict : '',
      finding: text,
    }));
  });
  return { columns: ['check', 'verdict', 'finding'], rows };
}

function linesOf({ finding, advice, examples }: Finding, room: number): string[] {
  const lines = wrap(finding, room);
  for (const example of examples ?? []) {
    lines.push(`| ${cut(terminalText(withoutStamp(example)), room - 2)}`);
  }
  if (advice === null) return lines;
  const [first = '', ...rest] = wrap(advice, room - 3);
  return [...lines, `-> ${first}`, ...rest.map((line) => `   ${line}`)];
}

/** Stamp and host would take the room that what matters needs. */
const HEAD = /^(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?[\d:]{8}|\d{4}-\d\d-\S+) \S+ /;

export function withoutStamp(line: string): string {
  return line.replace(HEAD, '');
}

/** The begin of a line, as far as there is room. */
export function cut(text: string, room: number): string {
  if (displayWidth(text) <= room) return text;
  return `${pieces(text, room - CUT.length)[0] ?? ''}${CUT}`;
}

/** Breaks at blanks; a word longer than the room is broken where the room ends. */
export function wrap(text: string, room: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of terminalText(text)
    .split(' ')
    .flatMap((long) => pieces(long, room))) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && displayWidth(longer) > room) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}

function pieces(word: string, room: number): string[] {
  if (displayWidth(word) <= room) return [word];
  const parts: string[] = [''];
  for (const character of word) {
    const last = parts.length - 1;
    if (displayWidth(`${parts[last]}${character}`) > room) parts.push(character);
    else parts[last] += character;
  }
  return parts;
}
