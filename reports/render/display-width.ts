/**
 * How many columns a text takes on a terminal, and how to cut one to fit (UAX 11, UAX 29).
 *
 * Promise: what is cut is never wider than asked for and never half a character; the time it takes grows
 * with the text's length and no faster (Intl.Segmenter's grows with its square). The text has been
 * through `terminalText`, so that joiners and variation selectors do not occur.
 */
import { eastAsianWidth } from 'get-east-asian-width';

const ASCII = /^[\x20-\x7e]*$/;
/** A flag; a character with its marks, its skin colour or the rest of its Hangul syllable; lost marks. */
const CLUSTER = /\p{RI}{2}|\P{M}[\p{M}\p{Emoji_Modifier}\u{1160}-\u{11ff}]*|\p{M}+/gu;
/** A flag: two letters, each narrow by itself, drawn as one wide sign. */
const FLAG = /^\p{RI}{2}$/u;
const MARK = /^\p{M}/u;
/** Code units in which a column's worth of text is looked for, however many marks it has. */
const UNITS_PER_COLUMN = 32;

function clusterWidth(cluster: string): number {
  if (MARK.test(cluster)) {
    return 0;
  }
  return FLAG.test(cluster) ? 2 : eastAsianWidth(cluster.codePointAt(0) ?? 0);
}

export function displayWidth(text: string): number {
  if (ASCII.test(text)) {
    return text.length;
  }
  let width = 0;
  for (const [cluster] of text.matchAll(CLUSTER)) {
    width += clusterWidth(cluster);
  }
  return width;
}

/** As many of these characters, in order, as fit. */
function takeWidth(clusters: Iterable<string>, width: number): readonly string[] {
  const taken: string[] = [];
  let room = width;
  for (const cluster of clusters) {
    room -= clusterWidth(cluster);
    if (room < 0) {
      break;
    }
    taken.push(cluster);
  }
  return taken;
}

function beginOf(text: string, width: number): string {
  const clusters = text.slice(0, (width + 1) * UNITS_PER_COLUMN).match(CLUSTER) ?? [];
  return takeWidth(clusters, width).join('');
}

function endOf(text: string, width: number): string {
  const tail = text.slice(-(width + 1) * UNITS_PER_COLUMN);
  const clusters = tail.match(CLUSTER) ?? [];
  // The first one may have lost its beginning.
  const whole = tail.length < text.length ? clusters.slice(1) : clusters;
  return takeWidth(whole.toReversed(), width).toReversed().join('');
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
  if (room < 0) {
    return beginOf(text, width);
  }
  const endRoom = place === 'middle' ? Math.floor(room / 2) : 0;
  if (ASCII.test(text)) {
    return text.slice(0, room - endRoom) + ellipsis + text.slice(text.length - endRoom);
  }
  const end = endRoom === 0 ? '' : endOf(text, endRoom);
  return beginOf(text, room - endRoom) + ellipsis + end;
}

export function padToWidth(text: string, width: number, align: 'left' | 'right'): string {
  const blanks = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'left' ? text + blanks : blanks + text;
}
