/**
 * What a delivery into a file comes to: the system's error as an outcome, and `relay=`, where sendmail's local
 * mailer leaves the detail of a plus address.
 */
import type { Attempt, CourierJob, FinalRecipient, Outcome } from '../model.ts';
import { attemptOf, type Clock } from './courier-clock.ts';
import {
  deferredOutcome,
  EX_CANTCREAT,
  errorCode,
  exitOutcome,
  isTransientError,
  SENT,
  systemErrorText,
} from './sysexits.ts';

/** A full disk and a full quota pass; what is not a mailbox stays so. */
export function fileOutcome(error: unknown): Outcome {
  const code = errorCode(error);
  if (!isTransientError(code)) return exitOutcome(EX_CANTCREAT);
  const dsn = code === 'EDQUOT' ? '4.2.2' : '4.3.0';
  return deferredOutcome(code === 'ENOSPC' ? '4.3.1' : dsn, systemErrorText(code));
}

/** Runs one delivery for one recipient. */
export async function localAttempt(
  recipient: FinalRecipient,
  now: Clock,
  deliver: () => Promise<Outcome | null>,
): Promise<Attempt> {
  const startedAt = now();
  const { host, mailer } = recipient.destination;
  const relay = mailer === 'local' && host !== '' ? host : null;
  let outcome: Outcome;
  try {
    outcome = (await deliver()) ?? SENT;
  } catch (error) {
    outcome = fileOutcome(error);
  }
  return attemptOf([recipient], { ...outcome, relay }, startedAt, now());
}

/** One delivery for each recipient, one after another. */
export async function localAttempts(
  { recipients }: CourierJob,
  now: Clock,
  deliver: (recipient: FinalRecipient) => Promise<Outcome | null>,
): Promise<readonly Attempt[]> {
  const attempts: Attempt[] = [];
  for (const recipient of recipients) {
    attempts.push(await localAttempt(recipient, now, () => deliver(recipient)));
  }
  return attempts;
}
