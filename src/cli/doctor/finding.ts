/** What the doctor says: one finding a check, with a verdict and what to do about it. */

export type Verdict = 'ok' | 'warn' | 'fail';

/** A type, not an interface, so that findings are rows of a table as they are. */
export type Finding = {
  readonly check: string;
  readonly verdict: Verdict;
  readonly finding: string;
  /** What to do; null where nothing need be done. */
  readonly advice: string | null;
  /** Lines of the log that show what is meant, raw; null where none help. */
  readonly examples: readonly string[] | null;
};

export const COLUMNS: readonly (keyof Finding)[] = [
  'check',
  'verdict',
  'finding',
  'advice',
  'examples',
];

export const fine = (check: string, finding: string): Finding => ({
  check,
  verdict: 'ok',
  finding,
  advice: null,
  examples: null,
});

export const doubtful = (check: string, finding: string, advice: string): Finding => ({
  check,
  verdict: 'warn',
  finding,
  advice,
  examples: null,
});

export const wrong = (check: string, finding: string, advice: string): Finding => ({
  check,
  verdict: 'fail',
  finding,
  advice,
  examples: null,
});

export const withExamples = (finding: Finding, lines: readonly string[]): Finding => ({
  ...finding,
  examples: lines.length === 0 ? null : lines,
});
