/**
 * One block of log lines and what was read from it: the arena (the lines' own bytes, then texts that had
 * to be rewritten), the line table, and the rows under construction.
 *
 * Dialects see the current line through `header`, and add rows to `tables` and texts with `addText`.
 */
import { Buffer } from 'node:buffer';
import { SyslogHeader } from '../../src/format/syslog-header.ts';
import type { RowBatch } from '../../src/model/columns.ts';
import { LINE_OUTCOMES, SEVERITIES } from '../../src/model/vocabulary.ts';
import type { EventTable } from '../../src/store/schema.ts';
import { EVENT_TABLES, HASH_BYTES } from '../../src/store/schema.ts';
import { Names } from './names.ts';
import { columnsOf, grown, TableBuilder } from './table-builder.ts';

const SPARE_BYTES = 256 * 1024;
const INITIAL_LINES = 4096;
/** Bytes of an unparsed line that are kept for the reader. */
const KEPT_LINE_BYTES = 2048;

/** Positions of the columns every event begins with. */
const EVENT = columnsOf('daemon_events');
const COLUMN = {
  loggedAt: EVENT.logged_at ?? 0,
  host: EVENT.host ?? 0,
  instance: EVENT.instance ?? 0,
  mta: EVENT.mta ?? 0,
  sourceId: EVENT.source_id ?? 0,
  lineNumber: EVENT.line_number ?? 0,
  queueId: EVENT.queue_id ?? 0,
  what: EVENT.what ?? 0,
  severity: EVENT.severity ?? 0,
  detail: EVENT.detail ?? 0,
};
const UNPARSED = columnsOf('unparsed_lines');
const SEEN = columnsOf('lines_seen');

export type LineOutcomeCode = number;
export const OUTCOME = Object.fromEntries(
  LINE_OUTCOMES.map((word, code) => [word, code]),
) as Record<(typeof LINE_OUTCOMES)[number], LineOutcomeCode>;

/** Per line of the block; columns grow together. */
class LineTable {
  count = 0;
  start = new Int32Array(INITIAL_LINES);
  end = new Int32Array(INITIAL_LINES);
  hostStart = new Int32Array(INITIAL_LINES);
  hostEnd = new Int32Array(INITIAL_LINES);
  tagStart = new Int32Array(INITIAL_LINES);
  tagEnd = new Int32Array(INITIAL_LINES);
  /** Number of the host name, 0 for a line without header. */
  hostId = new Int32Array(INITIAL_LINES);
  kind = new Uint8Array(INITIAL_LINES);
  outcome = new Uint8Array(INITIAL_LINES);
  /** As read; see StampKind. */
  stamp = new Float64Array(INITIAL_LINES);
  /** Epoch seconds UTC once resolved; NaN for a line without a stamp. */
  time = new Float64Array(INITIAL_LINES);
  hash = new Uint32Array(INITIAL_LINES);
  /** 1 for a line from before what the store keeps: counted, but no row of it is stored. */
  past = new Uint8Array(INITIAL_LINES);

  add(start: number, end: number): number {
    const line = this.count;
    if (line === this.start.length) this.#grow();
    this.start[line] = start;
    this.end[line] = end;
    this.kind[line] = 0;
    this.outcome[line] = 0;
    this.time[line] = Number.NaN;
    this.past[line] = 0;
    this.count = line + 1;
    return line;
  }

  /** A line without a header has neither host nor tag. */
  addBare(start: number, end: number): number {
    const line = this.add(start, end);
    this.setEmptyHeader(line);
    return line;
  }

  setEmptyHeader(line: number): void {
    const start = this.start[line] ?? 0;
    this.hostId[line] = 0;
    this.hostStart[line] = start;
    this.hostEnd[line] = start;
    this.tagStart[line] = start;
    this.tagEnd[line] = start;
  }

  #grow(): void {
    const size = this.start.length * 2;
    this.start = grown(this.start, new Int32Array(size));
    this.end = grown(this.end, new Int32Array(size));
    this.hostStart = grown(this.hostStart, new Int32Array(size));
    this.hostEnd = grown(this.hostEnd, new Int32Array(size));
    this.tagStart = grown(this.tagStart, new Int32Array(size));
    this.tagEnd = grown(this.tagEnd, new Int32Array(size));
    this.hostId = grown(this.hostId, new Int32Array(size));
    this.kind = grown(this.kind, new Uint8Array(size));
    this.outcome = grown(this.outcome, new Uint8Array(size));
    this.stamp = grown(this.stamp, new Float64Array(size));
    this.time = grown(this.time, new Float64Array(size));
    this.hash = grown(this.hash, new Uint32Array(size));
    this.past = grown(this.past, new Uint8Array(size));
  }
}

export interface UnparsedLine {
  readonly line: number;
  readonly outcome: LineOutcomeCode;
  readonly why: string;
}

export class LogBlock {
  /** The arena. Replaced when it must grow: never keep a reference across `addText`. */
  bytes: Buffer = Buffer.allocUnsafe(SPARE_BYTES);
  /** The log's own bytes, for reading words of them. */
  view = new DataView(this.bytes.buffer);
  /** Position of the block's first byte in the decompressed source. */
  offset = 0;
  /** Number of the block's first line in the source, counted from 1. */
  firstLine = 1;
  readonly header = new SyslogHeader();
  readonly lines = new LineTable();
  /** The line being read, and its host and tag by number in `hosts` and `tags`. */
  current = 0;
  hostId = 0;
  tagId = 0;
  readonly hosts = new Names();
  readonly tags = new Names();
  /** Other words that keep coming back: TLS versions, mechanisms, users. */
  readonly words = new Names();
  readonly tables: Readonly<Record<EventTable, TableBuilder>>;
  readonly unparsed: UnparsedLine[] = [];
  /** Names of hosts as logged, and those to be kept instead. */
  hostAliases: ReadonlyMap<string, string> = new Map();

  #logEnd = 0;
  #arenaEnd = 0;
  readonly #wordPlaces = new Map<string, { readonly start: number; readonly end: number }>();
  readonly #unparsedRows = new TableBuilder('unparsed_lines');
  readonly #seenRows = new TableBuilder('lines_seen');

  constructor() {
    this.tables = Object.fromEntries(
      EVENT_TABLES.map((name) => [name, new TableBuilder(name)]),
    ) as unknown as Record<EventTable, TableBuilder>;
  }

  /** End of the log's own bytes in the arena. */
  get logEnd(): number {
    return this.#logEnd;
  }

  /** Another source begins: numbers given to names mean nothing any more. */
  forgetNames(): void {
    this.header.forget();
    this.hosts.clear();
    this.tags.clear();
    this.words.clear();
  }

  /** Starts over with a copy of `log`, which begins at `offset` of its source. */
  load(log: Uint8Array, offset: number): void {
    this.clearRows();
    this.#wordPlaces.clear();
    this.lines.count = 0;
    if (this.bytes.length < log.length + SPARE_BYTES) {
      this.bytes = Buffer.allocUnsafe(log.length + Math.max(SPARE_BYTES, log.length >> 2));
    }
    this.bytes.set(log, 0);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, log.length);
    this.#logEnd = log.length;
    this.#arenaEnd = log.length;
    this.offset = offset;
  }

  /** Forgets all rows and unparsed lines, keeping the lines themselves. */
  clearRows(): void {
    for (const name of EVENT_TABLES) this.tables[name].truncate(0);
    this.#unparsedRows.truncate(0);
    this.#seenRows.truncate(0);
    this.unparsed.length = 0;
  }

  /** Puts `text` into the arena as UTF-8 and returns where it starts; it ends at `textEnd`. */
  addText(text: string): number {
    const start = this.#arenaEnd;
    const room = text.length * 3;
    this.#reserve(room);
    this.#arenaEnd += this.bytes.write(text, start, 'utf8');
    return start;
  }

  /** Writes a word that keeps coming back; it goes into the arena once a block. */
  putWord(table: TableBuilder, column: number, word: string): void {
    let place = this.#wordPlaces.get(word);
    if (place === undefined) {
      const start = this.addText(word);
      place = { start, end: this.#arenaEnd };
      this.#wordPlaces.set(word, place);
    }
    table.text(column, place.start, place.end);
  }

  /** Puts raw bytes into the arena and returns where they start. */
  addBytes(source: Uint8Array): number {
    const start = this.#arenaEnd;
    this.#reserve(source.length);
    this.bytes.set(source, start);
    this.#arenaEnd += source.length;
    return start;
  }

  /** End of the text put in last. */
  get textEnd(): number {
    return this.#arenaEnd;
  }

  #reserve(room: number): void {
    if (this.#arenaEnd + room <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(this.bytes.length * 2 + room);
    larger.set(this.bytes.subarray(0, this.#arenaEnd));
    this.bytes = larger;
  }

  /** The batch for the store: event columns filled in, plus unparsed lines and line identities. */
  toBatch(sourceId: number, keepUnparsed: number): RowBatch {
    for (const name of EVENT_TABLES) this.#fillEventColumns(this.tables[name], sourceId);
    this.#fillUnparsed(sourceId, keepUnparsed);
    this.#fillSeen(sourceId);
    const tables = [
      ...EVENT_TABLES.map((name) => this.tables[name]),
      this.#unparsedRows,
      this.#seenRows,
    ]
      .filter((table) => table.rows > 0)
      .map((table) => table.toRows());
    return { arena: this.bytes, arenaLength: this.#arenaEnd, tables };
  }

  /** A batch of one daemon event: what maillog itself has to say of the source, at a time of its log. */
  noteBatch(sourceId: number, time: number, text: string): RowBatch {
    this.load(Buffer.alloc(0), this.offset);
    this.lines.time[this.lines.addBare(0, 0)] = time;
    const table = this.tables.daemon_events;
    table.add(0);
    table.label(COLUMN.mta, 0);
    table.text(COLUMN.queueId, 0, 0);
    this.putWord(table, COLUMN.what, 'clock mismatch');
    table.label(COLUMN.severity, SEVERITIES.indexOf('warning'));
    this.putWord(table, COLUMN.detail, text);
    this.#fillEventColumns(table, sourceId);
    return { arena: this.bytes, arenaLength: this.#arenaEnd, tables: [table.toRows()] };
  }

  #fillEventColumns(table: TableBuilder, sourceId: number): void {
    const { lines, firstLine } = this;
    for (let row = 0; row < table.rows; row += 1) {
      const line = table.lines[row] ?? 0;
      table.select(row);
      table.number(COLUMN.loggedAt, Math.round((lines.time[line] ?? 0) * 1e6));
      this.#putHost(table, line);
      table.text(COLUMN.instance, lines.tagStart[line] ?? 0, lines.tagEnd[line] ?? 0);
      table.number(COLUMN.sourceId, sourceId);
      table.number(COLUMN.lineNumber, firstLine + line);
    }
  }

  /** By the name the site means, where a host logs under another. */
  #putHost(table: TableBuilder, line: number): void {
    const { lines, hostAliases } = this;
    const alias =
      hostAliases.size === 0
        ? undefined
        : hostAliases.get(this.hosts.textOf(lines.hostId[line] ?? 0));
    if (alias !== undefined) this.putWord(table, COLUMN.host, alias);
    else table.text(COLUMN.host, lines.hostStart[line] ?? 0, lines.hostEnd[line] ?? 0);
  }

  #fillUnparsed(sourceId: number, keep: number): void {
    const table = this.#unparsedRows;
    for (const { line, outcome, why } of this.unparsed) {
      if (table.rows >= keep) break;
      if (this.lines.outcome[line] === OUTCOME.duplicate || this.lines.past[line] === 1) continue;
      const start = this.lines.start[line] ?? 0;
      const end = Math.min(this.lines.end[line] ?? 0, start + KEPT_LINE_BYTES);
      table.add(line);
      table.number(UNPARSED.source_id ?? 0, sourceId);
      table.number(UNPARSED.line_number ?? 0, this.firstLine + line);
      table.number(UNPARSED.byte_offset ?? 0, this.offset + start);
      table.label(UNPARSED.outcome ?? 0, outcome);
      table.text(UNPARSED.line ?? 0, start, wholeCharacters(this.bytes, start, end));
      const whyStart = this.addText(why);
      table.text(UNPARSED.why ?? 0, whyStart, this.textEnd);
    }
  }

  /** One row for each run of lines of one second; their hashes go into the arena. */
  #fillSeen(sourceId: number): void {
    const { lines } = this;
    this.#reserve(lines.count * HASH_BYTES);
    let line = 0;
    while (line < lines.count) {
      if (lines.past[line] === 1) {
        line += 1;
        continue;
      }
      const second = secondKey(lines.time[line] ?? 0);
      const start = this.#arenaEnd;
      this.#seenRows.add(line);
      while (line < lines.count && this.#isOf(line, second)) {
        this.bytes.writeUIntLE(lines.hash[line] ?? 0, this.#arenaEnd, HASH_BYTES);
        this.#arenaEnd += HASH_BYTES;
        line += 1;
      }
      this.#seenRows.number(SEEN.source_id ?? 0, sourceId);
      this.#seenRows.number(SEEN.second ?? 0, second);
      this.#seenRows.text(SEEN.hashes ?? 0, start, this.#arenaEnd);
    }
  }

  #isOf(line: number, second: number): boolean {
    const { time, past } = this.lines;
    return past[line] !== 1 && secondKey(time[line] ?? 0) === second;
  }
}

/** The second under which a line's identity is filed; 0 for a line without a stamp. */
export function secondKey(time: number): number {
  return time > 0 && time < 0xffffffff ? Math.floor(time) : 0;
}

/** Moves `end` back so that no UTF-8 character is cut. */
function wholeCharacters(bytes: Uint8Array, start: number, end: number): number {
  let cut = end;
  while (cut > start && ((bytes[cut] ?? 0) & 0xc0) === 0x80) cut -= 1;
  return cut;
}
