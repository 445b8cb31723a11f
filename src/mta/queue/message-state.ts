/**
 * How a message in the queue stands: its control file's records, folded. Pure.
 *
 * A recipient is done when the last result says sent or failed. A message is done when all are, nothing is
 * left to be expanded or cloned, and the sender was told what he is to be told.
 */
import type { AcceptedRecipient, Envelope, FinalRecipient, Outcome } from '../model.ts';
import type {
  ControlHeader,
  ExpandedRecord,
  PlannedClone,
  Problem,
  QueueRecord,
} from './control-file.ts';

export interface RecipientState {
  readonly recipient: FinalRecipient;
  /** Of the last try; null: none yet. */
  readonly outcome: Outcome | null;
  readonly triedAt: number | null;
  /** The sender was told, or must not be. */
  readonly isNotified: boolean;
}

export interface ProblemState extends Problem {
  readonly isNotified: boolean;
}

export interface MessageState {
  readonly envelope: Envelope;
  readonly depth: number;
  readonly isExpanded: boolean;
  /** Accepted recipients that aliases are still to be looked up for. */
  readonly left: readonly AcceptedRecipient[];
  readonly recipients: readonly RecipientState[];
  readonly problems: readonly ProblemState[];
  /** Named and not known to be made. */
  readonly clones: readonly PlannedClone[];
  /** pri= of the first try. */
  readonly basePriority: number;
  readonly tries: number;
  readonly lastTry: number | null;
  /** Null: at once. */
  readonly nextTry: number | null;
  readonly warnedAt: number | null;
  readonly quarantine: string | null;
}

/** sendmail's WorkRecipientFactor, WorkClassFactor and WorkTimeFactor (Op 5.6, RecipientFactor...). */
export const RECIPIENT_FACTOR = 30_000;
export const CLASS_FACTOR = 1800;
export const TRY_FACTOR = 90_000;

/** What pri= prints on the next try. */
export function priorityOf(state: MessageState): number {
  return state.basePriority + TRY_FACTOR * state.tries;
}

/** Before aliases were looked at: by the recipients that the client named. */
export function acceptedPriority(envelope: Envelope): number {
  const { size, recipients } = envelope;
  return size + RECIPIENT_FACTOR * recipients.length - CLASS_FACTOR * envelope.class;
}

export const isDone = (recipient: RecipientState): boolean =>
  recipient.outcome !== null && recipient.outcome.kind !== 'deferred';

export function foldRecords(header: ControlHeader, records: readonly QueueRecord[]): MessageState {
  return records.reduce(applyRecord, initialState(header));
}

export function initialState({ envelope, depth }: ControlHeader): MessageState {
  return {
    envelope,
    depth,
    isExpanded: false,
    left: envelope.recipients,
    recipients: [],
    problems: [],
    clones: [],
    basePriority: acceptedPriority(envelope),
    tries: 0,
    lastTry: null,
    nextTry: null,
    warnedAt: null,
    quarantine: envelope.quarantine,
  };
}

export function applyRecord(state: MessageState, record: QueueRecord): MessageState {
  switch (record.t) {
    case 'expanded':
      return applyExpansion(state, record);
    case 'cloned':
      return { ...state, clones: state.clones.filter(({ id }) => id !== record.id) };
    case 'results':
      return { ...state, recipients: withResults(state.recipients, record) };
    case 'tried':
      return { ...state, tries: state.tries + 1, lastTry: record.at, nextTry: record.next };
    case 'warned':
      return { ...state, warnedAt: record.at };
    case 'notified':
      return {
        ...state,
        recipients: marked(state.recipients, record.recipients),
        problems: marked(state.problems, record.problems),
      };
    case 'held':
      return { ...state, quarantine: record.reason };
    case 'released':
      return { ...state, quarantine: null, nextTry: null };
    case 'due':
      return { ...state, nextTry: null };
  }
}

function applyExpansion(state: MessageState, record: ExpandedRecord): MessageState {
  const fresh: readonly RecipientState[] = record.recipients.map((recipient) => ({
    recipient,
    outcome: null,
    triedAt: null,
    isNotified: false,
  }));
  const refused: readonly RecipientState[] = record.refused.map(({ recipient, outcome }) => ({
    recipient,
    outcome,
    triedAt: record.at,
    isNotified: false,
  }));
  const problems = record.problems.map((problem) => ({ ...problem, isNotified: false }));
  return {
    ...state,
    isExpanded: true,
    left: record.left,
    recipients: [...state.recipients, ...fresh, ...refused],
    problems: [...state.problems, ...problems],
    clones: [...state.clones, ...record.clones],
    // Of a later expansion of what was left the priority is as it was.
    basePriority: state.isExpanded ? state.basePriority : record.priority,
  };
}

function withResults(
  recipients: readonly RecipientState[],
  { at, results }: QueueRecord & { readonly t: 'results' },
): readonly RecipientState[] {
  const byNumber = new Map(results);
  return recipients.map((one, number) => {
    const outcome = byNumber.get(number);
    return outcome === undefined ? one : { ...one, outcome, triedAt: at };
  });
}

function marked<T extends { readonly isNotified: boolean }>(
  all: readonly T[],
  numbers: readonly number[],
): readonly T[] {
  const chosen = new Set(numbers);
  return all.map((one, number) => (chosen.has(number) ? { ...one, isNotified: true } : one));
}
