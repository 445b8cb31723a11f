/**
 * Values and rows as JSON (RFC 8259).
 *
 * Promise: what could drive a terminal or turn text around stands as a `\u` escape, so that the same
 * bytes are safe to look at and parse to the same value.
 */
import type { JsonValue, Row } from '../../src/store/store.ts';

/** What JSON.stringify leaves bare: DEL, C1, format characters, separators, all but visible text. */
const UNSAFE = /[\x7f\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

function escapeUnits(character: string): string {
  let escaped = '';
  for (let index = 0; index < character.length; index += 1) {
    escaped += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }
  return escaped;
}

/** Newlines of the layout are control characters too, but never inside a string. */
function escapeUnsafe(json: string): string {
  return json.replace(UNSAFE, (character) => (character === '\n' ? '\n' : escapeUnits(character)));
}

/** On one line. */
export function jsonLine(value: JsonValue): string {
  return escapeUnsafe(JSON.stringify(value));
}

/** Indented, with a newline at its end. */
export function renderJson(value: JsonValue): string {
  return `${escapeUnsafe(JSON.stringify(value, null, 2))}\n`;
}

/** An array with one object a line. */
export function renderJsonRows(rows: readonly Row[]): string {
  return rows.length === 0 ? '[]\n' : `[\n  ${rows.map(jsonLine).join(',\n  ')}\n]\n`;
}
