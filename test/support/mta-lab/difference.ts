/** The lines in which two texts differ, as a longest common subsequence leaves them. */

/** `-` of the first, `+` of the second; before them the last common line that matches `context`. */
export function lineDifference(
  a: readonly string[],
  b: readonly string[],
  context?: RegExp,
): string[] {
  const found: string[] = [];
  let where: string | undefined;
  for (const { sign, text } of steps(a, b)) {
    if (sign === ' ') {
      if (context?.test(text)) where = text;
      continue;
    }
    if (where !== undefined) found.push(`  ${where}`);
    where = undefined;
    found.push(`${sign} ${text}`);
  }
  return found;
}

interface Step {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

function* steps(a: readonly string[], b: readonly string[]): Generator<Step> {
  const common = commonLengths(a, b);
  const lengthAt = (i: number, j: number) => common[i * (b.length + 1) + j] ?? 0;
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [one, other] = [a[i], b[j]];
    if (one !== undefined && one === other) {
      yield { sign: ' ', text: one };
      i += 1;
      j += 1;
    } else if (
      one !== undefined &&
      (other === undefined || lengthAt(i + 1, j) >= lengthAt(i, j + 1))
    ) {
      yield { sign: '-', text: one };
      i += 1;
    } else {
      yield { sign: '+', text: other ?? '' };
      j += 1;
    }
  }
}

/** Of what is left of `a` from i and of `b` from j. */
function commonLengths(a: readonly string[], b: readonly string[]): Uint32Array {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const skipping = Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0);
      lengths[i * width + j] =
        a[i] === b[j] ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1 : skipping;
    }
  }
  return lengths;
}
