/** Parameters of messages: looked at before they are believed, and values that JSON does not have. */
import type { Bindings, Checkpoint, LineCounts, Progress, SourceIdentity } from '../store.ts';
import { WireError } from './wire.ts';

export type Fields = Readonly<Record<string, unknown>>;

export function objectOf(value: unknown, name = 'params'): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new WireError(`${name} is no object`);
}

export function arrayOf(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new WireError(`${name} is no list`);
}

export function textOf(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  throw new WireError(`${name} is no text`);
}

/** A whole number in [least, most]. */
export function wholeOf(
  value: unknown,
  name: string,
  most = Number.MAX_SAFE_INTEGER,
  least = 0,
): number {
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) {
    return value as number;
  }
  throw new WireError(`${name} is no whole number that may be`);
}

export function identityOf(value: unknown): SourceIdentity {
  const { name, headLength, headDigest } = objectOf(value, 'source');
  return {
    name: textOf(name, 'name'),
    headLength: wholeOf(headLength, 'headLength'),
    headDigest: textOf(headDigest, 'headDigest'),
  };
}

/** Of a checkpoint given back, what says which it was. */
export function checkpointOf(value: unknown): Checkpoint | undefined {
  if (value === undefined || value === null) return undefined;
  const fields = objectOf(value, 'known');
  return {
    sourceId: wholeOf(fields.sourceId, 'sourceId'),
    ...identityOf({ ...fields, name: '' }),
    ...placeOf(fields),
  };
}

/** Hours since 1970 that a commit may name: its list becomes part of a statement. */
const LAST_HOUR = 10_000_000;
const MOST_HOURS = 1_000_000;

export function progressOf(value: unknown): Progress {
  const fields = objectOf(value, 'progress');
  const hours = arrayOf(fields.hours, 'hours');
  if (hours.length > MOST_HOURS) throw new WireError('hours has too many');
  return {
    hours: hours.map((hour) => wholeOf(hour, 'hour', LAST_HOUR, -LAST_HOUR)),
    firstLine: wholeOf(fields.firstLine, 'firstLine'),
    ...placeOf(fields),
  };
}

function placeOf(fields: Fields): Omit<Progress, 'hours' | 'firstLine'> {
  const { cursor } = fields;
  return {
    offset: wholeOf(fields.offset, 'offset'),
    lines: wholeOf(fields.lines, 'lines'),
    tailLength: wholeOf(fields.tailLength, 'tailLength'),
    tailDigest: textOf(fields.tailDigest, 'tailDigest'),
    cursor: cursor === null ? null : textOf(cursor, 'cursor'),
    counts: countsOf(fields.counts),
  };
}

const COUNTS = [
  'read',
  'parsed',
  'foreign',
  'unsupported',
  'malformed',
  'duplicate',
  'bytes',
] as const satisfies readonly (keyof LineCounts)[];

function countsOf(value: unknown): LineCounts {
  const fields = objectOf(value, 'counts');
  const count = (name: keyof LineCounts) => wholeOf(fields[name], name);
  return Object.fromEntries(COUNTS.map((name) => [name, count(name)])) as LineCounts;
}

/** Values that JSON has no form for are told apart by a word before them. */
type EncodedValue = readonly [name: string, kind: string, value: unknown];

export function encodeBindings(bindings: Bindings): readonly EncodedValue[] {
  return Object.entries(bindings).map(([name, value]) => {
    if (value instanceof Date) return [name, 'time', value.getTime()];
    if (typeof value === 'bigint') return [name, 'bigint', String(value)];
    if (typeof value === 'number' && !Number.isFinite(value)) return [name, 'float', String(value)];
    return [name, 'json', value];
  });
}

export function decodeBindings(value: unknown): Bindings {
  const entries = arrayOf(value ?? [], 'bindings').map((entry) => {
    const [name, kind, bound] = arrayOf(entry, 'binding');
    return [textOf(name, 'name'), decodeValue(kind, bound)] as const;
  });
  return Object.fromEntries(entries);
}

function decodeValue(kind: unknown, value: unknown): Bindings[string] {
  switch (kind) {
    case 'time':
      return timeOf(value);
    case 'bigint':
      return bigintOf(value);
    case 'float':
      return Number(value);
    case 'json':
      if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) {
        return value as Bindings[string];
      }
      break;
    default:
  }
  throw new WireError('a binding is of no kind that may be');
}

function timeOf(value: unknown): Date {
  const time = new Date(typeof value === 'number' ? value : Number.NaN);
  if (Number.isNaN(time.getTime())) throw new WireError('a binding is no time');
  return time;
}

function bigintOf(value: unknown): bigint {
  if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) return BigInt(value);
  throw new WireError('a binding is no whole number');
}
