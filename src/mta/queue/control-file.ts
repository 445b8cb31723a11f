/**
 * `qfID`, the control file of a message: lines of JSON. The first has a version and the envelope; each
 * further line is a record of something that happened. A record is one write that begins with a line end,
 * so that one which was cut off (power, a full disk) spoils itself alone: it is passed over on reading.
 *
 * Passing over a record can at worst repeat something; only a first line that cannot be read makes the
 * file a damaged one.
 */
import type {
  AcceptedRecipient,
  Envelope,
  Expansion,
  FinalRecipient,
  Outcome,
  Reply,
} from '../model.ts';

export const CONTROL_VERSION = 1;

export interface Problem {
  readonly origin: string;
  readonly reply: Reply;
}

/** A copy for a list's owner, named before it is made, so that a crash in between does not forget it. */
export interface PlannedClone {
  readonly id: string;
  readonly owner: string;
  readonly members: readonly Expansion[];
}

export interface RefusedRecipient {
  readonly recipient: FinalRecipient;
  readonly outcome: Outcome;
}

/** What aliases came to. Recipients get numbers in this order: `recipients`, then `refused`. */
export interface ExpandedRecord {
  readonly t: 'expanded';
  readonly at: number;
  /** What pri= is on the first try; each further one adds to it. */
  readonly priority: number;
  readonly recipients: readonly FinalRecipient[];
  readonly refused: readonly RefusedRecipient[];
  readonly problems: readonly Problem[];
  /** Those for whom it must be asked again: a list that could not be read just now. */
  readonly left: readonly AcceptedRecipient[];
  readonly clones: readonly PlannedClone[];
}

export type QueueRecord =
  | ExpandedRecord
  | { readonly t: 'cloned'; readonly id: string }
  | {
      readonly t: 'results';
      readonly at: number;
      /** By number of the recipient. */
      readonly results: readonly (readonly [number, Outcome])[];
    }
  | { readonly t: 'tried'; readonly at: number; readonly next: number }
  | { readonly t: 'warned'; readonly at: number }
  /** The sender was told of these recipients and problems. */
  | {
      readonly t: 'notified';
      readonly recipients: readonly number[];
      readonly problems: readonly number[];
    }
  | { readonly t: 'held'; readonly reason: string }
  | { readonly t: 'released' }
  /** Somebody asked for a try at once. */
  | { readonly t: 'due' };

export interface ControlHeader {
  readonly envelope: Envelope;
  /** 0: a message; 1: a bounce; 2: a bounce of one, or what nobody but the postmaster could be told. */
  readonly depth: number;
}

export type ControlFile =
  | {
      readonly kind: 'message';
      readonly header: ControlHeader;
      readonly records: readonly KeyedRecord[];
      /** Lines that could not be read. */
      readonly skipped: number;
    }
  | { readonly kind: 'damaged'; readonly why: string };

/** With a key of its own: where nobody knows whether it was written, it is written again under the same. */
export type KeyedRecord = QueueRecord & { readonly key?: string };

/** In their order, each once. */
export function withoutRepeats(records: readonly KeyedRecord[]): readonly KeyedRecord[] {
  const seen = new Set<string>();
  return records.filter(({ key }) => {
    if (key === undefined) return true;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

export function formatControlFile(header: ControlHeader, records: readonly QueueRecord[]): string {
  const first = JSON.stringify({ version: CONTROL_VERSION, ...header });
  return `${first}\n${formatRecords(records)}`;
}

export function formatRecords(records: readonly KeyedRecord[]): string {
  return records.map((record) => `\n${JSON.stringify(record)}\n`).join('');
}

/** `id` is what the file's name says: another inside is another's file. */
export function parseControlFile(text: string, id: string): ControlFile {
  const end = text.indexOf('\n');
  if (end < 0) return { kind: 'damaged', why: 'no whole first line' };
  const header = headerOf(parseJson(text.slice(0, end)));
  if (typeof header === 'string') return { kind: 'damaged', why: header };
  if (header.envelope.id !== id) return { kind: 'damaged', why: 'the envelope of another message' };
  const lines = text
    .slice(end + 1)
    .split('\n')
    .filter((line) => line !== '');
  const records = lines.map(parseJson).filter(isQueueRecord);
  return { kind: 'message', header, records, skipped: lines.length - records.length };
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value);
const isCount = (value: unknown): value is number => isNumber(value) && Number.isInteger(value);
const isTextOrNull = (value: unknown): boolean => value === null || isText(value);
const isListOf = (value: unknown, isOne: (one: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(isOne);

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function headerOf(value: unknown): ControlHeader | string {
  if (!isObject(value)) return 'a first line that is no JSON object';
  if (value.version !== CONTROL_VERSION) return `version ${String(value.version)}`;
  if (!isEnvelope(value.envelope)) return 'an envelope that is not whole';
  const depth = isCount(value.depth) ? value.depth : 0;
  return { envelope: value.envelope, depth };
}

const ENVELOPE_TEXTS = ['id', 'senderShown', 'sender', 'messageId'] as const;
const ENVELOPE_NUMBERS = ['arrivedAt', 'size', 'storedSize', 'class'] as const;
const ENVELOPE_TEXTS_OR_NULL = ['bodyType', 'envid', 'ret', 'protocol', 'quarantine'] as const;

function isEnvelope(value: unknown): value is Envelope {
  return (
    isObject(value) &&
    ENVELOPE_TEXTS.every((name) => isText(value[name])) &&
    ENVELOPE_NUMBERS.every((name) => isNumber(value[name])) &&
    ENVELOPE_TEXTS_OR_NULL.every((name) => isTextOrNull(value[name])) &&
    (value.senderUser === null || isControllingUser(value.senderUser)) &&
    (value.client === null || isObject(value.client)) &&
    typeof value.isUtf8 === 'boolean' &&
    typeof value.isBounce === 'boolean' &&
    (value.deliverBy === undefined || isDeliverBy(value.deliverBy)) &&
    isListOf(value.recipients, isAccepted)
  );
}

const isDeliverBy = (value: unknown): boolean =>
  isObject(value) && isNumber(value.at) && (value.mode === 'R' || value.mode === 'N');

const isControllingUser = (value: unknown): boolean =>
  isObject(value) && isText(value.shown) && isNumber(value.uid) && isNumber(value.gid);

const isDestination = (value: unknown): boolean =>
  isObject(value) && isText(value.mailer) && isText(value.host) && isText(value.user);

const hasWishes = (value: Json): boolean =>
  (value.notify === null || isListOf(value.notify, isText)) && isTextOrNull(value.orcpt);

const isAccepted = (value: unknown): boolean =>
  isObject(value) &&
  isText(value.shown) &&
  isText(value.address) &&
  isDestination(value.destination) &&
  hasWishes(value);

const isFinal = (value: unknown): boolean =>
  isObject(value) &&
  isText(value.shown) &&
  isText(value.origin) &&
  isDestination(value.destination) &&
  (value.controllingUser === null || isControllingUser(value.controllingUser)) &&
  hasWishes(value);

const isOutcome = (value: unknown): value is Outcome =>
  isObject(value) &&
  (value.kind === 'sent' || value.kind === 'deferred' || value.kind === 'failed') &&
  isText(value.dsn) &&
  isText(value.stat) &&
  isTextOrNull(value.reply) &&
  isTextOrNull(value.relay) &&
  typeof value.isDsnPassedOn === 'boolean';

const isReply = (value: unknown): boolean =>
  isObject(value) && isNumber(value.code) && isText(value.status) && isText(value.text);

const isProblem = (value: unknown): boolean =>
  isObject(value) && isText(value.origin) && isReply(value.reply);

const isRefused = (value: unknown): boolean =>
  isObject(value) && isFinal(value.recipient) && isOutcome(value.outcome);

function isExpansion(value: unknown): boolean {
  if (!isObject(value)) return false;
  if (value.kind === 'recipient') return isFinal(value.recipient);
  if (value.kind === 'failed') return isRefused(value);
  if (value.kind === 'problem') return isProblem(value) && typeof value.isTemporary === 'boolean';
  return value.kind === 'clone' && isText(value.owner) && isListOf(value.members, isExpansion);
}

const isClone = (value: unknown): boolean =>
  isObject(value) &&
  isQueueId(value.id) &&
  isText(value.owner) &&
  isListOf(value.members, isExpansion);

const isResult = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && isCount(value[0]) && isOutcome(value[1]);

const RECORDS: Readonly<Record<QueueRecord['t'], (value: Json) => boolean>> = {
  expanded: (value) =>
    isNumber(value.at) &&
    isNumber(value.priority) &&
    isListOf(value.recipients, isFinal) &&
    isListOf(value.refused, isRefused) &&
    isListOf(value.problems, isProblem) &&
    isListOf(value.left, isAccepted) &&
    isListOf(value.clones, isClone),
  cloned: (value) => isText(value.id),
  results: (value) => isNumber(value.at) && isListOf(value.results, isResult),
  tried: (value) => isNumber(value.at) && isNumber(value.next),
  warned: (value) => isNumber(value.at),
  notified: (value) => isListOf(value.recipients, isCount) && isListOf(value.problems, isCount),
  held: (value) => isText(value.reason),
  released: () => true,
  due: () => true,
};

function isQueueRecord(value: unknown): value is KeyedRecord {
  if (!isObject(value) || !isText(value.t) || !Object.hasOwn(RECORDS, value.t)) return false;
  if (value.key !== undefined && !isText(value.key)) return false;
  return RECORDS[value.t as QueueRecord['t']](value);
}

/** Ids name files, so nothing else may be in one. */
export function isQueueId(value: unknown): value is string {
  return isText(value) && /^[0-9A-Za-z]{1,64}$/.test(value);
}
