/**
 * What mailstats(8) takes from a sendmail.cf: the mailers' names in the order of their numbers, and the
 * statistics file. The cf language is in op.me, "The Whole Scoop on the Configuration File".
 *
 * Promises: any bytes give an outcome; the odd corners are those of mailstats 8.17 itself (held against
 * the real program by a test), not those of sendmail's own, stricter reader.
 *
 * Names and paths are byte strings (one character a byte, latin1), since a cf has no character set.
 */
import { MAX_MAILERS } from './sendmail-st.ts';

export type SendmailCfOutcome =
  | {
      readonly kind: 'cf';
      readonly mailerNames: readonly string[];
      /** The last one named; an empty one counts. */
      readonly statusFile: string | null;
    }
  | { readonly kind: 'too-many-mailers' };

/** Numbers 0 to 2 are sendmail's own, before any M line. */
export const BUILT_IN_MAILERS = ['prog', '*file*', '*include*'] as const;

/** The buffer holds 2048 bytes (MAXLINE) with the final NUL: a longer line goes on as a line of its own. */
const LINE_MAX = 2047;
const NAME_MAX = 20;
/** A mailer's name ends at a comma or at a blank of the C locale. */
const NAME = /^[^,\t-\r ]*/;
/** `O StatusFile...=value` in any case, one blank before the name and no letter or digit after it. */
const STATUS_FILE = /^ StatusFile(?![0-9A-Za-z])[^=]*=[\t-\r ]*(.*)$/is;

export function parseSendmailCf(bytes: Uint8Array): SendmailCfOutcome {
  const mailerNames: string[] = [...BUILT_IN_MAILERS];
  let statusFile: string | null = null;
  for (const line of cfLines(bytes)) {
    if (line.startsWith('M')) {
      // A mailer too many is refused before it is looked at, even if its name is known.
      if (mailerNames.length >= MAX_MAILERS) return { kind: 'too-many-mailers' };
      const name = (NAME.exec(line.slice(1))?.[0] ?? '').slice(0, NAME_MAX);
      if (!mailerNames.includes(name)) mailerNames.push(name);
    } else if (line.startsWith('O')) {
      statusFile = statusFileOf(line.slice(1)) ?? statusFile;
    }
  }
  return { kind: 'cf', mailerNames, statusFile };
}

/** Lines without comment and trailing blanks. A NUL ends a line early, as it ends a C string. */
function* cfLines(bytes: Uint8Array): Generator<string> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const next = Math.min(newline < 0 ? text.length : newline + 1, start + LINE_MAX);
    const line = text.slice(start, next);
    const comment = line.search(/[#\0]/);
    yield trimBlanks(comment < 0 ? line : line.slice(0, comment));
    start = next;
  }
}

/** By hand: a pattern for trailing blanks takes quadratic time on a line of blanks. */
function trimBlanks(line: string): string {
  let end = line.length;
  while (end > 0 && isBlank(line.charCodeAt(end - 1))) end--;
  return line.slice(0, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

/** The new form, else the one-letter form `OS`, whose value starts at once: `OStatusFile` is not it. */
function statusFileOf(option: string): string | null {
  const value = STATUS_FILE.exec(option)?.[1];
  if (value !== undefined) return value;
  return option.startsWith('S') ? option.slice(1) : null;
}
