/**
 * The aliases file (aliases(5)): names and whom they stand for. Read again when it changes.
 *
 * Promises: every line is an alias or an error with its number; figures are those that newaliases prints; a file that
 * cannot be read any more leaves the aliases as they were.
 */
import { readFileSync } from 'node:fs';
import { stampOf } from './users.ts';

export interface AliasError {
  readonly line: number;
  readonly text: string;
}

export interface AliasCounts {
  readonly aliases: number;
  readonly longest: number;
  readonly bytes: number;
}

export interface ParsedAliases {
  /** The value as it stands, by the name in lower case. */
  readonly values: ReadonlyMap<string, string>;
  readonly errors: readonly AliasError[];
  readonly counts: AliasCounts;
}

/** With its continuations, as sendmail's buffer holds it. */
const LONGEST_LINE = 64 * 1024;

interface LogicalLine {
  /** Of its last part, as sendmail names it. */
  readonly line: number;
  readonly text: string;
}

/** A line goes on where it ends in a backslash or the next one begins with a blank. */
function logicalLines(text: string): readonly LogicalLine[] {
  const lines: { line: number; text: string }[] = [];
  let isContinued = false;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    const last = lines.at(-1);
    const continues =
      last !== undefined && (isContinued || (/^[ \t]/.test(line) && last.text !== ''));
    isContinued = line.endsWith('\\');
    const content = isContinued ? line.slice(0, -1) : line;
    if (continues) {
      last.text += content;
      last.line = index + 1;
    }
    if (!continues) lines.push({ line: index + 1, text: content });
  }
  return lines;
}

export function parseAliases(text: string): ParsedAliases {
  const values = new Map<string, string>();
  const errors: AliasError[] = [];
  const counts = { aliases: 0, longest: 0, bytes: 0 };
  for (const { line, text: content } of logicalLines(text)) {
    if (content === '' || content.startsWith('#')) continue;
    const parsed = parseAlias(content);
    if ('error' in parsed) {
      errors.push({ line, text: parsed.error });
      continue;
    }
    const { name, value } = parsed;
    const key = name.toLowerCase();
    // The first one stays, but newaliases counts both.
    if (values.has(key)) errors.push({ line, text: `duplicate alias name ${name}` });
    else values.set(key, value);
    counts.aliases++;
    counts.bytes += name.length + value.length;
    counts.longest = Math.max(counts.longest, value.length);
  }
  return { values, errors, counts };
}

function parseAlias(
  content: string,
): { readonly name: string; readonly value: string } | { readonly error: string } {
  if (content.length > LONGEST_LINE) return { error: 'alias line too long' };
  if (/^[ \t]/.test(content)) return { error: 'Non-continuation line starts with space' };
  const colon = colonAt(content);
  if (colon === -1) return { error: 'missing colon' };
  const name = nameOf(content.slice(0, colon));
  if (name === '') return { error: `${content.slice(0, 40)}... illegal alias name` };
  if (name.includes('@')) return { error: `${name}... cannot alias non-local names` };
  const value = content.slice(colon + 1).trimStart();
  if (value.trim() === '') return { error: `${content.slice(0, 40)}... missing value for alias` };
  return { name, value };
}

/** A name in quotes may have a colon in it. */
function colonAt(content: string): number {
  if (!content.startsWith('"')) return content.indexOf(':');
  const end = content.indexOf('"', 1);
  return end === -1 ? -1 : content.indexOf(':', end);
}

function nameOf(text: string): string {
  const name = text.trim();
  return name.startsWith('"') && name.endsWith('"') && name.length > 1 ? name.slice(1, -1) : name;
}

/** The members of a value: commas part them, except in quotes, brackets and comments. */
export function splitMembers(value: string): readonly string[] {
  const members: string[] = [];
  let [current, depth, isQuoted, isEscaped] = ['', 0, false, false];
  for (const char of value) {
    if (char === ',' && depth === 0 && !isQuoted && !isEscaped) {
      members.push(current);
      current = '';
      continue;
    }
    current += char;
    if (isEscaped) isEscaped = false;
    else if (char === '\\') isEscaped = true;
    else if (char === '"') isQuoted = !isQuoted;
    else if (!isQuoted) depth = Math.max(0, depth + depthStep(char));
  }
  return [...members, current].map((one) => one.trim()).filter((one) => one !== '');
}

function depthStep(char: string): number {
  if (char === '(' || char === '<') return 1;
  return char === ')' || char === '>' ? -1 : 0;
}

/** Whom a site must have (RFC 5321, 4.5.1), and who stands in where it has not. */
const MANDATORY: ReadonlyMap<string, string> = new Map([
  ['postmaster', 'root'],
  ['mailer-daemon', 'postmaster'],
]);

export class AliasFile {
  readonly #paths: readonly string[];
  readonly #onRead: (parsed: ParsedAliases, missing: readonly string[]) => void;
  #stamp: string | null = null;
  #parsed: ParsedAliases = parseAliases('');

  /** A file, or several that count as one. `onRead` is told after each reading, with the mandatory names that the file lacks. */
  constructor(
    paths: string | readonly string[],
    onRead: (parsed: ParsedAliases, missing: readonly string[]) => void = () => undefined,
  ) {
    this.#paths = typeof paths === 'string' ? [paths] : paths;
    this.#onRead = onRead;
  }

  /** Any case; null where there is no such alias. */
  find(name: string): string | null {
    const { values } = this.read();
    const key = name.toLowerCase();
    return values.get(key) ?? MANDATORY.get(key) ?? null;
  }

  /** As the file is now. */
  read(): ParsedAliases {
    try {
      const stamps = this.#paths.map(stampOf);
      const stamp = stamps.join();
      if (stamps.includes(null) || stamp === this.#stamp) return this.#parsed;
      const texts = this.#paths.map((path) => readFileSync(path, 'latin1'));
      // A last line without an end would run into the next file.
      this.#parsed = parseAliases(texts.join('\n'));
      this.#stamp = stamp;
    } catch {
      return this.#parsed;
    }
    const missing = [...MANDATORY.keys()].filter((name) => !this.#parsed.values.has(name));
    this.#onRead(this.#parsed, missing);
    return this.#parsed;
  }
}
