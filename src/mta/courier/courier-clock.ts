/** The clock of a courier and the attempts it dates. */
import type { Attempt, FinalRecipient, Outcome } from '../model.ts';

/** Epoch milliseconds. */
export type Clock = () => number;

export function attemptOf(
  recipients: readonly FinalRecipient[],
  outcome: Outcome,
  startedAt: number,
  endedAt: number,
): Attempt {
  return { recipients, outcome, startedAt, endedAt };
}
