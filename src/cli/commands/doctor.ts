/**
 * `maillog doctor [FILE...]`: why is this empty? Looks at what an answer depends on, in the order in which
 * one thing rests on another, and says of each whether it is well and what to do.
 *
 * Promise: nothing is written. Exit 1 if anything is wrong; what is only doubtful is no failure.
 */
import { displayWidth } from '../../../reports/render/display-width.ts';
import type { RowFormat } from '../../../reports/render/render-rows.ts';
import { renderRows } from '../../../reports/render/render-rows.ts';
import { terminalText } from '../../../reports/render/terminal-text.ts';
import type { ExitCode } from '../../model/errors.ts';
import type { QueryResult } from '../../store/store.ts';
import type { CommandContext } from '../context.ts';
import { checkFiles } from '../doctor/file-checks.ts';
import { COLUMNS, type Finding, fine, wrong } from '../doctor/finding.ts';
import { checkStore } from '../doctor/store-checks.ts';
import { print } from '../io.ts';
import type { Options } from '../program.ts';

export async function runDoctor(
  context: CommandContext,
  options: Options,
  args: readonly string[],
): Promise<ExitCode> {
  const findings = [
    checkNode(process.versions.node),
    checkConfig(context),
    ...(await checkStore(context, args.length > 0)),
    ...(await checkFiles(context, args)),
  ];
  await print(context.io, render(findings, options.format as RowFormat, context));
  return findings.some(({ verdict }) => verdict === 'fail') ? 1 : 0;
}

/** As package.json's `engines` says; a test holds the two together. */
export const LEAST_NODE: readonly [number, number] = [20, 19];

export function checkNode(version: string): Finding {
  const check = 'node';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [least, leastMinor] = LEAST_NODE;
  if (major > least || (major === least && minor >= leastMinor)) return fine(check, version);
  return wrong(check, `${version} is too old`, `install Node ${LEAST_NODE.join('.')} or newer`);
}

/** A file with a mistake in it never gets here: every command refuses it, with its line. */
function checkConfig({ config, zone }: CommandContext): Finding {
  const files = config.files.length === 0 ? 'no file' : `read ${config.files.join(', ')}`;
  const { timezone } = config.origins;
  const from = timezone === 'default' ? "the system's" : timezone;
  return fine('configuration', `${files}; days and hours are those of ${zone} (${from})`);
}

/** Sentences are too long for one line of a table: as text they are wrapped, and never cut. */
function render(
  findings: readonly Finding[],
  format: RowFormat,
  { style, io }: CommandContext,
): string {
  const width = style.width ?? USUAL_WIDTH;
  const options = { style: { ...style, width }, isTerminal: io.isTerminal.stdout };
  const isWide = width >= CHECK_WIDTH + VERDICT_WIDTH + GAPS + LEAST_WIDTH;
  return format === 'text' && isWide
    ? renderRows(wrapped(findings, width), format, options)
    : renderRows({ columns: COLUMNS, rows: findings }, format, options);
}

const USUAL_WIDTH = 80;
const CHECK_WIDTH = 13;
const VERDICT_WIDTH = 7;
/** Two gaps of two columns. */
const GAPS = 4;
const LEAST_WIDTH = 24;

/** Each finding as one row a line of its text, its advice below it behind an arrow. */
function wrapped(findings: readonly Finding[], width: number): QueryResult {
  const room = width - CHECK_WIDTH - VERDICT_WIDTH - GAPS;
  const rows = findings.flatMap(({ check, verdict, finding, advice }) => {
    const lines = wrap(finding, room);
    if (advice !== null) {
      const [first = '', ...rest] = wrap(advice, room - 3);
      lines.push(`-> ${first}`, ...rest.map((line) => `   ${line}`));
    }
    return lines.map((text, index) => ({
      check: index === 0 ? check : '',
      verdict: index === 0 ? verdict : '',
      finding: text,
    }));
  });
  return { columns: ['check', 'verdict', 'finding'], rows };
}

/** Breaks at blanks; a word longer than the room is broken where the room ends. */
function wrap(text: string, room: number): string[] {
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
