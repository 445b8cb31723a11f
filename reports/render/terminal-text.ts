/**
 * Text from outside (logs, file names, remote replies) made safe to show on a terminal or in a mail.
 *
 * Promise: what comes out holds no control character (C0, C1, DEL), nothing invisible or unassigned, no
 * mark that changes the direction of text (UAX 9; "Trojan Source", CVE-2021-42574) and no half of a
 * surrogate pair; each is shown as an escape instead. It is therefore one line. Printable text is not
 * changed, a backslash neither: this is for eyes, not for decoding.
 */

/** Other (control, format, surrogate, private, unassigned), line and paragraph separators, invisible. */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const PLAIN = /^[\x20-\x7e]*$/;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeCharacter(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) {
    return short;
  }
  const hex = (character.codePointAt(0) ?? 0).toString(16);
  if (hex.length <= 2) {
    return `\\x${hex.padStart(2, '0')}`;
  }
  return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`;
}

export function terminalText(untrusted: string): string {
  return PLAIN.test(untrusted) ? untrusted : untrusted.replace(UNSAFE, escapeCharacter);
}
