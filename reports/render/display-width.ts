/**
 * How many columns a text takes on a terminal, and how to cut one to fit (UAX 11, UAX 29).
 *
 * Promise: text has been through `terminalText`; what is cut is never longer than asked for, and never
 * half a character.
 */
import { eastAsianWidth } from 'get-east-asian-width';

const ASCII = /^[\x20-\x7e]*$/;
const MARK = /^\p{M}+$/u;
/** A flag: two letters, each narrow by itself, drawn as one wide sign. */
const FLAG = /^\p{RI}{2}$/u;

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

function widthOfGrapheme(grapheme: string): number {
  if (MARK.test(grapheme)) {
    return 0;
  }
  return FLAG.test(grapheme) ? 2 : eastAsianWidth(grapheme.codePointAt(0) ?? 0);
}

export function displayWidth(text: string): number {
  if (ASCII.test(text)) {
    return text.length;
  }
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    width += widthOfGrapheme(segment);
  }
  return width;
}

/** As many of these graphemes, in order, as fit. */
function takeWidth(parts: readonly string[], width: number): readonly string[] {
  const taken: string[] = [];
  let room = width;
  for (const part of parts) {
    room -= widthOfGrapheme(part);
    if (room < 0) {
      break;
    }
    taken.push(part);
  }
  return taken;
}

/** Where a text is cut: an address keeps its beginning and its domain's end. */
export type CutPlace = 'middle' | 'end';

export interface Cut {
  readonly width: number;
  readonly place: CutPlace;
  readonly ellipsis: string;
}

/** The text, shortened with an ellipsis if it is wider than the cut allows. */
export function cutToWidth(text: string, { width, place, ellipsis }: Cut): string {
  if (displayWidth(text) <= width) {
    return text;
  }
  const room = width - displayWidth(ellipsis);
  const parts = Array.from(graphemes.segment(text), ({ segment }) => segment);
  if (room < 0) {
    return takeWidth(parts, width).join('');
  }
  const endRoom = place === 'middle' ? Math.floor(room / 2) : 0;
  const begin = takeWidth(parts, room - endRoom);
  const end = takeWidth(parts.toReversed(), endRoom).toReversed();
  return begin.join('') + ellipsis + end.join('');
}

export function padToWidth(text: string, width: number, align: 'left' | 'right'): string {
  const blanks = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'left' ? text + blanks : blanks + text;
}
