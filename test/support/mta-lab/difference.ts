/** The lines in which two texts differ, as a longest common subsequence leaves them. */

/** `-` of the first, `+` of the second; `context` is the last common line that matches, put before a difference. */
export function lineDifference(
  a: readonly string[],
  b: readonly string[],
  context?: RegExp,
): string[] {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] =
        a[i] === b[j]
          ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0);
    }
  }
  const found: string[] = [];
  let where: string | undefined;
  const note = (text: string) => {
    if (where !== undefined) found.push(`  ${where}`);
    where = undefined;
    found.push(text);
  };
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [one, other] = [a[i], b[j]];
    const skipA = lengths[(i + 1) * width + j] ?? 0;
    const skipB = lengths[i * width + j + 1] ?? 0;
    if (one !== undefined && one === other) {
      if (context?.test(one)) where = one;
      i += 1;
      j += 1;
    } else if (one !== undefined && (other === undefined || skipA >= skipB)) {
      note(`- ${one}`);
      i += 1;
    } else {
      note(`+ ${other}`);
      j += 1;
    }
  }
  return found;
}
