/**
 * What an expansion comes to in the control file: recipients, those refused at once, problems, copies for
 * lists' owners. Pure.
 *
 * The order of the expansions is that of sendmail's send queue: as its recipient() meets them. Nobody gets
 * the message twice: a destination that is there already, from another alias or an earlier try, counts once.
 */
import type {
  ControllingUser,
  Destination,
  Envelope,
  Expansion,
  FinalRecipient,
} from '../model.ts';
import type { ExpandedRecord, PlannedClone } from '../queue/control-file.ts';
import type { MessageState } from '../queue/message-state.ts';
import { CLASS_FACTOR, RECIPIENT_FACTOR, TRY_FACTOR } from '../queue/message-state.ts';
import { isSmtp } from './send-order.ts';

export interface ExpansionPlace {
  readonly state: MessageState;
  readonly now: number;
  /** Its first try is one of a queue run: then it counts as one that was tried before. */
  readonly isQueueRun: boolean;
  readonly nextId: () => string;
}

/** pri= of those who are refused while aliases are expanded: as the control file was read again for it. */
export function refusalPriority(state: MessageState): number {
  const { basePriority, envelope } = state;
  if (envelope.isBounce) return RECIPIENT_FACTOR * envelope.recipients.length;
  return basePriority + TRY_FACTOR;
}

export function expandedRecord(
  expansions: readonly Expansion[],
  place: ExpansionPlace,
): ExpandedRecord {
  const { state } = place;
  const known = new Set(state.recipients.map(({ recipient }) => keyOf(recipient.destination)));
  const isNew = ({ destination }: FinalRecipient) => {
    const key = keyOf(destination);
    if (known.has(key)) return false;
    known.add(key);
    return true;
  };
  const recipients = expansions
    .flatMap((one) => (one.kind === 'recipient' ? [one.recipient] : []))
    .filter(isNew);
  const refused = expansions
    .flatMap((one) => (one.kind === 'failed' ? [one] : []))
    .filter(({ recipient }) => isNew(recipient))
    .map(({ recipient, outcome }) => ({ recipient, outcome }));
  const problems = expansions.flatMap((one) => (one.kind === 'problem' ? [one] : []));
  const again = new Set(problems.filter(({ isTemporary }) => isTemporary).map(originOf));
  const clones: PlannedClone[] = expansions.flatMap((one) =>
    one.kind === 'clone' ? [{ id: place.nextId(), owner: one.owner, members: one.members }] : [],
  );
  return {
    t: 'expanded',
    at: place.now,
    priority: firstPriority(state.envelope, recipients.length + refused.length, place.isQueueRun),
    recipients,
    refused,
    problems: problems
      .filter(({ isTemporary }) => !isTemporary)
      .map(({ origin, reply }) => ({ origin, reply })),
    left: state.left.filter(({ address }) => again.has(address)),
    clones,
  };
}

export function cloneEnvelope(
  envelope: Envelope,
  clone: PlannedClone,
  senderUser: ControllingUser | null,
): Envelope {
  return {
    ...envelope,
    id: clone.id,
    senderShown: clone.owner,
    sender: clone.owner,
    senderUser,
    envid: null,
    isBounce: false,
    quarantine: null,
  };
}

function firstPriority(envelope: Envelope, recipients: number, isQueueRun: boolean): number {
  const counted = isQueueRun ? envelope.recipients.length : recipients;
  const start = isQueueRun ? envelope.size + TRY_FACTOR : countedSize(envelope, true);
  return start + RECIPIENT_FACTOR * counted - CLASS_FACTOR * envelope.class;
}

/**
 * The message's size as sendmail has it in a try. Where no recipient is a local one (aliases need not be
 * looked up) a new message is handed on by the process that took it, which has not counted the header
 * fields of its own; any other try reads it from the queue, with them. pri=, sendmail.st and SIZE= show it.
 */
export function countedSize(envelope: Envelope, isByTaker: boolean): number {
  const isDirect =
    isByTaker && envelope.recipients.every(({ destination }) => isSmtp(destination.mailer));
  return isDirect ? envelope.size : envelope.storedSize;
}

const originOf = ({ origin }: { readonly origin: string }): string => origin;

function keyOf({ mailer, host, user }: Destination): string {
  return `${mailer}\n${host.toLowerCase()}\n${user}`;
}
