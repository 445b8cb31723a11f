/**
 * An entry of the systemd journal, as `journalctl -o json` prints it, becomes a line as a log file would
 * hold it: `2026-11-24T11:00:00.123456+00:00 HOST TAG[PID]: MESSAGE`. systemd.journal-fields(7) names the
 * fields; the form of their values is in https://systemd.io/JOURNAL_EXPORT_FORMATS/ ("Journal JSON Format").
 *
 * Promise: one entry is one line, whatever is in it: line ends and control characters are written `#ooo`
 * in octal, as syslog daemons do. Any bytes give an outcome, never an exception.
 */
import { HEAD_LENGTH, MAX_LINE } from '../source/line-blocks.ts';

export type JournalEntry = {
  /** Where the journal goes on after this entry, if it said so. */
  readonly cursor: string | undefined;
} & (
  | { readonly kind: 'line' /** With its LF. */; readonly bytes: Buffer }
  | {
      readonly kind: 'overlong';
      readonly head: Buffer;
      readonly length: number;
      readonly why: string;
    }
  /** Says nothing. */
  | { readonly kind: 'skipped' }
);

type Fields = Readonly<Record<string, unknown>>;

const LF = 0x0a;
const TAB = 0x09;
const DELETE = 0x7f;
const HASH = 0x23;
/** Much more than the longest line that is taken needs in JSON. */
const MOST_JSON = 1024 * 1024;
/** What would end a host or a tag where it stands, or be read as something else. */
const NOT_IN_NAME = /[^!-~]|[[\]:<>]/g;
const LONGEST_NAME = 255;
const PID = /^\d{1,10}$/;
/** From 1970 to 9999. */
const MICROSECONDS = /^\d{7,18}$/;
const LAST_SECOND = 253_402_300_799;
/** It becomes an argument of a command. */
const CURSOR = /^[!-~]{1,1024}$/;
/** Quotes within a text are escaped, so this stands only where the field does. */
const CURSOR_FIELD = /"__CURSOR"\s*:\s*"([!-~]{1,1024}?)"/;

/** Reads one line of `journalctl -o json`. */
export function readJournalEntry(json: Buffer): JournalEntry {
  const fields = parseFields(json);
  if (fields === undefined) {
    return refused(json, json.length, 'not an entry of the journal in JSON', cursorIn(json));
  }
  const text = textOf(fields.__CURSOR)?.toString();
  const cursor = text !== undefined && CURSOR.test(text) ? text : undefined;
  const { MESSAGE: value } = fields;
  if (value === undefined) return { kind: 'skipped', cursor };
  const message = textOf(value);
  const header = Buffer.from(`${headerOf(fields)} `);
  if (message === undefined) return refused(header, header.length, 'message left out', cursor);
  const stamp = stampOf(fields);
  if (stamp === undefined) return refused(message, message.length, 'entry without time', cursor);
  const line = Buffer.concat([Buffer.from(`${stamp} `), header, escaped(message), Buffer.of(LF)]);
  if (line.length - 1 <= MAX_LINE) return { kind: 'line', bytes: line, cursor };
  return refused(line, line.length, `entry of ${line.length} bytes`, cursor);
}

/** Entries out of journalctl's output, however that is cut into chunks. */
export class EntryReader {
  #parts: Buffer[] = [];
  #held = 0;
  #huge: HugeEntry | undefined;

  /** The entries that end in this chunk. */
  take(chunk: Buffer): JournalEntry[] {
    const entries: JournalEntry[] = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LF, start);
      if (end < 0) break;
      this.#add(chunk.subarray(start, end));
      entries.push(this.#finish());
      start = end + 1;
    }
    if (start < chunk.length) this.#add(chunk.subarray(start));
    return entries;
  }

  #add(bytes: Buffer): void {
    if (this.#huge !== undefined) {
      this.#huge.length += bytes.length;
      this.#huge.end = lastBytes([this.#huge.end, bytes]);
      return;
    }
    this.#parts.push(bytes);
    this.#held += bytes.length;
    if (this.#held <= MOST_JSON) return;
    const json = Buffer.concat(this.#parts);
    const head = Buffer.from(json.subarray(0, HEAD_LENGTH));
    this.#huge = { head, end: lastBytes([json]), length: this.#held };
    this.#clear();
  }

  #finish(): JournalEntry {
    const huge = this.#huge;
    this.#huge = undefined;
    if (huge !== undefined) {
      const { head, end, length } = huge;
      return refused(head, length, `entry of ${length} bytes`, cursorIn(head) ?? cursorIn(end));
    }
    const json = Buffer.concat(this.#parts);
    this.#clear();
    return readJournalEntry(json);
  }

  #clear(): void {
    this.#parts = [];
    this.#held = 0;
  }
}

/** An entry too large to be held: fields come in any order, so its cursor is near its begin or its end. */
interface HugeEntry {
  readonly head: Buffer;
  end: Buffer;
  length: number;
}

function lastBytes(parts: readonly Buffer[]): Buffer {
  return Buffer.from(
    Buffer.concat(parts.map((part) => part.subarray(-HEAD_LENGTH))).subarray(-HEAD_LENGTH),
  );
}

function refused(
  text: Buffer,
  length: number,
  why: string,
  cursor: string | undefined,
): JournalEntry {
  const head = escaped(text.subarray(0, HEAD_LENGTH)).subarray(0, HEAD_LENGTH);
  return { kind: 'overlong', head: Buffer.from(head), length: Math.max(1, length), why, cursor };
}

function cursorIn(json: Buffer): string | undefined {
  return CURSOR_FIELD.exec(json.toString('latin1'))?.[1];
}

function parseFields(json: Buffer): Fields | undefined {
  try {
    const value: unknown = JSON.parse(json.toString());
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A field's value: a text; bytes, where they are no text; several of them, where an entry has the field
 * more than once; null, where journalctl left it out.
 */
function textOf(value: unknown): Buffer | undefined {
  if (typeof value === 'string') return withoutLineEnd(Buffer.from(value));
  if (!Array.isArray(value)) return undefined;
  if (value.every((byte) => typeof byte === 'number')) return withoutLineEnd(Buffer.from(value));
  const texts = value.flatMap((one) => {
    const isNested = Array.isArray(one) && one.some((byte) => typeof byte !== 'number');
    const text = isNested ? undefined : textOf(one);
    return text === undefined ? [] : [text, Buffer.of(LF)];
  });
  return texts.length === 0 ? undefined : Buffer.concat(texts.slice(0, -1));
}

function withoutLineEnd(text: Buffer): Buffer {
  let end = text.length;
  while (end > 0 && text[end - 1] === LF) end -= 1;
  return text.subarray(0, end);
}

function headerOf(fields: Fields): string {
  const host = nameOf(fields._HOSTNAME);
  const tag = nameOf(fields.SYSLOG_IDENTIFIER) ?? nameOf(fields._COMM) ?? 'unknown';
  const pid = pidOf(fields.SYSLOG_PID) ?? pidOf(fields._PID);
  const program = pid === undefined ? `${tag}:` : `${tag}[${pid}]:`;
  return host === undefined ? program : `${host} ${program}`;
}

function nameOf(value: unknown): string | undefined {
  const text = textOf(value)?.toString().slice(0, LONGEST_NAME);
  return text === undefined || text === '' ? undefined : text.replace(NOT_IN_NAME, '_');
}

function pidOf(value: unknown): string | undefined {
  const text = textOf(value)?.toString();
  return text !== undefined && PID.test(text) ? text : undefined;
}

/** When the entry was sent, or else received, with microseconds. */
function stampOf(fields: Fields): string | undefined {
  return (
    readMicroseconds(fields._SOURCE_REALTIME_TIMESTAMP) ??
    readMicroseconds(fields.__REALTIME_TIMESTAMP)
  );
}

function readMicroseconds(value: unknown): string | undefined {
  const text = textOf(value)?.toString() ?? '';
  if (!MICROSECONDS.test(text)) return undefined;
  const seconds = Number(text.slice(0, -6));
  if (seconds > LAST_SECOND) return undefined;
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${text.slice(-6)}+00:00`;
}

/** Control characters but TAB as `#ooo`; all else as it is. */
function escaped(text: Buffer): Buffer {
  let count = 0;
  for (const byte of text) if (isControl(byte)) count += 1;
  if (count === 0) return text;
  const result = Buffer.allocUnsafe(text.length + 3 * count);
  let at = 0;
  for (const byte of text) {
    if (!isControl(byte)) {
      result[at] = byte;
      at += 1;
      continue;
    }
    result[at] = HASH;
    result[at + 1] = 0x30 + (byte >> 6);
    result[at + 2] = 0x30 + ((byte >> 3) & 7);
    result[at + 3] = 0x30 + (byte & 7);
    at += 4;
  }
  return result;
}

function isControl(byte: number): boolean {
  return (byte < 0x20 && byte !== TAB) || byte === DELETE;
}
