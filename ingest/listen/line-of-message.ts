/**
 * A syslog message as the line that a log file would hold, so that a line has the same bytes whether it came
 * over the network or was read from a file that rsyslog wrote: without `<PRI>`, with stamp and host, control
 * characters as `#ooo` (rsyslog's parser.escapeControlCharactersOnReceive, TAB among them, DEL not).
 *
 * RFC 3164 messages keep their stamp; where stamp or host is missing, those of the arrival stand in, as
 * RFC 3164 section 4.3 has relays do. RFC 5424 messages become `STAMP HOST APP[PROCID]: MSG`.
 * Promise: never an exception, never an LF in the line; what is no header stays as it came.
 */
import { StampKind, SyslogHeader } from '../../src/format/syslog-header.ts';
import { readStructured, type Span, type StructuredMessage } from './structured-message.ts';

const LESS = 0x3c;
const GREATER = 0x3e;
const SPACE = 0x20;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const COLON = 0x3a;
const HASH = 0x23;
const HIGHEST_PRIORITY = 191;

export class LineOfMessage {
  readonly #header = new SyslogHeader();
  readonly #now: () => Date;
  #joined: Buffer = Buffer.allocUnsafeSlow(2048);
  #length = 0;
  #escaped: Buffer = Buffer.alloc(0);

  constructor(now: () => Date = () => new Date()) {
    this.#now = now;
  }

  /**
   * The line, good until the next call; empty where the message is. `host` stands in where none is named.
   */
  read(message: Uint8Array, host: string): Uint8Array {
    const end = trimmedEnd(message);
    const start = afterPriority(message, end);
    return this.#escape(this.#line(message, { start, end }, host));
  }

  #line(message: Uint8Array, span: Span, host: string): Uint8Array {
    const { start, end } = span;
    if (start === end) return message.subarray(start, end);
    if (start > 0) {
      const structured = readStructured(message, start, end);
      if (structured !== undefined && this.#isStamp(message, structured.stamp)) {
        return this.#joinStructured(message, structured, host);
      }
    }
    if (!this.#header.read(message, start, end)) {
      return this.#begin().#addText(`${this.#arrival()} ${host} `).#add(message, span).#taken();
    }
    const { hostStart, hostEnd } = this.#header;
    const hasHost = hostEnd > hostStart && !isTag(message, hostStart, hostEnd);
    if (hasHost || hostStart >= end) return message.subarray(start, end);
    return this.#begin()
      .#add(message, { start, end: hostStart })
      .#addText(`${host} `)
      .#add(message, { start: hostStart, end })
      .#taken();
  }

  /** Nil, or a stamp that the reader of files knows too. */
  #isStamp(message: Uint8Array, stamp: Span): boolean {
    if (stamp.start === stamp.end) return true;
    return (
      this.#header.read(message, stamp.start, stamp.end) && this.#header.kind !== StampKind.yearless
    );
  }

  #joinStructured(message: Uint8Array, parts: StructuredMessage, host: string): Uint8Array {
    const { app, process, text } = parts;
    this.#begin().#addField(message, parts.stamp, () => this.#arrival());
    this.#addText(' ').#addField(message, parts.host, () => host);
    if (app.end > app.start) {
      this.#addText(' ').#add(message, app);
      if (process.end > process.start) this.#addText('[').#add(message, process).#addText(']');
      this.#addText(':');
    }
    if (text.end > text.start && message[text.start] !== SPACE) this.#addText(' ');
    return this.#add(message, text).#taken();
  }

  #arrival(): string {
    return this.#now().toISOString().replace('Z', '+00:00');
  }

  #begin(): this {
    this.#length = 0;
    return this;
  }

  #addField(message: Uint8Array, field: Span, standIn: () => string): this {
    return field.start === field.end ? this.#addText(standIn()) : this.#add(message, field);
  }

  #add(message: Uint8Array, { start, end }: Span): this {
    this.#joined = withRoom(this.#joined, this.#length, end - start);
    this.#joined.set(message.subarray(start, end), this.#length);
    this.#length += end - start;
    return this;
  }

  #addText(text: string): this {
    this.#joined = withRoom(this.#joined, this.#length, 3 * text.length);
    this.#length += this.#joined.write(text, this.#length, 'utf8');
    return this;
  }

  #taken(): Uint8Array {
    return this.#joined.subarray(0, this.#length);
  }

  #escape(line: Uint8Array): Uint8Array {
    let at = 0;
    while (at < line.length && (line[at] ?? 0) >= SPACE) at += 1;
    if (at === line.length) return line;
    this.#escaped = withRoom(this.#escaped, 0, 4 * line.length);
    return this.#escaped.subarray(0, escapeInto(this.#escaped, line));
  }
}

function escapeInto(target: Uint8Array, line: Uint8Array): number {
  let to = 0;
  for (const byte of line) {
    if (byte >= SPACE) {
      target[to] = byte;
      to += 1;
      continue;
    }
    target[to] = HASH;
    target[to + 1] = 0x30;
    target[to + 2] = 0x30 + (byte >> 3);
    target[to + 3] = 0x30 + (byte & 7);
    to += 4;
  }
  return to;
}

/** The same buffer, or a larger one with its first `length` bytes. */
function withRoom(buffer: Buffer, length: number, more: number): Buffer {
  if (length + more <= buffer.length) return buffer;
  const larger = Buffer.allocUnsafeSlow(Math.max(2 * buffer.length, length + more));
  buffer.copy(larger, 0, 0, length);
  return larger;
}

function trimmedEnd(message: Uint8Array): number {
  let end = message.length;
  while (end > 0) {
    const byte = message[end - 1];
    if (byte !== 0x0a && byte !== 0x0d && byte !== 0) break;
    end -= 1;
  }
  return end;
}

/** Behind `<0>` to `<191>`; 0 where no such priority stands. */
function afterPriority(message: Uint8Array, end: number): number {
  if (message[0] !== LESS) return 0;
  let priority = 0;
  let at = 1;
  for (; at < end && at < 4; at += 1) {
    const byte = message[at] ?? 0;
    if (byte < 0x30 || byte > 0x39) break;
    priority = priority * 10 + byte - 0x30;
  }
  if (at === 1 || at >= end || message[at] !== GREATER) return 0;
  return priority <= HIGHEST_PRIORITY ? at + 1 : 0;
}

/** `sm-mta[12]`, with `:` and text behind it or not; the file's reader knows those that end in a colon. */
function isTag(bytes: Uint8Array, start: number, end: number): boolean {
  let open = start + 1;
  while (open < end && bytes[open] !== OPEN) open += 1;
  for (let at = open + 1; at < end; at += 1) {
    if (bytes[at] === CLOSE) return at + 1 === end || bytes[at + 1] === COLON;
  }
  return false;
}
