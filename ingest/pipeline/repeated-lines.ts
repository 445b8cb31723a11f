/**
 * Lines that say that another line came N times more: rsyslog's `message repeated N times: [ TEXT]` under
 * the same tag, and the older `last message repeated N times`, which means the line before it in the file.
 */
import { Buffer } from 'node:buffer';
import { ascii, NumberReader, standsAt } from '../bytes.ts';
import type { Refusal } from '../dialect.ts';
import { foreign, malformed } from '../dialect.ts';
import type { LogBlock } from './log-block.ts';

const REPEATED = ascii('message repeated ');
const TIMES_TEXT = ascii(' times: [');
const TIMES = ascii(' time');
const LAST = ascii('last ');
/** More repetitions than any syslog collects; beyond it the number is not believed. */
const MOST = 10_000;
const MESSAGE_INITIAL = 0x6d;
const LAST_INITIAL = 0x6c;
const SPACE = 0x20;
const CLOSE = 0x5d;

export interface Repetition {
  readonly count: number;
  readonly start: number;
  readonly end: number;
}

const UNKNOWN_LINE = foreign('repeats a line that was not read');
const ABSURD = malformed('absurd repeat count');

export class RepeatedLines {
  readonly #block: LogBlock;
  readonly #number = new NumberReader();
  /** The line before the one being read, in the arena; -1 when there is none. */
  #previousStart = -1;
  #previousEnd = -1;
  /** The last line of the block before. */
  #kept = Buffer.alloc(0);

  constructor(block: LogBlock) {
    this.#block = block;
  }

  reset(): void {
    this.#kept = Buffer.alloc(0);
    this.#previousStart = -1;
  }

  /** A block was loaded: the last line of the one before it goes into its arena. */
  load(): void {
    this.#previousStart = -1;
    if (this.#kept.length === 0) return;
    this.#previousStart = this.#block.addBytes(this.#kept);
    this.#previousEnd = this.#block.textEnd;
  }

  keepLast(): void {
    if (this.#previousStart < 0) return;
    this.#kept = Buffer.from(this.#block.bytes.subarray(this.#previousStart, this.#previousEnd));
  }

  /**
   * What the current line repeats, if that is what it says; else it is remembered as the line before.
   * For the old form the header is read anew, so that tag and process are the repeated line's.
   */
  recognise(line: number, end: number): Repetition | Refusal | undefined {
    const { bytes, header } = this.#block;
    const first = bytes[header.textStart];
    if (first === MESSAGE_INITIAL && standsAt(bytes, header.textStart, end, REPEATED)) {
      const withText = this.#withText(bytes, header.textStart + REPEATED.length, end);
      if (withText !== undefined) return withText;
    }
    const old = this.#oldForm(bytes, line, end);
    if (old !== undefined) return old;
    this.#previousStart = this.#block.lines.start[line] ?? 0;
    this.#previousEnd = end;
    return undefined;
  }

  #withText(bytes: Uint8Array, start: number, end: number): Repetition | Refusal | undefined {
    const count = this.#number.read(bytes, start, end);
    const behind = this.#number.end;
    if (Number.isNaN(count) || !standsAt(bytes, behind, end, TIMES_TEXT)) return undefined;
    let text = behind + TIMES_TEXT.length;
    while (text < end && bytes[text] === SPACE) text += 1;
    if (count > MOST) return ABSURD;
    return { count, start: text, end: bytes[end - 1] === CLOSE ? end - 1 : end };
  }

  /** `[HOST] last message repeated N times`: host, tag and text fall differently without a host. */
  #oldForm(bytes: Uint8Array, line: number, end: number): Repetition | Refusal | undefined {
    const { header } = this.#block;
    const start = bytes[header.tagStart] === LAST_INITIAL ? header.tagStart : header.hostStart;
    if (bytes[start] !== LAST_INITIAL || !standsAt(bytes, start, end, LAST)) return undefined;
    const words = start + LAST.length;
    if (!standsAt(bytes, words, end, REPEATED)) return undefined;
    const count = this.#number.read(bytes, words + REPEATED.length, end);
    if (Number.isNaN(count) || !standsAt(bytes, this.#number.end, end, TIMES)) return undefined;
    if (count > MOST) return ABSURD;
    return this.#previous(line, count);
  }

  #previous(line: number, count: number): Repetition | Refusal {
    const { bytes, header, lines } = this.#block;
    if (this.#previousStart < 0) return UNKNOWN_LINE;
    if (!header.read(bytes, this.#previousStart, this.#previousEnd)) return UNKNOWN_LINE;
    lines.hostStart[line] = header.hostStart;
    lines.hostEnd[line] = header.hostEnd;
    lines.tagStart[line] = header.tagStart;
    lines.tagEnd[line] = header.tagEnd;
    return { count, start: header.textStart, end: this.#previousEnd };
  }
}
