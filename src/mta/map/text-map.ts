/**
 * The source text of a map, read as makemap(8) reads it: a key, blanks, a value, one entry a line; `#` in
 * the first column begins a comment. Promises: every line is an entry, a comment, blank or a problem with
 * its number; of several entries with one key the first counts (or the last, where asked for).
 */
import { foldCase, type MapEntry, type MapProblem } from './keyed-map.ts';

export interface MapTextOptions {
  /** Keys keep their case (makemap -f). */
  readonly keepsCase?: boolean;
  /** A key without a value is an entry (-e). */
  readonly allowsEmpty?: boolean;
  /** The character between key and value instead of blanks (-t). */
  readonly delimiter?: string;
  /** The character a comment begins with (-D). */
  readonly comment?: string;
}

export interface ParsedMap {
  readonly entries: readonly (MapEntry & { readonly line: number })[];
  readonly problems: readonly MapProblem[];
}

const LINE_END = /\r?\n/;
const BLANK = /^[ \t\f\v\r]/;
const BLANKS = /[ \t\f\v\r]+/;
const LEADING_BLANKS = /^[ \t\f\v\r]+/;

/** Entries in the order of the text; the same key may come more than once. */
export function parseMapText(text: string, options: MapTextOptions = {}): ParsedMap {
  const entries: (MapEntry & { line: number })[] = [];
  const problems: MapProblem[] = [];
  for (const [index, line] of text.split(LINE_END).entries()) {
    const number = index + 1;
    const parsed = parseLine(line, options);
    if (parsed === 'blank') continue;
    if ('key' in parsed) entries.push({ ...parsed, line: number });
    else problems.push({ line: number, text: parsed.problem, isWarning: false });
  }
  return { entries, problems };
}

/** One warning for each entry whose key was there before. */
export function duplicateKeys(entries: ParsedMap['entries']): MapProblem[] {
  const seen = new Set<string>();
  const problems: MapProblem[] = [];
  for (const { key, line } of entries) {
    const folded = foldCase(key);
    if (seen.has(folded)) {
      problems.push({ line, text: `key ${key}: duplicate key`, isWarning: true });
    }
    seen.add(folded);
  }
  return problems;
}

function parseLine(
  line: string,
  options: MapTextOptions,
): MapEntry | { readonly problem: string } | 'blank' {
  if (line.trim() === '' || line.startsWith(options.comment ?? '#')) return 'blank';
  if (line.includes('\0')) return { problem: 'syntax error (NUL byte)' };
  if (BLANK.test(line)) return { problem: 'syntax error (leading space)' };
  const [rawKey, value] = splitLine(line, options.delimiter);
  const key = options.keepsCase === true ? rawKey : foldCase(rawKey);
  if (key === '') return { problem: 'no LHS' };
  if (value === '' && options.allowsEmpty !== true) return { problem: `no RHS for LHS ${key}` };
  return { key, value };
}

function splitLine(line: string, delimiter: string | undefined): [key: string, value: string] {
  if (delimiter !== undefined && delimiter !== '') {
    const at = line.indexOf(delimiter);
    if (at < 0) return [line, ''];
    const rest = line.slice(at + delimiter.length);
    return [line.slice(0, at), rest.replace(LEADING_BLANKS, '')];
  }
  const blanks = BLANKS.exec(line);
  if (blanks === null) return [line, ''];
  return [line.slice(0, blanks.index), line.slice(blanks.index + blanks[0].length)];
}
