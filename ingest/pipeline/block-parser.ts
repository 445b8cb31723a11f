/**
 * Bytes in, columns out: reads a block of whole lines into rows. Every line ends in exactly one outcome of
 * the ledger; nothing here knows of files, stores or progress.
 *
 * This is the seam where a parser in WebAssembly can take over: it needs `parse` and the block it fills.
 */
import { type Buffer, isAscii, isUtf8 } from 'node:buffer';
import { QueueIdClock } from '../../src/format/queue-id.ts';
import type { Mta } from '../../src/model/vocabulary.ts';
import { EVENT_TABLES } from '../../src/store/schema.ts';
import type { Dialect, DialectFactory, Refusal, Verdict } from '../dialect.ts';
import { foreign, malformed, unsupported } from '../dialect.ts';
import type { ClockOptions } from './clock.ts';
import { SourceClock } from './clock.ts';
import { hashLine } from './line-hash.ts';
import { LogBlock, OUTCOME } from './log-block.ts';
import { isMailProgram } from './mail-programs.ts';
import { RepeatedLines } from './repeated-lines.ts';
import { columnsOf } from './table-builder.ts';
import { TimeEvidence } from './time-evidence.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const UNDECODABLE = 0x3f;

const EMPTY = malformed('empty line');
const NO_STAMP = malformed('no time stamp that can be read');
const NO_TEXT = malformed('no text behind the header');
const OTHER_PROGRAM = unsupported('mail program without a dialect');
const UNREADABLE = malformed('fields that cannot be read');
const NOT_MAIL = foreign('not a mail line');

/** The queue id stands at the same place in every event table. */
const ENVELOPE_ID = columnsOf('envelopes').queue_id ?? 0;
const DELIVERY_ID = columnsOf('deliveries').queue_id ?? 0;
const DELIVERY_DELAY = columnsOf('deliveries').delay ?? 0;

/** Lines from one piece of time evidence to the next; in a small block every line counts. */
const EVIDENCE_STEP = 16;
const FEW_LINES = 4096;

export interface ParserOptions {
  readonly dialects: readonly DialectFactory[];
  /** Reads every line as this MTA's, whatever it looks like. */
  readonly forced?: Mta | undefined;
  /** Hosts that log under more than one name, and the name to keep. */
  readonly hostAliases?: ReadonlyMap<string, string> | undefined;
}

export class BlockParser {
  readonly block = new LogBlock();
  readonly #dialects: readonly Dialect[];
  readonly #repeated: RepeatedLines;
  /** By number of the tag: 1 a mail program without dialect, 2 not. */
  readonly #mailTags: number[] = [];
  readonly #found = new TimeEvidence();
  #clock: SourceClock;
  #ids: QueueIdClock;

  constructor(options: ParserOptions, clock: ClockOptions) {
    const dialects = options.dialects.map((make) => make(this.block));
    this.#dialects =
      options.forced === undefined
        ? dialects
        : dialects.filter(({ mta }) => mta === options.forced);
    this.#repeated = new RepeatedLines(this.block);
    this.block.hostAliases = options.hostAliases ?? this.block.hostAliases;
    this.#clock = new SourceClock(clock);
    this.#ids = idClock(clock);
  }

  get clock(): SourceClock {
    return this.#clock;
  }

  /** Another source begins: nothing learnt from the last one holds. */
  startSource(clock: ClockOptions): void {
    this.#clock = new SourceClock(clock);
    this.#ids = idClock(clock);
    this.#repeated.reset();
    this.#mailTags.length = 0;
    this.block.forgetNames();
    for (const dialect of this.#dialects) dialect.reset();
  }

  /** Reads whole lines that begin at `offset` of the source. Afterwards `block` holds their rows. */
  parse(log: Uint8Array, offset: number): void {
    const { block } = this;
    block.load(log, offset);
    makeDecodable(block);
    this.#repeated.load();
    this.#readLines();
    this.#repeated.keepLast();
    this.#clock.resolve(block, this.#evidence());
  }

  /** Alone in its method: what V8 optimises in mid-loop is then good for the next block as well. */
  #readLines(): void {
    const { block } = this;
    let start = 0;
    while (start < block.logEnd) {
      const found = block.bytes.indexOf(NEWLINE, start);
      const next = found < 0 || found >= block.logEnd ? block.logEnd : found;
      this.#readLine(start, next);
      start = next + 1;
    }
  }

  /** A line too long to hold, or cut off on its way: its first bytes stand for it. */
  parseOverlong(head: Uint8Array, offset: number, why: string): void {
    const { block } = this;
    block.load(head, offset);
    makeDecodable(block);
    this.#repeated.reset();
    const line = block.lines.addBare(0, block.logEnd);
    block.lines.hash[line] = hashLine(block.view, 0, block.logEnd);
    this.#refuse(line, malformed(why));
  }

  #readLine(start: number, newline: number): void {
    const { block } = this;
    const end = newline > start && block.bytes[newline - 1] === RETURN ? newline - 1 : newline;
    const line = block.lines.add(start, end);
    block.current = line;
    block.lines.hash[line] = hashLine(block.view, start, end);
    const verdict = this.#readHeaderAndText(line, start, end);
    if (verdict !== undefined) this.#refuse(line, verdict);
  }

  #readHeaderAndText(line: number, start: number, end: number): Verdict {
    const { header, lines, bytes } = this.block;
    if (end === start || !header.read(bytes, start, end)) {
      lines.setEmptyHeader(line);
      return end === start ? EMPTY : NO_STAMP;
    }
    lines.kind[line] = header.kind;
    lines.stamp[line] = header.stamp;
    lines.hostStart[line] = header.hostStart;
    lines.hostEnd[line] = header.hostEnd;
    lines.tagStart[line] = header.tagStart;
    lines.tagEnd[line] = header.tagEnd;
    this.#nameHostAndTag(line);
    const repeat = this.#repeated.recognise(line, end);
    if (repeat === undefined) return this.#readText(header.textStart, end);
    if ('outcome' in repeat) return repeat;
    this.#nameHostAndTag(line);
    return this.#readRepeated(line, repeat.count, repeat.start, repeat.end);
  }

  #nameHostAndTag(line: number): void {
    const { block } = this;
    const { header, bytes } = block;
    if (header.sameSource) {
      block.lines.hostId[line] = block.hostId;
      return;
    }
    block.hostId = block.hosts.idOf(bytes, header.hostStart, header.hostEnd);
    block.tagId = block.tags.idOf(bytes, header.tagStart, header.tagEnd);
    block.lines.hostId[line] = block.hostId;
  }

  /** Reads the text once, then repeats the rows it made. */
  #readRepeated(line: number, count: number, start: number, end: number): Verdict {
    const { tables } = this.block;
    const before = EVENT_TABLES.map((name) => tables[name].rows);
    const verdict = this.#readText(start, end);
    EVENT_TABLES.forEach((name, index) => {
      const table = tables[name];
      const from = before[index] ?? 0;
      if (count === 0) table.truncate(from);
      const made = table.rows - from;
      for (let copy = 1; copy < count; copy += 1) {
        for (let row = from; row < from + made; row += 1) table.repeat(row, line);
      }
    });
    return verdict;
  }

  /** The first dialect that knows the line reads it; a mail program's line is never foreign. */
  #readText(start: number, end: number): Verdict {
    if (start >= end) return this.#isMailTag() ? NO_TEXT : NOT_MAIL;
    if (this.#isMailTag()) return OTHER_PROGRAM;
    let verdict: Verdict = NOT_MAIL;
    for (const dialect of this.#dialects) {
      verdict = this.#readBy(dialect, start, end);
      if (verdict?.outcome !== 'foreign') return verdict;
    }
    return verdict;
  }

  /** A malformed line may have left rows behind before it broke: they are taken back. */
  #readBy(dialect: Dialect, start: number, end: number): Verdict {
    try {
      return dialect.read(start, end);
    } catch {
      const { tables, current } = this.block;
      for (const name of EVENT_TABLES) {
        let { rows } = tables[name];
        while (rows > 0 && tables[name].lines[rows - 1] === current) rows -= 1;
        tables[name].truncate(rows);
      }
      return UNREADABLE;
    }
  }

  #isMailTag(): boolean {
    const { tagId, tags } = this.block;
    let known = this.#mailTags[tagId];
    if (known === undefined) {
      known = isMailProgram(tags.textOf(tagId)) ? 1 : 2;
      this.#mailTags[tagId] = known;
    }
    return known === 1;
  }

  #refuse(line: number, refusal: Refusal): void {
    const outcome = OUTCOME[refusal.outcome];
    this.block.lines.outcome[line] = outcome;
    this.block.unparsed.push({ line, outcome, why: refusal.why });
  }

  /**
   * Lines whose true time their queue id tells, in line order; every few lines one, which is plenty.
   */
  #evidence(): TimeEvidence {
    const { envelopes } = this.block.tables;
    const evidence = this.#found;
    evidence.clear(this.block.lines.count > FEW_LINES ? EVIDENCE_STEP : 1);
    let next = 0;
    for (let row = 0; row < envelopes.rows; row += 1) {
      next = this.#addDeliveries(evidence, next, envelopes.lines[row] ?? 0);
      this.#addEnvelope(evidence, row);
    }
    this.#addDeliveries(evidence, next, Number.MAX_SAFE_INTEGER);
    if (evidence.count === 0) this.#addAnyIds(evidence);
    return evidence;
  }

  /** Deliveries from row `from` on whose line is before `line`; the first row that is not. */
  #addDeliveries(evidence: TimeEvidence, from: number, line: number): number {
    const { deliveries } = this.block.tables;
    let row = from;
    for (; row < deliveries.rows && (deliveries.lines[row] ?? 0) < line; row += 1) {
      this.#addDelivery(evidence, row);
    }
    return row;
  }

  /** Without any arrival or delivery the ids of sessions must do: they are at most a session old. */
  #addAnyIds(evidence: TimeEvidence): void {
    const table = ['rejections', 'connections', 'auth_events', 'queue_events'] as const;
    const found = table.flatMap((name) => {
      const { rows, lines } = this.block.tables[name];
      return Array.from({ length: rows }, (_, row) => ({ line: lines[row] ?? 0, row, name }));
    });
    found.sort((a, b) => a.line - b.line);
    for (const { line, row, name } of found) {
      if (line === evidence.lastLine) continue;
      const rows = this.block.tables[name];
      const start = rows.textStart(row, ENVELOPE_ID);
      evidence.add(line, this.#idSeconds(start, rows.textLength(row, ENVELOPE_ID)));
    }
  }

  #addEnvelope(evidence: TimeEvidence, row: number): void {
    const { envelopes } = this.block.tables;
    const line = envelopes.lines[row] ?? 0;
    if (line < evidence.lastLine + evidence.step) return;
    const start = envelopes.textStart(row, ENVELOPE_ID);
    evidence.add(line, this.#idSeconds(start, envelopes.textLength(row, ENVELOPE_ID)));
  }

  #addDelivery(evidence: TimeEvidence, row: number): void {
    const { deliveries } = this.block.tables;
    const line = deliveries.lines[row] ?? 0;
    if (line < evidence.lastLine + evidence.step) return;
    const start = deliveries.textStart(row, DELIVERY_ID);
    const seconds = this.#idSeconds(start, deliveries.textLength(row, DELIVERY_ID));
    evidence.add(line, seconds + deliveries.numberAt(row, DELIVERY_DELAY));
  }

  /** NaN when the id tells no time. */
  #idSeconds(start: number, length: number): number {
    const seconds = this.#ids.secondsOf(this.block.bytes, start, length);
    return seconds < 0 ? Number.NaN : seconds;
  }
}

function idClock(clock: ClockOptions): QueueIdClock {
  return new QueueIdClock(new Date((clock.latest + 86400 * 366) * 1000).getUTCFullYear());
}

/** Text columns must be UTF-8: in lines that are not, the offending bytes become `?`. */
function makeDecodable(block: LogBlock): void {
  const log = block.bytes.subarray(0, block.logEnd);
  if (isAscii(log) || isUtf8(log)) return;
  let start = 0;
  while (start < log.length) {
    const found = log.indexOf(NEWLINE, start);
    const end = found < 0 ? log.length : found;
    const line = log.subarray(start, end);
    if (!isUtf8(line)) maskHighBytes(line);
    start = end + 1;
  }
}

function maskHighBytes(line: Buffer): void {
  for (let at = 0; at < line.length; at += 1) {
    if ((line[at] ?? 0) >= 0x80) line[at] = UNDECODABLE;
  }
}
