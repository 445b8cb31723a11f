/**
 * Lines of a sendmail.cf as sendmail reads them (readcf.c): what begins with a blank goes on, a `#` begins a comment
 * unless a backslash or a dollar sign stands before it.
 */

export interface CfLine {
  /** Of its first part. */
  readonly number: number;
  readonly text: string;
}

export function cfLines(text: string): readonly CfLine[] {
  const lines: { number: number; text: string }[] = [];
  for (const [index, raw] of text.replaceAll('\0', '?').split(/\r?\n/).entries()) {
    if (/^[ \t]/.test(raw)) {
      const last = lines.at(-1);
      if (last !== undefined) last.text += `\n${raw}`;
    } else {
      lines.push({ number: index + 1, text: raw });
    }
  }
  return lines
    .map(({ number, text: whole }) => ({ number, text: withoutComment(whole) }))
    .filter(({ text: whole }) => whole !== '');
}

function withoutComment(text: string): string {
  const parts = text.split('\n').map((line) => {
    const at = line.search(/(?<![\\$])#/);
    return (at < 0 ? line : line.slice(0, at)).trimEnd();
  });
  return parts.join(' ').trimEnd();
}

/** As it may stand in a comment: one line, nothing but what can be printed, not too long. */
export function lineOf(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[^ -~\u00a0-\u00ff]/g, '?')
    .slice(0, 300);
}
