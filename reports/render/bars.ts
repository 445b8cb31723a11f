/**
 * A horizontal bar of block characters (Unicode Block Elements), to an eighth of a column.
 *
 * Promise: something is never drawn as nothing, and no bar is longer than its width.
 */
import type { Glyphs } from './text-style.ts';

export interface BarScale {
  /** The value whose bar fills the width. */
  readonly full: number;
  readonly width: number;
}

export function drawBar(value: number, { full, width }: BarScale, { fill }: Glyphs): string {
  if (!(value > 0) || !(full > 0)) {
    return '';
  }
  const share = Math.min(1, value / full);
  const steps = Math.max(1, Math.round(share * width * fill.length));
  const rest = steps % fill.length;
  const whole = fill[fill.length - 1] ?? '';
  return whole.repeat((steps - rest) / fill.length) + (rest === 0 ? '' : (fill[rest - 1] ?? ''));
}
