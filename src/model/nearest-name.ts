/**
 * The name somebody probably meant: the nearest of a list by Levenshtein distance, if it is near enough
 * (a third of the letters may differ).
 */

function distance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const changed = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      line.push(Math.min(changed, (above[column] ?? 0) + 1, (line[column - 1] ?? 0) + 1));
    }
    above = line;
  }
  return above[b.length] ?? 0;
}

export function nearestName(written: string, names: readonly string[]): string | null {
  // Beyond any name's length nothing can be near, and the work grows with the product of the lengths.
  const text = written.slice(0, 100);
  let nearest: string | null = null;
  let least = Math.floor(text.length / 3) + 1;
  for (const name of names) {
    const far = distance(text, name);
    if (far < least) {
      least = far;
      nearest = name;
    }
  }
  return nearest;
}
