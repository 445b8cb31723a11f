/**
 * Makes a message of a notice and queues it: to the sender, or where there is none that can be told, to the
 * postmaster. When even that one comes back nobody is left, and the caller keeps the file for a person.
 */
import { failureLine } from '../dsn/transcript.ts';
import type { NotificationKind } from '../log/mta-log.ts';
import type { AcceptedRecipient, Envelope } from '../model.ts';
import type { MessageState } from '../queue/message-state.ts';
import { priorityOf } from '../queue/message-state.ts';
import type { DeliveryRun, EngineParts } from './engine-parts.ts';
import type { Notice } from './notices.ts';
import { readOriginal } from './original-message.ts';

/** A notification that went to the postmaster is the last. */
const LAST_DEPTH = 2;
/** What sendmail adds to the size of what it sends back, for its own words. */
const OWN_WORDS = 100;

export type NotifierResult =
  | { readonly kind: 'queued'; readonly id: string }
  /** The site wants nobody to hear of it. */
  | { readonly kind: 'dropped' }
  | { readonly kind: 'panic' };

interface Addressee {
  readonly recipient: AcceptedRecipient;
  readonly kind: NotificationKind;
  readonly depth: number;
  /** Why the sender himself cannot be told. */
  readonly refusal: Refusal | null;
}

interface Refusal {
  readonly text: string;
  readonly line: string;
}

export async function queueNotice(
  parts: EngineParts,
  run: DeliveryRun,
  state: MessageState,
  notice: Notice,
): Promise<NotifierResult> {
  if (state.depth >= LAST_DEPTH) return { kind: 'panic' };
  const found = await addresseeOf(parts, run, state, notice);
  if ('result' in found) return found.result;
  const id = parts.ids.next(run.log.pid);
  const { refusal } = found;
  const told =
    refusal === null
      ? notice
      : {
          ...notice,
          text: refusal.text,
          dialogue: [...(notice.dialogue ?? []), refusal.line],
        };
  await commitNotice(parts, state, told, { ...found, id });
  run.log.notification(state.envelope.id, id, found.kind, told.text);
  return { kind: 'queued', id };
}

async function addresseeOf(
  parts: EngineParts,
  run: DeliveryRun,
  state: MessageState,
  notice: Notice,
): Promise<Addressee | { readonly result: NotifierResult }> {
  const { sender, senderShown } = state.envelope;
  let refusal: Refusal | null = null;
  if (sender !== '') {
    const kind = notice.isWarning || state.warnedAt !== null ? 'sender notify' : 'DSN';
    const recipient = await recipientOf(parts, sender, senderShown);
    if (recipient !== undefined) {
      refusal = await refusalOf(parts, run, state, recipient);
      if (refusal === null) return { recipient, kind, depth: 1, refusal };
    }
    if (!notice.isFailure) return { result: { kind: 'dropped' } };
  }
  const postmaster = parts.doubleBounceAddress;
  if (postmaster === '') return { result: { kind: 'dropped' } };
  const recipient = await recipientOf(parts, postmaster, postmaster);
  if (recipient === undefined) return { result: { kind: 'panic' } };
  const kind = state.depth > 0 ? 'return to sender' : 'postmaster notify';
  return { recipient, kind, depth: LAST_DEPTH, refusal };
}

/** A sender who is no user of ours is told of in the log; the postmaster hears instead of him. */
async function refusalOf(
  { expander, now }: EngineParts,
  { log }: DeliveryRun,
  state: MessageState,
  recipient: AcceptedRecipient,
): Promise<Refusal | null> {
  const { envelope } = state;
  if (recipient.destination.mailer !== 'local') return null;
  const found = await expander.expand({ ...envelope, recipients: [recipient] });
  const [first] = found;
  if (first?.kind !== 'failed' || found.length > 1) return null;
  log.to({
    id: envelope.id,
    recipients: [recipient.shown],
    controllingUser: null,
    delay: now() - envelope.arrivedAt,
    xdelay: null,
    mailer: 'local',
    // The try that is being told of is recorded already.
    priority: priorityOf({ ...state, tries: Math.max(0, state.tries - 1) }),
    relay: null,
    dsn: first.outcome.dsn,
    reply: first.outcome.reply,
    stat: first.outcome.stat,
  });
  const { stat } = first.outcome;
  return { text: stat, line: failureLine([recipient.shown], stat) };
}

/** Undefined where no way leads there. */
async function recipientOf(
  { resolver }: EngineParts,
  address: string,
  shown: string,
): Promise<AcceptedRecipient | undefined> {
  const resolution = await resolver.resolve(address);
  if (resolution.kind === 'error') return undefined;
  const { destination } = resolution;
  // A failed one comes back here; of a delay nobody wants to hear.
  return { shown, address, destination, notify: ['FAILURE'], orcpt: null };
}

async function commitNotice(
  parts: EngineParts,
  state: MessageState,
  notice: Notice,
  { id, recipient, kind, depth }: Addressee & { readonly id: string },
): Promise<void> {
  const { spool, builder, returnsBody, statistics } = parts;
  const { envelope } = state;
  const wantsWhole = returnsBody && notice.isFailure && envelope.ret !== 'HDRS';
  const original = await readOriginal(await spool.messageFile(envelope.id), wantsWhole);
  const message = builder.build({
    id,
    kind,
    text: notice.text,
    to: recipient.shown,
    now: parts.now(),
    envelope,
    failures: notice.failures,
    delayed: notice.delayed,
    successes: notice.successes,
    problems: notice.problems,
    dialogue: [...(notice.dialogue ?? []), ...notice.receipts],
    isToLocal: recipient.destination.mailer === 'local',
    original: original.bytes,
    isWholeOriginal: original.isWhole,
  });
  const size = original.isWhole ? OWN_WORDS + envelope.size : 0;
  const writer = spool.create(id);
  await writer.write(message);
  await writer.commit(noticeEnvelope(id, recipient, { size, now: parts.now() }), { depth });
  statistics.messageFrom('local', size);
}

/** `size` as sendmail counts it: what is given back, not what it says itself; pri= shows it. */
function noticeEnvelope(
  id: string,
  recipient: AcceptedRecipient,
  { size, now }: { readonly size: number; readonly now: number },
): Envelope {
  return {
    id,
    arrivedAt: now,
    senderShown: '<>',
    sender: '',
    senderUser: null,
    size,
    storedSize: size,
    class: 0,
    messageId: '',
    bodyType: null,
    isUtf8: false,
    envid: null,
    ret: null,
    protocol: null,
    client: null,
    recipients: [recipient],
    quarantine: null,
    isBounce: true,
  };
}
