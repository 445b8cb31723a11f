/**
 * What the place a text goes to can show: its width, colours, characters beyond ASCII, and its clock.
 *
 * Promise: no colour and no control sequence unless asked for; the caller asks only for a terminal with
 * NO_COLOR (https://no-color.org) not set.
 */
import picocolors from 'picocolors';

export interface TextStyle {
  /** Columns to stay within; null: as wide as the content. */
  readonly width: number | null;
  readonly colour: boolean;
  /** Whether block characters and the ellipsis can be shown. */
  readonly unicode: boolean;
  /** The zone whose clocks times are shown by; null: UTC as it is in JSON. */
  readonly zone: string | null;
}

/** For files and mail: 80 columns without colour. */
export const PLAIN_STYLE: TextStyle = { width: 80, colour: false, unicode: true, zone: null };

export interface Glyphs {
  readonly ellipsis: string;
  readonly rule: string;
  /** Parts of a filled column from the least to the full one. */
  readonly fill: readonly string[];
}

const BLOCKS: Glyphs = {
  ellipsis: '…',
  rule: '─',
  fill: ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'],
};
const ASCII: Glyphs = { ellipsis: '..', rule: '-', fill: ['#'] };

export function glyphsOf(style: TextStyle): Glyphs {
  return style.unicode ? BLOCKS : ASCII;
}

export type Paint = (text: string) => string;

export interface Palette {
  readonly heading: Paint;
  readonly faint: Paint;
  readonly bar: Paint;
}

export function paletteOf(style: TextStyle): Palette {
  const colours = picocolors.createColors(style.colour);
  return { heading: colours.bold, faint: colours.dim, bar: colours.cyan };
}
