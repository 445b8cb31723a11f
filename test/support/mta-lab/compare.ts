/** Two plays of one scenario, held against each other. */
import { lineDifference } from './difference.ts';
import { type Mask, normalForm, type Part } from './normal-form.ts';
import type { Played } from './scenario.ts';

const PARTS: readonly Part[] = ['transcripts', 'log', 'statistics', 'mailboxes', 'rest'];
const CONTEXT: Readonly<Partial<Record<Part, RegExp>>> = {
  transcripts: /^(?:session |C: )/,
  mailboxes: /^mailbox /,
  rest: /^taken /,
};

/** Nothing, or by part the lines of sendmail (`-`) and of ours (`+`). */
export function compare(
  sendmail: Played,
  ours: Played,
  masks: readonly Mask[],
): Readonly<Partial<Record<Part, readonly string[]>>> {
  const [a, b] = [normalForm(sendmail, masks), normalForm(ours, masks)];
  const found: Partial<Record<Part, readonly string[]>> = {};
  for (const part of PARTS) {
    const lines = lineDifference(a[part], b[part], CONTEXT[part]);
    if (lines.length > 0) found[part] = lines;
  }
  return found;
}
