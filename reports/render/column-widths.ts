/**
 * How wide each column of a table becomes when they do not all fit.
 *
 * Promise: only columns that may be cut become narrower, the widest first, none below a width at which
 * something can still be recognised; null when that is not enough.
 */

/** Blanks between two columns. */
export const GAP = 2;
/** Below this nothing can be recognised any more. */
export const NARROWEST = 10;

export interface ColumnWish {
  /** What the content would take. */
  readonly natural: number;
  readonly mayBeCut: boolean;
}

function cappedAt(wishes: readonly ColumnWish[], cap: number): readonly number[] {
  return wishes.map(({ natural, mayBeCut }) => (mayBeCut ? Math.min(natural, cap) : natural));
}

export function totalWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + GAP * Math.max(0, widths.length - 1);
}

/** Gives columns that were cut one more each, from the left, until the room is used. */
function useUp(
  widths: readonly number[],
  wishes: readonly ColumnWish[],
  available: number,
): readonly number[] {
  let room = available - totalWidth(widths);
  return widths.map((width, index) => {
    const wanted = width < (wishes[index]?.natural ?? 0);
    if (!wanted || room <= 0) {
      return width;
    }
    room -= 1;
    return width + 1;
  });
}

export function fitColumns(
  wishes: readonly ColumnWish[],
  available: number | null,
  narrowest: number = NARROWEST,
): readonly number[] | null {
  const natural = wishes.map((wish) => wish.natural);
  if (available === null || totalWidth(natural) <= available) {
    return natural;
  }
  for (let cap = available; cap >= narrowest; cap -= 1) {
    const widths = cappedAt(wishes, cap);
    if (totalWidth(widths) <= available) {
      return useUp(widths, wishes, available);
    }
  }
  return null;
}
